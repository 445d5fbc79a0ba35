"""The sink that connectors call: prepares outside the transaction, gathers into the group commit, quarantines.

``accept`` returns only after the commit. A call whose data cannot be taken even alone is committed as raw
bytes with a visible conversation in quarantine; a storage fault refuses every call and quarantines nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from sqlalchemy.exc import IntegrityError

from connectors._failpoint import failpoint
from connectors.contract import (
    Cursor,
    Inbound,
    Log,
    Message,
    Overtaken,
    Raw,
    Receipt,
    Refused,
    ThreadKey,
    Unknown,
    fault,
)
from hub.cluster.leases import Fenced, Lease, still
from hub.house import House
from hub.language import NOT_TOLD, language_of
from hub.store import schema
from hub.store.store import StorageFault, Store, StoreFull
from hub.store.tx import Reader, Tx
from rules import Scan, look

from .handle import handle
from .load import Load, keep_load, read_load
from .quarantine import quarantine
from .state import Call

LOAD_AGE = 5.0
"""Seconds after which the snapshot of load and duty is taken anew."""

AHEAD = 8_192
"""Characters of a text up to which it is looked at ahead; a longer one would hold the event loop up for too long."""

TRIES = 3
"""How often a call is tried that violates a key: it may have met another process that was told of the same."""

ELSEWHERE = 5.0
"""Seconds after which what was refused for a lost lease may come again, if nobody stops its reader before."""


def _not_told(_: Fenced) -> None:
    """Where there are no leases."""


class Intake:
    """What all sinks of a hub share. ``fenced`` is told when a lease turns out to be lost."""

    def __init__(
        self,
        store: Store,
        house: Callable[[], House],
        monotonic: Callable[[], float],
        log: Log,
        signal: Callable[[str, str], None],
        fenced: Callable[[Fenced], None] = _not_told,
    ) -> None:
        self.store = store
        self.house = house
        self.log = log
        self.signal = signal
        self._fenced = fenced
        self._monotonic = monotonic
        self._load = Load()
        self._load_due = float("-inf")
        self._refreshing: asyncio.Task[None] | None = None
        self._turn = asyncio.Lock()

    def sink(self, inbox: str, lease: Lease | None = None) -> InboxSink:
        """The sink of one inbox; with a lease, nothing is taken once that is lost."""
        return InboxSink(self, inbox, lease)

    async def accept(
        self,
        inbox: str,
        raw: Raw,
        items: Sequence[Inbound],
        state: Cursor | None,
        lease: Lease | None = None,
    ) -> list[Receipt]:
        """See :meth:`connectors.contract.Sink.accept`."""
        failpoint("intake.accept.before")
        call = await self.prepare(inbox, raw, items, state, lease)
        try:
            receipts = await self._commit(call)
        except Fenced as fenced:
            self._fenced(fenced)
            raise Refused(str(fenced), retry_after=ELSEWHERE) from fenced
        except StoreFull as full:
            raise Refused(str(full), retry_after=2.0) from full
        except StorageFault as fault:
            raise Refused(f"the storage failed: {fault}", retry_after=10.0) from fault
        failpoint("intake.accept.after")
        return receipts

    async def prepare(
        self,
        inbox: str,
        raw: Raw,
        items: Sequence[Inbound],
        state: Cursor | None,
        lease: Lease | None = None,
    ) -> Call:
        """What the transaction needs to know, found out before it."""
        house = self.house()
        return Call(
            inbox=inbox,
            raw=raw,
            items=tuple(map(as_message, items)),
            state=state,
            languages=tuple([_language(house, item) for item in items]),
            looked=tuple([_look(house, item) for item in items]),
            house=house,
            load=await self._present_load(),
            lease=lease,
        )

    async def _commit(self, call: Call) -> list[Receipt]:
        try:
            return await self._take(call, TRIES)
        except (StoreFull, StorageFault, Fenced, Overtaken):
            raise
        except Exception as error:
            reason = f"{type(error).__name__}: {error}"
            self.log.error("message quarantined", inbox=call.inbox, **fault(error))
            failpoint("intake.quarantine.before")
            return await self.store.write(lambda tx: _quarantine(tx, call, reason))

    async def _take(self, call: Call, tries: int) -> list[Receipt]:
        try:
            return await self.store.gather(handle, call, size=_size(call.raw))
        except IntegrityError:
            if tries == 1:
                raise
        # Another process took in the same at the same moment; now that can be seen.
        return await self._take(call, tries - 1)

    async def _present_load(self) -> Load:
        """The snapshot, taken anew beside the calls when it is old.

        While messages come, no call waits for it. After a quiet time it may be hours old, and say of agents who went
        home that they are there: then the first calls wait, and all that come meanwhile behind them. Those that came
        first must also be first in the queue, or the answer to a mail of the same batch would be looked at before
        the mail.
        """
        if self._monotonic() >= self._load_due and self._refreshing is None:
            self._refreshing = asyncio.create_task(self.refresh_load(), name="load-snapshot")
        async with self._turn:  # a lock is given in the order in which it was asked for
            if self._refreshing is not None and self._is_outdated():
                await asyncio.wait([self._refreshing])
        return self._load

    def _is_outdated(self) -> bool:
        return self._load.id != 0 and self._monotonic() >= self._load_due + LOAD_AGE

    async def refresh_load(self) -> None:
        """Take the snapshot now; called once before the first message and then whenever it is old."""
        try:
            read = await self.store.read(read_load)
            failpoint("intake.load.before")
            self._load = await self.store.write(lambda tx: keep_load(tx, read))
            self._load_due = self._monotonic() + LOAD_AGE
        except (StorageFault, StoreFull):
            self._load_due = self._monotonic()
        finally:
            self._refreshing = None


class InboxSink:
    """See :class:`connectors.contract.Sink`."""

    def __init__(self, intake: Intake, inbox: str, lease: Lease | None) -> None:
        self._intake = intake
        self._inbox = inbox
        self._lease = lease

    async def accept(self, raw: Raw, items: Sequence[Inbound], state: Cursor | None = None) -> list[Receipt]:
        """Commit all or nothing; raises Refused."""
        return await self._intake.accept(self._inbox, raw, items, state, self._lease)

    async def cursor(self, key: str) -> str | None:
        """The last committed value of a cursor of this inbox."""

        def read(tx: Reader) -> str | None:
            table = schema.cursor
            found: str | None = tx.scalar(
                table.select()
                .with_only_columns(table.c.value)
                .where(table.c.inbox == self._inbox, table.c.key == key)
            )
            return found or None

        return await self._intake.store.read(read)

    def signal(self, conversation_key: ThreadKey, what: str) -> None:
        """Pass on what is not worth a commit."""
        self._intake.signal(conversation_key, what)


def as_message(item: Inbound) -> Inbound:
    """Something we have no word for is kept and shown as a message that says so."""
    if not isinstance(item, Unknown):
        return item
    return Message(
        inbox=item.inbox,
        external_id=item.external_id,
        received_at=item.received_at,
        sender=item.sender,
        text=f"[{item.what}] {item.text}".rstrip(),
        full_text=f"[{item.what}] {item.text}".rstrip(),
        thread_keys=item.thread_keys,
        direct=item.direct,
    )


def _quarantine(tx: Tx, call: Call, reason: str) -> list[Receipt]:
    still(tx, [call.lease] if call.lease is not None else [])
    return quarantine(tx, call, reason)


def _language(house: House, item: Inbound) -> tuple[str, float]:
    """The language of a message's own words."""
    if not isinstance(item, Message):
        return NOT_TOLD
    return language_of(item.text, house.directory.config.desk.language_letters)


def _look(house: House, item: Inbound) -> Scan | None:
    """What the rules look for in a message, found while others are written."""
    if not isinstance(item, Message) or item.ours or len(item.text) > AHEAD:
        return None
    return look(
        house.rules, item.subject, item.text, item.callback.topic if item.callback is not None else ""
    )


def _size(raw: Raw) -> int:
    return len(raw.content or b"")
