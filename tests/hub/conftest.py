"""What every test of the hub stands on: a store on each engine, and a clock that moves only when told.

``store`` runs a test twice, on SQLite in a temporary folder and on a real PostgreSQL (skipped where the server is not
installed, failing on CI). Each test gets an empty database of its own.
"""

from __future__ import annotations

import asyncio
import functools
import tempfile
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from connectors.contract import Micros
from hub.store.postgres import PostgresStore
from hub.store.sqlite import SqliteStore
from hub.store.store import Store
from tests.hub.databases import Databases
from tests.servers.postgres import Postgres

MONDAY = Micros(1_794_816_000_000_000)
"""2026-11-16 08:00 UTC, a Monday: 09:00 in Warsaw."""


class FakeClock:
    """A clock that stands still until :meth:`move`; ``sleep`` returns when it was moved far enough."""

    def __init__(self, now: int = MONDAY) -> None:
        self._now = now
        self._moved = asyncio.Event()
        self._sleeping = list[int]()  # until when
        self.sleeps = 0

    def now(self) -> Micros:
        return Micros(self._now)

    def monotonic(self) -> float:
        return self._now / 1e6

    async def sleep(self, seconds: float) -> None:
        until = self._now + int(seconds * 1e6)
        self._sleeping.append(until)
        self.sleeps += 1
        try:
            while self._now < until:
                await self._moved.wait()
        finally:
            self._sleeping.remove(until)

    async def is_slept_by(self, sleepers: int = 1) -> None:
        """Until so many sleep whom the time that passed has not woken: loops that have done what was due."""
        async with asyncio.timeout(30):
            while sum(until > self._now for until in self._sleeping) < sleepers:  # noqa: ASYNC110 - others sleep
                await asyncio.sleep(0.001)

    def move(self, seconds: float = 0, *, minutes: float = 0, hours: float = 0, days: float = 0) -> None:
        """Let time pass and wake whoever sleeps."""
        self._now += round((seconds + 60 * minutes + 3600 * hours + 86_400 * days) * 1_000_000)
        self._moved.set()
        self._moved = asyncio.Event()


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture(scope="session")
def _template(_postgres: Postgres) -> str:
    """The name of a database that has the schema; copying it is several times faster than making it."""
    url = _postgres.fresh_database()

    async def make() -> None:
        store = PostgresStore(url, FakeClock())
        await store.open()
        await store.close()

    asyncio.run(make())
    return url.rsplit("/", 1)[1]


@pytest.fixture(scope="session")
def _databases(_postgres: Postgres, _template: str) -> Databases:
    return Databases(_postgres, _template)


@functools.cache
def _empty() -> bytes:
    """A database that has the schema and nothing else; writing it down is ten times as fast as making it."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "empty.db"

        async def make() -> None:
            store = SqliteStore(path, FakeClock(), inline=True)
            await store.open()
            await store.close()

        with ThreadPoolExecutor(1) as beside:  # a fixture may be asked for where a loop runs already
            beside.submit(asyncio.run, make()).result()
        return path.read_bytes()


def empty_store(path: Path) -> Path:
    """Lay an empty store down where there is none yet."""
    if not path.exists():
        path.write_bytes(_empty())
    return path


@pytest.fixture
def sqlite_path(tmp_path: Path) -> Path:
    """Where an empty store lies."""
    path = tmp_path / "data" / "centrala.db"
    path.parent.mkdir()
    return empty_store(path)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.servers)])
def closed_store(request: pytest.FixtureRequest, clock: FakeClock, sqlite_path: Path) -> Iterator[Store]:
    """A store on one of the engines, not opened yet."""
    if request.param == "sqlite":
        yield SqliteStore(sqlite_path, clock)
        return
    databases: Databases = request.getfixturevalue("_databases")
    url = databases.lend()
    yield PostgresStore(url, clock)
    databases.take_back(url)


@pytest.fixture
async def store(closed_store: Store) -> AsyncIterator[Store]:
    """An open, empty store on one of the engines, under the test's clock."""
    await closed_store.open()
    yield closed_store
    await closed_store.close()


@pytest.fixture
async def sqlite_store(clock: FakeClock, sqlite_path: Path) -> AsyncIterator[Store]:
    """For tests that are not about the engine: the embedded store alone."""
    opened = SqliteStore(sqlite_path, clock)
    await opened.open()
    yield opened
    await opened.close()
