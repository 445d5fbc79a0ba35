"""Channels: one module or folder each, all speaking the words of ``connectors.contract``."""

from connectors import _cancelling

_cancelling.mend()
