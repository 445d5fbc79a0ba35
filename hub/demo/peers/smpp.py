"""A message centre that speaks SMPP 3.4 to one account: binds, ``submit_sm``, reports, messages of citizens.

By the specification "Short Message Peer to Peer Protocol v3.4" (issue 1.2); numbers in brackets are its chapters, and
the header of parts is that of 3GPP TS 23.040, 9.2.3.24. It imports nothing of the hub, has octets of its own, and keeps
a ledger of what it took. What it has for the account waits until that is bound and is told again until it is accepted.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import itertools
import struct

from hub.demo.peers.tcp import TcpPeer

HEADER = struct.Struct("!IIII")
LONGEST = 70_000

RESPONSE = 0x80000000
GENERIC_NACK, SUBMIT_SM, DELIVER_SM, UNBIND, ENQUIRE_LINK = 0x80000000, 0x04, 0x05, 0x06, 0x15
BINDS = (0x01, 0x02, 0x09)
RECEIVING = (0x01, 0x09)
"""Binds of those who take messages: as a receiver and as a transceiver (4.1)."""

INVALID_LENGTH, INVALID_COMMAND, NOT_BOUND, ALREADY_BOUND = 0x02, 0x03, 0x04, 0x05
INVALID_DESTINATION, INVALID_PASSWORD, INVALID_SYSTEM_ID = 0x0B, 0x0E, 0x0F

UDHI, RECEIPT = 0x40, 0x04
"""Of esm_class: the text begins with a header; it is a delivery report (5.2.12)."""

INTERNATIONAL, ISDN = 1, 1
PAYLOAD = 0x0424
PART_OCTETS = {0: 153, 8: 134}
WHOLE_OCTETS = {0: 160, 8: 140}

BASIC = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ\x1bÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
MORE = {0x14: "^", 0x28: "{", 0x29: "}", 0x2F: "\\", 0x3C: "[", 0x3D: "~", 0x3E: "]", 0x40: "|", 0x65: "€"}
"""The alphabet of data_coding 0 and what stands behind an escape in it (3GPP TS 23.038, 6.2.1)."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Taken:
    """One message of the account, its parts put together. ``ids`` are what the centre called them."""

    ids: tuple[str, ...]
    sender: str
    to: str
    text: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Short:
    """What of a ``submit_sm`` counts here (4.4.1)."""

    sender: str
    to: str
    esm_class: int
    registered: int
    coding: int
    message: bytes


class SmppPeer(TcpPeer[Taken]):
    """The centre. ``port`` is known once it is :meth:`open`. ``seconds`` pass before a report.

    ``stat`` is how messages end (``DELIVRD``, ``UNDELIV``, …), None for no report; ``refuses`` a status for every
    ``submit_sm``; ``first`` the number that ids begin with.
    """

    def __init__(
        self,
        *,
        system_id: str,
        password: str,
        number: str = "48123123123",
        seconds: float = 0.0,
        first: int = 1,
    ) -> None:
        super().__init__()
        self.refused: list[int] = []
        self.stat: str | None = "DELIVRD"
        self.refuses = 0
        self._login = (system_id, password)
        self._number = number
        self._seconds = seconds
        self._ids = itertools.count(first)
        self._references = itertools.count(first)
        self._parts: dict[tuple[str, str, int], dict[int, tuple[str, bytes]]] = {}
        self._bound: _Line | None = None

    async def writes(self, sender: str, text: str) -> None:
        """A citizen's SMS, in as many parts as it needs; returns once the account has taken all of them."""
        coding, octets = encoded(text)
        for esm_class, part in split(octets, coding, next(self._references) % 256):
            await self._deliver(sender, self._number, esm_class, coding, part)

    # --- the account -----------------------------------------------------------------------------------------------

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        line = _Line(reader, writer)
        try:
            while True:
                await self._handle(line, *await line.read())
        except (asyncio.IncompleteReadError, ConnectionError, ValueError):
            pass  # they hung up, or do not speak SMPP
        finally:
            line.end()
            if self._bound is line:
                self._bound = None

    async def _handle(self, line: _Line, command: int, status: int, sequence: int, body: bytes) -> None:
        if command & RESPONSE:
            line.answered(sequence, status)
        elif command in BINDS:
            await self._bind(line, command, sequence, body)
        elif command == ENQUIRE_LINK:
            line.write(command | RESPONSE, 0, sequence)
        elif command == UNBIND:
            line.write(command | RESPONSE, 0, sequence)
            raise ConnectionError("unbound")
        elif command == SUBMIT_SM and line.bound:
            await self._submit(line, sequence, body)
        elif command == SUBMIT_SM:
            line.write(command | RESPONSE, NOT_BOUND, sequence)
        else:
            line.write(GENERIC_NACK, INVALID_COMMAND, sequence)

    async def _bind(self, line: _Line, command: int, sequence: int, body: bytes) -> None:
        """A bind (4.1.1). One that is refused is answered without a body, as many centres do."""
        system_id, password = (part.decode("latin-1") for part in body.split(b"\x00", 2)[:2])
        known, secret = self._login
        wrong = INVALID_SYSTEM_ID if system_id != known else INVALID_PASSWORD if password != secret else 0
        status = ALREADY_BOUND if line.bound else wrong
        line.write(command | RESPONSE, status, sequence, b"" if status else b"centre\x00")
        if status:
            self.refused.append(status)
            return
        line.bound = True
        async with self._changed:
            if command in RECEIVING:
                self._bound = line
            self._changed.notify_all()

    async def _submit(self, line: _Line, sequence: int, body: bytes) -> None:
        try:
            short = _read(body)
        except (IndexError, ValueError):
            line.write(SUBMIT_SM | RESPONSE, INVALID_LENGTH, sequence)
            return
        status = self.refuses or (0 if short.to.isdigit() else INVALID_DESTINATION)
        if status:
            line.write(SUBMIT_SM | RESPONSE, status, sequence)
            return
        known = f"{next(self._ids):08X}"
        line.write(SUBMIT_SM | RESPONSE, 0, sequence, known.encode() + b"\x00")
        await self._keep(short, known)
        if short.registered & 3 and self.stat is not None:
            self._later(self._report(short, known, self.stat))

    async def _keep(self, short: _Short, known: str) -> None:
        """Put a message into the ledger, a long one when its last part is there."""
        reference, total, number, octets = _part(short)
        parts = self._parts.setdefault((short.sender, short.to, reference), {}) if total > 1 else {}
        parts[number] = (known, octets)
        if len(parts) < total:
            return
        self._parts.pop((short.sender, short.to, reference), None)
        ordered = [parts[n] for n in sorted(parts)]
        text = decoded(short.coding, b"".join(octets for _, octets in ordered))
        ids = tuple(known for known, _ in ordered)
        await self._took(Taken(ids=ids, sender=short.sender, to=short.to, text=text))

    # --- towards the account ---------------------------------------------------------------------------------------

    async def _report(self, short: _Short, known: str, stat: str) -> None:
        """A delivery report in the usual form (appendix B). Its id is decimal, where the response gave it in hex."""
        await asyncio.sleep(self._seconds)
        done = "001" if stat == "DELIVRD" else "000"
        text = (
            f"id:{int(known, 16):010d} sub:001 dlvrd:{done} submit date:2611160900 done date:2611160901 "
            f"stat:{stat} err:000 text:"
        )
        await self._deliver(short.to, short.sender, RECEIPT, 0, text.encode())

    async def _deliver(self, source: str, to: str, esm_class: int, coding: int, octets: bytes) -> None:
        """A ``deliver_sm`` (4.6.1), again until the account accepts it."""
        body = _written(source, to, esm_class, coding, octets)
        while True:
            async with self._changed:
                await self._changed.wait_for(lambda: self._bound is not None)
                line = self._bound
            if line is not None and await line.ask(DELIVER_SM, body) == 0:
                return
            await asyncio.sleep(0.2)


class _Line:
    """One connection: PDUs in and out, and the answers to what was asked (3.2)."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.bound = False
        self._reader = reader
        self._writer = writer
        self._sequence = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[int]] = {}

    async def read(self) -> tuple[int, int, int, bytes]:
        """Command, status, sequence number and body of the next PDU. Raises ValueError for a length that cannot be."""
        length, command, status, sequence = HEADER.unpack(await self._reader.readexactly(HEADER.size))
        if not HEADER.size <= length <= LONGEST:
            raise ValueError("no PDU is so long")
        return command, status, sequence, await self._reader.readexactly(length - HEADER.size)

    def write(self, command: int, status: int, sequence: int, body: bytes = b"") -> None:
        """One PDU; nothing happens on a line that is gone."""
        with contextlib.suppress(RuntimeError, OSError):
            self._writer.write(HEADER.pack(HEADER.size + len(body), command, status, sequence) + body)

    async def ask(self, command: int, body: bytes) -> int:
        """A request; the status of its answer, -1 where the line broke."""
        sequence = next(self._sequence)
        answer: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._waiting[sequence] = answer
        self.write(command, 0, sequence, body)
        return await answer

    def answered(self, sequence: int, status: int) -> None:
        """An answer came."""
        waiting = self._waiting.pop(sequence, None)
        if waiting is not None and not waiting.done():
            waiting.set_result(status)

    def end(self) -> None:
        """The line is gone; who waits learns that nothing comes."""
        self._writer.close()
        for waiting in self._waiting.values():
            if not waiting.done():
                waiting.set_result(-1)


# --- octets ------------------------------------------------------------------------------------------------------


def encoded(text: str) -> tuple[int, bytes]:
    """data_coding and octets of a text: the short alphabet where it suffices, else UCS-2 (5.2.19)."""
    escaped = {char: bytes((0x1B, code)) for code, char in MORE.items()}
    short = [escaped.get(char) or (bytes((BASIC.index(char),)) if char in BASIC else b"") for char in text]
    return (0, b"".join(short)) if all(short) else (8, text.encode("utf-16-be"))


def decoded(coding: int, octets: bytes) -> str:
    """The text behind octets of the short alphabet, of Latin 1 (3) or of UCS-2 (8)."""
    if coding == 8:
        return octets.decode("utf-16-be", "replace")
    if coding == 3:
        return octets.decode("latin-1")
    found, escape = "", False
    for octet in octets:
        if octet == 0x1B and not escape:
            escape = True
            continue
        found += MORE.get(octet, "?") if escape else BASIC[octet & 0x7F]
        escape = False
    return found


def split(octets: bytes, coding: int, reference: int) -> list[tuple[int, bytes]]:
    """esm_class and octets of each part of a message."""
    if len(octets) <= WHOLE_OCTETS[coding]:
        return [(0, octets)]
    size = PART_OCTETS[coding]
    parts = [octets[at : at + size] for at in range(0, len(octets), size)]
    return [
        (UDHI, bytes((5, 0, 3, reference, len(parts), number)) + part) for number, part in enumerate(parts, 1)
    ]


def _part(short: _Short) -> tuple[int, int, int, bytes]:
    """Reference, number of parts, number of this one, and its text."""
    message = short.message
    if not short.esm_class & UDHI:
        return 0, 1, 1, message
    header, text = message[1 : 1 + message[0]], message[1 + message[0] :]
    if header[:2] == b"\x00\x03":
        return header[2], header[3], header[4], text
    if header[:2] == b"\x08\x04":
        return int.from_bytes(header[2:4], "big"), header[4], header[5], text
    return 0, 1, 1, text


def _read(body: bytes) -> _Short:
    """A ``submit_sm`` (4.4.1). Raises IndexError, ValueError for one that is cut off."""
    at = 0

    def text() -> str:
        nonlocal at
        end = body.index(b"\x00", at)
        found, at = body[at:end].decode("latin-1"), end + 1
        return found

    def octet() -> int:
        nonlocal at
        at += 1
        return body[at - 1]

    def address() -> str:
        octet(), octet()
        return text()

    text()
    sender, to = address(), address()
    esm_class, _, _ = octet(), octet(), octet()
    text(), text()
    registered, _, coding, _ = octet(), octet(), octet(), octet()
    length = octet()
    message, at = body[at : at + length], at + length
    while not message and at + 4 <= len(body):
        tag, size = struct.unpack_from("!HH", body, at)
        message, at = (body[at + 4 : at + 4 + size] if tag == PAYLOAD else b""), at + 4 + size
    return _Short(
        sender=sender, to=to, esm_class=esm_class, registered=registered, coding=coding, message=message
    )


def _written(source: str, to: str, esm_class: int, coding: int, octets: bytes) -> bytes:
    kind = bytes((INTERNATIONAL, ISDN))
    addresses = b"\x00" + kind + source.encode() + b"\x00" + kind + to.encode() + b"\x00"
    return addresses + bytes((esm_class, 0, 0)) + b"\x00\x00" + bytes((0, 0, coding, 0, len(octets))) + octets
