"""The door for the office's own mail server: LMTP, or SMTP without relaying. 250 is said only after the commit.

It is aiosmtpd's protocol in our own event loop, with the reading of DATA replaced: aiosmtpd reads line by line (a
third of a second without a pause for a large mail), refuses lines over 1,000 octets for good, which real mail has, and
gives one answer where LMTP wants one for each recipient (RFC 2033 section 4.2). Only CR LF . CR LF ends a mail: a
lone LF never does, so nothing can be smuggled behind a mail.

The recipients that the peer named may differ from the header fields, and only they bring the conversation's token back
for certain. They are put before the mail as ``Delivered-To`` (RFC 9228), the envelope's sender as ``Return-Path``
(RFC 5321 section 4.4; ``<>`` says that a machine wrote it): what any mail server adds at its last hop, and what a mail
read by IMAP has too.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import logging
import re
from collections.abc import AsyncIterator, Sequence
from typing import Any

from aiosmtpd.lmtp import LMTP
from aiosmtpd.smtp import SMTP

from connectors._failpoint import failpoint
from connectors._listening import bind
from connectors.contract import Env, Refused, fault, storable
from connectors.email.config import EmailConfig, Listen, is_address
from connectors.email.intake import Taker, keep
from connectors.email.peers import Peer

# It logs every address and every command.
logging.getLogger("mail.log").setLevel(logging.CRITICAL)

MOST_RECIPIENTS = 100
_PAUSE_EVERY = 100
_BLOCK = 1_000_000
_END = b".\r\n"

TOO_LARGE = "552 5.3.4 The message is larger than {limit} bytes"
BUSY = "452 4.3.1 Too much mail at once, try again later"
FAILED = "451 4.3.0 The message could not be stored, try again later"


@dataclasses.dataclass(kw_only=True)
class Door:
    """What the connections of one listener share. ``bytes_in_hand`` counts mails that are not answered yet."""

    taker: Taker
    address: str
    settings: Listen
    peer: Peer
    subaddressing: bool = True
    connections: set[_Connection] = dataclasses.field(default_factory=set)
    bytes_in_hand: int = 0

    @property
    def env(self) -> Env:
        return self.taker.env

    def accepts(self, recipient: str) -> bool:
        """Whether mail for a recipient belongs to this inbox."""
        local, _, domain = recipient.lower().rpartition("@")
        if self.subaddressing:
            local = local.partition("+")[0]
        own = {self.address.lower(), *(entry.lower() for entry in self.settings.recipients)}
        return f"{local}@{domain}" in own or f"@{domain}" in own

    async def store(self, mail: bytes) -> str:
        """Commit a mail; the line to answer."""
        try:
            failpoint("email.lmtp.received")
            await self.taker.take(await keep(mail, self.env))
            failpoint("email.lmtp.committed")
        except Refused as refusal:
            self.peer.down(self.env, "degraded", f"the hub takes nothing now: {refusal}")
            return f"451 4.3.0 {_one_line(str(refusal))}"
        except Exception as error:  # the peer keeps the mail and tries again
            self.peer.down(self.env, "degraded", f"storing failed: {type(error).__name__}")
            return FAILED
        self.peer.up(self.env)
        return "250 2.0.0 Taken"


def _one_line(text: str) -> str:
    """A reason that can stand on a reply line."""
    return " ".join(text.split())[:200] or "try again later"


class _Handler:
    """aiosmtpd's hooks: which recipients are taken."""

    def __init__(self, door: Door) -> None:
        self._door = door

    async def handle_RCPT(
        self, _server: Any, _session: Any, envelope: Any, address: str, options: list[str]
    ) -> str:
        if not is_address(address) or storable(address) != address:
            # Bytes that are no UTF-8 come as surrogates.
            return "553 5.1.3 The address cannot be read"
        if not self._door.accepts(address):
            return "550 5.1.1 Nobody of that name here"
        if len(envelope.rcpt_tos) >= MOST_RECIPIENTS:
            return "452 4.5.3 Too many recipients"
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(options)
        return "250 2.1.5 Recipient taken"

    async def handle_exception(self, error: Exception) -> str:
        self._door.env.log.error("listener failed", peer=self._door.peer.name, **fault(error))
        return FAILED


class _Connection(SMTP):
    """One connection. ``one_answer_each``: LMTP answers for each recipient."""

    one_answer_each = False

    def __init__(self, door: Door) -> None:
        self._door = door
        super().__init__(
            _Handler(door),
            data_size_limit=door.settings.max_bytes,
            enable_SMTPUTF8=True,
            # Without a name aiosmtpd asks the resolver, for each connection, and waits for it.
            hostname=door.address.rpartition("@")[2],
            ident="Centrala",
            timeout=door.settings.idle_seconds,
            auth_exclude_mechanism=("LOGIN", "PLAIN"),
            loop=asyncio.get_running_loop(),
        )

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._door.connections.add(self)
        super().connection_made(transport)

    def connection_lost(self, error: Exception | None) -> None:
        self._door.connections.discard(self)
        super().connection_lost(error)

    def abort(self) -> None:
        """Close the socket now; a mail in hand stays with the peer or is in already."""
        if isinstance(self.transport, asyncio.WriteTransport):
            self.transport.abort()

    async def _handle_client(self) -> None:
        if len(self._door.connections) > self._door.settings.connections:
            await self.push("421 4.3.2 Too many connections, try again later")
            self._writer.close()
            return
        await super()._handle_client()

    async def smtp_DATA(self, arg: str | None) -> None:
        if await self.check_helo_needed():
            return
        envelope: Any = self.envelope
        if not envelope.rcpt_tos:
            await self.push("503 5.5.1 RCPT comes first")
            return
        if arg:
            await self.push("501 5.5.4 DATA takes no argument")
            return
        await self.push("354 End with a dot on a line of its own")
        fields = _envelope_fields(envelope.mail_from, envelope.rcpt_tos)
        async with self._read_mail(fields) as (content, refusal):
            answer = refusal or await self._door.store(content)
        self.envelope = self._create_envelope()
        times = len(envelope.rcpt_tos) if self.one_answer_each else 1
        await self.push("\r\n".join([answer] * times))
        failpoint("email.lmtp.answered")

    @contextlib.asynccontextmanager
    async def _read_mail(self, fields: bytes) -> AsyncIterator[tuple[bytes, str]]:
        """``fields`` and the mail, or nothing and why it is refused; counted as in hand for the length of the block."""
        counted = 0
        # The line break before the first line is the one of the DATA command.
        kept, tail, refusal, number = [bytearray(fields)], b"\r\n", "", 0
        try:
            while tail != b"\r\n" + _END:
                piece = await self._piece()
                self._reset_timeout()
                if not refusal:
                    counted += len(piece)
                    self._door.bytes_in_hand += len(piece)
                    _keep(kept, _unstuffed(tail, piece))
                    if refusal := self._too_much(counted):
                        kept[:] = [bytearray()]
                tail = (tail + piece[-5:])[-5:]
                number += 1
                if number % _PAUSE_EVERY == 0:
                    await asyncio.sleep(0)  # what is buffered is read without a pause otherwise
            # Without its dot the end mark is an empty line, whole within the last piece.
            del kept[-1][-2:]
            yield b"" if refusal else b"".join(kept), refusal
        finally:
            self._door.bytes_in_hand -= counted

    async def _piece(self) -> bytes:
        """Up to the next dot that ends a line, or what fits into the buffer."""
        try:
            return bytes(await self._reader.readuntil(_END))
        except asyncio.LimitOverrunError as full:
            return bytes(await self._reader.readexactly(full.consumed))

    def _too_much(self, size: int) -> str:
        if size > self._door.settings.max_bytes:
            return TOO_LARGE.format(limit=self._door.settings.max_bytes)
        if self._door.bytes_in_hand > self._door.settings.memory_bytes:
            return BUSY
        return ""


class _LmtpConnection(_Connection, LMTP):
    one_answer_each = True


def _keep(kept: list[bytearray], piece: bytes) -> None:
    """Gather pieces in blocks: one block for all would be moved about as it grows, one for each would be too many."""
    if len(kept[-1]) > _BLOCK:
        kept.append(bytearray())
    kept[-1] += piece


def _unstuffed(tail: bytes, piece: bytes) -> bytes:
    """A piece of a mail without the dots that protected lines (RFC 5321 section 4.5.2); ``tail`` is what came before.

    Piece by piece, because a search through a whole large mail would hold up everything else.
    """
    if tail.endswith(b"\r\n") and piece.startswith(b"."):
        piece = piece[1:]
    elif tail.endswith(b"\r") and piece.startswith(b"\n."):
        piece = b"\n" + piece[2:]
    return piece.replace(b"\r\n.", b"\r\n")


def _envelope_fields(sender: str, recipients: Sequence[str]) -> bytes:
    """The envelope as header fields that go before the mail. The sender may be anything but several lines."""
    sender = "" if sender == "<>" else re.sub(r"[\x00-\x1f\x7f<>]", "", sender)
    lines = [f"Return-Path: <{sender}>"]
    lines += [f"Delivered-To: {recipient}" for recipient in recipients]
    return "".join(f"{line}\r\n" for line in lines).encode("utf-8", "surrogateescape")


@contextlib.asynccontextmanager
async def listening(config: EmailConfig, settings: Listen, taker: Taker, peer: Peer) -> AsyncIterator[int]:
    """Listen for the length of the block and give the port; at its end every socket is closed at once.

    Raises OSError when the port cannot be had.
    """
    door = Door(
        taker=taker,
        address=config.address,
        settings=settings,
        peer=peer,
        subaddressing=config.subaddressing,
    )
    connection = _LmtpConnection if settings.protocol == "lmtp" else _Connection
    loop = asyncio.get_running_loop()
    bound = await asyncio.to_thread(bind, settings.host, settings.port)
    port = bound[0].getsockname()[1]
    servers = [await loop.create_server(lambda: connection(door), sock=one) for one in bound]
    peer.up(taker.env)
    try:
        yield port
    finally:
        for server in servers:
            server.close()
        for open_connection in tuple(door.connections):
            open_connection.abort()
