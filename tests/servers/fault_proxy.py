"""A line between two programs on loopback that fails as real networks do, when a test says so.

It passes bytes on until told otherwise. *cut*: both ends see a reset. *black hole*: connections stay open and nothing
arrives any more, either way. *half open*: the peer's end is gone and ours does not know (its machine lost power, a
router forgot the entry). *slow*: bytes drip. *delay*: everything comes later. A fault may wait for certain bytes to
pass, so that it strikes between two words of a protocol.
"""

from __future__ import annotations

import asyncio
import contextlib
import struct
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from socket import SO_LINGER, SOL_SOCKET
from typing import Literal

Way = Literal["up", "down"]
"""``up``: from the program under test to its peer; ``down``: the answers."""

PIECE = 65_536


@dataclass(eq=False)
class _Connection:
    """One connection through the proxy: the near end is the program under test, the far end its peer."""

    near: asyncio.StreamWriter
    far: asyncio.StreamWriter
    tail: dict[Way, bytes] = field(default_factory=lambda: {"up": b"", "down": b""})


@dataclass(eq=False)
class _Trap:
    way: Way
    words: bytes
    spring: Callable[[], None]


def _reset(writer: asyncio.StreamWriter) -> None:
    """Close at once with a reset (SO_LINGER 0), not with the end that a program in good order sends."""
    socket = writer.get_extra_info("socket")
    if not writer.transport.is_closing():
        socket.setsockopt(SOL_SOCKET, SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()


class FaultProxy:
    """``port`` is where to connect instead of ``target``. ``connections`` counts those that were opened."""

    def __init__(self, target: int, host: str = "127.0.0.1") -> None:
        self.port = 0
        self.target = target
        self.connections = 0
        self.passed: dict[Way, int] = {"up": 0, "down": 0}
        """Bytes that went through."""
        self._host = host
        self._open: set[_Connection] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._traps: list[_Trap] = []
        self._passing = asyncio.Event()
        self._passing.set()
        self._refusing = False
        self._era = 0
        self._delay = 0.0
        self._drip = 0.0

    # --- faults ------------------------------------------------------------------------------------------------------

    def cut(self) -> None:
        """Reset all connections at once; new ones pass."""
        for connection in tuple(self._open):
            _reset(connection.near)
            _reset(connection.far)

    def refuse(self) -> None:
        """Reset new connections, too, until :meth:`heal`."""
        self._refusing = True
        self.cut()

    def black_hole(self) -> None:
        """Nothing arrives any more on any connection, old or new; none of them is closed, until :meth:`heal`."""
        self._passing.clear()

    def half_open(self) -> None:
        """The far ends of the open connections are gone and the near ends stay, silent for ever; new ones pass."""
        for connection in tuple(self._open):
            self._open.discard(connection)
            _reset(connection.far)

    def delay(self, seconds: float) -> None:
        """Every piece comes so much later, in both directions."""
        self._delay = seconds

    def slow(self, seconds: float) -> None:
        """The peer's answers come byte by byte, with so much time between them."""
        self._drip = seconds

    def when(self, way: Way, words: bytes, fault: Callable[[], None]) -> None:
        """Once, as soon as these bytes have passed that way: a fault, ``line.cut`` for example."""
        self._traps.append(_Trap(way, words, fault))

    def heal(self) -> None:
        """Pass on as before. What a black hole swallowed does not come back: its connections are reset."""
        if not self._passing.is_set():
            self._era += 1
            self.cut()
        self._passing.set()
        self._refusing, self._delay, self._drip = False, 0.0, 0.0
        self._traps.clear()

    # --- passing on --------------------------------------------------------------------------------------------------

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, to its end."""
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.connections += 1
        try:
            era = self._era
            await self._passing.wait()
            if era == self._era and not self._refusing:
                await self._join(reader, writer)
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            _reset(writer)
            self._tasks.discard(task)

    async def _join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection(self._host, self.target)
        connection = _Connection(near=writer, far=far_writer)
        if self._refusing:
            _reset(far_writer)
            return
        self._open.add(connection)
        try:
            await asyncio.gather(
                self._pump(connection, "up", reader, far_writer),
                self._pump(connection, "down", far_reader, writer),
            )
        finally:
            if connection in self._open:  # a half-open one keeps its near end
                self._open.discard(connection)
                _reset(far_writer)

    async def _pump(
        self, connection: _Connection, way: Way, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(PIECE):
                await asyncio.sleep(self._delay)
                await self._passing.wait()
                if connection not in self._open:
                    await asyncio.Event().wait()  # half open: whatever is still said is heard by nobody
                await self._write(connection, way, writer, data)
        if connection in self._open:
            await self._passing.wait()
            with contextlib.suppress(OSError, RuntimeError):
                writer.write_eof()
        else:
            await asyncio.Event().wait()

    async def _write(
        self, connection: _Connection, way: Way, writer: asyncio.StreamWriter, data: bytes
    ) -> None:
        pieces = [data[n : n + 1] for n in range(len(data))] if self._drip and way == "down" else [data]
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
            self.passed[way] += len(piece)
            if len(pieces) > 1:
                await asyncio.sleep(self._drip)
        self._look(connection, way, data)

    def _look(self, connection: _Connection, way: Way, data: bytes) -> None:
        seen = connection.tail[way] + data
        connection.tail[way] = seen[-200:]
        for trap in [trap for trap in self._traps if trap.way == way and trap.words in seen]:
            self._traps.remove(trap)
            connection.tail[way] = b""
            trap.spring()

    async def close(self) -> None:
        """End everything."""
        self.cut()
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


@contextlib.asynccontextmanager
async def fault_proxy(target: int) -> AsyncIterator[FaultProxy]:
    """A proxy in front of a port of loopback, for the length of the block."""
    line = FaultProxy(target)
    server = await asyncio.start_server(line.serve, "127.0.0.1", 0)
    line.port = server.sockets[0].getsockname()[1]
    try:
        yield line
    finally:
        server.close()
        await line.close()
