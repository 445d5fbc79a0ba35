"""A citizen types: what channels signal, brought together a few times a second and told to whom it concerns.

It concerns whoever has the conversation or looks at it. Signals come by the hundred a second from a busy chat; they
are gathered, their conversations looked up in one read, and nothing of them is kept.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping

from aiohttp import web

from hub.people.audience import Standings, read_standings
from hub.store import schema
from hub.store.store import StorageFault
from hub.store.tx import Reader
from hub.web.desk import Desk

GATHER = 0.25
"""Seconds for which signals are gathered."""

MOST = 2000
"""Conversations in one gathering; what is beyond that is lost, which costs nobody anything."""

SIGNS = ("typing", "paused")

_PREFIX = "conversation:"

Told = Callable[[Mapping[int, str], Standings], None]
"""What is called with signs by conversation, and who may see these."""


class Typing:
    """Hears all signals of the hub in this process."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._heard: dict[str, str] = {}
        self._stir = asyncio.Event()
        self._followers: list[Told] = []

    def follow(self, told: Told) -> Callable[[], None]:
        """Have ``told`` called; returns the way out."""
        self._followers.append(told)
        return lambda: self._followers.remove(told)

    async def context(self, app: web.Application) -> AsyncIterator[None]:
        """At work as long as the application runs."""
        unfollow = self._desk.stream.on_signal(self._hear)
        task = asyncio.create_task(self._run(), name="typing")
        yield
        unfollow()
        task.cancel()

    def _hear(self, key: str, what: str) -> None:
        if what in SIGNS and self._followers and len(self._heard) < MOST:
            self._heard[key] = what
            self._stir.set()

    async def _run(self) -> None:
        while True:
            await self._stir.wait()
            await self._desk.clock.sleep(GATHER)
            self._stir.clear()
            heard, self._heard = self._heard, {}
            try:
                signs, standings = await self._desk.store.read(lambda tx, heard=heard: _read(tx, heard))  # type: ignore[misc]
            except StorageFault:
                continue
            for told in list(self._followers):
                told(signs, standings)


def _read(tx: Reader, heard: Mapping[str, str]) -> tuple[dict[int, str], Standings]:
    """Signs by conversation: a connector that does not know the conversation names it by a thread key."""
    keys = [(key,) for key in heard if not key.startswith(_PREFIX)]
    known: dict[str, int] = (
        dict(tx.lookup(schema.thread_key, ("key",), ("key", "conversation"), keys)) if keys else {}
    )
    signs: dict[int, str] = {}
    for key, what in heard.items():
        number = key.removeprefix(_PREFIX)
        found = int(number) if number != key and number.isdecimal() else known.get(key)
        if found is not None:
            signs[found] = what
    return signs, read_standings(tx, sorted(signs))


TYPING = web.AppKey("typing", Typing)
