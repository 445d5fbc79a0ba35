"""Two hubs as processes with a Redis between them: what one takes, readers at the other see; without Redis a bit later.

The figures that are printed are from posting a message at one process to its event in the stream of the other.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import statistics
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import msgspec
import pytest

from hub.cli_config import read_config
from hub.clock import SystemClock
from hub.directory import directory
from hub.people.tokens import make_token
from hub.scope import SYSTEM
from hub.store.postgres import PostgresStore
from tests.cluster.nodes import Node
from tests.servers.postgres import Postgres
from tests.servers.redis import RedisServer

pytestmark = [pytest.mark.slow, pytest.mark.servers]

SECRET = "a-webhook-secret-of-32-characters"
TOKEN = "an API token of two hundred and fifty-six bits or so"

MORE = """
[redis]
url = "{redis}"

[[inboxes]]
id = "aplikacja"
kind = "webhook"
name = "Aplikacja"
office = "krajowa"
queue = "informacja"
settings = {{ secret = "a-webhook-secret-of-32-characters" }}
"""


@pytest.fixture
def pair(postgres: Postgres, redis: RedisServer, tmp_path: Path) -> Iterator[tuple[Node, Node]]:
    """Two running hubs; both do everything."""
    url = postgres.fresh_database()
    made = [Node(tmp_path, url, name, MORE.format(redis=redis.url), lease=10.0) for name in ("one", "two")]
    made[0].start()
    made[1].start()
    yield made[0], made[1]
    for node in made:
        node.end()


async def let_in(node: Node) -> None:
    """Make an API token; as a process beside the hubs would."""
    config = read_config(node.config)
    store = PostgresStore(config.store.url, SystemClock(), connections=1)
    await store.open()
    known = directory(config)
    await store.write(
        lambda tx: make_token(
            tx, SYSTEM, known, name="test", office="krajowa", grants=["read", "stream"], token=TOKEN
        )
    )
    await store.close()


async def post(client: aiohttp.ClientSession, node: Node, number: int) -> None:
    """A signed message by the webhook; returns when it is acknowledged."""
    event = {
        "type": "message",
        "id": f"m-{number}",
        "sender": {"address": f"u-{number}"},
        "text": "Dzień dobry",
    }
    body, timestamp = msgspec.json.encode(event), str(int(time.time()))
    signature = hmac.new(SECRET.encode(), timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()
    headers = {
        "Content-Type": "application/json",
        "X-Centrala-Timestamp": timestamp,
        "X-Centrala-Signature": f"sha256={signature}",
    }
    address = f"http://127.0.0.1:{node.public}/in/aplikacja"
    async with client.post(address, data=body, headers=headers) as answer:
        assert answer.status == 200, await answer.text()


@asynccontextmanager
async def following(client: aiohttp.ClientSession, node: Node) -> AsyncIterator[Callable[[], list[int]]]:
    """Conversations of the messages that a node's stream has told so far."""
    address = f"http://127.0.0.1:{node.private}/api/v1/stream"
    seen: list[int] = []

    async def read(response: aiohttp.ClientResponse) -> None:
        kind = ""
        async for line in response.content:
            if line.startswith(b"event: "):
                kind = line[7:].decode().strip()
            elif line.startswith(b"data: ") and kind == "message":
                seen.append(int(msgspec.json.decode(line[6:])["conversation"]))

    headers, timeout = {"Authorization": f"Bearer {TOKEN}"}, aiohttp.ClientTimeout(total=None)
    async with client.get(address, headers=headers, timeout=timeout) as response:
        assert response.status == 200, await response.text()
        task = asyncio.create_task(read(response))
        yield lambda: seen
        task.cancel()


async def seconds_until_seen(
    client: aiohttp.ClientSession, at: Node, seen: Callable[[], list[int]], numbers: range
) -> list[float]:
    """From the posting of each message at one node, its commit included, to its event at the other."""
    took = []
    for number in numbers:
        before = len(seen())
        began = time.monotonic()
        await post(client, at, number)
        async with asyncio.timeout(30):
            while len(seen()) == before:  # noqa: ASYNC110 - it is another process that makes it so
                await asyncio.sleep(0.001)
        took.append(time.monotonic() - began)
    return took


def told_by(redis: RedisServer) -> int:
    """Messages in the stream for integrators."""
    return redis.ask("XRANGE", "centrala:events", "-", "+").count("kind\nmessage\n")


async def test_events_of_one_process_reach_readers_at_the_other(
    pair: tuple[Node, Node], redis: RedisServer
) -> None:
    one, two = pair
    await let_in(one)
    async with aiohttp.ClientSession() as client, following(client, two) as seen:
        await post(client, one, 0)
        with_redis = await seconds_until_seen(client, one, seen, range(1, 21))
        redis.kill()
        two.says("Redis is not reachable")
        without = await seconds_until_seen(client, one, seen, range(21, 26))
        redis.start()
        two.says("Redis works again")
        one.says("Redis works again")
        again = await seconds_until_seen(client, one, seen, range(26, 36))
    assert len(set(seen())) == 36, "each message is told, none twice"
    carried, looked, again_carried = (statistics.median(some) for some in (with_redis, without, again))
    print(
        f"seen at the other node after {carried:.4f} s, without Redis {looked:.2f} s, then {again_carried:.4f} s"
    )
    assert max(carried, again_carried) < looked / 2, "what is carried needs no look at the store"
    assert max(without) < 10.0
    assert told_by(redis) == 36, "the stream for integrators has everything again"


async def test_the_publisher_dies_and_another_one_goes_on(
    pair: tuple[Node, Node], redis: RedisServer
) -> None:
    one, two = pair
    await let_in(one)
    one.says("lease=stream-publisher")
    async with aiohttp.ClientSession() as client, following(client, two) as seen:
        await post(client, one, 0)
        one.kill()
        took = await seconds_until_seen(client, two, seen, range(1, 6))
        assert max(took) < 5.0, "who commits knows it without any publisher"
        two.says("lease=stream-publisher")
    async with asyncio.timeout(20):
        while told_by(redis) < 6:  # noqa: ASYNC110 - it is another process that makes it so
            await asyncio.sleep(0.1)


def test_the_check_asks_redis(postgres: Postgres, redis: RedisServer, tmp_path: Path) -> None:
    node = Node(tmp_path, postgres.fresh_database(), "one", MORE.format(redis=redis.url))
    asked = node.command("check")
    assert (asked.returncode, f"{redis.url}: answers." in asked.stdout) == (0, True), asked.stdout
    redis.kill()
    asked = node.command("check")
    assert asked.returncode == 4
    assert f"{redis.url}: cannot be reached" in asked.stdout and "runs without it" in asked.stdout
