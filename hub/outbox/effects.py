"""Carrying out effects: those of the store alone in one transaction, those with I/O by claim, act, settle."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import Row, and_, func, or_, select, update

from connectors._failpoint import failpoint
from connectors.contract import Clock, Log, SendError
from hub.house import House
from hub.store import schema
from hub.store.store import StorageFault, Store, StoreFull, ends_transaction
from hub.store.tx import Reader, Tx
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
                failpoint("effects.inside.before")
                inner.change(effect, row.id, state="done" if done else "skipped", attempts=row.attempts + 1)
        except Exception as error:
            if ends_transaction(error):
                raise
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
    """Claim due effects with I/O; the time of the claim, as their due time, tells it from a later one."""
    claimed = [row.id for row in due(tx, kinds)]
    if not claimed:
        return []
    tx.execute(update(effect).where(effect.c.id.in_(claimed)).values(state="running", due_at=tx.now))
    return list(tx.rows(select(effect).where(effect.c.id.in_(claimed)).order_by(effect.c.id)))


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
    kinds = [*inside, *outside]
    while True:
        try:
            first = await store.read(lambda tx: next_due(tx, kinds))
            if first is not None and first <= clock.now():
                failpoint("effects.before")
                await store.write(lambda tx: run_inside(tx, house(), inside, log))
                failpoint("effects.inside.after")
                for row in await store.write(lambda tx: take_outside(tx, list(outside))):
                    failpoint("effects.taken")
                    await _act(store, outside[row.kind], row)
                failpoint("effects.after")
                continue
        except (StorageFault, StoreFull):
            first = None
        pause = POLL if first is None else min(POLL, (first - clock.now()) / 1e6)
        await wake.wait(clock, pause)


def next_due(tx: Reader, kinds: Sequence[str]) -> int | None:
    """When the next effect of these kinds falls due, in microseconds; one that a crash left running counts too."""
    open_ = effect.c.kind.in_(kinds)
    waiting = tx.scalar(select(func.min(effect.c.due_at)).where(effect.c.state == "waiting", open_))
    running = tx.scalar(select(func.min(effect.c.due_at)).where(effect.c.state == "running", open_))
    found = [due for due in (waiting, running and running + RUN_LIMIT) if due is not None]
    return min(found, default=None)


async def _act(store: Store, handler: Outside, row: Row[Any]) -> None:
    try:
        await handler(row)
        failpoint("effects.acted")
    except SendError as error:
        wait = int(error.retry_after * 1e6) if error.retry_after else None
        final = error.kind == "permanent"
        why = error.private
        await _conclude(store, row, lambda tx: put_off(tx, row, why, wait=wait, final=final))
    else:
        done = {"state": "done", "attempts": row.attempts + 1}
        await _conclude(store, row, lambda tx: tx.change(effect, row.id, **done))


async def _conclude(store: Store, claimed: Row[Any], command: Callable[[Tx], object]) -> None:
    """Note how it went, unless it took so long that it was taken up again, perhaps by another process."""

    def conclude(tx: Tx) -> None:
        row = tx.locked(effect, claimed.id)
        if row is not None and (row.state, row.due_at) == ("running", claimed.due_at):
            command(tx)

    await store.write(conclude)
