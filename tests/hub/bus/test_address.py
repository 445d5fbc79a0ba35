"""Addresses of Redis as an operator writes them."""

from __future__ import annotations

import pytest

from hub.bus.address import Address, parse_address


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("redis://127.0.0.1", Address(hosts=(("127.0.0.1", 6379),))),
        ("redis://hub@r.example:7000/3", Address(hosts=(("r.example", 7000),), database=3, user="hub")),
        ("rediss://[::1]:7000", Address(hosts=(("::1", 7000),), tls=True)),
        (
            "redis+sentinel://a,b:7001/centrala?db=2",
            Address(hosts=(("a", 26379), ("b", 7001)), master="centrala", database=2),
        ),
        (
            "rediss+sentinel://hub@a:1/m%20x",
            Address(hosts=(("a", 1),), master="m x", user="hub", tls=True),
        ),
    ],
)
def test_addresses(url: str, expected: Address) -> None:
    assert parse_address(url) == expected


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("http://127.0.0.1", "begins with none of"),
        ("redis+cluster://a", "begins with none of"),
        ("redis://hub:password@a", "holds a password"),
        ("redis://:password@a", "holds a password"),
        ("redis://", "names no host"),
        ("redis://a:70000", "names no host"),
        ("redis://a,b", "several servers"),
        ("redis+sentinel://a,b", "no master"),
        ("redis://a/x", "number of a database"),
        ("redis://a?db=1&timeout=3", "number of a database"),
    ],
)
def test_mistakes_are_sentences(url: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        parse_address(url)
