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

PATTERN = re.compile(
    r"\b([2-9A-HJ-NP-Y]{3})-?([2-9A-HJ-NP-Y]{3})-?([2-9A-HJ-NP-Y]{3})\b", re.IGNORECASE | re.ASCII
)


def _check(body: str) -> str:
    return ALPHABET[sum(weight * _VALUE[character] for weight, character in enumerate(body, 1)) % _BASE]


def new_reference(draw: random.Random) -> str:
    """A fresh number; the unique index decides whether it is free (31^8 of them exist)."""
    value, body = draw.randrange(_BASE**8), ""
    for _ in range(8):
        value, digit = divmod(value, _BASE)
        body += ALPHABET[digit]
    full = body + _check(body)
    return f"{full[:3]}-{full[3:6]}-{full[6:]}"


def read_reference(text: str) -> str | None:
    """The first valid number in a text, in its standard form."""
    for match in PATTERN.finditer(text):
        full = "".join(match.groups()).upper()
        if _check(full[:8]) == full[8]:
            return f"{full[:3]}-{full[3:6]}-{full[6:]}"
    return None
