"""The console on a real port of the loopback interface, with people of every role who can log in; public listeners."""

from __future__ import annotations

import hashlib
import random
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import pytest
from aiohttp import CookieJar, web
from aiohttp.test_utils import TestClient, TestServer

from connectors.contract import Health, Route
from hub.blobs import FileBlobs
from hub.desk.presence import Presence
from hub.house import House
from hub.i18n import translate
from hub.logs import logger
from hub.people import passwords
from hub.people.presence import signed_in
from hub.people.sessions import open_session
from hub.rates import Rates
from hub.store.store import Store
from hub.store.tx import Tx
from hub.stream import Stream
from hub.web import public
from hub.web.console import build
from hub.web.desk import Desk
from hub.web.guard import COOKIE
from tests.hub.conftest import FakeClock
from tests.hub.specimen import a_house, add_person
from tests.hub.web.listener import Listener, Start

PASSWORD = "correct horse battery"

Client = TestClient[web.Request, web.Application]


class Entropy:
    """Unguessable bytes that are the same in each run."""

    def __init__(self) -> None:
        self._drawn = 0

    def __call__(self, size: int) -> bytes:
        self._drawn += 1
        return hashlib.shake_256(str(self._drawn).encode()).digest(size)


@pytest.fixture(scope="session")
def password_hash() -> str:
    """Of ``PASSWORD``; made once, because it takes its time."""
    return passwords.hash_password(PASSWORD)


@pytest.fixture
def house() -> House:
    return a_house()


@pytest.fixture
def health() -> dict[str, Health]:
    """By inbox; tests change it."""
    return {"kontakt": Health(state="ok")}


@pytest.fixture
def reparsed() -> list[int]:
    """Raws that were asked to be parsed again."""
    return []


@pytest.fixture
async def stream(sqlite_store: Store) -> Stream:
    """The stream of the test's store."""
    opened = Stream(sqlite_store, buffer=64)
    await opened.open()
    sqlite_store.on_events = opened.publish
    return opened


@pytest.fixture
def desk(
    sqlite_store: Store,
    stream: Stream,
    clock: FakeClock,
    house: House,
    health: Mapping[str, Health],
    reparsed: list[int],
    tmp_path: Path,
) -> Desk:
    async def reparse(raw: int) -> str:
        reparsed.append(raw)
        return "Read again."

    return Desk(
        store=sqlite_store,
        stream=stream,
        presence=Presence(),
        house=lambda: house,
        clock=clock,
        blobs=FileBlobs(sqlite_store, tmp_path / "blobs", random.Random(1)),
        log=logger("test"),
        entropy=Entropy(),
        health=lambda: health,
        reparse=reparse,
        ready=lambda: True,
    )


@pytest.fixture
async def people(sqlite_store: Store, password_hash: str) -> dict[str, int]:
    """One account of each role at the national line, and agents of two county offices, all with ``PASSWORD``."""

    def command(tx: Any) -> dict[str, int]:
        made = {
            role: add_person(tx, role, role=role, password=password_hash, queues=("bezrobotni", "pracodawcy"))
            for role in ("agent", "moderator", "supervisor", "administrator")
        }
        for town in ("lomza", "suwalki"):
            made[town] = add_person(tx, town, office=f"pup-{town}", password=password_hash, queues=(town,))
        return made

    return await sqlite_store.write(command)


@pytest.fixture
async def server(desk: Desk) -> AsyncIterator[TestServer]:
    """The console, listening on a free port."""
    running = TestServer(build(desk))
    await running.start_server()
    yield running
    await running.close()


@pytest.fixture
async def client(server: TestServer) -> AsyncIterator[Client]:
    """A browser that is not logged in; it follows no redirect by itself."""
    async with TestClient(server, cookie_jar=CookieJar(unsafe=True)) as opened:
        yield opened


class Browser:
    """A logged-in person: sends the CSRF token and says that requests come from our own pages."""

    def __init__(self, client: Client, csrf: str) -> None:
        self.client = client
        self.csrf = csrf
        self.headers = {"Sec-Fetch-Site": "same-origin"}

    async def get(self, path: str, **options: Any) -> tuple[int, str]:
        """Status and text of a page."""
        async with self.client.get(path, allow_redirects=False, **options) as response:
            return response.status, await response.text()

    async def post(self, path: str, data: Mapping[str, Any] | None = None, **headers: str) -> tuple[int, str]:
        """Status and text after sending a form; of a redirect the place it leads to."""
        fields = {"csrf": self.csrf, **(data or {})}
        sent = {**self.headers, **headers}
        async with self.client.post(path, data=fields, headers=sent, allow_redirects=False) as response:
            return response.status, response.headers.get("Location") or await response.text()


def field(page: str, name: str) -> str:
    """The value of a hidden field."""
    start = page.index(f'name="{name}" value="') + len(f'name="{name}" value="')
    return page[start : page.index('"', start)]


async def log_in(client: Client, login: str, password: str = PASSWORD) -> tuple[int, str]:
    """Send the log-in form as a browser does; status and where it leads, or the page."""
    page = await (await client.get("/login")).text()
    form = {"login": login, "password": password, "pre": field(page, "pre"), "next": "/"}
    headers = {"Sec-Fetch-Site": "same-origin"}
    async with client.post("/login", data=form, headers=headers, allow_redirects=False) as response:
        return response.status, response.headers.get("Location") or await response.text()


@pytest.fixture
async def enter(
    server: TestServer, people: dict[str, int], sqlite_store: Store, house: House
) -> AsyncIterator[Callable[[str], Any]]:
    """``await enter("agent")`` gives a :class:`Browser` of that person, without the slow hashing of a log-in."""
    opened: list[Client] = []

    async def make(login: str) -> Browser:
        token, csrf = f"token-{login}-{len(opened)}", f"csrf-{login}-{len(opened)}"
        limits = house.directory.config.limits

        def command(tx: Tx) -> None:
            open_session(tx, limits, people[login], token, csrf)
            signed_in(tx, people[login])

        await sqlite_store.write(command)
        client: Client = TestClient(server, cookie_jar=CookieJar(unsafe=True))
        client.session.cookie_jar.update_cookies({COOKIE: token}, server.make_url("/"))
        opened.append(client)
        return Browser(client, csrf)

    yield make
    for client in opened:
        await client.close()


def decoded(text: str) -> Any:
    """A JSON body."""
    return msgspec.json.decode(text)


@pytest.fixture
async def start() -> AsyncIterator[Start]:
    """Starts public listeners; stops them all at the end."""
    runners: list[web.AppRunner] = []

    async def run(routes: Sequence[Route] | None = None, **changes: Any) -> Listener:
        listener = Listener()
        settings = public.Settings(
            **{"public_url": "https://kontakt.example.pl", "language": "en", **changes}
        )
        app = public.build(
            routes=listener.routes() if routes is None else routes,
            settings=settings,
            translate=translate,
            log=listener.log,
            ready=lambda: listener.ready,
            rates=Rates(time.monotonic),
        )
        runner = web.AppRunner(app)
        await runner.setup()
        runners.append(runner)
        listener.runner = runner
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        listener.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        return listener

    yield run
    for runner in runners:
        await runner.cleanup()


@pytest.fixture
async def visitor() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session:
        yield session
