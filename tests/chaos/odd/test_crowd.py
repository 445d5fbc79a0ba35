"""The hub is killed and starts again, and 5,000 consoles come back in one moment: none misses what happened."""

from __future__ import annotations

import asyncio
import contextlib
import statistics
import time
from collections.abc import Iterator

import aiohttp
import pytest

from hub.clock import SystemClock
from hub.configfile import load
from hub.directory import directory
from hub.people.sessions import open_session
from hub.people.users import add_user, set_queues
from hub.scope import SYSTEM
from hub.store.sqlite import SqliteStore
from hub.store.tx import Tx
from tests.chaos.power.office import Office, by_webhook
from tests.servers.process import Process, folder

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

CONSOLES = 5_000
PEOPLE = 100
COOKIE = "centrala"


class Console:
    """The stream of one browser: comes back with the last place that it saw, as EventSource does."""

    def __init__(self, port: int, token: str) -> None:
        self._port = port
        self._token = token
        self.place = 0
        self.heard: list[int] = []
        self.connected = asyncio.Event()

    async def listen(self) -> None:
        """One connection, to its end."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        seen = f"Last-Event-ID: {self.place}\r\n" if self.heard else ""
        writer.write(
            f"GET /live?after=0 HTTP/1.1\r\nHost: 127.0.0.1\r\nCookie: {COOKIE}={self._token}\r\n{seen}\r\n".encode()
        )
        try:
            status = await reader.readline()
            assert b" 200 " in status, status
            while line := await reader.readline():
                self._take(line)
        finally:
            writer.close()

    def _take(self, line: bytes) -> None:
        if line.startswith(b"retry:"):
            self.connected.set()
        elif line.startswith(b"id: "):
            self.place = int(line[4:])
            self.heard.append(self.place)

    async def keep(self) -> None:
        """Come back whenever the connection ends."""
        while True:
            with contextlib.suppress(OSError):
                await self.listen()
            self.connected.clear()
            await asyncio.sleep(0.2)


@pytest.fixture
def office() -> Iterator[Office]:
    with folder("crowd") as path:
        yield Office(path)


async def hire(office: Office) -> list[str]:
    """People with a session each, made before the hub starts; gives their cookies."""
    config = load(office.path / "centrala.toml", environ={})
    house = directory(config)
    tokens = [f"crowd-{number:04d}-0123456789abcdef0123456789abcdef" for number in range(PEOPLE)]

    def add(tx: Tx) -> None:
        for number, token in enumerate(tokens):
            person = add_user(tx, SYSTEM, f"p{number}", f"P {number}", "agent", "krajowa", None, "pl", ())
            set_queues(tx, SYSTEM, house, person, ("bezrobotni",))
            open_session(tx, config.limits, person, token, "csrf")

    (office.path / "data").mkdir()
    store = SqliteStore(office.path / "data" / "centrala.db", SystemClock())
    await store.open()
    await store.write(add)
    await store.close()
    return tokens


def start(office: Office) -> Process:
    hub = Process("centrala", office.command, office.path / "hub.log")
    hub.start(office.public, office.private, office.lmtp)
    return hub


async def waits(session: aiohttp.ClientSession, office: Office, token: str, found: list[float]) -> None:
    """A person who goes on working: opens the list again and again, and notes how long it takes."""
    while True:
        began = time.monotonic()
        url = f"http://127.0.0.1:{office.private}/inbox"
        async with session.get(url, headers={"Cookie": f"{COOKIE}={token}"}) as page:
            await page.read()
            assert page.status == 200
        found.append(time.monotonic() - began)
        await asyncio.sleep(0.1)


async def until_all(events: list[asyncio.Event], seconds: float) -> float:
    began = time.monotonic()
    async with asyncio.timeout(seconds):
        for event in events:
            await event.wait()
    return time.monotonic() - began


async def everybody_heard(consoles: list[Console], place: int, seconds: float) -> float:
    began = time.monotonic()
    while not all(console.place >= place for console in consoles):
        assert time.monotonic() - began < seconds, sum(c.place < place for c in consoles)
        await asyncio.sleep(0.05)
    return time.monotonic() - began


async def test_five_thousand_consoles_come_back_at_once(office: Office) -> None:
    """They were there before the hub ended: each knows the place that it saw last, and one event came since."""
    tokens = await hire(office)
    hub = await asyncio.to_thread(start, office)
    async with aiohttp.ClientSession() as session:
        tell = by_webhook(session, f"http://127.0.0.1:{office.public}/in/webhook")
        consoles = [Console(office.private, tokens[n % PEOPLE]) for n in range(CONSOLES)]
        seen = asyncio.create_task(consoles[0].keep())
        await tell("one00001x")
        await everybody_heard(consoles[:1], 1, 20)
        seen.cancel()
        last = consoles[0].place
        await tell("two00001x")
        await asyncio.to_thread(hub.kill)
        hub = await asyncio.to_thread(start, office)
        for console in consoles:
            console.place, console.heard = last, [last]
        answers: list[float] = []
        began = time.monotonic()
        tasks = [asyncio.create_task(console.keep()) for console in consoles]
        working = asyncio.create_task(waits(session, office, tokens[0], answers))
        await until_all([console.connected for console in consoles], 100)
        back = time.monotonic() - began
        await everybody_heard(consoles, last + 1, 100)
        whole = time.monotonic() - began
        while not answers:
            assert not working.done(), working
            await asyncio.sleep(0.05)
        for task in (working, *tasks):
            task.cancel()
        await asyncio.gather(working, *tasks, return_exceptions=True)
    await asyncio.to_thread(hub.kill)
    slow = statistics.quantiles(answers, n=20)[-1] if len(answers) > 1 else answers[0]
    print(
        f"{CONSOLES} consoles: all back after {back:.1f} s, all up to date after {whole:.1f} s; {len(answers)} pages "
        f"meanwhile, p95 {slow * 1000:.0f} ms, longest {max(answers) * 1000:.0f} ms"
    )
    assert answers and max(answers) < 10.0, "whoever is at work waits, but gets there"
    for console in consoles:
        assert console.heard == sorted(set(console.heard)), "in order, and nothing twice on one connection"
