"""Opening hours, holidays, quiet hours and due times, on ordinary days and on those when the clocks change."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.contract import Micros
from hub import calendar as c
from hub.config import Config, Desk, Hub, Office, Queue, Week
from hub.directory import directory

WARSAW = "Europe/Warsaw"
OFFICE = c.Calendar(zone=WARSAW, week=Week(), country="PL", closed=("2026-11-20",))
SPLIT = c.Calendar(zone=WARSAW, week=Week(tue="08:00-12:00, 13:00-16:00"), country="PL")
NEVER = c.Calendar(zone=WARSAW, week=Week(mon="", tue="", wed="", thu="", fri=""))
NIGHT = c.Calendar(zone=WARSAW, week=Week(sun="01:00-04:00", sat="00:00-24:00"))
DESK = Desk()


def at(text: str, zone: str = WARSAW, fold: int = 0) -> Micros:
    return c.moment(dt.datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone), fold=fold))


def shown(when: Micros | None, zone: str = WARSAW) -> str:
    return "" if when is None else c.at_wall_clock(zone, when).strftime("%Y-%m-%d %H:%M")


@pytest.mark.parametrize(
    ("moment", "minutes", "weekday", "holiday"),
    [
        ("2026-11-10 17:40", 1060, 2, False),
        ("2026-11-11 00:00", 0, 3, True),
        ("2026-11-20 09:00", 540, 5, True),
        ("2026-12-24 23:59", 1439, 4, True),
        ("2026-11-15 12:00", 720, 7, False),
        ("2026-04-06 12:00", 720, 1, True),
    ],
)
def test_local_time(moment: str, minutes: int, weekday: int, holiday: bool) -> None:
    here = c.local(OFFICE, at(moment))
    assert (here.minutes, here.weekday, here.holiday) == (minutes, weekday, holiday)
    assert here.date.isoformat() == moment[:10]


def test_moment_is_exact() -> None:
    assert c.moment(dt.datetime(2026, 11, 10, 16, 40, 0, 123457, tzinfo=dt.UTC)) % 1_000_000 == 123457


@pytest.mark.parametrize(
    ("cal", "moment", "expected"),
    [
        (OFFICE, "2026-11-10 07:29", False),
        (OFFICE, "2026-11-10 07:30", True),
        (OFFICE, "2026-11-10 15:29", True),
        (OFFICE, "2026-11-10 15:30", False),
        (OFFICE, "2026-11-11 10:00", False),
        (OFFICE, "2026-11-14 10:00", False),
        (SPLIT, "2026-11-10 12:30", False),
        (SPLIT, "2026-11-10 13:00", True),
        (NIGHT, "2026-11-14 23:59", True),
        (NEVER, "2026-11-10 10:00", False),
    ],
)
def test_is_open(cal: c.Calendar, moment: str, expected: bool) -> None:
    assert c.is_open(cal, at(moment)) is expected


@pytest.mark.parametrize(
    ("cal", "moment", "expected"),
    [
        (OFFICE, "2026-11-10 17:40", "2026-11-12 07:30"),
        (OFFICE, "2026-11-10 09:00", "2026-11-10 09:00"),
        (OFFICE, "2026-11-14 23:00", "2026-11-16 07:30"),
        (OFFICE, "2026-11-19 15:30", "2026-11-23 07:30"),
        (OFFICE, "2026-12-23 16:00", "2026-12-28 07:30"),
        (SPLIT, "2026-11-10 12:00", "2026-11-10 13:00"),
        (NEVER, "2026-11-10 12:00", ""),
    ],
)
def test_next_opening(cal: c.Calendar, moment: str, expected: str) -> None:
    assert shown(c.next_opening(cal, at(moment))) == expected


@pytest.mark.parametrize(
    ("cal", "moment", "amount", "expected"),
    [
        (OFFICE, "2026-11-10 07:30", 480, "2026-11-10 15:30"),
        (OFFICE, "2026-11-10 07:31", 480, "2026-11-12 07:31"),
        (OFFICE, "2026-11-10 17:40", 60, "2026-11-12 08:30"),
        (OFFICE, "2026-11-13 15:00", 60, "2026-11-16 08:00"),
        (SPLIT, "2026-11-10 11:30", 60, "2026-11-10 13:30"),
        (NEVER, "2026-11-10 11:30", 60, "2026-11-10 12:30"),
        (OFFICE, "2026-11-10 10:00", 0, "2026-11-10 10:00"),
    ],
)
def test_due_counts_opening_hours_only(cal: c.Calendar, moment: str, amount: float, expected: str) -> None:
    assert shown(c.add_open_minutes(cal, at(moment), amount)) == expected


def test_a_night_on_which_the_clocks_change_keeps_its_hours() -> None:
    spring = c.openings(NIGHT, dt.date(2027, 3, 28))
    autumn = c.openings(NIGHT, dt.date(2026, 10, 25))
    assert [end - start for start, end in spring] == [2 * 60 * c.MINUTE]
    assert [end - start for start, end in autumn] == [4 * 60 * c.MINUTE]
    assert c.is_open(NIGHT, at("2026-10-25 02:30", fold=0))
    assert c.is_open(NIGHT, at("2026-10-25 02:30", fold=1))


def test_a_time_that_does_not_exist_is_the_moment_of_the_jump() -> None:
    jump = c.wall_moment(WARSAW, dt.date(2027, 3, 28), 2 * 60 + 30)
    assert shown(jump) == "2027-03-28 03:00"
    skipped = c.Calendar(zone=WARSAW, week=Week(sun="02:05-02:55"))
    assert c.openings(skipped, dt.date(2027, 3, 28)) == ()


def test_minutes_across_the_change_of_clocks() -> None:
    everyday = c.Calendar(zone=WARSAW, week=Week(sat="00:00-24:00", sun="00:00-24:00"))
    assert shown(c.add_open_minutes(everyday, at("2026-10-24 23:00"), 5 * 60)) == "2026-10-25 03:00"
    assert shown(c.add_open_minutes(everyday, at("2027-03-27 23:00"), 5 * 60)) == "2027-03-28 05:00"


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        ("2026-11-10 17:40", "2026-11-12 08:00"),
        ("2026-11-10 00:10", "2026-11-12 08:00"),
        ("2026-11-13 09:00", "2026-11-16 08:00"),
        ("2026-11-19 09:00", "2026-11-23 08:00"),
    ],
)
def test_next_working_day(moment: str, expected: str) -> None:
    assert shown(c.next_working_day(OFFICE, at(moment), "08:00")) == expected


def test_working_days_after() -> None:
    assert shown(c.working_days_after(OFFICE, at("2026-11-09 11:00"), 3)) == "2026-11-13 15:30"
    assert shown(c.working_days_after(OFFICE, at("2026-11-09 11:00"), 2, "12:00")) == "2026-11-12 12:00"
    assert shown(c.working_days_after(NEVER, at("2026-11-09 11:00"), 2, "12:00")) == "2026-11-11 12:00"
    assert shown(c.next_morning(OFFICE, at("2026-11-10 12:00"))) == "2026-11-12 07:30"


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        ("2026-11-10 07:59", "2026-11-10 08:00"),
        ("2026-11-10 08:00", "2026-11-10 08:00"),
        ("2026-11-10 19:59", "2026-11-10 19:59"),
        ("2026-11-10 20:00", "2026-11-12 08:00"),
        ("2026-11-11 12:00", "2026-11-12 08:00"),
        ("2026-11-14 21:00", "2026-11-15 08:00"),
    ],
)
def test_quiet_hours(moment: str, expected: str) -> None:
    assert shown(c.next_loud(DESK, OFFICE, at(moment))) == expected


def test_a_queue_may_have_hours_of_its_own() -> None:
    found = directory(
        Config(
            hub=Hub(zone="Europe/Berlin"),
            offices=(Office(id="pup", name="PUP", holidays="", closed=("2026-11-12",)),),
            queues=(
                Queue(id="a", name_pl="A", name_en="A", office="pup", hours=Week(mon="10:00-11:00")),
                Queue(id="b", name_pl="B", name_en="B", office="pup"),
            ),
        )
    )
    assert c.calendar(found, "pup", "a").week.mon == "10:00-11:00"
    assert c.calendar(found, "pup", "b").week == Week()
    assert c.calendar(found, "pup").zone == "Europe/Berlin"
    assert not c.is_open(c.calendar(found, "pup"), at("2026-11-12 10:00"))
    assert c.is_open(c.calendar(found, "gone"), at("2026-11-12 10:00"))


ZONES = st.sampled_from([WARSAW, "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "UTC"])
MOMENTS = st.integers(at("2025-01-01 00:00"), at("2028-01-01 00:00")).map(Micros)


@st.composite
def days(draw: st.DrawFn) -> str:
    marks = sorted(draw(st.lists(st.integers(0, 24 * 12), max_size=4, unique=True)))
    pairs = zip(marks[::2], marks[1::2], strict=False)
    return ", ".join(f"{a // 12:02}:{a % 12 * 5:02}-{b // 12:02}:{b % 12 * 5:02}" for a, b in pairs)


@st.composite
def calendars(draw: st.DrawFn) -> c.Calendar:
    week = Week(**{name: draw(days()) for name in ("mon", "tue", "wed", "thu", "fri", "sat", "sun")})
    return c.Calendar(zone=draw(ZONES), week=week, country=draw(st.sampled_from(["", "PL", "DE"])))


@settings(max_examples=60, deadline=None)
@given(calendars(), MOMENTS)
def test_openings_are_in_order_and_open(cal: c.Calendar, when: Micros) -> None:
    last = when
    for start, end in [span for span, _ in zip(c.openings_from(cal, when), range(20), strict=False)]:
        assert last <= start < end
        assert c.is_open(cal, start)
        assert c.is_open(cal, Micros(end - 1))
        last = end


@settings(max_examples=60, deadline=None)
@given(calendars(), MOMENTS, st.integers(0, 3000))
def test_a_due_time_has_that_many_open_minutes_before_it(cal: c.Calendar, when: Micros, amount: int) -> None:
    due = c.add_open_minutes(cal, when, amount)
    assert due >= when
    if c.next_opening(cal, when) is not None and amount:
        assert c.open_minutes(cal, when, due) == pytest.approx(amount)
        assert c.is_open(cal, Micros(due - 1))


@settings(max_examples=60, deadline=None)
@given(calendars(), MOMENTS)
def test_nothing_opens_before_the_next_opening(cal: c.Calendar, when: Micros) -> None:
    opening = c.next_opening(cal, when)
    if opening is not None and opening > when:
        assert not c.is_open(cal, when)
        assert c.open_minutes(cal, when, opening) == 0


@settings(max_examples=60, deadline=None)
@given(calendars(), MOMENTS)
def test_the_next_loud_moment_is_loud(cal: c.Calendar, when: Micros) -> None:
    loud = c.next_loud(DESK, cal, when)
    assert loud >= when
    assert c.is_loud(DESK, cal, loud)


def test_holidays_are_known_before_the_first_message() -> None:
    offices = (Office(id="krajowa", name="Krajowa"), Office(id="gorlitz", name="Görlitz", holidays="DE"))
    found = directory(Config(hub=Hub(), offices=offices))
    c._public_holidays.cache_clear()
    c.learn_holidays(found, at("2026-12-31 12:00"))
    looked_up = c._public_holidays.cache_info().misses
    for office in offices:
        cal = c.calendar(found, office.id)
        assert c.is_holiday(cal, dt.date(2026, 12, 25)) and c.is_holiday(cal, dt.date(2027, 1, 1))
    assert c._public_holidays.cache_info().misses == looked_up == 4
