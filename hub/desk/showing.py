"""What an agent does that the person on the other side may see: writing an answer, having read what came.

Nothing of it is stored, waited for or tried again. Whoever only looks is not told of: "read" means that the one who has
the conversation opened it, or that an answer is being written. Notes are never told of.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, Literal

import msgspec
from sqlalchemy import Row, select

from connectors.contract import Capabilities, Clock, InboxId, Log, Party, Presence, ShowsPresence
from hub.desk.ways import last_inbound
from hub.house import House
from hub.outbox.compose import wire_id
from hub.store import schema
from hub.store.store import Store
from hub.store.tx import Reader

Deed = Literal["looks", "writes", "stops"]

AGAIN = 4.0
"""Seconds after which "is writing" is told again; channels let it lapse after five to twenty."""

LONGEST = 10.0
"""Seconds that telling may take."""

MOST = 200
"""Tellings at once; beyond them nothing is told."""

REMEMBERED = 5_000
"""Conversations of which it is remembered what was told; beyond them it begins anew."""


class Told(msgspec.Struct):
    """What the other side of a conversation knows."""

    writing_at: float = -AGAIN
    writing: bool = False
    read: int = 0


class _Seen(msgspec.Struct, frozen=True, kw_only=True):
    """Where a conversation would be told of, and of which message."""

    inbox: InboxId
    to: Party
    target: str | None
    message: int
    can: Capabilities
    mine: bool


class Showing:
    """Passes on what agents do; one per process."""

    def __init__(
        self,
        store: Store,
        house: Callable[[], House],
        connectors: Callable[[], Mapping[str, object]],
        clock: Clock,
        log: Log,
    ) -> None:
        self._store = store
        self._house = house
        self._connectors = connectors
        self._clock = clock
        self._log = log
        self._told: dict[int, Told] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def show(self, conversation: int, user: int, deed: Deed) -> None:
        """An agent who may see the conversation did this. Returns at once; what fails is only logged."""
        told = self._told.get(conversation, Told())
        now = self._clock.monotonic()
        if (deed == "writes" and now - told.writing_at < AGAIN) or (deed == "stops" and not told.writing):
            return
        if len(self._tasks) >= MOST:
            return
        if len(self._told) >= REMEMBERED:
            self._told.clear()
        self._told[conversation] = told
        if deed == "writes":
            told.writing_at, told.writing = now, True
        elif deed == "stops":
            told.writing_at, told.writing = now - AGAIN, False
        task = asyncio.create_task(self._tell(conversation, user, deed, told), name="showing")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def stop(self) -> None:
        """End what is being told."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _tell(self, conversation: int, user: int, deed: Deed, told: Told) -> None:
        house = self._house()
        seen = await self._store.read(lambda tx: _seen(tx, house, conversation, user))
        connector = self._connectors().get(seen.inbox) if seen is not None else None
        if seen is None or not isinstance(connector, ShowsPresence):
            return
        try:
            async with asyncio.timeout(LONGEST):
                await self._pass_on(connector, conversation, deed, seen, told)
        except Exception as error:
            self._log.info("presence was not passed on", inbox=seen.inbox, error=type(error).__name__)

    async def _pass_on(
        self, connector: ShowsPresence, conversation: int, deed: Deed, seen: _Seen, told: Told
    ) -> None:
        one = Presence(
            inbox=seen.inbox, to=seen.to, what="read", target=seen.target, conversation=conversation
        )
        has_read = deed == "writes" or (deed == "looks" and seen.mine)
        if seen.can.read_receipts and has_read and told.read < seen.message:
            told.read = seen.message
            await connector.show(one)
        if seen.can.typing and deed != "looks":
            what: Literal["typing", "paused"] = "typing" if deed == "writes" else "paused"
            await connector.show(msgspec.structs.replace(one, what=what))


def _seen(tx: Reader, house: House, conversation: int, user: int) -> _Seen | None:
    """None where nobody is told: nothing came in, the channel shows nothing, or the person wants to be left alone."""
    table = schema.conversation
    row = tx.row(
        select(table.c.inbox, table.c.identity, table.c.channel, table.c.assignee).where(
            table.c.id == conversation
        )
    )
    can = house.capabilities.get(row.inbox or "", Capabilities()) if row is not None else Capabilities()
    if row is None or not (can.typing or can.read_receipts):
        return None
    last = last_inbound(tx, conversation, row.channel)
    person = _identity(tx, row.identity)
    if last is None or person is None or person.silent_since is not None:
        return None
    return _Seen(
        inbox=InboxId(row.inbox),
        to=Party(kind=person.kind, address=person.address, name=person.name),
        target=wire_id(tx, last),
        message=last.id,
        can=can,
        mine=row.assignee == user,
    )


def _identity(tx: Reader, identity: int | None) -> Row[Any] | None:
    table = schema.identity
    return tx.get(table, identity) if identity is not None else None
