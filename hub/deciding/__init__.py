"""What the rules do with conversations that are there already: edits, changed states, deadlines; and the actions."""
