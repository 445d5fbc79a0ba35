"""Effects as rows: what is due, what is put off, and those of the store alone, carried out in one transaction.

The loop locks an effect behind the conversation that it is about, as :mod:`hub.timers` does with deadlines.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Row, and_, func, or_, select

from connectors._failpoint import failpoint
from connectors.contract import Log, fault
from hub.house import House
from hub.store import schema
from hub.store.store import ends_transaction
from hub.store.tx import Reader, Tx

effect = schema.effect

Inside = Callable[[Tx, House, Row[Any]], bool]
"""Carried out inside the transaction that marks it done; False: there was nothing to do (``skipped``)."""

TRIES = 12
"""Attempts before an effect fails for good, with gaps that double from 15 s: some 17 hours."""

RUN_LIMIT = 120_000_000
"""Microseconds after which an effect that a crash left running is taken up again."""

BATCH = 32
"""Rows of one transaction."""

LOOK = 4 * BATCH
"""Rows among which those of one transaction are found: others may hold what some are about."""


def gap(attempts: int) -> int:
    """Microseconds until the next try."""
    return int(15_000_000 * 2 ** min(attempts, 12))


def due(tx: Tx, kinds: list[str], most: int) -> list[Row[Any]]:
    """Effects of these kinds that are due, oldest first, locked."""
    found = select(effect).where(_is_due(tx, kinds)).order_by(*_OLDEST).limit(most)
    return list(tx.rows(found.with_for_update(skip_locked=True)))


_OLDEST = (effect.c.due_at, effect.c.id)


def _is_due(tx: Reader, kinds: list[str]) -> ColumnElement[bool]:
    waiting = and_(effect.c.state == "waiting", effect.c.due_at <= tx.now)
    stranded = and_(effect.c.state == "running", effect.c.due_at <= tx.now - RUN_LIMIT)
    return and_(or_(waiting, stranded), effect.c.kind.in_(kinds))


def _claimed(tx: Tx, kinds: list[str]) -> Sequence[Row[Any]]:
    """Effects of these kinds that are due, locked behind the conversations that they are about: whoever withdraws one
    has its conversation. What is in other hands is left for later."""
    seen = select(effect.c.id, effect.c.conversation).where(_is_due(tx, kinds))
    rows = tx.rows(seen.order_by(*_OLDEST).limit(LOOK))
    held = tx.held(schema.conversation, {row.conversation for row in rows} - {None}, BATCH)
    ours = [row.id for row in rows if row.conversation not in held][:BATCH]
    again = select(effect).where(effect.c.id.in_(ours), _is_due(tx, kinds)).order_by(*_OLDEST)
    return tx.rows(again.with_for_update(skip_locked=True)) if ours else ()


def run_inside(tx: Tx, house: House, handlers: Mapping[str, Inside], log: Log) -> int:
    """Carry out due effects of the store alone; returns how many. One that fails is tried again later."""
    rows = _claimed(tx, list(handlers))
    for row in rows:
        try:
            with tx.savepoint() as inner:
                done = handlers[row.kind](inner, house, row)
                failpoint("effects.inside.before")
                inner.change(effect, row.id, state="done" if done else "skipped", attempts=row.attempts + 1)
        except Exception as error:
            if ends_transaction(error):
                raise
            log.error("effect failed", effect=row.id, effect_kind=row.kind, **fault(error))
            put_off(tx, row, f"{type(error).__name__}: {error}")
    return len(rows)


def put_off(tx: Tx, row: Row[Any], error: str, *, wait: int | None = None, final: bool = False) -> None:
    """Note a failure and when to try again, or that it failed for good."""
    attempts = row.attempts + 1
    over = final or attempts >= TRIES
    tx.change(
        effect,
        row.id,
        state="failed" if over else "waiting",
        attempts=attempts,
        due_at=tx.now + (gap(attempts) if wait is None else wait),
        error=error[:1000],
    )


def next_due(tx: Reader, kinds: Sequence[str]) -> int | None:
    """When the next effect of these kinds falls due, in microseconds; one that a crash left running counts too."""
    open_ = effect.c.kind.in_(kinds)
    waiting = tx.scalar(select(func.min(effect.c.due_at)).where(effect.c.state == "waiting", open_))
    running = tx.scalar(select(func.min(effect.c.due_at)).where(effect.c.state == "running", open_))
    found = [due for due in (waiting, running and running + RUN_LIMIT) if due is not None]
    return min(found, default=None)
