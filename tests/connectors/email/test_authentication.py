"""What a receiving server's stamp proves about a sender, and what it does not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.contract import InboxId, Message, Micros, ParseContext
from connectors.email.authentication import aligned, proven, read
from connectors.email.normalise import parse

SERVER = "mx.infolinia.example"
OFFICE = "lomza.praca.gov.pl"


@pytest.mark.parametrize(
    ("results", "proof"),
    [
        (f"dmarc=pass header.from={OFFICE}", True),
        (f"dkim=pass header.d={OFFICE} header.s=2026", True),
        (f"dkim=pass (2048-bit; key) header.i=@{OFFICE}", True),
        ("dkim=pass header.d=praca.gov.pl", True),
        (f"spf=pass smtp.mailfrom=urzad@{OFFICE}", True),
        (f'spf=pass smtp.mailfrom="urzad@{OFFICE}"', True),
        (f"SPF=Pass SMTP.MailFrom={OFFICE.upper()}", True),
        # A stranger's own domain passes every check; it says nothing about the office's.
        ("spf=pass smtp.mailfrom=zly@obcy.example; dkim=pass header.d=obcy.example", False),
        (f"spf=pass smtp.mailfrom=zly@nie{OFFICE}", False),
        ("dmarc=pass header.from=obcy.example", False),
        (f"dmarc=fail header.from={OFFICE}; dkim=pass header.d={OFFICE}", False),
        (f"spf=softfail smtp.mailfrom={OFFICE}; dkim=pass header.d={OFFICE}", False),
        (f"dkim=fail header.d={OFFICE}; spf=pass smtp.mailfrom={OFFICE}", False),
        (f"spf=none smtp.mailfrom={OFFICE}; dkim=none; dmarc=none", False),
        (f"spf=neutral smtp.mailfrom={OFFICE}", False),
        (f"x-own=pass header.d={OFFICE}", False),
        ("none", False),
        ("dkim=pass header.d=pl", False),
        # What stands in a comment or inside quotes was not said by the server.
        (f"spf=none (dkim=pass; header.d={OFFICE})", False),
        (f'dkim=none reason="; dkim=pass header.d={OFFICE}"', False),
    ],
)
def test_what_is_proven(results: str, proof: bool) -> None:
    assert proven([f"{SERVER}; {results}".encode()], SERVER, OFFICE) is proof


def test_only_our_own_server_is_believed() -> None:
    stranger = f"mx.obcy.example; dmarc=pass header.from={OFFICE}".encode()
    assert proven([stranger], SERVER, OFFICE) is False
    assert proven([], SERVER, OFFICE) is False
    assert proven([stranger], "", OFFICE) is None
    ours = f"{SERVER} 1 (a comment); dkim=pass header.d={OFFICE}".encode()
    assert proven([stranger, ours], SERVER, OFFICE) is True
    assert proven([ours, f"{SERVER}; spf=fail smtp.mailfrom=x@{OFFICE}".encode()], SERVER, OFFICE) is False


def test_domains_above_and_below_count() -> None:
    assert aligned("praca.gov.pl", OFFICE)
    assert aligned("mail.lomza.praca.gov.pl", OFFICE)
    assert not aligned("suwalki.praca.gov.pl", OFFICE)
    assert not aligned("", "")


@given(st.binary(max_size=300), st.text(max_size=30))
def test_nothing_breaks_it(value: bytes, server: str) -> None:
    list(read(value, server))
    list(read(SERVER.encode() + b";" + value, SERVER))


@pytest.mark.parametrize(
    ("head", "receiver", "proof"),
    [
        (f"Authentication-Results: {SERVER};\r\n dkim=pass header.d={OFFICE}\r\n", SERVER, True),
        (f"Authentication-Results: {SERVER};\r\n dkim=fail header.d={OFFICE}\r\n", SERVER, False),
        ("", SERVER, False),
        (f"Authentication-Results: {SERVER};\r\n dkim=fail header.d={OFFICE}\r\n", "", None),
    ],
)
def test_a_mail_carries_the_finding(head: str, receiver: str, proof: bool | None) -> None:
    raw = f"{head}From: PUP <urzad@{OFFICE}>\r\nSubject: Odp\r\n\r\nOdpowiedź\r\n".encode()
    [message] = parse(raw, ParseContext(inbox=InboxId("kontakt"), now=Micros(0), receiver=receiver))
    assert isinstance(message, Message)
    assert message.authenticated is proof


def test_two_senders_prove_nothing() -> None:
    raw = (
        f"Authentication-Results: {SERVER}; dmarc=pass header.from={OFFICE}\r\n"
        f"From: urzad@{OFFICE}, zly@obcy.example\r\n\r\nOdpowiedź\r\n"
    ).encode()
    [message] = parse(raw, ParseContext(inbox=InboxId("kontakt"), now=Micros(0), receiver=SERVER))
    assert isinstance(message, Message)
    assert message.authenticated is False
