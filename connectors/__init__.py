"""Channels: one module or folder each, all speaking the words of ``connectors.contract``."""
