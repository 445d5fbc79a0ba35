"""The way in: accept, dedupe, thread, route and write, one transaction for many calls."""
