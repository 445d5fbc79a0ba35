"""The embedded store: one writer thread with the only writing connection, readers with their own.

WAL with ``synchronous=FULL``: a commit is on the disk when it returns. Only the writer checkpoints, which
also keeps clear of the WAL-reset bug of SQLite before 3.51.3. That there is one hub for a data folder is
:mod:`hub.control`'s care.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Sequence, Set
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Engine, create_engine, event
from sqlalchemy.exc import DatabaseError
from sqlalchemy.pool import QueuePool, StaticPool

from connectors.contract import Clock
from hub.durable import make_folder

from .migrate import ensure_schema
from .store import (
    Batch,
    Command,
    Committed,
    Grouping,
    Outage,
    Query,
    StorageFault,
    Work,
    commit,
    fault_of,
    ignore,
    is_storage_fault,
    run_command,
    run_group,
    told_as_faults,
)
from .tx import Event, Ids, Reader, Tx

T = TypeVar("T")
C = TypeVar("C")
R = TypeVar("R")


def _connect(path: Path, *, writing: bool) -> sqlite3.Connection:
    # isolation_level=None: the driver's own implicit transactions lose updates (a read, then BEGIN at the write).
    connection = sqlite3.connect(
        f"file:{path}{'' if writing else '?mode=ro'}",
        uri=True,
        isolation_level=None,
        check_same_thread=False,
        cached_statements=512,
    )
    connection.execute("PRAGMA busy_timeout = 5000")
    if writing:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA wal_autocheckpoint = 1000")
        connection.execute("PRAGMA cache_size = -32000")
    else:
        connection.execute("PRAGMA query_only = ON")
        connection.execute("PRAGMA wal_autocheckpoint = 0")
        connection.execute("PRAGMA cache_size = -8000")
    connection.execute("PRAGMA temp_store = MEMORY")
    return connection


def _engine(path: Path, *, writing: bool, size: int = 1) -> Engine:
    pool: dict[str, Any] = {"poolclass": StaticPool}
    if not writing:
        pool = {"poolclass": QueuePool, "pool_size": size, "max_overflow": 0}
    # hide_parameters: an error's text, and so the log, must not hold what a citizen wrote.
    engine = create_engine(
        "sqlite://", hide_parameters=True, creator=lambda: _connect(path, writing=writing), **pool
    )
    begin = "BEGIN IMMEDIATE" if writing else "BEGIN"
    event.listen(engine, "begin", lambda connection: connection.exec_driver_sql(begin))
    return engine


class SqliteStore:
    """See :class:`hub.store.store.Store`.

    ``inline`` runs everything on the caller's thread, for tests under virtual time.
    """

    def __init__(
        self,
        path: Path,
        clock: Clock,
        *,
        inline: bool = False,
        readers: int = 4,
        calls: int = 4096,
        size: int = 64 << 20,
    ) -> None:
        self.on_events: Callable[[Sequence[Event]], None] = ignore
        self.on_rings: Callable[[Set[str]], None] = ignore
        self.on_end: Callable[[Tx], None] = ignore
        self.outage = Outage()
        self._path = path
        self._clock = clock
        self._inline = inline
        self._ids = Ids()
        self._group = Grouping(self._commit, calls=calls, size=size)
        self._writer: Engine | None = None
        self._readers: Engine | None = None
        self._reader_count = readers
        self._write_pool = ThreadPoolExecutor(1, "store-writer")
        self._read_pool = ThreadPoolExecutor(readers, "store-reader")

    @property
    def waiting(self) -> int:
        """Calls that wait for a commit."""
        return self._group.waiting

    async def open(self) -> None:
        """Raises WrongSchema when the database is of another version, StorageFault when it cannot be opened."""
        await self._on(self._write_pool, self._open_or_say)

    def _open_or_say(self) -> None:
        try:
            self._open()
        except (DatabaseError, OSError) as error:
            # A plain DatabaseError means that the file is no database.
            if type(error) is DatabaseError or is_storage_fault(error):
                raise StorageFault(f"{self._path}: {fault_of(error)}") from error
            raise

    def _open(self) -> None:
        make_folder(self._path.parent)
        if not self._path.exists():
            # The files that SQLite makes beside it get its mode: only its owner may read what citizens wrote.
            self._path.touch(mode=0o600)
        self._writer = _engine(self._path, writing=True)
        with self._writer.begin() as connection:
            ensure_schema(connection)
        self._readers = _engine(self._path, writing=False, size=self._reader_count)

    async def close(self) -> None:
        """Finish what waits; the last connection to go folds the log into the database file."""
        await self._group.close()
        for engine in (self._readers, self._writer):
            if engine is not None:
                engine.dispose()
        self._readers = self._writer = None
        self._write_pool.shutdown(wait=False)
        self._read_pool.shutdown(wait=False)

    async def write(self, command: Command[T]) -> T:
        """One command, inside the group commit, under its own savepoint."""
        result: T = await self._group.submit(run_command, command)
        return result

    async def gather(self, handler: Batch[C, R], call: C, size: int = 0) -> R:
        """One call of a batch handler."""
        return await self._group.submit(handler, call, size)

    async def read(self, query: Query[T]) -> T:
        """A query on a reader's connection."""
        return await self._on(self._read_pool, lambda: self._query(query))

    async def show(self, query: Query[Callable[[], T]]) -> T:
        """A query and what it returned, both in the reader's thread."""
        return await self._on(self._read_pool, lambda: self._query(query)())

    def _query(self, query: Query[T]) -> T:
        if self._readers is None:
            raise StorageFault("the store is closed")
        with told_as_faults(), self._readers.begin() as connection:
            return query(Reader(connection, self._clock.now()))

    async def _on(self, pool: ThreadPoolExecutor, call: Callable[[], T]) -> T:
        if self._inline:
            return call()
        return await asyncio.get_running_loop().run_in_executor(pool, call)

    async def _commit(self, works: list[Work[Any, Any]]) -> None:
        await commit(self, works, self._on(self._write_pool, lambda: self._transact(works)))

    def _transact(self, works: list[Work[Any, Any]]) -> Committed:
        if self._writer is None:
            raise StorageFault("the store is closed")
        try:
            with self._writer.begin() as connection:
                self._ids.ensure(connection)
                return run_group(connection, self._clock, self._ids, works, self.on_end)
        except BaseException:
            self._ids.forget()
            raise
