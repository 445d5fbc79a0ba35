"""When a callback is due: times that may be wished for, the first call, the retries. Pure.

A call is only offered while the office is open and never in quiet hours, so every due time is such a moment.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

from connectors.contract import Micros
from hub import calendar as hours
from hub.calendar import MINUTE, Calendar
from hub.config import Desk

_TRIES = 64


def callable_from(desk: Desk, cal: Calendar, at: Micros) -> Micros:
    """The first moment from ``at`` on at which the office is open and a call is not in quiet hours.

    Where the two never meet within the calendar's horizon, it is the first loud moment.
    """
    when = at
    for _ in range(_TRIES):
        opening = hours.next_opening(cal, when)
        if opening is None:
            break
        when = hours.next_loud(desk, cal, opening)
        if when == opening:
            return when
    return hours.next_loud(desk, cal, at)


def slots(desk: Desk, cal: Calendar, now: Micros) -> tuple[Micros, ...]:
    """Times that can still be wished for: today and the next ``callback_days`` days, ``callback_slot_minutes`` apart on
    the clock, each with room for one slot before the office closes."""
    last = hours.at_wall_clock(cal.zone, now).date() + dt.timedelta(days=desk.callback_days)
    until = hours.wall_moment(cal.zone, last, 24 * 60)
    return tuple(when for when in _marks(desk, cal, now, until) if hours.is_loud(desk, cal, when))


def _marks(desk: Desk, cal: Calendar, now: Micros, until: Micros) -> Iterator[Micros]:
    step = desk.callback_slot_minutes
    for start, end in hours.openings_from(cal, now):
        if start >= until:
            return
        here = hours.local(cal, start)
        for minute in range(-(-here.minutes // step) * step, 24 * 60, step):
            when = hours.wall_moment(cal.zone, here.date, minute)
            if when + step * MINUTE > end:
                break
            if when > now:
                yield when


def first_due(desk: Desk, cal: Calendar, now: Micros, wished: Micros | None) -> Micros:
    """When to call for the first time: at the wished time, or as soon as possible after it where that is closed, past,
    or missing."""
    return callable_from(desk, cal, now if wished is None else max(now, wished))


def retry_due(desk: Desk, cal: Calendar, attempted_at: Micros, attempts: int) -> Micros | None:
    """When to call again after ``attempts`` of them failed: after the gap, then on the next working morning; None when
    they are used up."""
    if attempts >= desk.callback_attempts:
        return None
    if attempts == 1:
        gap = round(desk.callback_gap_minutes * MINUTE)
        return callable_from(desk, cal, Micros(attempted_at + gap))
    return callable_from(desk, cal, hours.next_morning(cal, attempted_at))


def expiry(cal: Calendar, due_at: Micros, days: int) -> Micros:
    """When a call that no agent could take is given up: at the close of the ``days``-th working day after its time."""
    return hours.working_days_after(cal, due_at, days)
