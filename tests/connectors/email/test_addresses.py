"""Addresses: read strictly, so that nobody passes for somebody else (the class of CVE-2023-27043)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.email.addresses import address, mailboxes

READ = {
    b"jan@example.pl": [("", "jan@example.pl")],
    b"Jan Nowak <Jan@Example.PL>": [("Jan Nowak", "jan@example.pl")],
    b'"Nowak, Jan" <jan@example.pl>, ola@example.pl (Ola)': [
        ("Nowak, Jan", "jan@example.pl"),
        ("Ola", "ola@example.pl"),
    ],
    b"=?utf-8?Q?=C5=BB=C3=B3=C5=82w,_Jan?= <jan@example.pl>": [("Żółw, Jan", "jan@example.pl")],
    "Żółw <jan@example.pl>".encode(): [("Żółw", "jan@example.pl")],
    "Jan <jan@żółw.example>".encode(): [("Jan", "jan@xn--w-uga1v8h.example")],
    "Jan <jan@faß.example>".encode(): [("Jan", "jan@xn--fa-hia.example")],
    "Jan <jan@a_b.żółw.example>".encode(): [("Jan", "jan@a_b.xn--w-uga1v8h.example")],
    "Jan <jan@a_faß.example>".encode(): [("Jan", "")],
    b"Urzad: jan@example.pl, ola@example.pl;, ewa@example.pl": [
        ("", "jan@example.pl"),
        ("", "ola@example.pl"),
        ("", "ewa@example.pl"),
    ],
    b"undisclosed-recipients:;": [],
    b'"jan nowak"@example.pl': [("", '"jan nowak"@example.pl')],
    b"MAILER-DAEMON (Mail System) <postmaster@example.pl>": [("MAILER-DAEMON", "postmaster@example.pl")],
    b"postmaster@example.pl (Mail System)": [("Mail System", "postmaster@example.pl")],
    b"'Jan Nowak' <jan@example.pl>": [("Jan Nowak", "jan@example.pl")],
    b'"Jan <jan@example.pl>': [("Jan", "jan@example.pl")],
    b"<mailto:jan@example.pl>": [("", "jan@example.pl")],
    b"jan@[10.0.0.1]": [("", "jan@[10.0.0.1]")],
    b"": [],
    b"<>": [],
    b"Jan": [("Jan", "")],
}

NEVER = {
    b"alice@example.org)bob@evil.example": "bob@evil.example",
    b"alice@example.org<bob@evil.example> <carol@evil.example>": "bob@evil.example",
    b"<alice@example.org> <bob@evil.example>": "alice@example.org",
    b"<alice@example.org> bob@evil.example": "alice@example.org",
    b"alice@example.org@evil.example": "alice@example.org@evil.example",
    b'"alice@example.org" bob@evil.example': "bob@evil.example",
    b"alice@example.org bob@evil.example": "alice@example.org",
    b"<alice@example.org\n@evil.example>": "alice@example.org",
    b"alice(<bob@evil.example>)@example.org": "bob@evil.example",
}


@pytest.mark.parametrize("value", READ)
def test_read(value: bytes) -> None:
    assert mailboxes(value) == READ[value]


@pytest.mark.parametrize("value", NEVER)
def test_what_could_be_two_addresses_is_none(value: bytes) -> None:
    assert NEVER[value] not in [mailbox.address for mailbox in mailboxes(value)]


def test_a_name_that_looks_like_an_address_stays_a_name() -> None:
    [mailbox] = mailboxes(b'"office@urzad.example" <somebody@evil.example>')
    assert mailbox == ("office@urzad.example", "somebody@evil.example")


@given(st.binary(max_size=300))
def test_any_bytes_give_one_line_names_and_bare_addresses(value: bytes) -> None:
    for mailbox in mailboxes(value):
        assert "\n" not in mailbox.name
        assert "\r" not in mailbox.name
        assert not mailbox.address or address(mailbox.address) == mailbox.address
