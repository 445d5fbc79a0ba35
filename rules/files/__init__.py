"""Rule files: YAML text to a checked rule set and back, and the JSON Schema for editors."""
