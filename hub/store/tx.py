"""What a command or a query holds while it runs: one transaction, the ids it may hand out, the events it emits.

Commands and queries are plain functions of a :class:`Tx` or :class:`Reader` first. The same function runs in
SQLite's writer thread and, through SQLAlchemy's bridge, on asyncpg: none of them awaits anything.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any

import msgspec
from sqlalchemy import (
    ClauseElement,
    Connection,
    CursorResult,
    Executable,
    Insert,
    Row,
    Select,
    Table,
    Update,
    bindparam,
    insert,
    select,
    update,
)

from connectors.contract import Micros

from . import bulk, driver, schema


class EventDraft(msgspec.Struct, frozen=True, kw_only=True):
    """An event before it has its place in the stream: ids only, no personal data."""

    kind: str
    office: str | None = None
    queue: str | None = None
    queue_before: str | None = None
    conversation: int | None = None
    message: int | None = None
    actor: int | None = None
    version: int | None = None


class Event(EventDraft, frozen=True, kw_only=True):
    """An event with its place; places are commit order."""

    place: int
    at: Micros


class Ids:
    """Hands out ids from a block that was reserved in the database.

    A block is taken before the savepoints of a transaction, so ids drawn in one that is rolled back are
    merely skipped. If the transaction that reserved it fails, :meth:`forget` drops the block.
    """

    BLOCK = 1 << 16
    RESERVE = 1 << 15
    FRESH = 10_000_000
    """Microseconds for which a block is used where several processes have one each. So what is newer has the greater id
    but for these seconds, wherever it was written: lists and threads of comments go by that. Ids last for tens of
    thousands of years."""

    def __init__(self) -> None:
        self._next = 0
        self._end = 0
        self._taken_at = 0

    @property
    def left(self) -> int:
        """Ids at hand."""
        return self._end - self._next

    def suffice(self, now: Micros | None = None) -> bool:
        """Whether there are ``RESERVE`` ids at hand; with ``now`` also whether they are fresh."""
        return self.left >= self.RESERVE and (now is None or 0 <= now - self._taken_at < self.FRESH)

    def ensure(self, connection: Connection, now: Micros | None = None) -> None:
        """Have ids that :meth:`suffice`, taking a new block where needed."""
        if self.suffice(now):
            return
        block = schema.id_block
        taken = connection.execute(
            update(block)
            .where(block.c.name == "id")
            .values(next=block.c.next + self.BLOCK)
            .returning(block.c.next)
        ).scalar_one()
        self._next, self._end = taken - self.BLOCK, taken
        self._taken_at = now or 0

    def take(self) -> int:
        """The next id. Raises OverflowError when one transaction wants more than ``RESERVE``."""
        if self._next >= self._end:
            raise OverflowError("one transaction asked for more ids than are reserved")
        self._next += 1
        return self._next - 1

    def forget(self) -> None:
        """After a failed transaction: its block was never reserved."""
        self._next = self._end = 0


# The statements that everything uses are built once: building one anew costs several times what running it does.

_ROW = "the_row"
"""The parameter that names a row; no column is called so."""


@cache
def _insert(table: Table) -> Insert:
    return insert(table)


@cache
def _update(table: Table, columns: tuple[str, ...]) -> Update:
    row = table.c.id == bindparam(_ROW)
    return update(table).where(row).values({column: bindparam(column) for column in columns})


@cache
def _by_id(table: Table) -> Select[Any]:
    return select(table).where(table.c.id == bindparam(_ROW))


@cache
def _locked(table: Table, wait: bool) -> Select[Any]:
    return _by_id(table).with_for_update(skip_locked=not wait)


class Reader:
    """One consistent view of the store. ``now`` is when it began."""

    def __init__(self, connection: Connection, now: Micros) -> None:
        self.connection = connection
        self.now = now

    @property
    def sqlite(self) -> bool:
        """Whether the engine is SQLite (the few places where SQL must differ)."""
        return self.connection.dialect.name == "sqlite"

    def execute(self, statement: Executable, parameters: Any = None) -> CursorResult[Any]:
        """Run one statement."""
        result: CursorResult[Any] = self.connection.execute(statement, parameters)
        return result

    def rows(self, statement: Executable, parameters: Any = None) -> Sequence[Row[Any]]:
        """All rows."""
        return self.connection.execute(statement, parameters).all()

    def row(self, statement: Executable, parameters: Any = None) -> Row[Any] | None:
        """The first row, or None."""
        return self.connection.execute(statement, parameters).first()

    def scalar(self, statement: Executable, parameters: Any = None) -> Any:
        """The first value of the first row, or None."""
        return self.connection.execute(statement, parameters).scalar()

    def get(self, table: Table, row_id: int) -> Row[Any] | None:
        """The row with this id, or None."""
        return self.connection.execute(_by_id(table), {_ROW: row_id}).first()

    def lookup(
        self, table: Table, key: tuple[str, ...], columns: tuple[str, ...], keys: Sequence[driver.Row]
    ) -> list[driver.Row]:
        """Rows by many keys in one statement; see :func:`bulk.lookup`."""
        return bulk.lookup(self.connection, table, key, columns, keys)


class Tx(Reader):
    """A :class:`Reader` that may write."""

    def __init__(self, connection: Connection, now: Micros, ids: Ids) -> None:
        super().__init__(connection, now)
        self.ids = ids
        self.events: list[EventDraft] = []
        self.rings: set[str] = set()
        self.endings: list[Any] = []

    def new_id(self) -> int:
        """An id that nothing else has."""
        return self.ids.take()

    def emit(self, kind: str, **fields: Any) -> None:
        """Put an event into the stream, at the place that the commit gives it."""
        self.events.append(EventDraft(kind=kind, **fields))

    def ring(self, loop: str) -> None:
        """Wake a loop (``outbox``, ``effects``, ``timers``) after the commit: there is work for it."""
        self.rings.add(loop)

    def at_end(self, matter: Any) -> None:
        """Leave something for the end of the transaction, where ``Store.on_end`` settles all of it together."""
        self.endings.append(matter)

    def add(self, table: Table, values: Mapping[str, Any]) -> int:
        """Insert one row, giving it an id unless it brings one; returns the id."""
        row = dict(values)
        if "id" not in row:
            row["id"] = self.new_id()
        self.connection.execute(_insert(table), row)
        return int(row["id"])

    def change(self, table: Table, row_id: int, **values: Any) -> bool:
        """Update the row with this id; False when there is none. Values may be expressions of SQL."""
        if any(isinstance(value, ClauseElement) for value in values.values()):
            statement, parameters = update(table).where(table.c.id == row_id).values(**values), None
        else:
            statement, parameters = _update(table, tuple(values)), {_ROW: row_id, **values}
        return self.connection.execute(statement, parameters).rowcount == 1

    def locked(self, table: Table, row_id: int, *, wait: bool = True) -> Row[Any] | None:
        """The row with this id, locked until the end of the transaction where the engine locks rows.

        Without ``wait`` None also for a row in other hands: for whoever has locked what comes behind it.
        """
        return self.connection.execute(_locked(table, wait), {_ROW: row_id}).first()

    def held(self, table: Table, ids: Collection[int], most: int) -> set[int]:
        """Those of these rows that are not ours after at most ``most`` were locked: they are in other hands, or too
        many. Waits for nobody."""
        wanted = select(table.c.id).where(table.c.id.in_(sorted(ids)))
        known = {row.id for row in self.rows(wanted)}
        free = self.rows(wanted.order_by(table.c.id).limit(most).with_for_update(skip_locked=True))
        return known - {row.id for row in free}

    def insert(self, table: Table, columns: tuple[str, ...], rows: Sequence[driver.Row]) -> None:
        """Many rows; see :func:`bulk.insert`."""
        bulk.insert(self.connection, table, columns, rows)

    @contextmanager
    def savepoint(self) -> Iterator[Tx]:
        """Undo everything inside, events included, when it raises."""
        inner = Tx(self.connection, self.now, self.ids)
        with driver.savepoint(self.connection):
            yield inner
        self.events += inner.events
        self.rings |= inner.rings
        self.endings += inner.endings
