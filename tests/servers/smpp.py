"""A real SMPP server: the npm package ``smpp`` as a message centre, told what to do line by line."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

from connectors._gsm import encode
from tests.servers.process import free_port, need

PASSWORD = "haslo"
SCRIPT = Path(__file__).with_name("smpp_centre.js")


class SmppCentre:
    """Keeps what happened in ``events``, and what it has for the other side until that is acknowledged."""

    def __init__(self) -> None:
        self.port = free_port()
        self.events: list[dict[str, Any]] = []
        self._process: asyncio.subprocess.Process | None = None
        self._reading: asyncio.Task[None] | None = None
        self._news = asyncio.Condition()

    async def start(self) -> None:
        """Start it, for the first time or again on the same port, with nothing kept."""
        node = need("node", "nodejs")
        self._process = await asyncio.create_subprocess_exec(
            node,
            str(SCRIPT),
            str(self.port),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        self._reading = asyncio.create_task(self._read())
        await self.wait_for("listening", self.count("listening") + 1)

    async def kill(self) -> None:
        """End it at once."""
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()
            await self._process.wait()
        if self._reading is not None:
            await self._reading
        self._process = self._reading = None

    async def _read(self) -> None:
        assert self._process is not None and self._process.stdout is not None
        while line := await self._process.stdout.readline():
            async with self._news:
                self.events.append(json.loads(line))
                self._news.notify_all()

    def order(self, order: str, **details: Any) -> None:
        """One order of those at the end of the script."""
        assert self._process is not None and self._process.stdin is not None
        self._process.stdin.write(json.dumps({"order": order, **details}).encode() + b"\n")

    async def set(self, **state: Any) -> None:
        """How it behaves from now on; see ``state`` in the script."""
        before = self.count("set")
        self.order("set", state=state)
        await self.wait_for("set", before + 1)

    def writes(self, text: str, *, sender: str = "48600700800", udh: bytes = b"", **fields: Any) -> None:
        """A citizen's SMS or a part of one; in the short alphabet if it is ASCII, in UCS-2 otherwise."""
        coding: dict[str, Any] = {"data_coding": 0 if text.isascii() else 8}
        octets = encode(text, "gsm7" if text.isascii() else "ucs2")
        known = {
            "source_addr_ton": 1,
            "source_addr_npi": 1,
            "source_addr": sender,
            "destination_addr": "7055",
        }
        self.order(
            "deliver", fields=known | coding | fields, octets=octets.hex(), udh=udh.hex() or None, tag=text
        )

    def of(self, event: str) -> list[dict[str, Any]]:
        """Events of one kind, in order."""
        return [found for found in self.events if found["event"] == event]

    def count(self, event: str) -> int:
        """How many there were."""
        return len(self.of(event))

    async def until(self, condition: Callable[[], bool], seconds: float = 15.0) -> None:
        """Return when it holds; looked at whenever something happened. Raises TimeoutError."""
        async with asyncio.timeout(seconds), self._news:
            await self._news.wait_for(condition)

    async def wait_for(self, event: str, count: int = 1, seconds: float = 15.0) -> list[dict[str, Any]]:
        """The events of one kind, once there are so many."""
        await self.until(lambda: self.count(event) >= count, seconds)
        return self.of(event)


@contextlib.asynccontextmanager
async def smpp_centre() -> AsyncIterator[SmppCentre]:
    """A running centre."""
    centre = SmppCentre()
    await centre.start()
    try:
        yield centre
    finally:
        await centre.kill()
