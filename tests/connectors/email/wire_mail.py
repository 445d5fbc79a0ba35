"""Mails and a parser that is just enough to follow them through the wire."""

from __future__ import annotations

import asyncio
import contextlib
import email
import email.policy
import hashlib
from collections.abc import AsyncIterator

from connectors.contract import Inbound, Message, ParseContext, Party, Recipient
from connectors.email.connector import EmailConnector
from tests.contract.world import Ledger


def mail(number: int, text: str = "Dzień dobry", subject: str = "Sprawa") -> bytes:
    """A mail that is told from others by its number."""
    return (
        f"From: Jan Testowy <jan{number}@example.org>\r\nTo: kontakt@example.pl\r\n"
        f"Subject: {subject} {number}\r\nMessage-ID: <m{number}@example.org>\r\n"
        f"Content-Type: text/plain; charset=utf-8\r\n\r\n{text} {number}\r\n"
    ).encode()


def parse_simply(raw: bytes, context: ParseContext) -> list[Inbound]:
    """Subject, sender and body; a mail that holds the word ``poison`` makes it fail."""
    if b"poison" in raw:
        raise ValueError("poison")
    message = email.message_from_bytes(raw, policy=email.policy.default)
    identity = hashlib.sha256(f"{message['Message-ID']}".encode() + raw.partition(b"\r\n\r\n")[2]).hexdigest()
    recipients = [str(value) for name in ("Delivered-To", "To") for value in message.get_all(name, [])]
    return [
        Message(
            inbox=context.inbox,
            external_id=identity,
            received_at=context.now,
            sender=Party(kind="email", address=str(message["From"]).partition("<")[2].rstrip(">")),
            recipients=tuple(Recipient(address=address) for address in recipients),
            subject=str(message["Subject"]),
            text=raw.partition(b"\r\n\r\n")[2].decode("utf-8", "replace"),
            automatic="bounce" if message["Return-Path"] == "<>" else "no",
        )
    ]


def subjects(ledger: Ledger) -> list[str]:
    """The subjects of what was committed, sorted."""
    return sorted(event.subject for event in ledger.events if isinstance(event, Message))


@contextlib.asynccontextmanager
async def running(connector: EmailConnector, ledger: Ledger) -> AsyncIterator[asyncio.Task[None]]:
    """The connector at work for the length of the block."""
    task = asyncio.create_task(connector.run(ledger))
    try:
        yield task
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
