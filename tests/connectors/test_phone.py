"""Telephone numbers as people type them: what is taken, and what is refused with which reason."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors import _phone as phone


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("600 700 800", "+48600700800"),
        ("600-700-800", "+48600700800"),
        ("600700800", "+48600700800"),
        ("+48 600 700 800", "+48600700800"),
        ("0048 600 700 800", "+48600700800"),
        ("tel. 600.700.800", "+48600700800"),
        ("(22) 123 45 67", "+48221234567"),
        (" 85 741\u00a033 33 ", "+48857413333"),
        ("+48 39 123 45 67", "+48391234567"),
        ("+380 50 123 4567", "+380501234567"),
    ],
)
def test_taken(typed: str, expected: str) -> None:
    assert phone.to_call_back(typed) == expected


@pytest.mark.parametrize(
    ("typed", "reason"),
    [
        ("", phone.EMPTY),
        ("   ", phone.EMPTY),
        ("proszę dzwonić wieczorem", phone.NOT_DIGITS),
        ("600 700 800 wew. 12", phone.NOT_DIGITS),
        ("600 700 800; 600 700 801", phone.NOT_DIGITS),
        ("600-FLOWER", phone.NOT_DIGITS),
        ("12", phone.TOO_SHORT),
        ("+48 12", phone.TOO_SHORT),
        ("112", phone.SHORT),
        ("19524", phone.SHORT),
        ("19 524", phone.SHORT),
        ("+48 112", phone.SHORT),
        ("116 123", phone.SHORT),
        ("700 123 456", phone.PREMIUM),
        ("+48 708 123 456", phone.PREMIUM),
        ("70 123 45 67", phone.PREMIUM),
        ("801 123 456", phone.PREMIUM),
        ("+44 909 879 0000", phone.PREMIUM),
        ("800 123 456", phone.UNUSUAL),
        ("600 700 80", phone.NO_SUCH),
        ("600 700 8000", phone.NO_SUCH),
        ("300 123 456", phone.NO_SUCH),
        ("22 19524", phone.NO_SUCH),
        ("+999 123 456 789", phone.NO_SUCH),
        ("++48 600 700 800 900 100", phone.NO_SUCH),
    ],
)
def test_refused_with_its_reason(typed: str, reason: str) -> None:
    with pytest.raises(phone.BadNumber) as caught:
        phone.to_call_back(typed)
    assert caught.value.reason == reason


def test_countries_can_be_limited() -> None:
    assert phone.to_call_back("600700800", allowed=("PL",)) == "+48600700800"
    with pytest.raises(phone.BadNumber) as caught:
        phone.to_call_back("+49 30 901820", allowed=("PL",))
    assert caught.value.reason == phone.ABROAD


def test_a_form_takes_any_valid_number() -> None:
    assert phone.normalise("800 123 456") == "+48800123456"


def test_shown_and_masked() -> None:
    assert phone.shown("+48600700800") == "+48 600 700 800"
    assert phone.shown("abc") == "abc"
    assert phone.masked("+48600700800") == "••• ••• 800"


@given(st.text(max_size=40))
def test_any_text_is_a_number_or_has_a_reason(typed: str) -> None:
    try:
        found = phone.to_call_back(typed)
    except phone.BadNumber as error:
        assert error.reason
    else:
        assert found.startswith("+")
        assert phone.to_call_back(found) == found
