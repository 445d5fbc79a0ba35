"""A line between two programs on loopback that can be cut."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator


class Line:
    """Passes bytes on to a port; ``port`` is where to connect instead."""

    def __init__(self, target: int) -> None:
        self.port = 0
        self._target = target
        self._ends: set[asyncio.StreamWriter] = set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, to its end."""
        try:
            there, other = await asyncio.open_connection("127.0.0.1", self._target)
        except OSError:
            writer.transport.abort()
            return
        self._ends |= {writer, other}
        try:
            await asyncio.gather(self._pass_on(reader, other), self._pass_on(there, writer))
        finally:
            self._ends -= {writer, other}

    async def _pass_on(self, source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await source.read(65536):
                target.write(data)
                await target.drain()
        target.close()

    def cut(self) -> None:
        """Break all connections at once; new ones pass."""
        for end in self._ends:
            end.transport.abort()


@contextlib.asynccontextmanager
async def a_line(target: int) -> AsyncIterator[Line]:
    """A line to a port of loopback."""
    line = Line(target)
    server = await asyncio.start_server(line.serve, "127.0.0.1", 0)
    line.port = server.sockets[0].getsockname()[1]
    try:
        yield line
    finally:
        server.close()
        line.cut()
        await asyncio.sleep(0)
