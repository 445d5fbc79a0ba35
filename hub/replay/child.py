"""The hub's side of its child process: starts it, sends orders, hears answers, ends it whatever happens."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import IO

from hub.replay.protocol import Order, Said, decode_said, line

MODULE = "hub.replay.worker"

LONGEST = 64 << 20
"""Most bytes of one answer: the tally of a large house with many rules has a few hundred thousand."""

ERRORS = 64 << 10


class ChildEnded(Exception):
    """The child ended without an answer; the text is the last thing that it said on standard error."""


class Child:
    """A running child process."""

    def __init__(
        self, process: subprocess.Popen[bytes], answers: asyncio.StreamReader, errors: asyncio.StreamReader
    ) -> None:
        self._process = process
        self._answers = answers
        self._last = ""
        self._errors = asyncio.create_task(self._hear_errors(errors), name="replay-child-errors")

    @property
    def ended(self) -> bool:
        """Whether the process is gone."""
        return self._process.poll() is not None

    async def send(self, order: Order) -> None:
        """Give it an order. Raises ChildEnded."""
        try:
            await asyncio.to_thread(self._write, line(order))
        except (OSError, ValueError):
            raise ChildEnded(self._last) from None

    def _write(self, wire: bytes) -> None:
        if self._process.stdin is not None:
            self._process.stdin.write(wire)
            self._process.stdin.flush()

    async def hear(self) -> Said:
        """Its next answer. Raises ChildEnded."""
        said = await self._answers.readline()
        if not said:
            await self._errors
            raise ChildEnded(self._last)
        return decode_said(said)

    async def _hear_errors(self, errors: asyncio.StreamReader) -> None:
        """Its standard error must be read, or it would wait for ever; only the last line is of use."""
        while said := await errors.readline():
            self._last = said.decode(errors="replace").strip() or self._last

    async def end(self) -> None:
        """Kill it; it only reads, so nothing can be left half done."""
        self._process.kill()
        await asyncio.to_thread(self._process.wait)
        await self._errors
        if self._process.stdin is not None:
            with suppress(OSError):
                self._process.stdin.close()


async def start_child() -> Child:
    """Start one. Raises OSError where no process can be had; cancelled meanwhile, it leaves none behind."""
    starting = asyncio.create_task(asyncio.to_thread(_start), name="replay-child-start")
    try:
        process = await asyncio.shield(starting)
        return Child(process, await _reader(process.stdout, LONGEST), await _reader(process.stderr, ERRORS))
    except asyncio.CancelledError:
        # The thread goes on whatever becomes of us, and what it starts would be nobody's.
        with suppress(OSError):
            process = await starting
            process.kill()
            await asyncio.to_thread(process.wait)
        raise


def _start() -> subprocess.Popen[bytes]:
    # In a thread, and not by the loop: starting a process from a large one takes some ten milliseconds.
    pipe, command = subprocess.PIPE, [sys.executable, "-m", MODULE]
    return subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe)  # noqa: S603 - the arguments are ours


async def _reader(pipe: IO[bytes] | None, limit: int) -> asyncio.StreamReader:
    reader = asyncio.StreamReader(limit=limit)
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), pipe)
    return reader


@asynccontextmanager
async def child() -> AsyncIterator[Child]:
    """One that lives as long as the block."""
    one = await start_child()
    try:
        yield one
    finally:
        await asyncio.shield(one.end())
