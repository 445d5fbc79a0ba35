"""Moments of the week, whatever day it is today."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import pytest

from connectors.contract import Micros
from hub.calendar import Calendar
from hub.config import Week
from hub.demo.days import later, when

WARSAW = ZoneInfo("Europe/Warsaw")
HOURS = Week(**dict.fromkeys(("mon", "tue", "wed", "thu", "fri"), "08:00-18:00"))
CAL = Calendar(zone="Europe/Warsaw", week=HOURS, country="PL")


def at(text: str) -> Micros:
    return Micros(int(dt.datetime.fromisoformat(text).replace(tzinfo=WARSAW).timestamp()) * 1_000_000)


NOW = at("2026-11-23T08:05")


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("3 09:12", "2026-11-20T09:12"),
        ("1 23:59", "2026-11-22T23:59"),
        ("+2 10:00", "2026-11-25T10:00"),
        ("90m", "2026-11-23T06:35"),
        ("2d", "2026-11-21T08:05"),
    ],
)
def test_moments_are_counted_from_the_present(text: str, moment: str) -> None:
    assert when(CAL, NOW, text) == at(moment)


def test_a_day_of_the_change_of_clocks_keeps_its_wall_time() -> None:
    assert when(CAL, at("2026-10-26T12:00"), "1 09:00") == at("2026-10-25T09:00")


@pytest.mark.parametrize("text", ["0 09:00", "8 09:00", "soon", "9x", "-1 09:00"])
def test_other_moments_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        when(CAL, NOW, text)


def test_the_office_works_in_its_hours_and_citizens_at_any_time() -> None:
    friday = at("2026-11-20T17:30")
    assert later(CAL, friday, "1h", working=True) == at("2026-11-23T08:30")
    assert later(CAL, friday, "1h", working=False) == at("2026-11-20T18:30")
