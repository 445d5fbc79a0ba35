"""What docs/integrators.md promises is tried as it stands there: rights, groups, the way back after a loss."""

from __future__ import annotations

import asyncio
import re
import shlex
from pathlib import Path

import pytest
from redis.asyncio import Redis as Client
from redis.exceptions import NoPermissionError, ResponseError

from hub.bus.links import execute
from hub.bus.wire import EVENTS
from tests.hub.bus.conftest import CLOCK, Nodes, joined, settings
from tests.servers.redis import RedisServer
from tests.waiting import until

pytestmark = [pytest.mark.servers, pytest.mark.slow]

PAGE = (Path(__file__).parents[3] / "docs" / "integrators.md").read_text()
KEY = f"centrala:{EVENTS}"


def commands(beginning: str) -> list[list[str]]:
    """Commands of the page that begin so, as words."""
    lines = re.findall(rf"^ +({beginning} .*)$", PAGE, re.M)
    assert lines, f"the page has no {beginning}"
    return [shlex.split(line.replace("PASSWORD", "secret")) for line in lines]


@pytest.fixture
def guarded(redis: RedisServer) -> RedisServer:
    """With the accounts of the page."""
    for words in commands("ACL SETUSER"):
        assert redis.ask(*words) == "OK", words
    return redis


def client(redis: RedisServer, user: str) -> Client:
    return Client(port=redis.port, username=user, password="secret", socket_timeout=None)


async def test_the_hub_gets_by_with_the_rights_of_the_page(nodes: Nodes, guarded: RedisServer) -> None:
    url = guarded.url.replace("//", "//centrala@")
    known = settings(guarded, url=url, password="secret", keep_events=1000)
    one, two = await nodes(known)
    await joined(one, two)
    one.presence.mark(7, 1, "Ola", "looking", CLOCK.now())
    await until(lambda: two.presence.is_at(7, 1, CLOCK.now()))
    one.rates.wait("10/day", ("a",))
    await one.happen(3)
    await two.sees(3)
    guarded.ask("DEL", KEY)  # everything again, with the script unknown
    guarded.ask("SCRIPT", "FLUSH")
    await until(lambda: guarded.ask("XLEN", KEY) == "3")
    guarded.ask("XADD", KEY, "9-0", "at", "1")
    await until(lambda: one.log.count("begins anew") == 1)
    await until(lambda: guarded.ask("XLEN", KEY) == "3")
    await asyncio.sleep(0.1)
    assert not one.cautions.all() and not two.cautions.all()


async def test_a_group_reads_what_it_is_to_read_and_nothing_else(nodes: Nodes, guarded: RedisServer) -> None:
    (one,) = await nodes(settings(guarded), count=1)
    await one.happen(5)
    await until(lambda: guarded.ask("XLEN", KEY) == "5")
    [create], [read], [acknowledge] = (commands(word) for word in ("XGROUP", "XREADGROUP", "XACK"))
    async with client(guarded, "reports") as reports:
        await execute(reports, *create)
        answer = await execute(reports, *read)
        entries = answer[0][1] if isinstance(answer, list) else next(iter(answer.values()))[0]
        assert [entry[0] for entry in entries] == [f"{place}-0".encode() for place in range(1, 6)]
        assert await execute(reports, *acknowledge[:3], "1-0") == 1
        taken = await execute(reports, "XAUTOCLAIM", KEY, "reports", "worker-2", 0, "0")
        assert len(taken[1]) == 4, "what a worker that died had not acknowledged"
        for forbidden in (("XADD", KEY, "*", "kind", "x"), ("DEL", KEY), ("GET", "centrala:limit:x")):
            with pytest.raises(NoPermissionError):
                await execute(reports, *forbidden)
        guarded.ask("FLUSHDB")
        await until(lambda: guarded.ask("XLEN", KEY) == "5")
        with pytest.raises(ResponseError, match="NOGROUP"):
            await execute(reports, *read)


def test_the_page_names_every_kind_that_integrators_may_use() -> None:
    found = {
        kind
        for file in (Path(__file__).parents[3] / "hub").rglob("*.py")
        for kind in re.findall(r"\.emit\(\s*\"([a-z-]+)\"", file.read_text())
    }
    section = PAGE.split("| `kind` |")[1].split("\n")[0]
    named = set(re.findall(r"`([a-z-]+)`", section))
    assert {"message", "conversation", "delivery", "post", "callback", "survey"} <= named & found
    assert named <= found, f"the page names kinds that nothing emits: {named - found}"
