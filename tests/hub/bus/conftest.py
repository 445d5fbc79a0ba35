"""Nodes on one PostgreSQL and one Redis, with everything of the bus at work, in one event loop."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager

import msgspec
import pytest

from connectors.contract import decode_secret
from hub.bus.wire import EVENTS
from hub.bus.wiring import Bus, Ends, open_bus
from hub.cautions import Cautions
from hub.clock import SystemClock
from hub.config import Config, Redis
from hub.config import Store as StoreSettings
from hub.desk.presence import Presence
from hub.rates import Rates
from hub.store.postgres import PostgresStore
from hub.store.tx import Tx
from hub.stream import Reset, Stream
from tests.contract.world import Log
from tests.hub.databases import copy_database
from tests.servers.postgres import Postgres
from tests.servers.redis import RedisServer
from tests.waiting import until

CLOCK = SystemClock()


class Node:
    """One process as the bus sees it. ``rung`` are the loops that were woken; ``bus.publish`` runs where it is
    told to."""

    def __init__(self, name: str, url: str, redis: Redis) -> None:
        self.log = Log()
        self.store = PostgresStore(url, CLOCK, connections=3)
        self.stream = Stream(self.store, buffer=256)
        self.presence, self.drafts = Presence(), Presence()
        self.rates = Rates(lambda: CLOCK.now() / 1e6, shared=True)
        self.cautions = Cautions(CLOCK, self.log)
        self.rung: list[str] = []
        config = Config(store=StoreSettings(url=url), redis=redis)
        self.bus: Bus = open_bus(
            config,
            Ends(
                sender=name,
                store=self.store,
                stream=self.stream,
                clock=CLOCK,
                log=self.log,
                cautions=self.cautions,
                ring=lambda loops: self.rung.extend(sorted(loops)),
                marks={"conversation": self.presence, "draft": self.drafts},
                rates=self.rates,
                secret=b"the secret of all nodes",
            ),
        )
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self, *, publishes: bool) -> None:
        """As the hub does it."""
        await self.store.open()
        await self.stream.open()
        self.store.on_events, self.store.on_rings = self.bus.on_events, self.bus.on_rings
        self._tasks = [asyncio.create_task(loop(), name=name) for name, loop in self.bus.loops()]
        if publishes and self.bus.publishes:
            self.publish()

    def publish(self) -> asyncio.Task[None]:
        """Write the stream from now on."""
        task = asyncio.create_task(self.bus.publish())
        self._tasks.append(task)
        return task

    async def stop(self) -> None:
        """As the hub does it; a second time nothing is left to do."""
        tasks, self._tasks = self._tasks, []
        for task in tasks:
            task.cancel()
        ended, late = await asyncio.wait(tasks, timeout=10) if tasks else (set(), set())
        assert not late, f"does not end: {[(task.get_name(), task.get_stack()) for task in late]}"
        done = [task.exception() for task in ended if not task.cancelled()]
        await self.bus.close()
        await self.store.close()
        assert done == [], "a loop of the bus ended"

    async def happen(self, count: int = 1) -> None:
        """Commit so many events, each in a transaction of its own."""
        for _ in range(count):
            await self.store.write(emit)

    async def sees(self, place: int, seconds: float = 20.0) -> None:
        """Until everything up to a place is known here."""
        await until(lambda: self.stream.last >= place, seconds=seconds)


def emit(tx: Tx) -> None:
    tx.emit("conversation", conversation=7, queue="ogolna", office="krajowa", version=2)


async def places_of(stream: Stream, count: int, after: int) -> list[int]:
    """The first places that a follower gets."""
    places: list[int] = []
    async with asyncio.timeout(20):
        async for batch in stream.follow(after):
            assert not isinstance(batch, Reset)
            places += [event.place for event in batch]
            if len(places) >= count:
                break
    return places


Nodes = Callable[..., Awaitable[tuple[Node, ...]]]

_numbers = itertools.count(1)


@pytest.fixture
async def nodes(_postgres: Postgres, _template: str) -> AsyncIterator[Nodes]:
    """Start nodes on a database of their own; the first of them writes Redis' stream."""
    url = copy_database(_postgres, _template)
    async with AsyncExitStack() as stack:

        async def start(redis: Redis, count: int = 2, *, publishes: bool = True) -> tuple[Node, ...]:
            made = [Node(f"node-{next(_numbers)}", url, redis) for _ in range(count)]
            for node in made:
                await node.start(publishes=publishes and node is made[0])
                stack.push_async_callback(node.stop)
            return tuple(made)

        yield start


@asynccontextmanager
async def paired(nodes: Nodes, redis: Redis) -> AsyncIterator[tuple[Node, Node]]:
    """Two nodes that hear each other."""
    one, two = await nodes(redis)
    await joined(one, two)
    yield one, two


async def joined(*some: Node) -> None:
    """Until Redis carries to and from each."""
    for node in some:
        await until(lambda node=node: node.bus.standing.up)  # type: ignore[misc]


def settings(redis: RedisServer, **more: object) -> Redis:
    """The configuration of a Redis."""
    return msgspec.convert({"url": redis.url, **more}, Redis, dec_hook=decode_secret)


def ids(redis: RedisServer) -> list[int]:
    """Places in Redis' stream, as a reader of it finds them."""
    lines = redis.ask("XRANGE", f"centrala:{EVENTS}", "-", "+").split("\n")
    return [int(line.removesuffix("-0")) for line in lines if line.endswith("-0") and line[:-2].isdecimal()]
