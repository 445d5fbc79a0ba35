"""Spans of time as rule files write them: ``30m``, ``4h``, ``2d``."""

from __future__ import annotations

import re

MOST = 366 * 1440
"""Longest duration in minutes."""

_UNITS = {"m": 1, "h": 60, "d": 1440}
_DURATION = re.compile(r"(\d{1,6})\s*([mhd])")


def minutes_of(text: str) -> int | None:
    """Minutes of ``30m``, ``4h`` or ``2d`` (a day has 24 hours); None for anything else, nothing and over a year."""
    found = _DURATION.fullmatch(text.strip())
    minutes = int(found[1]) * _UNITS[found[2]] if found else 0
    return minutes if 0 < minutes <= MOST else None


def duration(minutes: int) -> str:
    """``minutes`` in the largest unit that divides them: 240 is ``4h``."""
    unit = next(unit for unit in ("d", "h", "m") if minutes % _UNITS[unit] == 0)
    return f"{minutes // _UNITS[unit]}{unit}"
