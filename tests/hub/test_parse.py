"""What ``centrala parse`` prints: the keys that scripts rely on, for every kind of event."""

from __future__ import annotations

import json

import pytest

from connectors.contract import (
    Attachment,
    Bounce,
    BouncedRecipient,
    CallbackChange,
    DeliveryReport,
    Inbound,
    InboxId,
    Message,
    Micros,
    Party,
    PostReport,
    Recipient,
    ThreadKey,
    Unknown,
)
from hub.parse import as_line, describe

KEYS = {
    *(
        "channel",
        "kind",
        "external_id",
        "thread",
        "sender",
        "recipients",
        "subject",
        "text",
        "full_text",
        "html",
    ),
    *("automatic", "attachments", "sent_at", "source"),
}
INBOX = InboxId("kontakt")
JAN = Party(kind="email", address="jan@example.pl", name="Jan")

EVENTS: list[Inbound] = [
    Message(inbox=INBOX, sender=JAN),
    Bounce(inbox=INBOX, recipients=()),
    DeliveryReport(inbox=INBOX, state="delivered", target="x"),
    PostReport(inbox=INBOX, sender=JAN, version=1, reason="spam", target="3"),
    CallbackChange(inbox=INBOX, action="cancel", target="3"),
    Unknown(inbox=INBOX, sender=JAN, what="sticker"),
]


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: type(event).__name__)
def test_every_kind_has_every_key_and_is_plain_json(event: Inbound) -> None:
    described = describe("email", event, "a.eml")
    assert set(described) >= KEYS
    assert json.loads(json.dumps(described)) == described
    assert set(described["sender"]) == {"address", "name"}
    assert (described["source"], described["channel"]) == ("a.eml", "email")


def test_a_line_is_one_line_to_every_reader() -> None:
    text = "a\u2028b\u2029c\x85d\ne\rf\x1cg\x0bh łódź"
    line = as_line(describe("email", Unknown(inbox=INBOX, sender=JAN, what="x", text=text), "-"))
    assert len(line.decode().splitlines()) == 1
    assert json.loads(line)["text"] == text
    assert "łódź".encode() in line


def test_a_message() -> None:
    described = describe(
        "email",
        Message(
            inbox=INBOX,
            external_id="e1",
            sender=JAN,
            recipients=(Recipient(address="kontakt@urzad.example", name="Urząd"),),
            subject="Sprawa",
            text="Tak",
            full_text="Tak\n> Czy?",
            html="<p>Tak</p>",
            attachments=(
                Attachment(
                    filename="a.pdf", content_type="application/pdf", size=1, sha256="ff", content=b"x"
                ),
            ),
            thread_keys=(ThreadKey("mid:a@b"),),
            sent_at=Micros(5),
            automatic="list",
        ),
        "-",
    )
    assert {key: described[key] for key in KEYS} == {
        "source": "-",
        "channel": "email",
        "kind": "message",
        "external_id": "e1",
        "thread": ["mid:a@b"],
        "sender": {"address": "jan@example.pl", "name": "Jan"},
        "recipients": ["kontakt@urzad.example"],
        "subject": "Sprawa",
        "text": "Tak",
        "full_text": "Tak\n> Czy?",
        "html": "<p>Tak</p>",
        "automatic": "list",
        "attachments": [{"filename": "a.pdf", "content_type": "application/pdf", "size": 1, "sha256": "ff"}],
        "sent_at": 5,
    }


def test_a_bounce() -> None:
    described = describe(
        "email",
        Bounce(
            inbox=INBOX,
            target="m1@urzad.example",
            recipients=(BouncedRecipient(address="jan@example.pl", status="5.1.1"),),
            text="No such user",
        ),
        "b.eml",
    )
    assert described["kind"] == described["automatic"] == "bounce"
    assert described["full_text"] == "No such user"
    assert described["bounce"] == {
        "recipients": [{"address": "jan@example.pl", "status": "5.1.1", "action": "failed"}],
        "original_message_id": "m1@urzad.example",
    }
