"""The store on PostgreSQL: the same commands on a pool of asyncpg connections.

Commands run side by side, each in its own transaction; a deadlock or a serialisation failure runs it again.
Intake keeps one group in flight per process, as on SQLite.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence, Set
from typing import Any, TypeVar

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from connectors.contract import Clock

from .address import engine_of
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
    may_succeed_again,
    run_command,
    run_group,
    told_as_faults,
)
from .tx import Event, Ids, Reader, Tx

T = TypeVar("T")
C = TypeVar("C")
R = TypeVar("R")

TRIES = 5

IDLE = 5_000
"""Milliseconds after which the server ends a transaction of a process that hangs: the rows that it has locked, the
stream's head among them, would stop all others for as long as it is away."""

SEEK = "1.1"
"""What a page out of order costs beside the next one, as planners see it. The server's own 4 is of turning disks: with
it, a batch's keys were looked for by reading the whole table, up to some hundred thousand rows."""

PATIENCE = 30.0
"""Seconds that one statement may take, and the wait for a connection of the pool: a line that went silent is given up
then. Without an end the one group in flight would wait for ever, and everything behind it."""

CONNECT = 10.0
"""Seconds that a new connection may take to come about."""


class PostgresStore:
    """See :class:`hub.store.store.Store`. ``url`` as ``postgresql://user@host:port/database``.

    ``patience`` in seconds, see :data:`PATIENCE`.
    """

    def __init__(
        self,
        url: str,
        clock: Clock,
        *,
        password: str | None = None,
        connections: int = 8,
        calls: int = 4096,
        size: int = 64 << 20,
        patience: float = PATIENCE,
    ) -> None:
        self.on_events: Callable[[Sequence[Event]], None] = ignore
        self.on_rings: Callable[[Set[str]], None] = ignore
        self.on_end: Callable[[Tx], None] = ignore
        self.outage = Outage()
        self.url = url
        self._clock = clock
        self._engine = engine_of(
            url,
            password,
            pool_size=connections,
            max_overflow=0,
            pool_timeout=patience,
            connect={
                "server_settings": {
                    "idle_in_transaction_session_timeout": str(IDLE),
                    "random_page_cost": SEEK,
                },
                "timeout": min(patience, CONNECT),
                "command_timeout": patience,
            },
        )
        self._ids = Ids()
        self._reserving = asyncio.Lock()
        self._commits: set[asyncio.Task[None]] = set()
        self._group = Grouping(self._commit, calls=calls, size=size)

    @property
    def waiting(self) -> int:
        """Calls that wait for a commit."""
        return self._group.waiting

    async def open(self) -> None:
        """Raises StorageFault when the server is not reachable or the schema is of another version."""
        try:
            async with self._engine.begin() as connection:
                await connection.run_sync(ensure_schema)
        except (OSError, DBAPIError) as error:
            raise StorageFault(f"PostgreSQL is not ready: {fault_of(error)}") from error

    async def close(self) -> None:
        """Finish what waits, then close the pool."""
        await self._group.close()
        if self._commits:
            await asyncio.wait(self._commits)
        await self._engine.dispose()

    async def write(self, command: Command[T]) -> T:
        """One command in a transaction of its own."""
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        future.add_done_callback(_looked_at)
        work: Work[Command[T], T] = Work(run_command, command, 0, future)
        task = asyncio.create_task(self._commit([work]), name="commit")
        self._commits.add(task)
        task.add_done_callback(self._commits.discard)
        return await asyncio.shield(future)

    async def gather(self, handler: Batch[C, R], call: C, size: int = 0) -> R:
        """One call of a batch handler."""
        return await self._group.submit(handler, call, size)

    async def read(self, query: Query[T]) -> T:
        """A query in a transaction of its own."""

        def run(connection: Connection) -> T:
            return query(Reader(connection, self._clock.now()))

        with told_as_faults():
            async with self._engine.connect() as connection:
                await connection.execution_options(isolation_level="REPEATABLE READ")
                return await connection.run_sync(run)

    async def show(self, query: Query[Callable[[], T]]) -> T:
        """A query, then what it returned in a thread."""
        return await asyncio.to_thread(await self.read(query))

    async def _commit(self, works: list[Work[Any, Any]]) -> None:
        await commit(self, works, self._transact(works))

    async def _transact(self, works: list[Work[Any, Any]]) -> Committed:
        for _ in range(TRIES - 1):
            try:
                return await self._try(works)
            except DBAPIError as error:
                if not may_succeed_again(error):
                    raise
        return await self._try(works)

    async def _try(self, works: list[Work[Any, Any]]) -> Committed:
        # Ids are reserved in a transaction of their own: inside, the row's lock would line up all writers.
        if not self._ids.suffice(self._clock.now()):
            async with self._reserving, self._engine.begin() as connection:
                await connection.run_sync(self._ids.ensure, self._clock.now())
        async with self._engine.begin() as connection:
            return await connection.run_sync(run_group, self._clock, self._ids, works, self.on_end)


def _looked_at(future: asyncio.Future[Any]) -> None:
    """A commit may fail after its caller went away; asyncio would log that nobody asked how it ended."""
    if not future.cancelled():
        future.exception()
