"""When calls are due: slots, first calls, retries, over weekends, holidays and quiet hours."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.contract import Micros
from hub import calendar
from hub.calendar import Calendar
from hub.callbacks.schedule import callable_from, expiry, first_due, retry_due, slots
from hub.config import Desk, Week
from tests.hub.callbacks.desk import ZONE, at, shown
from tests.hub.test_calendar import calendars

DESK = Desk()
OFFICE = Calendar(zone=ZONE, country="PL")
EARLY = Calendar(zone=ZONE, week=Week(mon="06:00-10:00"), country="PL")
NIGHT = Calendar(zone=ZONE, week=Week(mon="22:00-24:00", tue="", wed="", thu="", fri=""), country="PL")


def test_slots_begin_after_the_holiday() -> None:
    found = slots(DESK, OFFICE, at("2026-11-10 17:40"))
    assert shown(found[0]) == "2026-11-12 08:00"
    assert at("2026-11-12 10:00") in found
    assert shown(found[-1]) == "2026-11-20 15:00"
    assert all(calendar.is_open(OFFICE, when) and calendar.is_loud(DESK, OFFICE, when) for when in found)


def test_slots_of_today_are_later_than_now() -> None:
    found = slots(DESK, OFFICE, at("2026-11-10 10:00"))
    assert shown(found[0]) == "2026-11-10 10:30"


def test_slots_stand_on_the_clock_and_fit_before_closing() -> None:
    odd = Calendar(zone=ZONE, week=Week(thu="09:50-12:20"), country="PL")
    found = [
        shown(when)[11:]
        for when in slots(DESK, odd, at("2026-11-12 00:00"))
        if shown(when)[:10] == "2026-11-12"
    ]
    assert found == ["10:00", "10:30", "11:00", "11:30"]


def test_an_office_that_is_only_open_at_night_has_no_slots() -> None:
    assert slots(DESK, NIGHT, at("2026-11-10 10:00")) == ()
    assert calendar.is_loud(DESK, NIGHT, callable_from(DESK, NIGHT, at("2026-11-10 23:00")))


@pytest.mark.parametrize(
    ("now", "wished", "expected"),
    [
        ("2026-11-10 09:00", None, "2026-11-10 09:00"),
        ("2026-11-14 23:30", None, "2026-11-16 08:00"),
        ("2026-11-10 17:40", "2026-11-12 10:00", "2026-11-12 10:00"),
        ("2026-11-10 17:40", "2026-11-11 10:00", "2026-11-12 08:00"),
        ("2026-11-10 12:00", "2026-11-10 09:00", "2026-11-10 12:00"),
        ("2026-12-23 18:00", None, "2026-12-28 08:00"),
    ],
)
def test_first_due(now: str, wished: str | None, expected: str) -> None:
    assert shown(first_due(DESK, OFFICE, at(now), at(wished) if wished else None)) == expected


@pytest.mark.parametrize(
    ("attempted", "attempts", "expected"),
    [
        ("2026-11-12 10:00", 1, "2026-11-12 12:00"),
        ("2026-11-12 14:30", 1, "2026-11-13 08:00"),
        ("2026-11-12 12:00", 2, "2026-11-13 08:00"),
        ("2026-11-10 12:00", 2, "2026-11-12 08:00"),
        ("2026-11-13 12:00", 2, "2026-11-16 08:00"),
        ("2026-11-13 12:00", 3, ""),
        ("2026-11-13 12:00", 7, ""),
    ],
)
def test_retries(attempted: str, attempts: int, expected: str) -> None:
    assert shown(retry_due(DESK, OFFICE, at(attempted), attempts)) == expected


def test_a_retry_is_never_in_quiet_hours() -> None:
    assert shown(callable_from(DESK, EARLY, at("2026-11-14 12:00"))) == "2026-11-16 08:00"


def test_a_call_that_nobody_could_take_is_given_up_after_two_working_days() -> None:
    assert shown(expiry(OFFICE, at("2026-11-10 09:00"), 2)) == "2026-11-13 15:30"


@settings(max_examples=40)
@given(
    calendars(),
    st.integers(at("2025-01-01 00:00"), at("2028-01-01 00:00")).map(Micros),
    st.integers(1, 2),
)
def test_every_due_time_is_loud_and_open_where_that_is_possible(
    cal: Calendar, now: Micros, attempts: int
) -> None:
    due = retry_due(DESK, cal, now, attempts)
    assert due is not None
    assert due > now
    if slots(DESK, cal, now):
        first = first_due(DESK, cal, now, None)
        assert first >= now
        assert calendar.is_open(cal, first)
        assert calendar.is_loud(DESK, cal, first)
