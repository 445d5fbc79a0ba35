"""Cutting a text into parts that a channel takes: at the end of a paragraph, of a line, of a sentence, of a word.

Lengths are counted in UTF-16 units (as Telegram does), which for nearly every text is the number of characters, or in
bytes of UTF-8 (as Instagram does).
"""

from __future__ import annotations

import re
from typing import Literal

from connectors._weight import weight

Counts = Literal["utf16", "utf8"]

AnyCounts = Literal["utf16", "utf8", "weighted"]
"""Also as X counts public posts, which are never cut; see :mod:`connectors._weight`."""

_BREAKS = (re.compile(r"\n\s*\n"), re.compile(r"\n"), re.compile(r"(?<=[.!?…])\s+"), re.compile(r"\s+"))
_LEAST = 0.5
"""Share of a part that must be filled before a better place to cut is preferred to a fuller part."""


def units(text: str) -> int:
    """UTF-16 units of a text."""
    return len(text) if text.isascii() else len(text.encode("utf-16-le", "surrogatepass")) // 2


def length(text: str, counts: AnyCounts = "utf16") -> int:
    """The length of a text as a channel counts it."""
    if counts == "weighted":
        return weight(text)
    if counts == "utf16" or text.isascii():
        return units(text)
    return len(text.encode("utf-8", "surrogatepass"))


def split_text(text: str, longest: int, counts: Counts = "utf16") -> list[str]:
    """The parts of ``text`` in order, each of at most ``longest`` units and none empty; one part if it fits.

    Together they hold every character but the white space at which it was cut. Raises ValueError for ``longest``
    under 2, in bytes under 4.
    """
    if longest < (2 if counts == "utf16" else 4):
        raise ValueError("a part must have room for one character of any kind")
    parts, rest = [], text
    while length(rest, counts) > longest:
        room = _fitting(rest, longest, counts)
        end, start = _cut(rest, room)
        if rest[:end].strip():
            parts.append(rest[:end].rstrip())
        rest = rest[start:]
    if rest.strip() or not parts:
        parts.append(rest)
    return parts


def _fitting(text: str, longest: int, counts: Counts) -> int:
    """How many characters from the beginning fit."""
    head, most = text[:longest], 2 if counts == "utf16" else 4
    while (over := length(head, counts) - longest) > 0:
        head = head[: -max(1, over // most)]
    return len(head)


def _cut(text: str, room: int) -> tuple[int, int]:
    """Where the part ends and where the next one begins."""
    for pattern in _BREAKS:
        found = [match for match in pattern.finditer(text, 0, room + 1) if match.start() <= room]
        if found and found[-1].start() >= room * _LEAST:
            return found[-1].start(), found[-1].end()
    return room, room
