"""Two nodes on a real Redis: what one does the other knows at once; without Redis it knows it a little later."""

from __future__ import annotations

import asyncio
import time

import pytest

from connectors.contract import InboxId
from hub.bus import follower
from hub.config import Redis
from tests.hub.bus.conftest import CLOCK, Node, Nodes, joined, paired, places_of, settings
from tests.servers.redis import RedisServer
from tests.waiting import until

pytestmark = pytest.mark.servers


@pytest.mark.slow
async def test_events_of_one_node_reach_the_other(nodes: Nodes, redis: RedisServer) -> None:
    async with paired(nodes, settings(redis)) as (one, two):
        await one.happen(5)
        await two.happen(5)
        for node in (one, two):
            assert await places_of(node.stream, 10, 0) == list(range(1, 11))


async def test_both_write_at_once_and_both_see_one_order(nodes: Nodes, redis: RedisServer) -> None:
    async with paired(nodes, settings(redis)) as (one, two):
        reading = [asyncio.create_task(places_of(node.stream, 120, 0)) for node in (one, two)]
        await asyncio.gather(*(node.happen(20) for node in (one, two) for _ in range(3)))
        for places in await asyncio.gather(*reading):
            assert places == list(range(1, 121))


async def test_loops_are_woken_on_both(nodes: Nodes, redis: RedisServer) -> None:
    async with paired(nodes, settings(redis)) as (one, two):
        await one.store.write(lambda tx: tx.ring("outbox"))
        await until(lambda: two.rung == ["outbox"])
        assert one.rung == ["outbox"]


async def test_what_one_part_cannot_take_in_stops_nobody_from_listening(
    nodes: Nodes, redis: RedisServer
) -> None:
    async with paired(nodes, settings(redis)) as (one, two):
        heard: list[bytes] = []

        def hear(what: bytes) -> None:
            heard.append(what)
            if what == b"odd":
                raise ValueError("601 234 567")

        two.bus.siblings.of(InboxId("czat")).hear(hear)
        for what in (b"odd", b"plain"):
            one.bus.siblings.of(InboxId("czat")).tell(what)
        await until(lambda: heard == [b"odd", b"plain"])
        assert two.log.count("error what a node said was not taken in") == 1


async def test_presence_is_one_for_all(nodes: Nodes, redis: RedisServer) -> None:
    async with paired(nodes, settings(redis)) as (one, two):
        told: list[int] = []
        two.presence.follow(told.append)
        one.presence.mark(7, 1, "Ola", "writing", CLOCK.now())
        two.presence.mark(7, 2, "Jan", "looking", CLOCK.now())

        def there(node: Node) -> list[tuple[str, str]]:
            return [(person.name, person.what) for person in node.presence.at(7, CLOCK.now())]

        both = [("Ola", "writing"), ("Jan", "looking")]
        await until(lambda: there(one) == there(two) == both)
        assert told == [7, 7]
        one.presence.stopped_writing(7, 1)
        await until(lambda: there(two) == [("Jan", "looking"), ("Ola", "looking")])
        one.presence.gone(7, 1)
        await until(lambda: there(two) == [("Jan", "looking")])
        assert two.drafts.conversations() == []
        one.drafts.mark(7, 1, "Ola", "writing", CLOCK.now())
        await until(lambda: two.drafts.conversations() == [7])


async def test_a_node_that_comes_later_is_told_who_is_where(nodes: Nodes, redis: RedisServer) -> None:
    (one,) = await nodes(settings(redis), count=1)
    one.presence.mark(7, 1, "Ola", "looking", CLOCK.now())
    await joined(one)
    (two,) = await nodes(settings(redis), count=1)
    await until(lambda: [person.name for person in two.presence.at(7, CLOCK.now())] == ["Ola"])


async def test_signs_of_typing_go_both_ways(nodes: Nodes, redis: RedisServer) -> None:
    async with paired(nodes, settings(redis)) as (one, two):
        heard: list[tuple[str, str]] = []
        two.stream.on_signal(lambda key, what: heard.append((key, what)))
        one.stream.signal("conversation:7", "typing")
        await until(lambda: heard == [("conversation:7", "typing")])


async def test_an_inbox_tells_itself_on_other_nodes(nodes: Nodes, redis: RedisServer) -> None:
    async with paired(nodes, settings(redis)) as (one, two):
        heard: list[tuple[str, bytes]] = []
        for node in (one, two):
            for inbox in ("czat", "sms"):
                siblings = node.bus.siblings.of(InboxId(inbox))
                siblings.hear(lambda what, inbox=inbox: heard.append((inbox, what)))  # type: ignore[misc]
        one.bus.siblings.of(InboxId("czat")).tell(b"typing")
        await until(lambda: bool(heard))
        assert heard == [("czat", b"typing")], "whoever tells it knows it"


async def test_what_is_missed_is_found(
    nodes: Nodes, redis: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody reads Redis' stream any more: the place goes around by itself, and the gap is filled from the store."""
    monkeypatch.setattr(follower, "LOOK", 300.0)
    monkeypatch.setattr(follower, "LOOK_BESIDE", 300.0)
    async with paired(nodes, settings(redis)) as (one, two):
        await one.happen(3)
        await two.sees(3)
        two._tasks[-1].cancel()  # reads Redis' stream no more
        await one.happen(3)
        await two.sees(6)


@pytest.mark.slow
async def test_without_redis_everything_is_seen_by_looking(nodes: Nodes) -> None:
    one, two = await nodes(Redis())
    began = time.monotonic()
    await one.happen()
    await two.sees(1)
    assert time.monotonic() - began < 8.0, "a look every two seconds finds it"
