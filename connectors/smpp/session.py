"""One bound SMPP connection: requests within a window, the link kept alive, what comes in handed on.

A session ends by an exception, and its owner opens another: :class:`LinkLost` when the connection broke or fell
silent, :class:`BindRefused` when the centre did not let us in.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from typing import Any

from connectors.contract import Clock
from connectors.smpp import pdu as wire
from connectors.smpp.pdu import BadPdu, Pdu
from connectors.smpp.settings import Settings

INBOUND = 50
"""Messages of the centre in hand at once; more stay on the wire."""

Handler = Callable[[Pdu], Awaitable[int]]
"""Takes a ``deliver_sm`` or ``data_sm`` and returns the status of its answer, after the commit."""


class LinkLost(ConnectionError):
    """The connection is gone. ``sent``: the request may have left before, so that nobody knows what came of it."""

    def __init__(self, why: str, *, sent: bool = False) -> None:
        super().__init__(why)
        self.sent = sent


class WindowFull(Exception):
    """So many requests wait for their answer that this one was not sent."""


class BindRefused(Exception):
    """The centre does not let us in; ``status`` is its command_status."""

    def __init__(self, status: int) -> None:
        super().__init__(f"the message centre refused the bind with status {status:#06x}")
        self.status = status

    @property
    def credentials(self) -> bool:
        """Whether name or password are wrong."""
        return self.status in (wire.INVALID_PASSWORD, wire.INVALID_SYSTEM_ID, wire.BIND_FAILED)


class Session:
    """Use :func:`opened`. ``run`` reads until the link is lost; ``ask`` sends requests meanwhile."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, settings: Settings, clock: Clock
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._settings = settings
        self._clock = clock
        self._sequence = 0
        self._waiting: dict[int, asyncio.Future[Pdu]] = {}
        self._window = asyncio.Semaphore(settings.window)
        self._inbound = asyncio.Semaphore(INBOUND)
        self._tasks: set[asyncio.Task[None]] = set()
        self._heard = clock.monotonic()
        self._lost = False

    async def bind(self) -> None:
        """As a transceiver. Raises BindRefused, LinkLost."""
        settings = self._settings
        body = wire.write_bind(
            settings.system_id, settings.password.reveal(), settings.system_type, settings.address_range
        )
        number = self._next()
        self._write(Pdu(command=wire.BIND_TRANSCEIVER, sequence=number, body=body))
        try:
            async with asyncio.timeout(settings.timeout_seconds):
                answer = await self._read()
        except TimeoutError as error:
            raise LinkLost("the message centre did not answer the bind") from error
        # Some centres answer a bind that they refuse with a generic_nack, or without a body.
        if answer.status != wire.OK:
            raise BindRefused(answer.status)

    async def run(self, take: Handler) -> None:
        """Read until the link is lost, which is raised as LinkLost."""
        keeper = asyncio.create_task(self._keep_alive(), name="smpp-enquire-link")
        try:
            while True:
                await self._handle(await self._read(), take)
        finally:
            keeper.cancel()

    async def ask(self, command: int, body: bytes) -> Pdu:
        """One request within the window, and its answer. Raises LinkLost, WindowFull."""
        try:
            async with asyncio.timeout(self._settings.timeout_seconds):
                await self._window.acquire()
        except TimeoutError as error:
            raise WindowFull("no request of the window was answered in time") from error
        try:
            if self._lost:
                raise LinkLost("the link is lost")
            return await self._ask(command, body)
        finally:
            self._window.release()

    async def _ask(self, command: int, body: bytes) -> Pdu:
        number = self._next()
        answer: asyncio.Future[Pdu] = asyncio.get_running_loop().create_future()
        self._waiting[number] = answer
        try:
            self._write(Pdu(command=command, sequence=number, body=body))
            async with asyncio.timeout(self._settings.timeout_seconds):
                await self._writer.drain()
                return await answer
        except TimeoutError as error:
            raise LinkLost("the message centre did not answer in time", sent=True) from error
        except OSError as error:
            if isinstance(error, LinkLost):
                raise
            raise LinkLost(type(error).__name__, sent=True) from error
        finally:
            self._waiting.pop(number, None)

    def close(self) -> None:
        """Say good-bye if somebody is there, and close at once. Who waits for an answer learns that none comes."""
        if not self._lost:
            self._lost = True
            with contextlib.suppress(LinkLost):
                self._write(Pdu(command=wire.UNBIND, sequence=self._next()))
        for task in self._tasks:
            task.cancel()
        for future in self._waiting.values():
            if not future.done():
                future.set_exception(LinkLost("the link was closed", sent=True))
        self._writer.close()

    # --- reading --------------------------------------------------------------------------------------------------

    async def _read(self) -> Pdu:
        try:
            head = await self._reader.readexactly(wire.HEADER)
            rest = await self._reader.readexactly(wire.announced(head) - wire.HEADER)
        except (asyncio.IncompleteReadError, OSError) as error:
            raise LinkLost("the message centre closed the connection") from error
        except BadPdu as error:
            raise LinkLost(f"what came is not SMPP: {error}") from error
        self._heard = self._clock.monotonic()
        return wire.decode(head + rest)

    async def _handle(self, found: Pdu, take: Handler) -> None:
        if found.is_response:
            waiting = self._waiting.get(found.sequence)
            if waiting is not None and not waiting.done():
                waiting.set_result(found)
        elif found.command in (wire.DELIVER_SM, wire.DATA_SM):
            await self._inbound.acquire()
            self._start(self._deliver(found, take))
        elif found.command == wire.UNBIND:
            self._write(found.answer())
            raise LinkLost("the message centre said good-bye")
        elif found.command == wire.ENQUIRE_LINK:
            self._write(found.answer())
        elif found.command != wire.ALERT_NOTIFICATION:
            self._write(Pdu(command=wire.GENERIC_NACK, status=wire.INVALID_COMMAND, sequence=found.sequence))

    async def _deliver(self, found: Pdu, take: Handler) -> None:
        """Answer after the commit, with what came of it."""
        try:
            status = await take(found)
            with contextlib.suppress(LinkLost):  # then the centre tells it again
                self._write(found.answer(status))
        finally:
            self._inbound.release()

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work, name="smpp-deliver")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # --- keeping --------------------------------------------------------------------------------------------------

    async def _keep_alive(self) -> None:
        """Ask a silent peer whether it is there; when it is not, the reader learns it from a cut connection."""
        pause = self._settings.enquire_seconds
        while True:
            silent = self._clock.monotonic() - self._heard
            if silent < pause:
                await self._clock.sleep(pause - silent)
                continue
            try:
                await self._ask(wire.ENQUIRE_LINK, b"")
            except LinkLost:
                self._writer.transport.abort()
                return

    def _next(self) -> int:
        """Sequence numbers are 1 to 0x7FFFFFFF (3.2)."""
        self._sequence = self._sequence % 0x7FFFFFFF + 1
        return self._sequence

    def _write(self, pdu: Pdu) -> None:
        """Raises LinkLost: uvloop refuses to write to a connection that has ended, with an error of another kind."""
        if self._writer.is_closing():
            raise LinkLost("the connection ended")
        self._writer.write(pdu.encoded())


def _context(settings: Settings) -> ssl.SSLContext:
    """Reading all authorities takes longer than the event loop may be held. Raises OSError."""
    return ssl.create_default_context(cafile=settings.ca_file)


@contextlib.asynccontextmanager
async def opened(settings: Settings, clock: Clock) -> AsyncIterator[Session]:
    """A bound session, closed at the end. Raises LinkLost, BindRefused."""
    try:
        async with asyncio.timeout(settings.timeout_seconds):
            context = await asyncio.to_thread(_context, settings) if settings.tls else None
            reader, writer = await asyncio.open_connection(settings.host, settings.port, ssl=context)
    except (OSError, TimeoutError) as error:
        raise LinkLost(f"no connection: {type(error).__name__}") from error
    session = Session(reader, writer, settings, clock)
    try:
        await session.bind()
        yield session
    finally:
        session.close()
