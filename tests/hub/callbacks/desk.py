"""A small call centre for tests of callbacks: a house, agents, the real intake, and time that passes by command."""

from __future__ import annotations

import datetime as dt
import itertools
import random
from collections.abc import Callable, Sequence
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
from sqlalchemy import Row, select

from connectors.contract import (
    CallbackChange,
    CallbackWish,
    Capabilities,
    Inbound,
    InboxId,
    Message,
    Micros,
    Party,
    Raw,
    Receipt,
)
from hub.calendar import at_wall_clock, moment
from hub.callbacks import offers
from hub.config import Config, Inbox, Office, Queue, Week
from hub.config import Desk as Rules
from hub.directory import directory
from hub.house import House
from hub.i18n import translate
from hub.intake.sink import Intake
from hub.notices import deliver_notice
from hub.outbox.effects import run_inside
from hub.scope import Scope
from hub.store import schema
from hub.store.store import Store
from hub.store.tx import Reader, Tx
from hub.timers import run_due
from hub.tokens import SignedTokens
from rules import as_written, compile_rules, load
from tests.contract.world import Log
from tests.hub.conftest import FakeClock

ZONE = "Europe/Warsaw"
NUMBER = "+48600700800"
MAIL = "jan@example.pl"

NO_RULES = """
default: {queue: informacja}
rules: []
"""

CONFIG = Config(
    desk=Rules(),
    offices=(
        Office(
            id="krajowa",
            name="Infolinia",
            hours=Week(
                mon="08:00-18:00", tue="08:00-18:00", wed="08:00-18:00", thu="08:00-18:00", fri="08:00-18:00"
            ),
        ),
        Office(id="pup", name="PUP"),
    ),
    queues=(
        Queue(id="informacja", name_pl="Informacja", name_en="Information", office="krajowa"),
        Queue(id="pracodawcy", name_pl="Pracodawcy", name_en="Employers", office="krajowa"),
        Queue(id="pup", name_pl="PUP", name_en="PUP", office="pup", tier=3),
    ),
    inboxes=(
        Inbox(id="oddzwonimy", kind="callback", name="Oddzwonimy", office="krajowa", queue="informacja"),
        Inbox(id="kontakt", kind="email", name="Kontakt", office="krajowa", queue="informacja"),
    ),
)


def make_house(config: Config = CONFIG, *, reaches: tuple[str, ...] = ("email",), rules: str = "") -> House:
    """A house whose mail inbox reaches ``reaches``."""
    return House(
        directory=directory(config),
        capabilities={
            "oddzwonimy": Capabilities(),
            "kontakt": Capabilities(reaches=reaches, subject=True, copies=True),
        },
        channels={"oddzwonimy": "callback", "kontakt": "email"},
        rules=compile_rules(load(rules or NO_RULES), as_written),
        rules_version=1,
        tokens=SignedTokens(b"s" * 32),
        translate=translate,
        random=random.Random(1),
    )


def at(text: str) -> Micros:
    """A moment in Warsaw."""
    return moment(dt.datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(ZONE)))


def shown(when: int | None) -> str:
    """A moment as the wall clock in Warsaw shows it."""
    return "" if when is None else at_wall_clock(ZONE, Micros(when)).strftime("%Y-%m-%d %H:%M")


def no_events(*_: object) -> None:
    """Nobody listens."""


class Centre:
    """The hub around one store: what would run in the background runs in :meth:`run_until`."""

    def __init__(self, store: Store, clock: FakeClock, house: House | None = None) -> None:
        self.clock = clock
        self.house = house or make_house()
        self.log = Log()
        self._ids = itertools.count(1)
        self.reopened(store)

    def reopened(self, store: Store) -> None:
        """Go on with a store that was opened again."""
        self.store = store
        self.intake = Intake(store, lambda: self.house, self.clock.monotonic, self.log, no_events)

    async def order(
        self,
        number: str = NUMBER,
        when: Micros | None = None,
        topic: str = "Chcę zatrudnić pracownika",
        email: str = MAIL,
        identity: str = "",
        suspicious: str = "",
    ) -> Receipt:
        """A wish as the form sends it."""
        also = (Party(kind="email", address=email),) if email else ()
        item = Message(
            inbox=InboxId("oddzwonimy"),
            external_id=identity or f"order:{next(self._ids)}",
            sender=Party(kind="phone", address=number, name="Jan"),
            also=also,
            text=topic,
            callback=CallbackWish(number=number, at=when, topic=topic, email=email),
            suspicious=suspicious,
        )
        return await self.tell(item)

    async def change(self, callback: int, action: str, when: Micros | None = None) -> Receipt:
        """The citizen's link."""
        change = msgspec.convert(
            {
                "kind": "callback",
                "inbox": "oddzwonimy",
                "external_id": f"change:{next(self._ids)}",
                "action": action,
            },
            CallbackChange,
        )
        return await self.tell(msgspec.structs.replace(change, target=str(callback), at=when))

    async def tell(self, item: Inbound) -> Receipt:
        """One item through the real intake."""
        [receipt] = await self.intake.sink("oddzwonimy").accept(Raw(content=b"x"), [item])
        return receipt

    async def agent(self, name: str, queues: Sequence[str] = ("informacja",), **values: Any) -> Scope:
        """An available agent."""
        row: dict[str, Any] = {
            "login": name,
            "name": name.title(),
            "role": "agent",
            "office": "krajowa",
            "language": "pl",
            "active": True,
            "presence": "available",
            "presence_at": 0,
            "created_at": 0,
        } | values

        def add(tx: Tx) -> int:
            user = tx.add(schema.user, row)
            for queue in queues:
                tx.execute(schema.user_queue.insert(), {"user": user, "queue": queue})
            return user

        user = await self.store.write(add)
        front = row["office"] == "krajowa"
        return Scope(
            user=user,
            role=row["role"],
            office=row["office"],
            front=front,
            queues=tuple(queues),
            name=row["name"],
        )

    async def offer_next(self, agent: Scope) -> int | None:
        """An agent became free."""
        return await self.store.write(lambda tx: offers.offer_next(tx, self.house, agent.user or 0))

    async def presence(self, agent: Scope, presence: str) -> None:
        """Somebody comes or goes."""
        assert agent.user is not None
        user = agent.user
        await self.store.write(lambda tx: tx.change(schema.user, user, presence=presence))

    async def do(self, action: Callable[..., Any], agent: Scope, callback: int, **more: Any) -> Any:
        """An agent presses a button."""
        return await self.store.write(lambda tx: action(tx, self.house, agent, callback, **more))

    async def row(self, callback: int) -> Row[Any]:
        """The callback as it is."""
        found = await self.store.read(
            lambda tx: tx.row(select(schema.callback).where(schema.callback.c.id == callback))
        )
        assert found is not None
        return found

    async def matter(self, callback: int) -> Row[Any]:
        """Its conversation."""
        row = await self.row(callback)
        table = schema.conversation
        found = await self.store.read(lambda tx: tx.row(select(table).where(table.c.id == row.conversation)))
        assert found is not None
        return found

    async def run_until(self, when: Micros) -> None:
        """Let time pass until ``when``, carrying out timers and notices as they fall due."""
        while True:
            due = await self.store.read(_next_due)
            if due is None or due > when:
                break
            self._go(max(due, self.clock.now()))
            assert await self.store.write(
                lambda tx: run_due(tx, self.house, {"callback": offers.on_timer}, self.log)
            )
            await self.notices()
        self._go(when)
        await self.notices()

    def _go(self, when: int) -> None:
        self.clock.move((when - self.clock.now()) / 1e6)

    async def notices(self) -> None:
        """Turn ordered notices into messages."""
        while await self.store.write(
            lambda tx: run_inside(tx, self.house, {"notice": deliver_notice}, self.log)
        ):
            pass

    async def told(self) -> list[str]:
        """Subjects of what the citizen was sent, in order."""
        return [row.subject for row in await self._messages("outbound")]

    async def mails(self) -> list[str]:
        """Texts of what the citizen was sent, in order."""
        return [row.text for row in await self._messages("outbound")]

    async def recipients(self) -> list[str]:
        """Whom the citizens' mails went to, in order."""
        decode = msgspec.json.decode
        return [decode(row.recipients)[0]["address"] for row in await self._messages("outbound")]

    async def lines(self) -> list[str]:
        """What the system lines of all conversations say happened, in order."""
        return [msgspec.json.decode(row.data)["what"] for row in await self._messages("system")]

    async def _messages(self, kind: str) -> Sequence[Row[Any]]:
        table = schema.message
        wanted = select(table).where(table.c.kind == kind).order_by(table.c.id)
        return await self.store.read(lambda tx: tx.rows(wanted))

    async def attempts(self, callback: int) -> list[tuple[int, str, str]]:
        """The history: number, time, outcome."""
        table = schema.callback_attempt
        wanted = select(table).where(table.c.callback == callback).order_by(table.c.number)
        rows = await self.store.read(lambda tx: tx.rows(wanted))
        return [(row.number, shown(row.at), row.outcome) for row in rows]

    async def events(self) -> int:
        """How many events of the kind ``callback`` the stream has."""
        table = schema.event
        rows = await self.store.read(lambda tx: tx.rows(select(table).where(table.c.kind == "callback")))
        return len(rows)


def _next_due(tx: Reader) -> int | None:
    table = schema.timer
    wanted = select(table.c.due_at).where(table.c.state == "waiting").order_by(table.c.due_at).limit(1)
    found: int | None = tx.scalar(wanted)
    return found


async def ordered(centre: Centre, when: str | None = None, **more: Any) -> int:
    """A call that somebody ordered, by its id."""
    receipt = await centre.order(when=at(when) if when else None, **more)
    assert receipt.message is not None
    return receipt.message
