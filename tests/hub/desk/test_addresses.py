"""Addresses as agents type them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.desk.addresses import BadAddress, is_address, read_addresses, show_addresses


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("a@b.pl", ["a@b.pl"]),
        ("Jan Kowalski <jan@b.pl>; a@b.pl,", ["Jan Kowalski <jan@b.pl>", "a@b.pl"]),
        ('"Kowalski, Jan" <jan@b.pl>', ['"Kowalski, Jan" <jan@b.pl>']),
        ("a@b.pl, A@B.PL", ["a@b.pl"]),
        ("", []),
    ],
)
def test_addresses_as_typed(typed: str, expected: list[str]) -> None:
    assert show_addresses(read_addresses(typed)) == ", ".join(expected)


@pytest.mark.parametrize(
    "typed", ["jan", "a@b", "a@b.pl c@d.pl", "<a@b.pl", "x <y> <a@b.pl>", "a@@b.pl", "a@b..pl"]
)
def test_unclear_addresses_are_named(typed: str) -> None:
    with pytest.raises(BadAddress) as bad:
        read_addresses(typed)
    assert bad.value.details["piece"]


@given(st.text(max_size=60))
def test_whatever_is_typed_gives_addresses_or_a_refusal(typed: str) -> None:
    try:
        found = read_addresses(typed)
    except BadAddress:
        return
    assert all(is_address(r.address) and "\n" not in r.name + r.address for r in found)
    assert read_addresses(show_addresses(found)) == found
