"""A message centre in this process that writes down every octet, for tests of exact bytes and of failures.

The real one (npm ``smpp``) is tests/servers/smpp.py.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator

from connectors.smpp import pdu as wire
from connectors.smpp.pdu import Address, Pdu, Short

PASSWORD = "haslo-ab"


class FakeCentre:
    """``faults`` are what it does to the next submissions: a status to refuse with, ``cut``, ``silence``. ``backlog``
    is what it hands over before it answers the next one."""

    def __init__(self) -> None:
        self.submitted: list[bytes] = []
        self.faults: list[int | str] = []
        self.backlog: list[Short] = []
        self.bind_status = wire.OK
        self.throws_out = False
        self.binds = 0
        self.answers: dict[int, asyncio.Future[Pdu]] = {}
        self.heard: list[int] = []
        self.mute = False
        self._writers: list[asyncio.StreamWriter] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._sequence = 7000
        self._id = 0x1A2B3C

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        self._writers.append(writer)
        try:
            while True:
                head = await reader.readexactly(wire.HEADER)
                rest = await reader.readexactly(wire.announced(head) - wire.HEADER)
                self._handle(wire.decode(head + rest), writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self._writers.remove(writer)
            writer.close()

    def _handle(self, found: Pdu, writer: asyncio.StreamWriter) -> None:
        self.heard.append(found.command)
        if found.is_response:
            waiting = self.answers.pop(found.sequence, None)
            if waiting is not None and not waiting.done():
                waiting.set_result(found)
        elif found.command == wire.BIND_TRANSCEIVER:
            self.binds += 1
            self._write(writer, found, self.bind_status, b"centre\x00")
            if self.throws_out:
                writer.close()
        elif found.command == wire.SUBMIT_SM:
            self._submit(found, writer)
        elif not self.mute:
            self._write(writer, found, wire.OK, b"")

    def _submit(self, found: Pdu, writer: asyncio.StreamWriter) -> None:
        self.submitted.append(found.encoded())
        while self.backlog:
            self._hand_over(self.backlog.pop(0), writer)
        fault = self.faults.pop(0) if self.faults else wire.OK
        if fault == "cut":
            writer.transport.abort()
        elif isinstance(fault, int):
            self._id += 1
            body = f"{self._id:X}".encode() + b"\x00" if fault == wire.OK else b""
            self._write(writer, found, fault, body)

    def _write(self, writer: asyncio.StreamWriter, found: Pdu, status: int, body: bytes) -> None:
        answer = Pdu(command=found.command | wire.RESPONSE, status=status, sequence=found.sequence, body=body)
        writer.write(answer.encoded())

    async def deliver(self, short: Short, seconds: float = 1.0) -> int | None:
        """Hand a message over; the status that it was answered with, None where no answer came in time."""
        try:
            answer = await asyncio.wait_for(self._hand_over(short, self._writers[-1]), seconds)
        except TimeoutError:
            return None
        return answer.status

    def _hand_over(self, short: Short, writer: asyncio.StreamWriter) -> asyncio.Future[Pdu]:
        self._sequence += 1
        pdu = Pdu(command=wire.DELIVER_SM, sequence=self._sequence, body=wire.write_short(short))
        answer = self.answers[pdu.sequence] = asyncio.get_running_loop().create_future()
        writer.write(pdu.encoded())
        return answer

    def drop(self) -> None:
        """Cut every connection."""
        for writer in self._writers:
            writer.transport.abort()

    @property
    def connected(self) -> bool:
        """Whether somebody is there."""
        return bool(self._writers)


@contextlib.asynccontextmanager
async def centre(tls: ssl.SSLContext | None = None) -> AsyncIterator[tuple[FakeCentre, int]]:
    """A centre on a free port of loopback."""
    fake = FakeCentre()
    server = await asyncio.start_server(fake.serve, "127.0.0.1", 0, ssl=tls)
    try:
        yield fake, server.sockets[0].getsockname()[1]
    finally:
        server.close()
        fake.drop()


def short(text: bytes, *, coding: int = 0, source: str = "48600700800", ton: int = 1, esm: int = 0) -> Short:
    """A citizen's SMS as a centre writes it."""
    return Short(
        source=Address(digits=source, ton=ton, npi=1),
        destination=Address(digits="7055", npi=1),
        esm_class=esm,
        data_coding=coding,
        message=text,
    )


def receipt(name: str, stat: str = "DELIVRD") -> Short:
    """A delivery receipt (appendix B)."""
    text = f"id:{name} sub:001 dlvrd:001 submit date:2611101740 done date:2611101741 stat:{stat} err:000 text:Dzien"
    return short(text.encode(), esm=0x04)
