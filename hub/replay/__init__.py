"""Replay, shadow and preview: what a draft of the rules would do with messages that really came."""
