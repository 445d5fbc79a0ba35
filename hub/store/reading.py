"""The store of a running hub, or of none, read by another process: nothing can be written through it.

SQLite's file is opened read-only beside its one writer; on PostgreSQL every transaction is read-only. Each question is
answered on one consistent view and holds it no longer than it takes, so that the writer's log never has to wait.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.pool import StaticPool

from connectors.contract import Micros

from .address import engine_of
from .store import Query
from .tx import Reader

T = TypeVar("T")


class Ask(Protocol):
    """Runs a query on one consistent view and returns what it found. Raises the driver's errors."""

    def __call__(self, query: Query[T], /) -> T: ...


@contextmanager
def reading(url: str, password: str | None, now: Callable[[], Micros]) -> Iterator[Ask]:
    """The store at ``url`` (as ``store.url`` of the configuration has it), for reading; for one thread."""
    kind, _, rest = url.partition(":")
    with _sqlite(Path(rest), now) if kind == "sqlite" else _postgres(url, password, now) as ask:
        yield ask


@contextmanager
def _sqlite(path: Path, now: Callable[[], Micros]) -> Iterator[Ask]:
    engine: Engine = create_engine(
        "sqlite://", hide_parameters=True, poolclass=StaticPool, creator=lambda: _connect(path)
    )
    event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN"))

    def ask(query: Query[T], /) -> T:
        with engine.begin() as connection:
            return query(Reader(connection, now()))

    try:
        yield ask
    finally:
        engine.dispose()


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True, isolation_level=None)
    for pragma in ("busy_timeout = 5000", "query_only = ON", "cache_size = -16000", "mmap_size = 268435456"):
        connection.execute(f"PRAGMA {pragma}")
    return connection


@contextmanager
def _postgres(url: str, password: str | None, now: Callable[[], Micros]) -> Iterator[Ask]:
    engine = engine_of(url, password, pool_size=1, max_overflow=0)
    read_only = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}

    async def answer(query: Query[T]) -> T:
        def run(connection: Connection) -> T:
            return query(Reader(connection, now()))

        async with engine.connect() as connection:
            await connection.execution_options(**read_only)
            return await connection.run_sync(run)

    with asyncio.Runner() as loop:

        def ask(query: Query[T], /) -> T:
            return loop.run(answer(query))

        try:
            yield ask
        finally:
            loop.run(engine.dispose())
