"""The hub's side of its child process: starts it, sends orders, hears answers, ends it whatever happens."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from hub.replay.protocol import Order, Said, decode_said, line

MODULE = "hub.replay.worker"

LONGEST = 64 << 20
"""Most bytes of one answer: the tally of a large house with many rules has a few hundred thousand."""


class ChildEnded(Exception):
    """The child ended without an answer; the text is the last thing that it said on standard error."""


class Child:
    """A running child process."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._last = ""
        self._errors = asyncio.create_task(self._hear_errors(), name="replay-child-errors")

    async def send(self, order: Order) -> None:
        """Give it an order. Raises ChildEnded."""
        wire = self._process.stdin
        if wire is None or self._process.returncode is not None:
            raise ChildEnded(self._last)
        try:
            wire.write(line(order))
            await wire.drain()
        except ConnectionError:
            raise ChildEnded(self._last) from None

    async def hear(self) -> Said:
        """Its next answer. Raises ChildEnded."""
        wire = self._process.stdout
        said = await wire.readline() if wire is not None else b""
        if not said:
            await self._errors
            raise ChildEnded(self._last)
        return decode_said(said)

    async def _hear_errors(self) -> None:
        """Its standard error must be read, or it would wait for ever; only the last line is of use."""
        wire = self._process.stderr
        while wire is not None and (said := await wire.readline()):
            self._last = said.decode(errors="replace").strip() or self._last

    async def end(self) -> None:
        """Kill it; it only reads, so nothing can be left half done."""
        with suppress(ProcessLookupError):
            self._process.kill()
        await self._process.wait()
        await self._errors


async def start_child() -> Child:
    """Start one. Raises OSError where no process can be had."""
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", MODULE), stdin=pipe, stdout=pipe, stderr=pipe, limit=LONGEST
    )
    return Child(process)


@asynccontextmanager
async def child() -> AsyncIterator[Child]:
    """One that lives as long as the block."""
    one = await start_child()
    try:
        yield one
    finally:
        await asyncio.shield(one.end())
