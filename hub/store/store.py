"""The store as the rest of the hub sees it, and the group commit that both engines share.

Writes are *commands*: plain functions of a ``Tx``. Work that belongs together (intake's calls) is handed over
with a *batch handler*, which gets all calls of one transaction at once. Exactly one group is in flight; the next
one gathers meanwhile, so under load a commit carries many calls and when idle a call waits for nobody.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence, Set
from contextlib import contextmanager
from typing import Any, Generic, Protocol, TypeVar

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError, PendingRollbackError
from sqlalchemy.exc import TimeoutError as NoConnection

from connectors._failpoint import failpoint
from connectors.contract import Clock, Refused

from .places import place_events, placed_events
from .tx import Event, Ids, Reader, Tx

T = TypeVar("T")
C = TypeVar("C")
R = TypeVar("R")

Command = Callable[[Tx], T]
Query = Callable[[Reader], T]
Batch = Callable[[Tx, Sequence[C]], Sequence[R]]
"""Handles all calls of one transaction; results in the order of the calls. Raising undoes all of them."""

GROUP = 256
"""Most calls in one commit: a batch of 1,000 would add 40 ms at p99 for 1.4 times the rate."""


AT_ONCE = 16
"""Callers told in one turn of the event loop. Each goes on at once with its answer and soon with its next call; all of
a large commit together would hold up the console for a tenth of a second."""


class StorageFault(Refused):
    """The storage itself failed (disk full, connection lost): nothing was committed, try again later.

    A connector meets it as the refusal that it is, whichever of its ports asks the storage.
    """


def ignore(_: object) -> None:
    """What a store tells while nobody listens yet."""


def fault_of(error: BaseException) -> StorageFault:
    """What callers are told: the driver's own words, without the statement and its values."""
    said = getattr(error, "orig", None) or error
    return StorageFault(str(said) or type(said).__name__)


class Outage:
    """Told once when the storage goes down and once when it is back."""

    def __init__(self) -> None:
        self.tell: Callable[[str | None], None] = ignore
        """Called with the reason, and with None when it is over."""

        self._down = False

    def failed(self, fault: StorageFault) -> None:
        """A transaction failed for the storage's fault."""
        if not self._down:
            self._down = True
            self.tell(str(fault))

    def worked(self) -> None:
        """A transaction was committed."""
        if self._down:
            self._down = False
            self.tell(None)


class StoreFull(Refused):
    """Too much waits for a commit already; as :class:`StorageFault`, a refusal."""


class Store(Protocol):
    """Both engines. ``write`` and ``gather`` return after the commit."""

    on_events: Callable[[Sequence[Event]], None]
    """Called after each commit with its events, in the order of their places within that commit."""

    on_rings: Callable[[Set[str]], None]
    """Called after a commit that made work for loops, with their names (see ``Tx.ring``)."""

    on_end: Callable[[Tx], None]
    """Called at the end of a transaction in which something was left for it (``Tx.at_end``), before its events get
    their places. Raising undoes the transaction."""

    outage: Outage

    async def open(self) -> None:
        """Connect, make the schema where the database is new, refuse one of another version."""

    async def close(self) -> None:
        """Finish what waits, then disconnect."""

    async def write(self, command: Command[T]) -> T:
        """Run one command and commit. What it raises is undone and passed on. Raises :class:`StorageFault`."""

    async def gather(self, handler: Batch[C, R], call: C, size: int = 0) -> R:
        """Have ``call`` handled together with others. Raises what the handler raised for it alone.

        ``size`` in bytes counts against the bound on what may wait. Raises :class:`StoreFull`,
        :class:`StorageFault`. Cancelling the caller does not cancel the commit.
        """

    async def read(self, query: Query[T]) -> T:
        """Run a query on one consistent view. Raises :class:`StorageFault` and what the query raises."""

    async def show(self, query: Query[Callable[[], T]]) -> T:
        """Run a query, and once its transaction is over what it returned: in a thread, which holds nobody up.

        For pages: what is drawn where it was found comes back to a busy event loop once instead of twice.
        Raises as :meth:`read`, and what the second part raises.
        """

    @property
    def waiting(self) -> int:
        """Calls that wait for a commit."""


class Work(Generic[C, R]):
    """One call on its way into a commit, and the future that its caller awaits."""

    __slots__ = ("call", "future", "handler", "size")

    def __init__(self, handler: Batch[C, R], call: C, size: int, future: asyncio.Future[R]) -> None:
        self.handler = handler
        self.call = call
        self.size = size
        self.future = future

    def settle(self, outcome: R | BaseException) -> None:
        """Tell the caller, unless it went away."""
        if self.future.done():
            return
        if isinstance(outcome, BaseException):
            self.future.set_exception(outcome)
        else:
            self.future.set_result(outcome)


class Committed:
    """What one transaction leaves behind for the event loop's side. ``first`` is the place of its first event."""

    __slots__ = ("_at", "_drafts", "_first", "outcomes", "rings")

    def __init__(self, outcomes: list[Any], first: int, tx: Tx) -> None:
        self.outcomes = outcomes
        self.rings = tx.rings
        self._first, self._at, self._drafts = first, tx.now, tx.events

    @property
    def events(self) -> list[Event]:
        """Its events, made when they are asked for: nobody waits for the head of the stream any more."""
        return placed_events(self._drafts, self._first, self._at)


def run_command(tx: Tx, commands: Sequence[Command[Any]]) -> Sequence[Any]:
    """The batch handler of plain commands; they are never handled together."""
    return [command(tx) for command in commands]


def is_storage_fault(error: BaseException) -> bool:
    """Whether the storage failed, as opposed to the data or the command being wrong.

    SQLite reports a full disk, I/O errors and a busy file as OperationalError; PostgreSQL lost connections likewise,
    and by classes of SQLSTATE what else is no fault of the data. A statement behind the one at which the connection was
    lost says only that a rollback is pending. Retrying something else would not help.
    """
    if isinstance(error, OperationalError | InterfaceError | PendingRollbackError | NoConnection | OSError):
        return True
    if not isinstance(error, DBAPIError):
        return False
    return error.connection_invalidated or _sqlstate(error).startswith(_FAULTS)


@contextmanager
def told_as_faults() -> Iterator[None]:
    """What the driver says of a storage that failed becomes a :class:`StorageFault`; anything else passes as it is."""
    try:
        yield
    except Exception as error:
        if is_storage_fault(error):
            raise fault_of(error) from error
        raise


_FAULTS = ("08", "53", "57", "58", "25006")
"""Classes of SQLSTATE (PostgreSQL, appendix A): connection, insufficient resources, operator intervention, system
error; and that a node has become read-only."""

_AGAIN = frozenset({"40P01", "40001"})
"""SQLSTATEs after which the same transaction may succeed: deadlock, serialisation failure."""


def _sqlstate(error: DBAPIError) -> str:
    return getattr(error.orig, "sqlstate", None) or ""


def may_succeed_again(error: BaseException) -> bool:
    """Whether the whole transaction should run once more: it met another one."""
    return isinstance(error, DBAPIError) and _sqlstate(error) in _AGAIN


def ends_transaction(error: BaseException) -> bool:
    """Whether all of the transaction came to nothing by it, so that it is no matter of the one thing that was done."""
    return is_storage_fault(error) or may_succeed_again(error)


def _parts(works: Sequence[Work[Any, Any]]) -> list[list[int]]:
    """Positions of the works by handler, in first-come order; every plain command is a part of its own."""
    parts: dict[Any, list[int]] = {}
    for position, work in enumerate(works):
        key = work.handler if work.handler is not run_command else (run_command, position)
        parts.setdefault(key, []).append(position)
    return list(parts.values())


def _run_part(tx: Tx, handler: Batch[Any, Any], calls: list[Any]) -> list[Any]:
    """Outcomes of calls that share a handler: together, or one by one when together they fail."""
    try:
        with tx.savepoint() as inner:
            return list(handler(inner, calls))
    except Exception as error:
        if ends_transaction(error):
            raise
        if len(calls) == 1:
            return [error]
    return [_run_part(tx, handler, [call])[0] for call in calls]


def run_group(
    connection: Connection,
    clock: Clock,
    ids: Ids,
    works: Sequence[Work[Any, Any]],
    on_end: Callable[[Tx], None],
) -> Committed:
    """Everything between BEGIN and COMMIT, the same on both engines."""
    failpoint("commit.begun")
    tx = Tx(connection, clock.now(), ids)
    outcomes: list[Any] = [None] * len(works)
    for positions in _parts(works):
        results = _run_part(tx, works[positions[0]].handler, [works[p].call for p in positions])
        for position, result in zip(positions, results, strict=True):
            outcomes[position] = result
    failpoint("commit.ending")
    if tx.endings:
        on_end(tx)
    failpoint("commit.places")
    first = place_events(tx)
    failpoint("commit.before")
    return Committed(outcomes, first, tx)


def tell(committed: Committed, works: Sequence[Work[Any, Any]], store: Store) -> None:
    """After the commit: settle the callers, then wake whoever follows."""
    failpoint("commit.after")
    _settle(list(zip(works, committed.outcomes, strict=True)), 0)
    failpoint("commit.told")
    if committed.rings:
        store.on_rings(committed.rings)
    if events := committed.events:
        store.on_events(events)


def _settle(told: Sequence[tuple[Work[Any, Any], Any]], start: int) -> None:
    for work, outcome in told[start : start + AT_ONCE]:
        work.settle(outcome)
    if start + AT_ONCE < len(told):
        asyncio.get_running_loop().call_soon(_settle, told, start + AT_ONCE)


async def commit(store: Store, works: Sequence[Work[Any, Any]], transaction: Awaitable[Committed]) -> None:
    """Await one group's transaction and tell everybody concerned how it ended; never raises for a failed one."""
    try:
        committed = await transaction
    except BaseException as error:
        told: BaseException = error
        if ends_transaction(error):
            told = fault = fault_of(error)
            if is_storage_fault(error):
                store.outage.failed(fault)
        for work in works:
            work.settle(told)
        if isinstance(error, asyncio.CancelledError):
            raise
        return
    store.outage.worked()
    tell(committed, works, store)


class Grouping:
    """Gathers calls while a commit is in flight. ``run`` commits one group; it must not raise."""

    def __init__(self, run: Callable[[list[Work[Any, Any]]], Any], *, calls: int, size: int) -> None:
        self._run = run
        self._calls = calls
        self._size = size
        self._held = 0
        self._pending: list[Work[Any, Any]] = []
        self._task: asyncio.Task[None] | None = None
        self._closed = False

    @property
    def waiting(self) -> int:
        """Calls not yet taken into a commit."""
        return len(self._pending)

    async def submit(self, handler: Batch[C, R], call: C, size: int = 0) -> R:
        """Wait for the commit that carries this call."""
        if self._closed:
            raise StorageFault("the store is closed")
        if len(self._pending) >= self._calls or self._held + size > self._size:
            raise StoreFull(f"{len(self._pending)} calls wait for a commit")
        future: asyncio.Future[R] = asyncio.get_running_loop().create_future()
        self._pending.append(Work(handler, call, size, future))
        self._held += size
        if self._task is None:
            self._task = asyncio.create_task(self._commit(), name="group-commit")
        # Cancelling the caller cancels the future, which nobody settles then, but never the commit.
        return await future

    async def _commit(self) -> None:
        try:
            while self._pending:
                group, self._pending = self._pending[:GROUP], self._pending[GROUP:]
                await self._run(group)
                self._held -= sum(work.size for work in group)
        finally:
            self._task = None

    async def close(self) -> None:
        """Refuse new calls and wait until those that were taken are committed."""
        self._closed = True
        while (task := self._task) is not None:
            await asyncio.wait([task])
