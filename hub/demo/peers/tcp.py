"""What peers that are spoken to over plain TCP share: a listener on loopback, its connections, a ledger."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Coroutine
from typing import Generic, TypeVar

T = TypeVar("T")


class TcpPeer(ABC, Generic[T]):
    """``taken`` is the ledger, in order; ``port`` is known once it is :meth:`open`."""

    def __init__(self) -> None:
        self.taken: list[T] = []
        self.port = 0
        self._changed = asyncio.Condition()
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    async def open(self, port: int = 0) -> None:
        """Listen. Raises OSError."""
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", port)
        self.port = int(self._server.sockets[0].getsockname()[1])

    async def close(self) -> None:
        """Hang up."""
        if self._server is not None:
            self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def wait_for(self, count: int, seconds: float = 10.0) -> list[T]:
        """What was taken, once there are at least ``count``. Raises TimeoutError."""
        async with asyncio.timeout(seconds), self._changed:
            await self._changed.wait_for(lambda: len(self.taken) >= count)
        return self.taken

    @abstractmethod
    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, from its beginning to its end."""

    async def _took(self, one: T) -> None:
        """Write something into the ledger and tell those who wait."""
        async with self._changed:
            self.taken.append(one)
            self._changed.notify_all()

    def _later(self, work: Coroutine[None, None, None]) -> None:
        """Something to do beside the connections."""
        self._hold(asyncio.create_task(work))

    def _hold(self, task: asyncio.Task[None]) -> None:
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is not None:
            self._hold(task)
        await self._talk(reader, writer)
