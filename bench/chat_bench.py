"""Live chat: from a visitor's message to the agent who hears of it, with 500 chats in which everybody types at once.

Run: ``python -m bench.chat_bench [VISITORS] [SECONDS]``. The hub is one process. Another one plays all visitors and
agents over HTTP: each visitor has a page's event stream open, tells every three seconds that they type and writes about
every eight; the agents have taken all chats and follow the console's stream. Measured from the moment before a message
is posted until the stream of an agent names it (wanted: p99 of at most 150 ms, which stands as the floor).
"""

from __future__ import annotations

import asyncio
import json
import random
import re
import sys
import tempfile
import time
import uuid
from collections.abc import Callable
from pathlib import Path

import aiohttp
import uvloop

from bench.console_bench import PASSWORD, log_in
from bench.daemon import COMMAND, configure, running
from bench.office import some_text
from bench.report import line, percentile
from hub.cli_config import read_config
from hub.clock import SystemClock
from hub.directory import directory
from hub.people import passwords
from hub.people.users import add_user, set_queues
from hub.scope import SYSTEM
from hub.store.sqlite import SqliteStore
from hub.store.tx import Tx
from tests.servers.process import free_port

AGENTS = 20
TYPING_SECONDS = 3.0
WRITING_SECONDS = 8.0
WANTED_MS = 150.0

_DAYS = "".join(f'{day} = "00:00-24:00"\n' for day in ("mon", "tue", "wed", "thu", "fri", "sat", "sun"))
_MORE = f"""
[[inboxes]]
id = "czat"
kind = "chat"
name = "Czat"
office = "krajowa"
queue = "q0"
[inboxes.settings]
per_address = ""
per_site = ""
signals_per_address = ""
[chats]
per_agent = 50
[offices.hours]
{_DAYS}"""


def prepare(folder: Path, public: int, private: int) -> Path:
    """A hub with a chat that is always open, and its agents."""
    file = configure(folder, public=public, private=private, rules=1000)
    text = file.read_text().replace('name = "Infolinia"\n', 'name = "Infolinia"\nholidays = ""\n', 1)
    file.write_text(text + _MORE)
    config, hashed = read_config(file), passwords.hash_password(PASSWORD)

    def hire(tx: Tx) -> None:
        for n in range(AGENTS):
            person = add_user(tx, SYSTEM, f"a{n}", f"Agent {n}", "agent", "krajowa", hashed, "pl")
            set_queues(tx, SYSTEM, directory(config), person, [f"q{queue}" for queue in range(20)])

    async def fill() -> None:
        store = SqliteStore(folder / "data" / "centrala.db", SystemClock())
        await store.open()
        await store.write(hire)
        await store.close()

    asyncio.run(fill())
    return file


# --- the other process -------------------------------------------------------------------------------------------


class Times:
    """When a message was posted, and when an agent heard of it."""

    def __init__(self) -> None:
        self.posted: dict[int, float] = {}
        self.heard: dict[int, float] = {}
        self.typings = 0
        self.told = 0

    def late(self) -> list[float]:
        """Seconds of each message that was heard of."""
        return [self.heard[number] - at for number, at in self.posted.items() if number in self.heard]


class Visitor:
    """One visitor with one page."""

    def __init__(self, number: int, address: str, session: aiohttp.ClientSession) -> None:
        self._address = address
        self._session = session
        self._draw = random.Random(number)
        part = f"10.{number // 250}.{number % 250}.7"
        self._headers = {"Accept": "application/json", "X-Forwarded-For": part}
        self._me = ""

    async def begin(self) -> None:
        """Open the page, write the first message, open the stream."""
        async with self._session.get(self._address, headers=self._headers) as answer:
            page = await answer.text()
        found = re.search(r'name="me" value="(\w+)"', page)
        assert found, "the chat's page has no token"
        self._me = found[1]
        self._headers["X-Centrala-Chat"] = self._me
        await self.write({"name": "Zofia", "consent": "yes"})

    async def write(self, more: dict[str, str] | None = None) -> int:
        """Post a message; its id."""
        text = some_text(self._draw, 12)
        fields = {"me": self._me, "client": str(uuid.uuid4()), "text": text, **(more or {})}
        async with self._session.post(self._address, data=fields, headers=self._headers) as answer:
            said = await answer.json()
            assert answer.status == 200, said
            return int(said["id"] or 0)

    async def listen(self, times: Times) -> None:
        """Until cancelled: read what comes down."""
        headers = {**self._headers, "Accept": "text/event-stream"}
        async with self._session.get(f"{self._address}/stream", headers=headers, timeout=None) as answer:
            assert answer.status == 200
            async for _ in answer.content.iter_any():
                times.told += 1

    async def chat(self, times: Times, until: float) -> None:
        """Type and write until then."""
        await asyncio.sleep(self._draw.uniform(0, TYPING_SECONDS))
        due = time.perf_counter() + self._draw.uniform(0, WRITING_SECONDS)
        while time.perf_counter() < until:
            fields = {"me": self._me, "what": "typing"}
            async with self._session.post(
                f"{self._address}/signal", data=fields, headers=self._headers
            ) as answer:
                assert answer.status == 204
            times.typings += 1
            await asyncio.sleep(TYPING_SECONDS * self._draw.uniform(0.9, 1.1))
            if time.perf_counter() >= due:
                due = time.perf_counter() + WRITING_SECONDS * self._draw.uniform(0.8, 1.2)
                began = time.perf_counter()
                times.posted[await self.write()] = began


class Agent:
    """One agent with the console open."""

    def __init__(self, number: int, address: str) -> None:
        self.number = number
        self._address = address
        self._session = aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True))
        self._csrf = ""

    async def log_in(self) -> None:
        """As a person does."""
        await log_in(self._session, self._address, f"a{self.number}")
        async with self._session.get(f"{self._address}/settings") as answer:
            self._csrf = _csrf(await answer.text())

    async def take(self, count: int) -> None:
        """Take the next conversations."""
        form, headers = {"csrf": self._csrf, "next": "/inbox"}, {"Origin": self._address}
        for _ in range(count):
            async with self._session.post(
                f"{self._address}/inbox/take", data=form, headers=headers, allow_redirects=False
            ) as answer:
                assert "/conversations/" in answer.headers.get("Location", ""), answer.status

    async def follow(self, hear: Callable[[int, int], None]) -> None:
        """Until cancelled: tell the ids of conversations and messages that the console's stream names."""
        async with self._session.get(f"{self._address}/live", timeout=None) as answer:
            assert answer.status == 200
            async for found in answer.content:
                if found.startswith(b"data: ["):
                    for change in json.loads(found[6:]):
                        if change["kind"] == "message":
                            hear(change["conversation"], change["message"])

    async def close(self) -> None:
        """Close the browser."""
        await self._session.close()


def _csrf(page: str) -> str:
    found = re.search(r'name="csrf" value="([^"]+)"', page)
    return found[1] if found else ""


async def _drive(visitors: int, seconds: int, public: int, private: int) -> None:
    times = Times()
    address = f"http://127.0.0.1:{public}/embed/chat/czat"
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar()) as session:
        agents = [Agent(n, f"http://127.0.0.1:{private}") for n in range(AGENTS)]
        people = [Visitor(n, address, session) for n in range(visitors)]
        for agent in agents:
            await agent.log_in()
        for start in range(0, visitors, 25):
            await asyncio.gather(*(visitor.begin() for visitor in people[start : start + 25]))
        await asyncio.gather(*(agent.take(visitors // AGENTS) for agent in agents))
        following = [asyncio.create_task(agent.follow(_ears(times, agent.number))) for agent in agents]
        following += [asyncio.create_task(visitor.listen(times)) for visitor in people]
        await asyncio.sleep(2)
        until = time.perf_counter() + seconds
        await asyncio.gather(*(visitor.chat(times, until) for visitor in people))
        await asyncio.sleep(1)
        for task in following:
            task.cancel()
        await asyncio.gather(*following, return_exceptions=True)
        await asyncio.gather(*(agent.close() for agent in agents))
    _report(times, visitors, seconds)


def _ears(times: Times, number: int) -> Callable[[int, int], None]:
    """What one agent hears counts for the conversations of their share."""

    def hear(conversation: int, message: int) -> None:
        if conversation % AGENTS == number:
            times.heard.setdefault(message, time.perf_counter())

    return hear


def _report(times: Times, visitors: int, seconds: int) -> None:
    late = times.late()
    lost = len(times.posted) - len(late)
    print(
        f"{visitors} chats, {seconds} s: {len(times.posted)} messages, {times.typings} signs of typing, "
        f"{times.told} events to visitors, {lost} not heard of"
    )
    assert not lost, "an agent did not hear of a message"
    print(f"median {1000 * percentile(late, 0.5):.1f} ms, at most {1000 * max(late):.1f} ms")
    print(line("visitor to agent, p99", 1000 * percentile(late, 0.99), "ms", WANTED_MS, inverse=True))


def main(visitors: int = 500, seconds: int = 20) -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as name:
        folder, public, private = Path(name), free_port(), free_port()
        file = prepare(folder, public, private)
        with running([*COMMAND, "run", "-c", str(file)], public):
            uvloop.run(_drive(visitors, seconds, public, private))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
