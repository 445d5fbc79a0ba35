"""When things happen in the week: moments of stories, counted back from the present in the office's own time."""

from __future__ import annotations

import datetime as dt
import re

from connectors.contract import Micros
from hub.calendar import MINUTE, Calendar, add_open_minutes, at_wall_clock, wall_moment
from hub.demo.stories import minutes

_DAY = re.compile(r"(?P<ahead>\+?)(?P<days>[1-7]) (?P<hour>[01]\d|2[0-3]):(?P<minute>[0-5]\d)")


def when(cal: Calendar, now: Micros, text: str) -> Micros:
    """The moment that ``"5 09:12"`` (days ago, time of day), ``"+2 09:12"`` (days from now) or ``"90m"`` (before the
    present) names.

    Raises ValueError for anything else, and for today's wall clock, which may be past or still to come.
    """
    if " " not in text:
        return Micros(now - minutes(text) * MINUTE)
    match = _DAY.fullmatch(text)
    if match is None:
        raise ValueError(f"not a moment of the week: {text!r}")
    away = int(match["days"]) if match["ahead"] else -int(match["days"])
    day = at_wall_clock(cal.zone, now).date() + dt.timedelta(days=away)
    return wall_moment(cal.zone, day, int(match["hour"]) * 60 + int(match["minute"]))


def later(cal: Calendar, at: Micros, span: str, *, working: bool) -> Micros:
    """``span`` after a moment; ``working``: in opening hours of the office alone."""
    if working:
        return add_open_minutes(cal, at, minutes(span))
    return Micros(at + minutes(span) * MINUTE)
