"""The store of a simulated hub: the hub's own transactions on one SQLite database in memory, shared by all nodes.

A transaction happens in one piece at one moment of virtual time; what is simulated is everything around it. It begins
late, it fails before the commit, or it commits and whoever waits hears of a broken connection, or hears too late, or
dies in between. Several nodes take turns, as they would under PostgreSQL's strictest isolation.
"""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from collections.abc import Callable, Iterator, Sequence, Set
from typing import Any, TypeVar

import msgspec
from sqlalchemy import Connection, create_engine, event, select
from sqlalchemy.pool import StaticPool

from connectors.contract import Clock
from hub.cluster.leases import Lease
from hub.store import schema
from hub.store.migrate import ensure_schema
from hub.store.store import (
    Batch,
    Command,
    Committed,
    Grouping,
    Outage,
    Query,
    Work,
    commit,
    fault_of,
    ignore,
    run_command,
    run_group,
)
from hub.store.tx import Event, Ids, Reader, Tx
from tests.simulation.kernel import Kernel

T = TypeVar("T")
C = TypeVar("C")
R = TypeVar("R")


class Wear(msgspec.Struct, kw_only=True):
    """How bad the storage is; changed while a run goes on. Parts are of 1, times in seconds."""

    before: float = 0.0
    """Transactions that fail before they commit."""

    after: float = 0.0
    """Transactions that commit, and whoever waits is told that the connection broke."""

    slow: float = 0.0
    delay: tuple[float, float] = (0.0002, 0.004)
    slow_delay: tuple[float, float] = (0.5, 8.0)


class Disk:
    """The database, emptied for each run. One connection, kept, because what SQLAlchemy compiled belongs to it."""

    def __init__(self) -> None:
        self._file = sqlite3.connect(
            ":memory:", isolation_level=None, check_same_thread=False, cached_statements=1024
        )
        engine = create_engine("sqlite://", poolclass=StaticPool, creator=lambda: self._file)
        event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN IMMEDIATE"))
        # To take it out of the pool and put it back each time would cost a fifth of a run.
        self._connection = engine.connect()
        with self.begin() as connection:
            ensure_schema(connection)
        self._empty = sqlite3.connect(":memory:")
        self._file.backup(self._empty)

    def empty(self) -> None:
        """Forget everything but the schema."""
        self._empty.backup(self._file)

    @contextlib.contextmanager
    def begin(self) -> Iterator[Connection]:
        """A transaction: committed at the end, rolled back by an exception."""
        with self._connection.begin():
            yield self._connection

    def read(self, query: Query[T], clock: Clock) -> T:
        """Ask at once, from outside of the run."""
        with self.begin() as connection:
            return query(Reader(connection, clock.now()))


class SimStore:
    """See :class:`hub.store.store.Store`. ``alone``: the embedded size, where all writes share one group commit."""

    def __init__(self, disk: Disk, kernel: Kernel, clock: Clock, wear: Wear, *, alone: bool) -> None:
        self.on_events: Callable[[Sequence[Event]], None] = ignore
        self.on_rings: Callable[[Set[str]], None] = ignore
        self.on_end: Callable[[Tx], None] = ignore
        self.outage = Outage()
        self._disk = disk
        self._kernel = kernel
        self._clock = clock
        self._wear = wear
        self._alone = alone
        self._ids = Ids()
        self._commits: set[asyncio.Task[None]] = set()
        self._group = Grouping(self._commit, calls=4096, size=64 << 20)

    @property
    def waiting(self) -> int:
        """Calls that wait for a commit."""
        return self._group.waiting

    async def open(self) -> None:
        """There is nothing to connect to."""

    async def close(self) -> None:
        """Finish what waits."""
        await self._group.close()

    async def write(self, command: Command[T]) -> T:
        """In the group commit on the embedded size, else in a transaction of its own."""
        if self._alone:
            result: T = await self._group.submit(run_command, command)
            return result
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        work: Work[Command[T], T] = Work(run_command, command, 0, future)
        task = asyncio.create_task(self._commit([work]), name="commit")
        self._commits.add(task)
        task.add_done_callback(self._commits.discard)
        return await asyncio.shield(future)

    async def gather(self, handler: Batch[C, R], call: C, size: int = 0) -> R:
        """One call of a batch handler."""
        return await self._group.submit(handler, call, size)

    async def read(self, query: Query[T]) -> T:
        """On the state of one moment."""
        await self._pause()
        try:
            self._may_fail(self._wear.before, "a read failed")
        except ConnectionError as error:
            raise fault_of(error) from error
        return self._disk.read(query, self._clock)

    async def show(self, query: Query[Callable[[], T]]) -> T:
        """A query, then what it returned."""
        return (await self.read(query))()

    async def _commit(self, works: list[Work[Any, Any]]) -> None:
        await commit(self, works, self._transact(works))

    async def _transact(self, works: list[Work[Any, Any]]) -> Committed:
        await self._pause()
        self._may_fail(self._wear.before, "nothing was committed")
        committed = self._run(works)
        self._kernel.note(f"commit {len(works)} {len(committed.events)}")
        await self._pause()
        self._may_fail(self._wear.after, "the connection broke after the commit")
        return committed

    def _run(self, works: Sequence[Work[Any, Any]]) -> Committed:
        try:
            with self._disk.begin() as connection:
                return self._in_transaction(connection, works)
        except BaseException:
            self._ids.forget()
            raise

    def _in_transaction(self, connection: Connection, works: Sequence[Work[Any, Any]]) -> Committed:
        self._ids.ensure(connection)
        committed = run_group(connection, self._clock, self._ids, works, self.on_end)
        for work, outcome in zip(works, committed.outcomes, strict=True):
            if not isinstance(outcome, Exception):
                self._check_fence(connection, getattr(work.call, "lease", None))
        return committed

    def _check_fence(self, connection: Connection, named: Lease | None) -> None:
        """What was written in the name of a lease is held against the lease's row, whatever the hub has looked at."""
        if named is None or not named.fence:
            return
        row = select(schema.lease.c.fence).where(schema.lease.c.name == named.name)
        if (fence := connection.execute(row).scalar()) != named.fence:
            self._kernel.fault(
                f"a stale fence: {named.name} is at {fence}, written in the name of {named.fence}"
            )

    async def _pause(self) -> None:
        draw, wear = self._kernel.draw, self._wear
        await asyncio.sleep(draw.uniform(*(wear.slow_delay if draw.random() < wear.slow else wear.delay)))

    def _may_fail(self, part: float, why: str) -> None:
        if part and self._kernel.draw.random() < part:
            self._kernel.note(f"storage: {why}")
            raise ConnectionError(why)
