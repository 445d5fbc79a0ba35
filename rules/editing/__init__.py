"""Changing a rule file's text: one part at a time, and two people's changes put together."""
