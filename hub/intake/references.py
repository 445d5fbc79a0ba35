"""Reference numbers: what a citizen quotes on the telephone. Random, with a check character, easy to read out.

Nine characters of an alphabet without I, O, Z, 0 and 1, as ``ABC-DEF-GHJ``; the last one checks the others
(position-weighted sum), so a slip of one character or a swap of neighbours is noticed.
"""

from __future__ import annotations

import random
import re

ALPHABET = "23456789ABCDEFGHJKLMNPQRSTUVWXY"
_VALUE = {character: value for value, character in enumerate(ALPHABET)}
_BASE = len(ALPHABET)
"""31, a prime: modulo it every single slip and every swap changes the check."""

_PAIR, _ALL = _BASE**2, _BASE**8
"""How many there are of two characters, and of numbers."""

PATTERN = re.compile(
    r"\b([2-9A-HJ-NP-Y]{3})-?([2-9A-HJ-NP-Y]{3})-?([2-9A-HJ-NP-Y]{3})\b", re.IGNORECASE | re.ASCII
)


_WEIGHED = tuple({character: weight * value for character, value in _VALUE.items()} for weight in range(1, 9))


def _check(body: str) -> str:
    return ALPHABET[sum(map(dict.__getitem__, _WEIGHED, body)) % _BASE]


_PAIRS = tuple(first + second for second in ALPHABET for first in ALPHABET)
"""Two characters by their number: a message pays for four look-ups instead of eight divisions and a sum."""


def new_reference(draw: random.Random) -> str:
    """A fresh number; the unique index decides whether it is free (31^8 of them exist)."""
    value, a = divmod(draw.randrange(_ALL), _PAIR)
    value, b = divmod(value, _PAIR)
    d, c = divmod(value, _PAIR)
    body = _PAIRS[a] + _PAIRS[b] + _PAIRS[c] + _PAIRS[d]
    return f"{body[:3]}-{body[3:6]}-{body[6:]}{_check(body)}"


def read_reference(text: str) -> str | None:
    """The first valid number in a text, in its standard form."""
    for match in PATTERN.finditer(text):
        full = "".join(match.groups()).upper()
        if _check(full[:8]) == full[8]:
            return f"{full[:3]}-{full[3:6]}-{full[6:]}"
    return None
