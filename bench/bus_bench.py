"""The bus: how fast events go into Redis' stream, and how soon another node sees one.

Run: ``python -m bench.bus_bench [EVENTS]`` (20,000). A real Redis and a real PostgreSQL on loopback, everything in one
process. Publishing is what a node does after Redis came back empty: events are read from the store, turned into
entries, and added by the script that leaves no hole. Its floor is a bare pipeline of the same XADDs, made beforehand;
both in turns. Then a second node watches a first one commit, every few milliseconds; the floor of that is the commit
and an XADD that a blocking XREAD waits for. Without Redis it learns of the same by looking.
"""

from __future__ import annotations

import asyncio
import sys
import time
from pathlib import Path
from typing import Any, cast

import uvloop

from bench.report import line, median, percentile
from hub.bus.follower import Carrier
from hub.bus.links import Links, execute
from hub.bus.publisher import Parts, publish_events
from hub.bus.standing import Standing
from hub.bus.wire import EVENTS, entry_fields, entry_id
from hub.bus.wiring import Bus, Ends, open_bus
from hub.cautions import Cautions
from hub.clock import SystemClock
from hub.config import Config, Redis
from hub.config import Store as StoreSettings
from hub.desk.presence import Presence
from hub.logs import logger
from hub.rates import Rates
from hub.store.postgres import PostgresStore
from hub.store.tx import Event, Tx
from hub.stream import Stream, read_events
from tests.servers.postgres import Postgres
from tests.servers.process import folder
from tests.servers.redis import RedisServer

ROUNDS = 5
PIPELINE = 500
SEEN = 150
LOOKS = 3
CLOCK = SystemClock()


def emit(tx: Tx) -> None:
    """An event like most of them."""
    tx.emit(
        "message", conversation=123_456_789, message=223_456_789, queue="ogolna", office="krajowa", version=3
    )


async def filled(url: str, events: int) -> PostgresStore:
    """A store with so many events."""
    store = PostgresStore(url, CLOCK, connections=4)
    await store.open()

    def many(tx: Tx) -> None:
        for _ in range(1000):
            emit(tx)

    for _ in range(events // 1000):
        await store.write(many)
    return store


# --- publishing ----------------------------------------------------------------------------------------------------


async def floor(links: Links, events: list[Event]) -> float:
    """Seconds for a bare pipeline of the same entries."""
    key = links.key(EVENTS)
    made = [(entry_id(event.place), entry_fields(event)) for event in events]
    began = time.perf_counter()
    for start in range(0, len(made), PIPELINE):
        async with links.commands.pipeline(transaction=False) as pipe:
            for place, fields in made[start : start + PIPELINE]:
                cast(Any, pipe).execute_command("XADD", key, "MAXLEN", "~", 1_000_000, place, *fields)
            await pipe.execute()
    return time.perf_counter() - began


async def published(links: Links, store: PostgresStore, events: int) -> float:
    """Seconds until an empty Redis has everything."""
    stream = Stream(store, buffer=1024)
    await stream.open()
    log = logger("bench")
    parts = Parts(
        links=links,
        store=store,
        stream=stream,
        carrier=Carrier(CLOCK),
        clock=CLOCK,
        standing=Standing(CLOCK, log, Cautions(CLOCK, log)),
        log=log,
        keep=1_000_000,
    )
    began = time.perf_counter()
    task = asyncio.create_task(publish_events(parts))
    try:
        while await execute(links.commands, "XLEN", links.key(EVENTS)) < events:  # noqa: ASYNC110 - of Redis
            await asyncio.sleep(0.005)
        return time.perf_counter() - began
    finally:
        task.cancel()
        await asyncio.wait({task})


async def publishing(redis: RedisServer, store: PostgresStore, count: int) -> None:
    """Both in turns."""
    links = Links(Redis(url=redis.url))
    events = await store.read(lambda tx: read_events(tx, 0, count))
    bare: list[float] = []
    ours: list[float] = []
    for _ in range(ROUNDS):
        await execute(links.commands, "FLUSHALL")
        bare.append(count / await floor(links, events))
        await execute(links.commands, "FLUSHALL")
        ours.append(count / await published(links, store, count))
    await links.close()
    print(line("events published to Redis' stream", median(ours), "events/s", median(bare)))


# --- seeing --------------------------------------------------------------------------------------------------------


class Node:
    """A process as far as the bus goes."""

    def __init__(self, url: str, redis: Redis, name: str) -> None:
        log = logger("bench")
        self.store = PostgresStore(url, CLOCK, connections=4)
        self.stream = Stream(self.store, buffer=1024)
        ends = Ends(
            sender=name,
            store=self.store,
            stream=self.stream,
            clock=CLOCK,
            log=log,
            cautions=Cautions(CLOCK, log),
            ring=lambda loops: None,
            marks={"conversation": Presence()},
            rates=Rates(CLOCK.monotonic),
            secret=b"",
        )
        self.bus: Bus = open_bus(Config(store=StoreSettings(url=url), redis=redis), ends)
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self, *, publishes: bool) -> None:
        """Wait until Redis carries, where there is one."""
        await self.store.open()
        await self.stream.open()
        self.store.on_events = self.bus.on_events
        self._tasks = [asyncio.create_task(loop()) for _, loop in self.bus.loops()]
        if publishes:
            self._tasks.append(asyncio.create_task(self.bus.publish()))
        while self.bus.publishes and not self.bus.standing.up:  # noqa: ASYNC110 - of Redis
            await asyncio.sleep(0.01)

    async def stop(self) -> None:
        """Everything ends."""
        for task in self._tasks:
            task.cancel()
        await asyncio.wait(self._tasks)
        await self.bus.close()
        await self.store.close()


async def seen(url: str, redis: Redis, times: int) -> list[float]:
    """Milliseconds from the beginning of a commit at one node to its event at the other."""
    nodes = [Node(url, redis, name) for name in ("one", "two")]
    for node in nodes:
        await node.start(publishes=node is nodes[0] and redis.url is not None)
    one, two = nodes
    took = []
    for _ in range(times):
        await asyncio.sleep(0.02)
        following = two.stream.follow()
        news = asyncio.ensure_future(anext(following))
        await asyncio.sleep(0)
        began = time.perf_counter()
        await one.store.write(emit)
        await news
        took.append((time.perf_counter() - began) * 1000)
        await following.aclose()
    for node in nodes:
        await node.stop()
    return took


async def carried(url: str, redis: RedisServer, times: int) -> list[float]:
    """The floor: a commit, a bare XADD, and a blocking XREAD that waits for it."""
    store, links = PostgresStore(url, CLOCK, connections=2), Links(Redis(url=redis.url))
    await store.open()
    took = []
    async with links.waiting() as client:
        for _ in range(times):
            await asyncio.sleep(0.02)
            reading = asyncio.ensure_future(execute(client, "XREAD", "BLOCK", 5000, "STREAMS", "bare", "$"))
            await asyncio.sleep(0.005)
            began = time.perf_counter()
            await store.write(emit)
            await execute(links.commands, "XADD", "bare", "*", "at", "1")
            await reading
            took.append((time.perf_counter() - began) * 1000)
    await links.close()
    await store.close()
    return took


async def seeing(postgres: Postgres, redis: RedisServer) -> None:
    """How soon."""
    url = postgres.fresh_database()
    redis.ask("FLUSHALL")
    bare = await carried(url, redis, SEEN)
    took = await seen(url, Redis(url=redis.url), SEEN)
    alone = await seen(url, Redis(), LOOKS)
    print(line("seen by the other node, median", median(took), "ms", median(bare), inverse=True))
    print(
        line(
            "seen by the other node, p99", percentile(took, 0.99), "ms", percentile(bare, 0.99), inverse=True
        )
    )
    print(line("seen by the other node without Redis, longest", max(alone) / 1000, "s", 30.0, inverse=True))


async def measure(postgres: Postgres, redis: RedisServer, events: int) -> None:
    """Everything, one after the other."""
    store = await filled(postgres.fresh_database(), events)
    await publishing(redis, store, events)
    await store.close()
    await seeing(postgres, redis)


def main(events: int = 20_000) -> None:
    """Measure and print."""
    with folder("bench-redis") as one, folder("bench-postgres") as two:
        redis, postgres = RedisServer(Path(one)), Postgres(Path(two))
        redis.start()
        postgres.start()
        try:
            uvloop.run(measure(postgres, redis, events))
        finally:
            redis.stop()
            postgres.stop()


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
