"""A telephone line for tests: the exchange's events through the real intake, on Monday at nine."""

from __future__ import annotations

import itertools
from typing import Any, Literal

import msgspec
from sqlalchemy import Row, select

from connectors.contract import Call, Capabilities, InboxId, Micros, Party, Receipt
from hub.callbacks import offers
from hub.config import Inbox
from hub.phone import follow
from hub.phone.log import Entry, Logged, log_call
from hub.phone.record import facts_of
from hub.phone.states import Facts
from hub.scope import Scope
from hub.store import schema
from hub.store.store import Store
from hub.timers import run_due
from tests.hub.callbacks.desk import CONFIG, Centre, make_house
from tests.hub.conftest import FakeClock

CALLER = "+48600700800"
SECOND = 1_000_000

WITH_LINE = msgspec.structs.replace(
    CONFIG,
    inboxes=(
        *CONFIG.inboxes,
        Inbox(id="centrala-tel", kind="phone", name="Infolinia", office="krajowa", queue="informacja"),
    ),
)


class Line(Centre):
    """A call centre with a telephone exchange."""

    def __init__(self, store: Store, clock: FakeClock, rules: str = "") -> None:
        house = make_house(WITH_LINE, rules=rules)
        house = msgspec.structs.replace(
            house,
            capabilities={**house.capabilities, "centrala-tel": Capabilities()},
            channels={**house.channels, "centrala-tel": "phone"},
        )
        super().__init__(store, clock, house)
        self._clients = itertools.count(1)

    def event(
        self,
        state: Literal["ringing", "answered", "missed", "ended", "other"],
        call: str = "k-1",
        *,
        caller: str = CALLER,
        extension: str = "",
        **more: Any,
    ) -> Call:
        """An event as the connector hands it over."""
        return Call(
            inbox=InboxId("centrala-tel"),
            external_id=f"event:{call}:{state}:{extension}",
            call=call,
            state=state,
            sender=Party(kind="phone", address=caller) if caller else None,
            extension=extension,
            **more,
        )

    async def rings(self, *args: Any, **more: Any) -> Receipt:
        """The exchange tells one event."""
        return await self.tell(self.event(*args, **more))

    async def with_telephone(self, name: str, extension: str, **more: Any) -> Scope:
        """An available agent with a telephone."""
        return await self.agent(name, extension=extension, **more)

    async def call(self, message: int | None) -> tuple[Row[Any], Facts]:
        """The message of a call, and what is known of it."""
        table = schema.message
        row = await self.store.read(lambda tx: tx.row(select(table).where(table.c.id == message)))
        assert row is not None and row.kind == "call"
        return row, facts_of(row)

    async def conversation(self, number: int | None) -> Row[Any]:
        table = schema.conversation
        row = await self.store.read(lambda tx: tx.row(select(table).where(table.c.id == number)))
        assert row is not None
        return row

    async def callbacks(self) -> list[Row[Any]]:
        """All callbacks, the oldest first."""
        table = schema.callback
        return list(await self.store.read(lambda tx: tx.rows(select(table).order_by(table.c.id))))

    async def noted_in(self, conversation: int | None) -> list[str]:
        """What the system noted in a conversation."""
        table = schema.message
        mine = (table.c.conversation == conversation, table.c.kind == "system")
        rows = await self.store.read(lambda tx: tx.rows(select(table).where(*mine).order_by(table.c.number)))
        return [msgspec.json.decode(row.data)["what"] for row in rows]

    async def passes(self, seconds: float) -> None:
        """Time goes by, and what is due happens."""
        self.clock.move(seconds)
        handlers = {"callback": offers.on_timer, follow.TIMER: follow.on_timer}
        while await self.store.write(lambda tx: run_due(tx, self.house, handlers, self.log)):
            pass
        assert not self.log.lines, self.log.lines

    async def notes(self, agent: Scope, **entry: Any) -> Logged:
        """An agent notes a call."""
        given = {"outcome": "settled", "client_id": f"click-{next(self._clients)}", **entry}
        return await self.store.write(lambda tx: log_call(tx, self.house, agent, Entry(**given)))

    async def heard(self, kind: str) -> list[int | None]:
        """Whom the events of a kind in the stream were for, in order."""
        table = schema.event
        mine = select(table).where(table.c.kind == kind).order_by(table.c.place)
        return [row.actor for row in await self.store.read(lambda tx: tx.rows(mine))]

    def ago(self, seconds: float) -> Micros:
        """A moment before now."""
        return Micros(self.clock.now() - int(seconds * SECOND))
