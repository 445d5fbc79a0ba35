"""The citizens' mail server: an SMTP server on loopback that takes what the hub sends and puts it into the ledger."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

from aiosmtpd.smtp import SMTP, Envelope, Session

from connectors.contract import Clock
from hub.demo.letters import Letter, Letters, read_mail

NOBODY = "nie-istnieje.example"
"""Mail to this domain is refused, as a mail server refuses an address with a slip of the pen."""

REFUSAL = "550 5.1.1 Nie ma takiego adresu"


class _Handler:
    """aiosmtpd's hooks; the names are its own."""

    def __init__(self, letters: Letters, clock: Clock) -> None:
        self._letters = letters
        self._clock = clock

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if address.lower().endswith(f"@{NOBODY}"):
            at, to = self._clock.now(), address.lower()
            self._letters.add(Letter(at=at, way="email", to=to, subject="", text="", refused=REFUSAL))
            return REFUSAL
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        content = envelope.original_content or b""
        for recipient in envelope.rcpt_tos:
            self._letters.add(read_mail(content, recipient, self._clock.now()))
        return "250 OK"


@contextlib.asynccontextmanager
async def mail_server(port: int, letters: Letters, clock: Clock) -> AsyncIterator[None]:
    """Listen for the length of the block. Raises OSError when the port cannot be had."""
    loop = asyncio.get_running_loop()
    handler = _Handler(letters, clock)

    def connection() -> SMTP:
        # With a name of its own it does not ask the resolver for one.
        return SMTP(handler, hostname="poczta.example", enable_SMTPUTF8=True, loop=loop)

    server = await loop.create_server(connection, "127.0.0.1", port)
    try:
        yield
    finally:
        server.close()
