"""When an office is open: opening hours, holidays, quiet hours and due times, in the office's own zone.

Pure functions of a :class:`Calendar` and a moment. Moments are integer microseconds UTC. Opening hours are wall-clock
times, so a day is worked out on its local date and only then turned into moments: a day on which summer time begins
or ends keeps its hours. An opening includes its first moment and excludes its last.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from functools import lru_cache
from zoneinfo import ZoneInfo

import holidays
import msgspec

from connectors.contract import Micros
from hub.config import Desk, Office, Week, minutes
from hub.directory import Directory

SECOND = 1_000_000
MINUTE = 60 * SECOND
HORIZON_DAYS = 400
"""How far ahead an opening is looked for: an office that is closed for over a year has no next opening."""

Span = tuple[Micros, Micros]
"""An opening: its first moment, and the first moment after it."""

_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


class Calendar(msgspec.Struct, frozen=True, kw_only=True):
    """The hours that one office keeps, or one of its queues with hours of its own.

    ``zone`` is an IANA name, ``country`` the ISO code whose public holidays it keeps (empty: none), ``closed`` further
    days (``YYYY-MM-DD``).
    """

    zone: str
    week: Week = Week()
    country: str = ""
    closed: tuple[str, ...] = ()


class LocalTime(msgspec.Struct, frozen=True, kw_only=True):
    """A moment as the clock on the office's wall shows it: ``minutes`` since midnight, ``weekday`` from 1 (Monday) to
    7, ``holiday`` for a public holiday or a day on which this office is closed."""

    minutes: int
    date: dt.date
    weekday: int
    holiday: bool


def office_calendar(office: Office, zone: str) -> Calendar:
    """The calendar of an office; ``zone`` is the hub's, for offices that name none."""
    return Calendar(
        zone=office.zone or zone, week=office.hours, country=office.holidays, closed=office.closed
    )


def calendar(directory: Directory, office: str, queue: str | None = None) -> Calendar:
    """The calendar of an office by id, with the hours of ``queue`` where that has its own.

    An office that is not configured any more is taken to keep ordinary hours without holidays.
    """
    zone = directory.config.hub.zone
    configured = directory.offices.get(office)
    found = office_calendar(configured, zone) if configured else Calendar(zone=zone)
    line = directory.queues.get(queue or "")
    return msgspec.structs.replace(found, week=line.hours) if line and line.hours else found


def moment(when: dt.datetime) -> Micros:
    """An aware datetime as microseconds UTC, exactly."""
    return Micros((when - _EPOCH) // dt.timedelta(microseconds=1))


def at_wall_clock(zone: str, at: Micros) -> dt.datetime:
    """A moment as an aware datetime of ``zone``."""
    return (_EPOCH + dt.timedelta(microseconds=at)).astimezone(ZoneInfo(zone))


def local(cal: Calendar, at: Micros) -> LocalTime:
    """What the clock and the wall calendar of the office show at a moment."""
    wall = at_wall_clock(cal.zone, at)
    day = wall.date()
    return LocalTime(
        minutes=wall.hour * 60 + wall.minute,
        date=day,
        weekday=day.isoweekday(),
        holiday=is_holiday(cal, day),
    )


def is_holiday(cal: Calendar, day: dt.date) -> bool:
    """Whether it is a public holiday or a day on which this office is closed. Sundays as such are not."""
    return day.isoformat() in cal.closed or day in _public_holidays(cal.country, day.year)


@lru_cache(maxsize=256)
def _public_holidays(country: str, year: int) -> frozenset[dt.date]:
    """Raises NotImplementedError for a country that the library does not know."""
    return frozenset(holidays.country_holidays(country, years=year)) if country else frozenset()


def learn_holidays(directory: Directory, now: Micros) -> None:
    """Look up the holidays of this year and the next for all offices, before the first message has to wait for it.

    Loading a country takes some tenths of a second: use a thread.
    """
    for office in directory.offices.values():
        cal = office_calendar(office, directory.config.hub.zone)
        year = local(cal, now).date.year
        for each in (year, year + 1):
            _public_holidays(cal.country, each)


def wall_moment(zone: str, day: dt.date, minute: int) -> Micros:
    """The moment at which the clocks of ``zone`` show ``minute`` (since midnight, up to 1440) on a day.

    A time that summer time skips is the moment of the jump; of one that comes twice it is the first, so that later
    wall-clock times are never earlier moments.
    """
    wall = dt.datetime.combine(day, dt.time()) + dt.timedelta(minutes=minute)
    there = ZoneInfo(zone)
    while True:
        found = wall.replace(tzinfo=there)
        back = found.astimezone(dt.UTC).astimezone(there).replace(tzinfo=None)
        if back == wall:
            return moment(found.astimezone(dt.UTC))
        wall += dt.timedelta(minutes=1)


@lru_cache(maxsize=8192)
def openings(cal: Calendar, day: dt.date) -> tuple[Span, ...]:
    """The openings of a local day in order; none on holidays."""
    if is_holiday(cal, day):
        return ()
    found = (
        (wall_moment(cal.zone, day, start), wall_moment(cal.zone, day, end))
        for start, end in sorted(cal.week.spans(day.weekday()))
    )
    return tuple((start, end) for start, end in found if start < end)


def is_working_day(cal: Calendar, day: dt.date) -> bool:
    """Whether the office opens at all on that day."""
    return bool(openings(cal, day))


def openings_from(cal: Calendar, at: Micros) -> Iterator[Span]:
    """Openings that end after ``at``, in order and without overlap, the first one cut to begin no earlier than it."""
    first = at_wall_clock(cal.zone, at).date()
    last = at
    for offset in range(HORIZON_DAYS):
        for start, end in openings(cal, first + dt.timedelta(days=offset)):
            if end > last:
                yield max(start, last), end
                last = end


def is_open(cal: Calendar, at: Micros) -> bool:
    """Whether the office is open at this moment."""
    day = at_wall_clock(cal.zone, at).date()
    return any(start <= at < end for start, end in openings(cal, day))


def next_opening(cal: Calendar, at: Micros) -> Micros | None:
    """The first moment from ``at`` on at which the office is open (``at`` itself when it is); None if it never is."""
    return next((start for start, _ in openings_from(cal, at)), None)


def closed_since(cal: Calendar, at: Micros) -> Micros | None:
    """When the closed period began in which ``at`` lies; None while the office is open, or when it never opened."""
    if is_open(cal, at):
        return None
    today = at_wall_clock(cal.zone, at).date()
    for offset in range(HORIZON_DAYS):
        ends = [end for _, end in openings(cal, today - dt.timedelta(days=offset)) if end <= at]
        if ends:
            return max(ends)
    return None


def add_open_minutes(cal: Calendar, at: Micros, amount: float) -> Micros:
    """The moment by which ``amount`` minutes of opening hours have passed since ``at``: when an answer is due.

    Exactly at a closing it is that closing. An office that never opens is counted by the plain clock, because a due
    time in doubt must rather come than not.
    """
    left = round(amount * MINUTE)
    for start, end in openings_from(cal, at):
        if left <= end - start:
            return Micros(start + left)
        left -= end - start
    return Micros(at + round(amount * MINUTE))


def open_minutes(cal: Calendar, since: Micros, until: Micros) -> float:
    """Minutes of opening hours between two moments; 0 when ``until`` is not later."""
    passed = 0
    for start, end in openings_from(cal, since):
        if start >= until:
            break
        passed += min(end, until) - start
    return passed / MINUTE


def next_working_day(cal: Calendar, at: Micros, time_of_day: str) -> Micros:
    """``time_of_day`` (``HH:MM``) of the first working day after the day of ``at``.

    For an office that never opens it is the next day.
    """
    return wall_moment(cal.zone, _working_day(cal, at, 1), minutes(time_of_day))


def working_days_after(cal: Calendar, at: Micros, days: int, time_of_day: str | None = None) -> Micros:
    """``time_of_day`` of the ``days``-th working day after the day of ``at``; without it that day's closing."""
    day = _working_day(cal, at, days)
    if time_of_day is not None:
        return wall_moment(cal.zone, day, minutes(time_of_day))
    spans = openings(cal, day)
    return spans[-1][1] if spans else wall_moment(cal.zone, day, 24 * 60)


def next_morning(cal: Calendar, at: Micros) -> Micros:
    """The first opening of the first working day after the day of ``at``."""
    day = _working_day(cal, at, 1)
    spans = openings(cal, day)
    return spans[0][0] if spans else wall_moment(cal.zone, day, 8 * 60)


def _working_day(cal: Calendar, at: Micros, number: int) -> dt.date:
    """The ``number``-th working day after the day of ``at``; calendar days when the office never opens."""
    today = at_wall_clock(cal.zone, at).date()
    left = number
    for offset in range(1, HORIZON_DAYS + 1):
        day = today + dt.timedelta(days=offset)
        left -= is_working_day(cal, day)
        if left <= 0:
            return day
    return today + dt.timedelta(days=number)


def is_loud(desk: Desk, cal: Calendar, at: Micros) -> bool:
    """Whether an automatic SMS or an offered call may go at this moment (behaviour rule "quiet hours")."""
    here = local(cal, at)
    return minutes(desk.loud_from) <= here.minutes < minutes(desk.loud_until) and not here.holiday


def next_loud(desk: Desk, cal: Calendar, at: Micros) -> Micros:
    """The first moment from ``at`` on that is not in quiet hours; ``at`` itself when it is not."""
    if is_loud(desk, cal, at):
        return at
    today = at_wall_clock(cal.zone, at).date()
    for offset in range(HORIZON_DAYS):
        start = wall_moment(cal.zone, today + dt.timedelta(days=offset), minutes(desk.loud_from))
        if start >= at and is_loud(desk, cal, start):
            return start
    return at
