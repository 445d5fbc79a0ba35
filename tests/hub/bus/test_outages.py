"""Redis dies, hangs, comes back empty, is somewhere else: nothing is lost, and it comes back by itself."""

from __future__ import annotations

import asyncio
import time

import pytest

from hub.bus.wire import EVENTS
from hub.config import Redis
from tests.hub.bus.conftest import Nodes, ids, joined, paired, places_of, settings
from tests.servers.redis import RedisServer, Sentinel
from tests.waiting import until

pytestmark = [pytest.mark.servers, pytest.mark.slow]


async def test_losing_redis_costs_time_only(nodes: Nodes, redis: RedisServer) -> None:
    async with paired(nodes, settings(redis)) as (one, two):
        await one.happen(10)
        await two.sees(10)
        redis.kill()
        await until(lambda: not one.bus.standing.up and not two.bus.standing.up)
        began = time.monotonic()
        await asyncio.gather(one.happen(10), two.happen(10))
        await one.sees(30)
        await two.sees(30)
        assert time.monotonic() - began < 8.0, "it is looked for as often as without Redis"
        redis.start()  # it comes back with nothing in it
        await joined(one, two)
        await one.happen(1)
        await two.sees(31)
        await until(lambda: redis.ask("XLEN", f"centrala:{EVENTS}") == "31")
        for node in (one, two):
            assert await places_of(node.stream, 31, 0) == list(range(1, 32))
            assert node.log.count("warning the hub needs attention") == 1
            assert node.log.count("info Redis works again") == 1
            assert node.cautions.all() == ()


async def test_a_hub_starts_without_redis_and_takes_it_when_it_comes(
    nodes: Nodes, redis: RedisServer
) -> None:
    redis.kill()
    one, two = await nodes(settings(redis))
    await one.happen(3)
    await two.sees(3)
    assert [caution.key for caution in one.cautions.all()] == ["redis"]
    redis.start()
    await joined(one, two)
    await until(lambda: redis.ask("XLEN", f"centrala:{EVENTS}") == "3")


async def test_a_redis_that_hangs_is_noticed(
    nodes: Nodes, redis: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Connections stay open and nothing comes: commands time out, silence ends the rest."""
    monkeypatch.setattr("hub.bus.exchange.SILENCE", 3.0)
    async with paired(nodes, settings(redis)) as (one, two):
        redis.hang()
        await until(lambda: not one.bus.standing.up and not two.bus.standing.up)
        await one.happen(3)
        await two.sees(3)
        redis.wake()
        await joined(one, two)


# --- how it can be reached --------------------------------------------------------------------------------------------


async def test_over_tls_and_with_a_password(nodes: Nodes, tmp_path_factory: pytest.TempPathFactory) -> None:
    server = RedisServer(tmp_path_factory.mktemp("redis-tls"), tls=True, password="correct horse")
    server.start()
    try:
        known = settings(server, password="correct horse", ca_file=str(server.ca_file))
        async with paired(nodes, known) as (one, two):
            await one.happen(3)
            await two.sees(3)
        (stranger,) = await nodes(settings(server, password="correct horse"), count=1)
        await until(lambda: bool(stranger.cautions.all()))
        assert "CERTIFICATE_VERIFY_FAILED" in str(stranger.cautions.all()[0].text)
        (wrong,) = await nodes(settings(server, password="wrong", ca_file=str(server.ca_file)), count=1)
        await until(lambda: bool(wrong.cautions.all()))
        assert "invalid username-password pair" in str(wrong.cautions.all()[0].text)
        assert wrong.log.count("wrong") == 0, "no password in a log"
    finally:
        server.stop()


async def test_behind_a_sentinel(nodes: Nodes, tmp_path_factory: pytest.TempPathFactory) -> None:
    first = RedisServer(tmp_path_factory.mktemp("redis-first"))
    second = RedisServer(tmp_path_factory.mktemp("redis-second"), replica_of=first)
    sentinel = Sentinel(tmp_path_factory.mktemp("sentinel"), first)
    try:
        first.start()
        second.start()
        sentinel.start(replicas=1)
        async with paired(nodes, Redis(url=sentinel.url)) as (one, two):
            await one.happen(5)
            await two.sees(5)
            first.kill()
            await one.happen(5)
            await two.sees(10)
            await until(lambda: sentinel.master_port() == second.port)
            await until(lambda: one.bus.standing.up and two.bus.standing.up, seconds=30)
            await one.happen(5)
            await two.sees(15)
            await until(lambda: ids(second) == list(range(1, 16)))
    finally:
        sentinel.stop()
        second.stop()
        first.stop()
