"""Delivery notices: those of RFC 3464 and the forms that ignore it, written after what mail systems "
"really send."""

from __future__ import annotations

from pathlib import Path

import pytest

from connectors.contract import Bounce, DeliveryReport, InboxId, Message, Micros, ParseContext
from connectors.email.normalise import parse

NOTICES = Path(__file__).parent / "notices"
CONTEXT = ParseContext(inbox=InboxId("kontakt"), now=Micros(1_794_000_000_000_000))

RETURNED = """\
Received: from hub.urzad.example by mx.urzad.example; Thu, 12 Nov 2026 10:12:00 +0100
From: Urząd <kontakt@urzad.example>
To: {to}
Subject: Odpowiedź w sprawie zasiłku
Message-ID: <m1.tokentoken@urzad.example>

Szanowny Panie, prosimy pisać na inny@urzad.example.
"""


PROSE: dict[str, list[tuple[str, str]]] = {
    "postfix": [("jan@wp.example", "5.1.1")],
    "qmail": [("jan@wp.example", "5.2.2")],
    "exim": [("jan@wp.example", "5.7.1")],
    "exim-warns": [("jan@wp.example", "4.0.0")],
    "sendmail": [("jan@wp.example", "5.1.1")],
    "gmail": [("jan@wp.example", "5.1.1")],
    "exchange-online": [("jan@wp.example", "5.1.10")],
    "exchange-polish": [("jan@wp.example", "5.1.1")],
    "polish-portal": [("jan@wp.example", "5.2.2")],
    "domino": [("jan@wp.example", "5.1.1")],
    "yahoo": [("jan@yahoo.example", "5.1.1")],
    "yandex": [("jan@ya.example", "5.7.1")],
    "courier": [("jan@wp.example", "5.1.1")],
    "two-of-them": [("jan@wp.example", "5.1.1"), ("ola@wp.example", "5.2.2")],
    "by-hand": [("jan@wp.example", "5.2.1")],
}
"""A file of ``notices/`` to the (address, status) that it tells of."""

COPY = b"Received: from hub.urzad.example"
"""Where the returned mail begins in each of them."""


@pytest.mark.parametrize("returned", [True, False], ids=["with copy", "alone"])
@pytest.mark.parametrize("name", PROSE)
def test_notice_in_prose(name: str, returned: bool) -> None:
    raw = (NOTICES / f"{name}.eml").read_bytes()
    [event] = parse(raw if returned else raw.partition(COPY)[0], CONTEXT)
    assert isinstance(event, Bounce)
    assert [(item.address, item.status) for item in event.recipients] == PROSE[name]
    assert {item.action for item in event.recipients} == {"delayed" if name == "exim-warns" else "failed"}
    assert event.target == ("m1.tokentoken@urzad.example" if returned else None)


def _report(*blocks: str, kind: str = "message/delivery-status", report: str = "delivery-status") -> bytes:
    fields = "\n\n".join(
        ("Reporting-MTA: dns; mx.example\nArrival-Date: Thu, 12 Nov 2026 10:12:00 +0100", *blocks)
    )
    return (
        "Return-Path: <>\nFrom: MAILER-DAEMON@mx.example\nTo: kontakt@urzad.example\nSubject: Notice\n"
        f'MIME-Version: 1.0\nContent-Type: multipart/report; report-type={report}; boundary="=b"\n\n--=b\n'
        f"Content-Type: text/plain\n\nA notice. Do not answer admin@mx.example.\n\n--=b\nContent-Type: "
        f"{kind}\n\n{fields}\n\n--=b\n"
        f"Content-Type: text/rfc822-headers\n\n{RETURNED.format(to='jan@wp.example')}\n--=b--\n"
    ).encode()


STANDARD = {
    "failed": (
        "Final-Recipient: rfc822; jan@wp.example\nAction: failed\nStatus: 5.1.1",
        "jan@wp.example",
        "5.1.1",
        "failed",
    ),
    "the original counts": (
        "Original-Recipient: rfc822;jan@alias.example\nFinal-Recipient: rfc822;j123@wp.example\nAction: "
        "failed\nStatus: 5.2.2",
        *("jan@alias.example", "5.2.2", "failed"),
    ),
    "delayed": (
        "Final-Recipient: rfc822; jan@wp.example\nAction: delayed\nStatus: 4.4.1",
        "jan@wp.example",
        "4.4.1",
        "delayed",
    ),
    "gave up": (
        "Final-Recipient: rfc822; jan@wp.example\nAction: failed\nStatus: 4.4.7",
        "jan@wp.example",
        "4.4.7",
        "failed",
    ),
    "the code is in the words": (
        "Final-Recipient: rfc822; jan@wp.example\nAction: failed\nStatus: 5.0.0\n"
        "Diagnostic-Code: smtp; 550-5.7.1 blocked,\n 550 5.7.1 go away",
        *("jan@wp.example", "5.7.1", "failed"),
    ),
    "no status at all": (
        "Final-Recipient: rfc822; <jan@wp.example>\nAction: failed (permanent)\nDiagnostic-Code: smtp; "
        "552 quota exceeded",
        *("jan@wp.example", "5.2.2", "failed"),
    ),
    "opensmtpd": (
        "Final-Recipient: rfc822; jan@wp.example\nAction: error\nStatus: 5.0.0",
        "jan@wp.example",
        "5.0.0",
        "failed",
    ),
    "no type": (
        "Final-Recipient: jan@wp.example\nAction: FAILED\nStatus: 5.1.1 (bad)",
        "jan@wp.example",
        "5.1.1",
        "failed",
    ),
}


@pytest.mark.parametrize(
    "kind", ["message/delivery-status", "Message/Delivery-Status; charset=utf-8", "text/delivery-status"]
)
@pytest.mark.parametrize("name", STANDARD)
def test_notice_by_the_standard(name: str, kind: str) -> None:
    block, address, status, action = STANDARD[name]
    [event] = parse(_report(block, kind=kind), CONTEXT)
    assert isinstance(event, Bounce)
    [found] = event.recipients
    assert (found.address, found.status, found.action) == (address, status, action)
    assert event.target == "m1.tokentoken@urzad.example"
    assert [attachment.filename for attachment in event.attachments] == ["delivery-status.txt", "headers.txt"]


def test_a_block_without_a_usable_recipient() -> None:
    """Some systems name a mailbox by its number; whom the mail that came back was for tells the rest."""
    [event] = parse(_report("Final-Recipient: LOCAL; 4711\nAction: failed\nStatus: 5.2.2"), CONTEXT)
    assert isinstance(event, Bounce)
    assert [item.address for item in event.recipients] == ["jan@wp.example"]


def test_several_recipients_and_each_once() -> None:
    blocks = [
        f"Final-Recipient: rfc822; {who}@wp.example\nAction: failed\nStatus: 5.1.1"
        for who in ("jan", "ola", "jan")
    ]
    [event] = parse(_report(*blocks), CONTEXT)
    assert isinstance(event, Bounce)
    assert [item.address for item in event.recipients] == ["jan@wp.example", "ola@wp.example"]


def test_some_failed_and_some_did_not() -> None:
    blocks = [
        "Final-Recipient: rfc822; ola@wp.example\nAction: delivered\nStatus: 2.0.0",
        "Final-Recipient: rfc822; jan@wp.example\nAction: failed\nStatus: 5.1.1",
    ]
    [event] = parse(_report(*blocks), CONTEXT)
    assert isinstance(event, Bounce)
    assert [item.address for item in event.recipients] == ["jan@wp.example"]


def test_a_success_notice_is_a_delivery() -> None:
    [event] = parse(
        _report("Final-Recipient: rfc822; jan@wp.example\nAction: relayed\nStatus: 2.0.0"), CONTEXT
    )
    assert isinstance(event, DeliveryReport)
    assert (event.state, event.target) == ("delivered", "m1.tokentoken@urzad.example")


def test_a_read_receipt() -> None:
    block = (
        "Final-Recipient: rfc822;jan@wp.example\nOriginal-Message-ID: <m1.tokentoken@urzad.example>\n"
        "Disposition: manual-action/MDN-sent-manually; displayed"
    )
    raw = _report(block, kind="message/disposition-notification", report="disposition-notification")
    [event] = parse(raw, CONTEXT)
    assert isinstance(event, DeliveryReport)
    assert (event.state, event.target) == ("read", "m1.tokentoken@urzad.example")


def test_a_mail_deleted_unread_is_a_report_and_no_read_receipt() -> None:
    block = (
        "Original-Message-ID: <m1@urzad.example>\n"
        "Disposition: automatic-action/MDN-sent-automatically; deleted"
    )
    raw = _report(block, kind="message/disposition-notification", report="disposition-notification")
    [event] = parse(raw, CONTEXT)
    assert isinstance(event, Message)
    assert event.automatic == "report"


def test_a_complaint_names_who_complained_and_about_what() -> None:
    block = "Feedback-Type: abuse\nUser-Agent: x\nVersion: 1\nOriginal-Rcpt-To: <jan@wp.example>"
    [event] = parse(_report(block, kind="message/feedback-report", report="feedback-report"), CONTEXT)
    assert isinstance(event, Message)
    assert event.automatic == "complaint"
    assert [item.address for item in event.complained] == ["jan@wp.example"]
    assert "mid:m1.tokentoken@urzad.example" in event.thread_keys
    assert event.target == "m1.tokentoken@urzad.example"


PEOPLE = {
    "asks about a parcel": (
        "Jan <jan@wp.example>",
        "Niedostarczona przesyłka",
        "Nie doręczono mi pisma z urzędu, co robić?",
    ),
    "quotes a notice": (
        *("Jan <jan@wp.example>", "Odp: zwrot poczty"),
        "Dostałem informację: <ola@wp.example>: 550 user unknown. Co to znaczy?",
    ),
    "means the postman": (
        *("Jan <jan@wp.example>", "Zwrot poczty poleconej"),
        "Listonosz zrobił zwrot, nie dostarczono mi decyzji. Proszę wysłać na anna@wp.example.",
    ),
    "names two addresses": (
        *("Jan <jan@wp.example>", "Re: Niedostarczona decyzja"),
        "Na jan2@wp.example nie dostarczono decyzji. Proszę na anna@wp.example.",
    ),
    "passes a notice on": (
        *("Jan <jan@wp.example>", "Fwd: Undelivered Mail Returned to Sender"),
        "Nie mogę wysłać wniosku, co robić?\n\n-------- Przekazana wiadomość --------\nTemat: Undelivered Mail\n\n"
        "This is the mail system at host mx.wp.example.\n\n<biuro@pup.example>: host mx said: 550 5.1.1 unknown",
    ),
    "answers a notice": (
        *("Jan <jan@wp.example>", "Re: Undelivered Mail Returned to Sender"),
        "Co to znaczy?\n\n-----Original Message-----\nFrom: MAILER-DAEMON@wp.example\n\n"
        "<biuro@pup.example>: host mx said: 550 5.1.1 unknown",
    ),
    "works as a postmaster": ("postmaster@firma.example", "Oferta", "Dzień dobry, szukamy pracownika."),
}


@pytest.mark.parametrize("name", PEOPLE)
def test_what_people_write_is_a_message(name: str) -> None:
    sender, subject, body = PEOPLE[name]
    raw = (
        f"From: {sender}\nTo: kontakt@urzad.example\nSubject: {subject}\nContent-Type: text/plain; "
        f"charset=utf-8\n\n{body}\n"
    )
    [event] = parse(raw.encode(), CONTEXT)
    assert isinstance(event, Message)
    assert event.automatic == "no" or not sender.startswith("Jan")


def test_a_notice_passed_on_with_its_parts_is_a_message() -> None:
    raw = _report("Final-Recipient: rfc822; jan@wp.example\nAction: failed\nStatus: 5.1.1")
    raw = raw.replace(b"multipart/report; report-type=delivery-status;", b"multipart/mixed;")
    raw = raw.replace(b"Return-Path: <>\nFrom: MAILER-DAEMON@mx.example", b"From: Jan <jan@wp.example>")
    [event] = parse(raw.replace(b"Subject: Notice", b"Subject: PD: Notice"), CONTEXT)
    assert isinstance(event, Message)
    assert event.automatic == "no"
    assert [attachment.filename for attachment in event.attachments] == ["delivery-status.txt", "headers.txt"]
