"""The console's pages about rules: the list, the editor, lint and tests, replay, publication, trying out."""
