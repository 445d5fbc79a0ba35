"""Carrying out effects: those of the store alone in one transaction, those with I/O by claim, act, settle."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from sqlalchemy import Row, and_, or_, select

from connectors._failpoint import failpoint
from connectors.contract import Clock, Log, SendError
from hub.house import House
from hub.store import schema
from hub.store.store import StorageFault, Store
from hub.store.tx import Tx
from hub.wake import Wake

effect = schema.effect

Inside = Callable[[Tx, House, Row[Any]], bool]
"""Carried out inside the transaction that marks it done; False: there was nothing to do (``skipped``)."""

Outside = Callable[[Row[Any]], Awaitable[None]]
"""Carried out with I/O; must bear being done again after a crash. Raises SendError."""

TRIES = 12
"""Attempts before an effect fails for good, with gaps that double from 15 s: some 17 hours."""

RUN_LIMIT = 120_000_000
"""Microseconds after which an effect that a crash left running is taken up again."""

BATCH = 32
POLL = 5.0


def gap(attempts: int) -> int:
    """Microseconds until the next try."""
    return int(15_000_000 * 2 ** min(attempts, 12))


def due(tx: Tx, kinds: list[str]) -> list[Row[Any]]:
    """Effects of these kinds that are due, oldest first, locked."""
    waiting = and_(effect.c.state == "waiting", effect.c.due_at <= tx.now)
    stranded = and_(effect.c.state == "running", effect.c.due_at <= tx.now - RUN_LIMIT)
    statement = (
        select(effect)
        .where(or_(waiting, stranded), effect.c.kind.in_(kinds))
        .order_by(effect.c.due_at, effect.c.id)
        .limit(BATCH)
    )
    return list(tx.rows(statement.with_for_update(skip_locked=True)))


def run_inside(tx: Tx, house: House, handlers: Mapping[str, Inside], log: Log) -> int:
    """Carry out due effects of the store alone; returns how many. One that fails is tried again later."""
    rows = due(tx, list(handlers))
    for row in rows:
        try:
            with tx.savepoint() as inner:
                done = handlers[row.kind](inner, house, row)
                inner.change(effect, row.id, state="done" if done else "skipped", attempts=row.attempts + 1)
        except StorageFault:
            raise
        except Exception as error:
            log.error("effect failed", effect=row.id, effect_kind=row.kind, error=type(error).__name__)
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


def take_outside(tx: Tx, kinds: list[str]) -> list[Row[Any]]:
    """Claim due effects with I/O."""
    rows = due(tx, kinds)
    for row in rows:
        tx.change(effect, row.id, state="running", due_at=tx.now)
    return rows


async def run_effects(
    store: Store,
    clock: Clock,
    house: Callable[[], House],
    inside: Mapping[str, Inside],
    outside: Mapping[str, Outside],
    wake: Wake,
    log: Log,
) -> None:
    """Until cancelled: carry out what is due."""
    while True:
        try:
            failpoint("effects.before")
            ran = await store.write(lambda tx: run_inside(tx, house(), inside, log))
            claimed = await store.write(lambda tx: take_outside(tx, list(outside))) if outside else []
            for row in claimed:
                await _act(store, outside[row.kind], row)
            failpoint("effects.after")
        except StorageFault as fault:
            log.error("effects wait for the storage", error=str(fault))
            ran, claimed = 0, []
        if ran < BATCH and len(claimed) < BATCH:
            await wake.wait(clock, POLL)


async def _act(store: Store, handler: Outside, row: Row[Any]) -> None:
    try:
        await handler(row)
    except SendError as error:
        wait = int(error.retry_after * 1e6) if error.retry_after else None
        final = error.kind == "permanent"
        why = error.private
        await store.write(lambda tx: put_off(tx, row, why, wait=wait, final=final))
    else:
        await store.write(lambda tx: tx.change(effect, row.id, state="done", attempts=row.attempts + 1))
