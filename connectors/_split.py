"""Cutting a text into parts that a channel takes: at the end of a paragraph, of a line, of a sentence, of a word.

Lengths are counted in UTF-16 units, the strictest count that channels use (Telegram's), which for nearly every text is
that of characters.
"""

from __future__ import annotations

import re

_BREAKS = (re.compile(r"\n\s*\n"), re.compile(r"\n"), re.compile(r"(?<=[.!?…])\s+"), re.compile(r"\s+"))
_LEAST = 0.5
"""Share of a part that must be filled before a better place to cut is preferred to a fuller part."""


def units(text: str) -> int:
    """UTF-16 units of a text."""
    return len(text) if text.isascii() else len(text.encode("utf-16-le", "surrogatepass")) // 2


def split_text(text: str, longest: int) -> list[str]:
    """The parts of ``text`` in order, each of at most ``longest`` units and none empty; one part if it fits.

    Together they hold every character but the white space at which it was cut. Raises ValueError for ``longest``
    under 2.
    """
    if longest < 2:
        raise ValueError("a part must have room for one character of any kind")
    parts, rest = [], text
    while units(rest) > longest:
        room = _fitting(rest, longest)
        end, start = _cut(rest, room)
        if rest[:end].strip():
            parts.append(rest[:end].rstrip())
        rest = rest[start:]
    if rest.strip() or not parts:
        parts.append(rest)
    return parts


def _fitting(text: str, longest: int) -> int:
    """How many characters from the beginning fit."""
    head = text[:longest]
    while (over := units(head) - longest) > 0:
        head = head[: -max(1, over // 2)]
    return len(head)


def _cut(text: str, room: int) -> tuple[int, int]:
    """Where the part ends and where the next one begins."""
    for pattern in _BREAKS:
        found = [match for match in pattern.finditer(text, 0, room + 1) if match.start() <= room]
        if found and found[-1].start() >= room * _LEAST:
            return found[-1].start(), found[-1].end()
    return room, room
