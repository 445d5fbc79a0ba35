"""When things happen in the week: moments of stories, counted back from the present in the office's own time."""

from __future__ import annotations

import datetime as dt

from connectors.contract import Micros
from hub.calendar import MINUTE, Calendar, add_open_minutes, at_wall_clock, wall_moment
from hub.demo.stories import minutes


def when(cal: Calendar, now: Micros, text: str) -> Micros:
    """The moment that ``"5 09:12"`` (days ago, time of day), ``"+2 09:12"`` (days from now) or ``"90m"`` (before the
    present) names.

    Raises ValueError for anything else, and for today's wall clock, which may be past or still to come.
    """
    days, _, clock = text.partition(" ")
    if not clock:
        return Micros(now - minutes(text) * MINUTE)
    if not 1 <= abs(int(days)) <= 7:
        raise ValueError(f"not a moment of the week: {text!r}")
    hour, minute = clock.split(":")
    away = int(days) if days.startswith("+") else -int(days)
    day = at_wall_clock(cal.zone, now).date() + dt.timedelta(days=away)
    return wall_moment(cal.zone, day, int(hour) * 60 + int(minute))


def later(cal: Calendar, at: Micros, span: str, *, working: bool) -> Micros:
    """``span`` after a moment; ``working``: in opening hours of the office alone."""
    if working:
        return add_open_minutes(cal, at, minutes(span))
    return Micros(at + minutes(span) * MINUTE)
