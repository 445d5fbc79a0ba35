"""Texts longer than a channel takes: every part fits, nothing is lost, cuts fall where people pause."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors._split import split_text, units


@given(st.text(alphabet=st.sampled_from("ab .\n!ął😀\t"), max_size=400), st.integers(2, 60))
def test_every_part_fits_and_nothing_is_lost(text: str, longest: int) -> None:
    parts = split_text(text, longest)
    assert all(units(part) <= longest for part in parts)
    assert re.sub(r"\s", "", "".join(parts)) == re.sub(r"\s", "", text)
    assert len(parts) == 1 or all(part.strip() for part in parts)


@given(st.text(alphabet=st.sampled_from("ab .\n!ął😀\t"), max_size=400), st.integers(4, 60))
def test_every_part_fits_in_bytes(text: str, longest: int) -> None:
    parts = split_text(text, longest, "utf8")
    assert all(len(part.encode()) <= longest for part in parts)
    assert re.sub(r"\s", "", "".join(parts)) == re.sub(r"\s", "", text)


def test_a_text_that_fits_stays_as_it_is() -> None:
    assert split_text("  Dzień dobry\n", 100) == ["  Dzień dobry\n"]
    assert split_text("", 10) == [""]


@pytest.mark.parametrize(
    ("text", "longest", "parts"),
    [
        ("Pierwszy akapit.\n\nDrugi akapit.", 20, ["Pierwszy akapit.", "Drugi akapit."]),
        ("Jedno zdanie. Drugie zdanie.", 20, ["Jedno zdanie.", "Drugie zdanie."]),
        ("jeden dwa trzy cztery", 14, ["jeden dwa trzy", "cztery"]),
        ("nieprzerwanyciąg", 8, ["nieprzer", "wanyciąg"]),
        ("😀😀😀", 4, ["😀😀", "😀"]),
    ],
)
def test_where_it_is_cut(text: str, longest: int, parts: list[str]) -> None:
    assert split_text(text, longest) == parts
