"""The stream in Redis, as integrators read it: each event once, in order, without a hole, whatever happens to it."""

from __future__ import annotations

import asyncio

import pytest

from hub.bus.wire import EVENTS
from hub.store.tx import Tx
from tests.hub.bus.conftest import Nodes, emit, ids, paired, places_of, settings
from tests.servers.redis import RedisServer
from tests.waiting import until

pytestmark = [pytest.mark.servers, pytest.mark.slow]


async def test_an_entry_has_the_documented_fields(nodes: Nodes, redis: RedisServer) -> None:
    (one,) = await nodes(settings(redis), count=1)
    await one.happen()
    await until(lambda: ids(redis) == [1])
    found = redis.ask("XRANGE", f"centrala:{EVENTS}", "-", "+").split("\n")
    fields = dict(zip(found[1::2], found[2::2], strict=True))
    assert int(fields.pop("at")) > 1_700_000_000_000_000
    assert fields == {
        "kind": "conversation",
        "office": "krajowa",
        "queue": "ogolna",
        "conversation": "7",
        "version": "2",
    }


async def test_two_publishers_leave_no_hole_and_nothing_twice(nodes: Nodes, redis: RedisServer) -> None:
    """The lease keeps them apart; a node that hung may still write when another one does already."""
    async with paired(nodes, settings(redis)) as (one, two):
        two.publish()
        await asyncio.gather(one.happen(60), two.happen(60))
        await until(lambda: len(ids(redis)) == 120)
        assert ids(redis) == list(range(1, 121))


async def test_what_somebody_takes_out_of_redis_is_put_back(nodes: Nodes, redis: RedisServer) -> None:
    (one,) = await nodes(settings(redis), count=1)
    await one.happen(20)
    await until(lambda: len(ids(redis)) == 20)
    redis.ask("FLUSHALL")
    await until(lambda: len(ids(redis)) == 20)
    await one.happen(5)
    await until(lambda: ids(redis) == list(range(1, 26)))


async def test_a_stream_of_another_history_is_begun_anew(nodes: Nodes, redis: RedisServer) -> None:
    """After a restored backup the store is at earlier places, or has other events there."""
    for place in ("5", "100"):
        redis.ask("FLUSHALL")
        redis.ask("XADD", f"centrala:{EVENTS}", f"{place}-0", "at", "1", "kind", "message")
        (one,) = await nodes(settings(redis), count=1)
        await one.happen(8)
        await until(lambda one=one: ids(redis) == list(range(1, one.stream.last + 1)))  # type: ignore[misc]
        assert one.log.count("begins anew") == 1
        await one.stop()


async def test_nobody_believes_a_stream_of_another_history(nodes: Nodes, redis: RedisServer) -> None:
    """Also while nobody publishes: what stands in Redis never happened here."""
    (one,) = await nodes(settings(redis), count=1)
    await one.happen(2)
    await until(lambda: ids(redis) == [1, 2])
    await one.stop()
    for place in ("3", "4"):
        redis.ask("XADD", f"centrala:{EVENTS}", f"{place}-0", "at", "1", "kind", "message")
    (two,) = await nodes(settings(redis), count=1, publishes=False)
    await asyncio.sleep(1.5)
    assert two.stream.last == 2
    two.publish()
    await until(lambda: ids(redis) == [1, 2])
    await two.happen(1)
    await until(lambda: ids(redis) == [1, 2, 3] and two.bus.standing.up)


async def test_what_is_not_ours_in_redis_does_no_harm(nodes: Nodes, redis: RedisServer) -> None:
    async with paired(nodes, settings(redis)) as (one, two):
        redis.ask("PUBLISH", "centrala:nodes", "not a parcel")
        await one.happen(1)
        await until(lambda: ids(redis) == [1])
        redis.ask("XADD", f"centrala:{EVENTS}", "2-0", "nothing", "of ours")
        await one.happen(3)
        await two.sees(4)
        await until(lambda: ids(redis) == [1, 2, 3, 4])
        assert await places_of(two.stream, 4, 0) == [1, 2, 3, 4]


async def test_a_store_that_lost_its_last_commits_resets_who_follows(
    nodes: Nodes, redis: RedisServer
) -> None:
    """A standby takes over that had not everything: what was told behind its place never happened."""
    async with paired(nodes, settings(redis)) as (one, two):
        await one.happen(10)
        await two.sees(10)

        def lose(tx: Tx) -> None:
            tx.connection.exec_driver_sql("UPDATE stream_head SET place = 6")
            tx.connection.exec_driver_sql("DELETE FROM event WHERE place > 6")

        await one.store.write(lose)
        await until(lambda: one.stream.last == two.stream.last == 6)
        await two.store.write(emit)
        await one.sees(7)
        await until(lambda: ids(redis) == [1, 2, 3, 4, 5, 6, 7])


async def test_the_stream_in_redis_keeps_so_many(nodes: Nodes, redis: RedisServer) -> None:
    (one,) = await nodes(settings(redis, keep_events=1000), count=1)

    def many(tx: Tx) -> None:
        for _ in range(2500):
            emit(tx)

    await one.store.write(many)
    await until(lambda: bool(found := ids(redis)) and found[-1] == 2500)
    assert 1000 <= len(ids(redis)) < 1200
