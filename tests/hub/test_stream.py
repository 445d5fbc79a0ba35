"""The stream as its followers see it: every place once and in order, however slow they are, whatever they missed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from hub.bus.follower import Carrier, follow_redis
from hub.bus.links import Links
from hub.bus.publisher import Parts, publish_events
from hub.bus.standing import Standing
from hub.cautions import Cautions
from hub.clock import SystemClock
from hub.config import Redis
from hub.store import schema
from hub.store.store import Store
from hub.store.tx import Event, Tx
from hub.stream import Reset, Stream, forget_old_events
from tests.contract.world import Log
from tests.hub.bus.conftest import settings
from tests.hub.conftest import FakeClock
from tests.servers.redis import RedisServer


def emit(tx: Tx) -> None:
    tx.emit("conversation", conversation=1)


@pytest.fixture(params=["in process", pytest.param("redis", marks=[pytest.mark.servers, pytest.mark.slow])])
async def stream(request: pytest.FixtureRequest, store: Store, clock: FakeClock) -> AsyncIterator[Stream]:
    """The stream of the process that commits, or of another one that hears of it by Redis."""
    opened = Stream(store, buffer=16)
    await opened.open()
    if request.param == "in process":
        store.on_events = opened.publish
        yield opened
        return
    redis: RedisServer = request.getfixturevalue("redis")
    async with by_redis(store, opened, settings(redis)) as publish:
        store.on_events = publish
        yield opened


@asynccontextmanager
async def by_redis(store: Store, follower: Stream, redis: Redis) -> AsyncIterator[Callable[..., None]]:
    """Redis between a process that commits and the follower; gives what the store of the first one tells."""
    writer, real = Stream(store, buffer=16), SystemClock()
    await writer.open()
    log = Log()
    links, standing = Links(redis), Standing(real, log, Cautions(real, log))
    parts = Parts(
        links=links,
        store=store,
        stream=writer,
        carrier=Carrier(real),
        clock=real,
        standing=standing,
        log=log,
        keep=1000,
    )
    carrier = Carrier(real)
    loops = [publish_events(parts), follow_redis(links, store, follower, carrier, real, standing)]
    tasks = [asyncio.create_task(loop) for loop in loops]
    try:
        async with asyncio.timeout(20):
            while not carrier.live:  # noqa: ASYNC110 - it is so when Redis has answered
                await asyncio.sleep(0.01)
        yield writer.publish
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await links.close()


async def taken(stream: Stream, count: int, after: int | None = 0) -> list[int]:
    """The first places that a follower gets."""
    places: list[int] = []
    async with asyncio.timeout(20):
        async for batch in stream.follow(after):
            assert not isinstance(batch, Reset)
            places += [event.place for event in batch]
            if len(places) >= count:
                break
    return places


async def test_a_follower_gets_what_comes(store: Store, stream: Stream) -> None:
    waiting = asyncio.create_task(taken(stream, 3, None))
    await asyncio.sleep(0)
    for _ in range(3):
        await store.write(emit)
    assert await waiting == [1, 2, 3]


async def test_from_any_place_on(store: Store, stream: Stream) -> None:
    for _ in range(5):
        await store.write(emit)
    assert await taken(stream, 2, 3) == [4, 5]


async def test_who_was_at_a_node_that_is_ahead_is_told_nothing_twice(store: Store) -> None:
    behind = Stream(store, buffer=16)
    await behind.open()
    for _ in range(5):
        await store.write(emit)  # of which nothing reaches this stream by itself
    assert await taken(behind, 2, 3) == [4, 5]


async def test_a_reader_of_another_history_goes_on_here(store: Store, stream: Stream) -> None:
    await store.write(emit)
    waiting = asyncio.create_task(taken(stream, 1, 1000))
    while not waiting.done():
        await store.write(emit)
        await asyncio.sleep(0.01)
    assert await waiting != [], "it is not held up until the thousandth event"


async def test_who_falls_behind_reads_the_store(store: Store, stream: Stream) -> None:
    for _ in range(100):
        await store.write(emit)
    assert await taken(stream, 100) == list(range(1, 101)), "the memory holds only the last 16"


async def test_a_new_process_goes_on(store: Store, stream: Stream) -> None:
    await store.write(emit)
    later = Stream(store, buffer=16)
    await later.open()
    assert later.last == 1
    assert await taken(later, 1) == [1]


async def test_events_told_out_of_order_are_read_in_order(store: Store, stream: Stream) -> None:
    told: list[Event] = []
    store.on_events = told.extend
    for _ in range(4):
        await store.write(emit)
    for event in (told[1], told[0], told[3], told[2]):
        stream.publish([event])
    assert await taken(stream, 4) == [1, 2, 3, 4]


async def test_a_place_too_old_is_told_so(store: Store, stream: Stream, clock: FakeClock) -> None:
    for _ in range(5):
        await store.write(emit)
    clock.move(days=31)
    for _ in range(20):  # more than the memory holds
        await store.write(emit)
    await store.write(lambda tx: forget_old_events(tx, 30))
    async with asyncio.timeout(20):
        while stream.last < 25:  # noqa: ASYNC110 - it hears of it by another process
            await asyncio.sleep(0.01)
        async for batch in stream.follow(2):
            assert batch == Reset(place=25)
            break


async def test_a_crowd_that_comes_back_after_a_start_costs_one_read(store: Store) -> None:
    for _ in range(20):
        await store.write(emit)
    opened, reads = Stream(store, buffer=16), 0
    real = store.read

    async def counted(query: Any) -> Any:
        nonlocal reads
        reads += 1
        return await real(query)

    store.read = counted  # type: ignore[method-assign]
    await opened.open()
    for places in await asyncio.gather(*(taken(opened, 5, 15) for _ in range(50))):
        assert places == [16, 17, 18, 19, 20]
    assert reads == 1


async def test_many_followers_beside_many_writers(store: Store, stream: Stream) -> None:
    followers = [asyncio.create_task(taken(stream, 60)) for _ in range(10)]
    await asyncio.gather(*(store.write(emit) for _ in range(60)))
    for places in await asyncio.gather(*followers):
        assert places == list(range(1, 61))


async def test_signals_reach_who_listens(store: Store, stream: Stream) -> None:
    heard: list[tuple[str, str]] = []
    end = stream.on_signal(lambda key, what: heard.append((key, what)))
    stream.signal("conversation:1", "typing")
    end()
    stream.signal("conversation:1", "typing")
    assert heard == [("conversation:1", "typing")]


async def test_events_hold_ids_only() -> None:
    columns = set(schema.event.c.keys())
    assert columns == {
        *("place", "at", "kind", "office", "queue", "queue_before"),
        *("conversation", "message", "actor", "version"),
    }
