"""Texts for people: an English message id with placeholders, so that whoever shows one can translate it.

The rules know no catalogue. ``{name}`` in a message id is replaced once, never evaluated.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import msgspec

_PLACEHOLDER = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*)\}")


def mark(msgid: str) -> str:
    """The text itself; the catalogues take up what stands in here."""
    return msgid


class Text(msgspec.Struct, frozen=True, array_like=True):
    """A sentence. ``str()`` of it is the English one; a translation of ``msgid`` is filled with the same ``values``."""

    msgid: str
    values: Mapping[str, str | int] = {}

    def __str__(self) -> str:
        values = self.values
        return _PLACEHOLDER.sub(lambda found: str(values.get(found[1], found[0])), self.msgid)
