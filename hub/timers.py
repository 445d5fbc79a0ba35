"""Deadlines as rows: set, cancel, and the runner that carries out what is due.

A deadline survives a restart because it is never a timer in memory alone. A handler runs in the same
transaction that marks its row done, so it happens once or not at all.

Everybody locks what a deadline is about before the deadline itself; the runner, too, though it learns from the
deadline what that is. So it locks nothing that it would have to wait for until it has both: of two that wait for each
other PostgreSQL ends one, after a second in which both stand still.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy import Row, Select, Table, and_, func, select, update

from connectors._failpoint import failpoint
from connectors.contract import Clock, Log, fault
from hub.house import House
from hub.store import bulk, schema
from hub.store.store import Store, ends_transaction
from hub.store.tx import Reader, Tx
from hub.wake import Wake, when_due

timer, conversation = schema.timer, schema.conversation

Handler = Callable[[Tx, House, Row[Any]], None]
"""Carries out one due row. Kinds go up to a colon: ``rules:NAME`` is one of several timers of the kind ``rules`` for
the same subject. Raising leaves the row to be tried again a minute later."""

BATCH = 10
"""Rows of one transaction: a rule's decision takes some milliseconds, and messages wait for the same writer."""

LOOK = 40
"""Rows among which those of one transaction are found: several processes look at once, and others hold some."""

Subjects = Mapping[str, Table | None]
"""Kinds that are not about a conversation, and in which table their subjects have the row that is locked first; None:
in none. Each row of theirs has a transaction of its own, because it may lead to any conversation."""

AGAIN = 60_000_000
"""Microseconds until a row whose handler failed is tried again."""


def set_timer(tx: Tx, kind: str, subject: int, due_at: int, data: Mapping[str, Any] | None = None) -> None:
    """Have ``kind`` happen to ``subject`` at ``due_at``; replaces one that waits already, also where another process
    sets the same at this moment."""
    put_timers(tx, [timer_row(tx, kind, subject, due_at, data or {})])


ROW = ("id", "kind", "subject", "due_at", "state", "data")


def timer_row(tx: Tx, kind: str, subject: int, due_at: int, data: Mapping[str, Any]) -> tuple[Any, ...]:
    """A row for :func:`put_timers`."""
    return tx.new_id(), kind, subject, due_at, "waiting", msgspec.json.encode(data).decode()


def put_timers(tx: Tx, rows: Sequence[tuple[Any, ...]]) -> None:
    """Many at once; one that waits for the same kind and subject is set to the new time. No two rows for the same.

    In the order of their keys, so that two processes that set some of the same do not wait for each other in a ring.
    """
    if rows:
        key, waiting = ("kind", "subject"), "state = 'waiting'"
        in_order = sorted(rows, key=lambda row: row[1:3])
        bulk.put(tx.connection, timer, key, ROW, in_order, where=waiting, keep=("id",))
        tx.ring("timers")


def cancel_timers(tx: Tx, kind: str, subjects: Collection[int]) -> None:
    """Let it not happen for any of these."""
    if subjects:
        waiting = and_(timer.c.kind == kind, timer.c.subject.in_(subjects), timer.c.state == "waiting")
        tx.execute(update(timer).where(waiting).values(state="cancelled"))


def cancel_timer(tx: Tx, kind: str, subject: int) -> None:
    """Let it not happen; no error when none waits."""
    waiting = and_(timer.c.kind == kind, timer.c.subject == subject, timer.c.state == "waiting")
    tx.execute(update(timer).where(waiting).values(state="cancelled"))


def hasten_timers(tx: Tx, kind: str, subjects: Select[Any]) -> None:
    """Let it happen at once for those of these for which it waits. ``subjects`` selects their ids.

    First all are locked, in the order of their keys. Whoever had one of them may have set it anew, or to a time that
    must stay: so it is looked again which they are.
    """
    waiting = and_(timer.c.kind == kind, timer.c.state == "waiting", timer.c.subject.in_(subjects))
    tx.rows(select(timer.c.id).where(waiting).order_by(timer.c.subject).with_for_update())
    if tx.execute(update(timer).where(waiting).values(due_at=tx.now)).rowcount:
        tx.ring("timers")


def next_due(tx: Reader) -> int | None:
    """When the next row that waits falls due, in microseconds."""
    found = tx.scalar(select(func.min(timer.c.due_at)).where(timer.c.state == "waiting"))
    return None if found is None else int(found)


def _claimed(tx: Tx, others: Subjects) -> Sequence[Row[Any]]:
    """What is due now and in nobody's hands, locked behind what it is about: at most ``BATCH`` rows."""
    due = and_(timer.c.state == "waiting", timer.c.due_at <= tx.now)
    seen = tx.rows(
        select(timer.c.id, timer.c.kind, timer.c.subject).where(due).order_by(timer.c.due_at).limit(LOOK)
    )
    about: dict[Table | None, list[Row[Any]]] = {}
    for row in seen:
        about.setdefault(others.get(_handled_as(row.kind), conversation), []).append(row)
    for table, rows in about.items():
        most = BATCH if table is conversation else 1
        held = tx.held(table, {row.subject for row in rows}, most) if table is not None else set[int]()
        ours = [row.id for row in rows if row.subject not in held][:most]
        again = select(timer).where(timer.c.id.in_(ours), due).order_by(timer.c.due_at)
        if ours and (claimed := tx.rows(again.with_for_update(skip_locked=True))):
            return claimed
    return []


def _handled_as(kind: str) -> str:
    return kind.partition(":")[0]


def run_due(
    tx: Tx, house: House, handlers: Mapping[str, Handler], log: Log, others: Subjects | None = None
) -> int:
    """Carry out what is due now, at most ``BATCH`` rows; returns how many. One bad row never stops the others."""
    rows = _claimed(tx, others or {})
    for row in rows:
        try:
            with tx.savepoint() as inner:
                inner.change(timer, row.id, state="done")
                handlers[_handled_as(row.kind)](inner, house, row)
                failpoint("timers.handled")
        except Exception as error:
            if ends_transaction(error):
                raise
            log.error("timer failed", timer=row.id, timer_kind=row.kind, **fault(error))
            tx.change(timer, row.id, due_at=tx.now + AGAIN)
    return len(rows)


async def run_timers(
    store: Store,
    clock: Clock,
    house: Callable[[], House],
    handlers: Mapping[str, Handler],
    others: Subjects,
    wake: Wake,
    log: Log,
) -> None:
    """Until cancelled: sleep until the next row is due, or until woken, and carry it out."""

    async def carry_out() -> int:
        failpoint("timers.before")
        done = await store.write(lambda tx: run_due(tx, house(), handlers, log, others))
        failpoint("timers.after")
        return done

    await when_due(lambda: store.read(next_due), carry_out, clock, wake)
