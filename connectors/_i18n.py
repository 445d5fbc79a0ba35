"""Marking texts that people see, in connectors: they are defined in English and translated where they are shown."""

from __future__ import annotations


def N_(msgid: str) -> str:
    """Marks a text for extraction into the catalogues."""
    return msgid
