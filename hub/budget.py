"""What an inbox may spend on a day: money for SMS, a provider's units. Kept in the store, exact under concurrency."""

from __future__ import annotations

from sqlalchemy import select, update

from connectors.contract import Clock, InboxId
from hub.calendar import at_wall_clock
from hub.store import bulk, schema
from hub.store.store import Store
from hub.store.tx import Reader, Tx

budget = schema.budget
_KEY = ("inbox", "what", "day")


class StoredBudget:
    """See :class:`connectors.contract.Budget`; of one inbox. Raises StorageFault."""

    def __init__(self, store: Store, clock: Clock, inbox: InboxId) -> None:
        self._store = store
        self._clock = clock
        self._inbox = inbox

    async def spend(self, what: str, amount: int, limit: int, *, zone: str) -> int | None:
        """Take ``amount`` from the day's ``limit``: what is left, or None where it is not enough."""
        day = self._day(zone)
        return await self._store.write(lambda tx: spend(tx, self._inbox, what, day, amount, limit))

    async def spent(self, what: str, *, zone: str) -> int:
        """What was taken today."""
        day = self._day(zone)
        return await self._store.read(lambda tx: spent(tx, self._inbox, what, day))

    def _day(self, zone: str) -> str:
        return at_wall_clock(zone, self._clock.now()).date().isoformat()


def spend(tx: Tx, inbox: str, what: str, day: str, amount: int, limit: int) -> int | None:
    """One statement decides, so that two writers cannot take the same money."""
    bulk.insert_new(tx.connection, budget, (*_KEY, "spent"), [(inbox, what, day, 0)])
    mine = (budget.c.inbox == inbox, budget.c.what == what, budget.c.day == day)
    fits = budget.c.spent + amount <= limit if amount > 0 else budget.c.spent + amount >= 0
    taken = tx.scalar(
        update(budget).where(*mine, fits).values(spent=budget.c.spent + amount).returning(budget.c.spent)
    )
    return None if taken is None else limit - int(taken)


def spent(tx: Reader, inbox: str, what: str, day: str) -> int:
    """What an inbox has spent on a day."""
    mine = (budget.c.inbox == inbox, budget.c.what == what, budget.c.day == day)
    return int(tx.scalar(select(budget.c.spent).where(*mine)) or 0)
