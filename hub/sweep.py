"""Housekeeping once in a while: what is past its time is dropped, what nobody claimed is shown to people."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from sqlalchemy import delete, select

from connectors._failpoint import failpoint
from connectors.contract import Clock, Log, fault
from hub.house import House
from hub.intake.events import release_known, to_quarantine
from hub.store import schema
from hub.store.store import StorageFault, Store, StoreFull, ends_transaction
from hub.store.tx import Tx
from hub.stream import forget_old_events

EVERY = 900.0
"""Seconds between two rounds."""

DAY = 86_400_000_000
KEEP_ANSWERS = 7 * DAY
"""How long the answer to an idempotency key is kept."""

KEEP_FAILURES = 2 * DAY
"""How long failed log-ins are kept; the longest configured window must be shorter."""

KEEP_HITS = 400
"""Days for which it is kept how often each rule matched."""

ORPHAN = "no message turned up that this could be about"


def sweep(tx: Tx, house: House, log: Log) -> None:
    """One round of the store's own housekeeping. What fails is told, and stops nothing of the rest."""
    for step in (release_known, _show_orphans, _drop_events, _drop_old):
        try:
            with tx.savepoint() as inner:
                step(inner, house)
        except Exception as error:
            if ends_transaction(error):
                raise
            log.error("housekeeping failed", step=step.__name__.strip("_"), **fault(error))


def _drop_events(tx: Tx, house: House) -> None:
    forget_old_events(tx, house.directory.config.stream.keep_days)


def _drop_old(tx: Tx, house: House) -> None:
    """Rows that nobody asks for after a while."""
    for table, before in (
        (schema.session.c.expires_at, tx.now),
        (schema.password_reset.c.expires_at, tx.now),
        (schema.login_step.c.expires_at, tx.now),
        (schema.idempotency.c.at, tx.now - KEEP_ANSWERS),
        (schema.login_failure.c.at, tx.now - KEEP_FAILURES),
        (schema.rule_hit.c.day, tx.now // DAY - KEEP_HITS),
    ):
        tx.execute(delete(table.table).where(table < before))


def _show_orphans(tx: Tx, house: House) -> None:
    """Reports that waited in vain for their message: their raw bytes go to the quarantine, where people see them."""
    parked = schema.parked
    for row in tx.rows(select(parked.c.id, parked.c.raw).where(parked.c.expires_at < tx.now)):
        to_quarantine(tx, row, ORPHAN)


async def run_sweeps(
    store: Store, clock: Clock, house: Callable[[], House], blobs: Callable[[], Awaitable[int]], log: Log
) -> None:
    """Until cancelled."""
    while True:
        await clock.sleep(EVERY)
        try:
            failpoint("sweep.before")
            await store.write(lambda tx: sweep(tx, house(), log))
            failpoint("sweep.between")
            await blobs()
            failpoint("sweep.after")
        except (StorageFault, StoreFull):
            continue
