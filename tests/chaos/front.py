"""What stands before several nodes: a port that is handed on to any node that answers, as a load balancer does it."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator, Sequence


async def _pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while part := await source.read(65_536):
            sink.write(part)
            await sink.drain()
    with contextlib.suppress(OSError, RuntimeError):
        sink.close()


@contextlib.asynccontextmanager
async def front(port: int, behind: Sequence[int]) -> AsyncIterator[None]:
    """Listen on ``port`` for the length of the block; each connection goes to the next of ``behind`` that takes it."""
    turns = itertools.count()
    tasks: set[asyncio.Task[None]] = set()

    async def reach() -> tuple[asyncio.StreamReader, asyncio.StreamWriter] | None:
        first = next(turns)
        for number in range(len(behind)):
            with contextlib.suppress(OSError):
                return await asyncio.open_connection("127.0.0.1", behind[(first + number) % len(behind)])
        return None

    def taken(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(serve(reader, writer))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        node = await reach()
        if node is None:
            writer.close()
            return
        await asyncio.gather(_pump(reader, node[1]), _pump(node[0], writer))

    server = await asyncio.start_server(taken, "127.0.0.1", port)
    try:
        yield
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
