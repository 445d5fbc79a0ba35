"""The narrow port of the callback form: free times, and a call as its citizen may see it."""

from __future__ import annotations

from collections.abc import Callable

from connectors._phone import masked
from connectors.contract import Booking, Clock, InboxId, Micros
from hub.calendar import calendar
from hub.callbacks import record, schedule
from hub.callbacks.states import movable
from hub.house import House
from hub.store.store import Store
from hub.store.tx import Reader

DAY = 86_400_000_000


class CallbackAppointments:
    """See :class:`connectors.contract.Appointments`."""

    def __init__(self, store: Store, house: Callable[[], House], clock: Clock) -> None:
        self._store = store
        self._house = house
        self._clock = clock

    async def slots(self, inbox: InboxId | str, days: int) -> tuple[Micros, ...]:
        """Times within the next ``days`` days (at most those of the configuration); none for an unknown inbox."""
        directory, now = self._house().directory, self._clock.now()
        found = directory.inboxes.get(inbox)
        if found is None:
            return ()
        cal = calendar(directory, found.office, found.queue)
        free = schedule.slots(directory.config.desk, cal, now)
        return tuple(when for when in free if when <= now + days * DAY)

    async def booking(self, callback: int) -> Booking | None:
        """By the id of a verified token."""

        def read(tx: Reader) -> Booking | None:
            row = record.read(tx, callback)
            if row is None:
                return None
            return Booking(
                id=row.id,
                state=row.state,
                at=row.due_at,
                number=masked(row.number),
                topic=row.topic,
                attempts=row.attempts,
                movable=movable(row.state),
            )

        return await self._store.read(read)
