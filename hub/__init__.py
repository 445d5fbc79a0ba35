"""Centrala, the message hub of a public contact centre: the daemon and its command line."""

__version__ = "0.1.0"
