"""Limits over two nodes: what one granted the other has granted, too; without Redis each counts for itself."""

from __future__ import annotations

import pytest

from hub.rates import Rates
from tests.hub.bus.conftest import Node, Nodes, paired, settings
from tests.servers.redis import RedisServer
from tests.waiting import until

pytestmark = pytest.mark.servers

RATE = "10/day"
"""A window that does not end while the test runs, but at midnight."""


def left(node: Node, rate: str = RATE) -> int:
    """How many more a node would grant; asks without counting."""
    copy = node.rates._counts.get(rate)
    return 10 if copy is None else 10 - copy._now.get(("address", "192.0.2.7"), 0)


def granted(node: Node, times: int, rate: str = RATE) -> int:
    return sum(not node.rates.wait(rate, ("address", "192.0.2.7")) for _ in range(times))


def counted(redis: RedisServer) -> int:
    """How often all nodes together were asked, as Redis has it."""
    names = redis.ask("KEYS", "centrala:limit:*").split()
    return sum(map(int, redis.ask("MGET", *names).split())) if names else 0


async def test_what_one_node_grants_is_gone_on_both(nodes: Nodes, redis: RedisServer) -> None:
    """A node learns of the others with the next request that it counts itself: so one each may be too many."""
    async with paired(nodes, settings(redis)) as (one, two):
        assert granted(one, 4) == 4
        await until(lambda: counted(redis) == 4)  # else the other may be first to tell, and hears of nobody
        assert granted(two, 1) == 1
        await until(lambda: left(two) == 5)
        assert granted(two, 9) == 5
        await until(lambda: counted(redis) == 10)
        assert granted(one, 1) == 1
        await until(lambda: left(one) < 0)
        assert granted(one, 1) == 0
        assert one.rates.wait("10/hour", ("address", "192.0.2.7")) == 0, "another rate is another count"
        assert "192.0.2.7" not in redis.ask("KEYS", "*"), "addresses of people do not stand in Redis"


async def test_both_at_once_grant_little_more_than_the_rate(nodes: Nodes, redis: RedisServer) -> None:
    async with paired(nodes, settings(redis)) as (one, two):
        total = 0
        for _ in range(20):
            total += granted(one, 1) + granted(two, 1)
            await until(lambda asked=total: counted(redis) == asked)  # type: ignore[misc]
        assert 10 <= total <= 14


async def test_a_node_that_comes_later_knows(nodes: Nodes, redis: RedisServer) -> None:
    async with paired(nodes, settings(redis)) as (one, _):
        assert granted(one, 10) == 10
        await until(lambda: counted(redis) == 10)
        (late,) = await nodes(settings(redis), count=1)
        assert granted(late, 1) == 1, "it cannot know before it asked once"
        await until(lambda: left(late) <= 0)
        assert granted(late, 1) == 0


@pytest.mark.slow
async def test_without_redis_each_counts_alone(nodes: Nodes, redis: RedisServer) -> None:
    async with paired(nodes, settings(redis)) as (one, two):
        redis.kill()
        assert granted(one, 20) == 10
        assert granted(two, 20) == 10
        redis.start()
        await until(lambda: one.bus.standing.up and two.bus.standing.up)
        assert granted(one, 1) == 0
        assert granted(one, 1, "20/day") == 1
        await until(lambda: two.rates.wait("20/day", ("address", "192.0.2.7")) == 0)


def test_the_window_before_counts_where_only_others_knew_it() -> None:
    now = [600.0]
    one, two = Rates(lambda: now[0], shared=True), Rates(lambda: now[0], shared=True)
    for _ in range(10):
        one.wait("10/minute", ("a",))
    now[0] += 60
    assert two.wait("10/minute", ("a",)) == 0
    (fresh,) = two.take()
    assert (fresh.window, fresh.amount, fresh.first) == (11, 1, True)
    two.learn([fresh], [(1, 10)])
    assert two.wait("10/minute", ("a",)) == 6


def test_what_was_counted_meanwhile_is_added() -> None:
    rates = Rates(lambda: 600.0, shared=True)
    rates.wait("10/minute", ("a",))
    told = rates.take()
    rates.wait("10/minute", ("a",))
    rates.learn(told, [(7, 0)])
    assert [rates.wait("10/minute", ("a",)) for _ in range(3)] == [0, 0, 6]


def test_what_comes_back_for_an_old_window_is_left_out() -> None:
    now = [600.0]
    rates = Rates(lambda: now[0], shared=True)
    rates.wait("10/minute", ("a",))
    told = rates.take()
    now[0] += 200
    rates.wait("10/minute", ("b",))
    rates.learn(told, [(10, 0)])
    assert rates.wait("10/minute", ("a",)) == 0
