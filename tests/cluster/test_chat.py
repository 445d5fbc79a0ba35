"""A chat whose visitor's page hangs on one process while everything else happens in another one."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import pytest

from connectors.chat.visitors import HEADER
from hub.cli_config import read_config
from hub.clock import SystemClock
from hub.directory import directory
from hub.people.tokens import make_token
from hub.people.users import add_user, set_queues
from hub.scope import SYSTEM
from hub.store.postgres import PostgresStore
from hub.store.schema import user
from hub.store.tx import Tx
from tests.cluster.nodes import Node
from tests.servers.postgres import Postgres
from tests.servers.redis import RedisServer

pytestmark = [pytest.mark.slow, pytest.mark.servers]

TOKEN = "an API token of two hundred and fifty-six bits or so"

MORE = """
[redis]
url = "{redis}"

[[inboxes]]
id = "czat"
kind = "chat"
name = "Czat"
office = "krajowa"
queue = "informacja"
"""

DAYS = ", ".join(f'{day} = "00:00-24:00"' for day in ("mon", "tue", "wed", "thu", "fri", "sat", "sun"))
OPEN = f'holidays = ""\nhours = {{ {DAYS} }}\n'


@pytest.fixture
def pair(postgres: Postgres, redis: RedisServer, tmp_path: Path) -> Iterator[tuple[Node, Node]]:
    """One hub that does everything, and one that only serves pages."""
    url, more = postgres.fresh_database(), MORE.format(redis=redis.url)
    made = [
        Node(tmp_path, url, "whole", more, lease=10.0),
        Node(tmp_path, url, "pages", more, roles=["web"], lease=10.0),
    ]
    for node in made:
        text = node.config.read_text()
        node.config.write_text(text.replace('name = "Infolinia"\n', f'name = "Infolinia"\n{OPEN}'))
        node.start()
    yield made[0], made[1]
    for node in made:
        node.end()


async def staff(node: Node) -> None:
    """Somebody on duty, and a token for whoever answers."""
    config = read_config(node.config)
    store = PostgresStore(config.store.url, SystemClock(), connections=1)
    await store.open()
    known = directory(config)

    def command(tx: Tx) -> None:
        ola = add_user(tx, SYSTEM, "ola", "Ola Nowak", "agent", "krajowa", None, "pl")
        set_queues(tx, SYSTEM, known, ola, ["informacja"])
        tx.change(user, ola, presence="available")
        grants = ["read", "write"]
        make_token(tx, SYSTEM, known, name="test", office="krajowa", grants=grants, token=TOKEN)

    await store.write(command)
    await store.close()


class Visitor:
    """A visitor whose page is open at one process; what it is told."""

    def __init__(self, client: aiohttp.ClientSession, posts: Node, page: Node) -> None:
        self._client = client
        self._posts = f"http://127.0.0.1:{posts.public}/embed/chat/czat"
        self._page = f"http://127.0.0.1:{page.public}/embed/chat/czat"
        self.me = ""
        self.told: list[tuple[str, Any]] = []

    async def post(self, address: str = "", **fields: str) -> int:
        """By the process that is not that of the page."""
        fields |= {"me": self.me} if self.me else {}
        headers = {"Accept": "application/json"}
        async with self._client.post(self._posts + address, data=fields, headers=headers) as answer:
            if not address:
                self.me = msgspec.json.decode(await answer.read())["me"]
            return answer.status

    async def watch(self) -> None:
        """The page's stream, until cancelled."""
        timeout = aiohttp.ClientTimeout(total=None)
        async with self._client.get(
            f"{self._page}/stream", headers={HEADER: self.me}, timeout=timeout
        ) as page:
            assert page.status == 200, await page.text()
            name = ""
            async for line in page.content:
                if line.startswith(b"event: "):
                    name = line[7:].decode().strip()
                elif line.startswith(b"data: "):
                    self.told.append((name, msgspec.json.decode(line[6:])))

    async def shown(self, count: int) -> float:
        """Seconds until the page has shown so many messages."""
        began = time.monotonic()
        async with asyncio.timeout(20):
            while len(self.messages()) < count:  # noqa: ASYNC110 - another process makes it so
                await asyncio.sleep(0.002)
        return time.monotonic() - began

    def messages(self) -> list[Any]:
        return [message for name, data in self.told if name == "news" for message in data["messages"]]


class Desk:
    """An agent's program at one process."""

    def __init__(self, client: aiohttp.ClientSession, at: Node) -> None:
        self._client = client
        self._base = f"http://127.0.0.1:{at.private}/api/v1/conversations"
        self._headers = {"Authorization": f"Bearer {TOKEN}"}

    async def get(self, path: str = "") -> Any:
        async with self._client.get(self._base + path, headers=self._headers) as response:
            assert response.status == 200, await response.text()
            return await response.json()

    async def messages(self) -> list[Any]:
        """Of the one conversation."""
        [found] = (await self.get())["conversations"]
        messages: list[Any] = (await self.get(f"/{found['id']}/messages"))["messages"]
        return messages

    async def answer(self, text: str) -> None:
        [found] = (await self.get())["conversations"]
        based_on = (await self.messages())[-1]["number"]
        headers = {**self._headers, "Idempotency-Key": str(uuid.uuid4())}
        address, body = f"{self._base}/{found['id']}/reply", {"text": text, "based_on": based_on}
        async with self._client.post(address, json=body, headers=headers) as response:
            assert response.status == 200, await response.text()


async def test_a_page_hangs_on_one_process_and_the_rest_is_another_one(pair: tuple[Node, Node]) -> None:
    whole, pages = pair
    await staff(whole)
    async with aiohttp.ClientSession() as client:
        visitor, desk = Visitor(client, posts=whole, page=pages), Desk(client, whole)
        assert await visitor.post(text="Dzień dobry", consent="yes", client=str(uuid.uuid4())) == 200
        watching = asyncio.create_task(visitor.watch())
        await visitor.shown(1)
        await desk.answer("Słucham")
        took = await visitor.shown(2)
        print(f"an answer sent by another process was on the page after {took:.3f} s")
        assert took < 5.0
        [_, said] = visitor.messages()
        assert not said["mine"] and "Słucham" in said["html"]
        assert await visitor.post("/signal", what="read", upto=str(said["id"])) == 204
        async with asyncio.timeout(20):
            while (await desk.messages())[-1]["state"] != "read":  # noqa: ASYNC110 - as above
                await asyncio.sleep(0.02)
        watching.cancel()
