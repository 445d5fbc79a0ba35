"""A house with a chat over each store: visitors by their addresses, agents who answer, time that passes when told."""

from __future__ import annotations

import itertools
from typing import Any, Literal

import msgspec
import pytest
from sqlalchemy import Row, select

from connectors.contract import (
    Capabilities,
    Chat,
    DeliveryReport,
    Inbound,
    InboxId,
    LiveChat,
    Message,
    Party,
    Raw,
    Receipt,
    Sent,
    Visit,
)
from hub.blobs import ChunkBlobs
from hub.chats.leaving import HANDLERS
from hub.chats.port import StoredChats
from hub.config import Inbox
from hub.desk.reply import Draft, Replied, reply
from hub.desk.take import take_next
from hub.house import House
from hub.intake.sink import Intake
from hub.logs import logger
from hub.outbox.claim import claim
from hub.outbox.effects import run_inside
from hub.outbox.handlers import INSIDE
from hub.outbox.settle import settle_sent
from hub.people.presence import set_presence
from hub.scope import Scope
from hub.store import schema
from hub.store.store import Store
from hub.store.tx import Tx
from hub.stream import Stream
from hub.timers import run_due
from tests.hub.conftest import FakeClock
from tests.hub.specimen import CONFIG, a_house, add_person

INBOX = InboxId("czat")
ANNA, BEN = "a" * 32, "b" * 32

LIVE = Capabilities(
    reaches=("chat",), max_length=10_000, attachments=("*/*",), live=True, on_ambiguous="retry"
)
SMS = Capabilities(reaches=("phone",), max_length=600)


def house_of_chats() -> House:
    """The specimen's house with a chat and a way to send text messages."""
    more = (
        Inbox(id="czat", kind="chat", name="Czat", office="krajowa", queue="bezrobotni"),
        Inbox(id="sms", kind="webhook", name="SMS", office="krajowa", queue="bezrobotni"),
    )
    house = a_house(msgspec.structs.replace(CONFIG, inboxes=(*CONFIG.inboxes, *more)))
    return msgspec.structs.replace(
        house,
        capabilities={**house.capabilities, "czat": LIVE, "sms": SMS},
        channels={**house.channels, "sms": "sms"},
    )


class World:
    """The house at work. ``ola`` and ``jan`` are its agents; visitors are addresses."""

    def __init__(self, store: Store, clock: FakeClock) -> None:
        self.store = store
        self.clock = clock
        self.house = house_of_chats()
        self.ola = self.jan = Scope(user=0, role="agent", office="krajowa")
        self.stream = Stream(store, buffer=64)
        store.on_events = self.stream.publish
        self.port = StoredChats(store, self.stream, ChunkBlobs(store), lambda: self.house, clock)
        self._intake = Intake(
            store, lambda: self.house, clock.monotonic, logger("test"), lambda key, what: None
        )
        self._numbers = itertools.count(1)

    async def open(self) -> World:
        """Hire the agents; they are on duty."""

        def hire(tx: Tx) -> list[int]:
            found = [
                add_person(tx, login, queues=("bezrobotni",), name=f"{login.title()} Testowa")
                for login in PEOPLE
            ]
            for person in found:
                set_presence(tx, self.house, _agent(person), "available")
            return found

        await self.stream.open()
        self.ola, self.jan = map(_agent, await self.store.write(hire))
        return self

    # --- visitors ---------------------------------------------------------------------------------------------

    def written(
        self, text: str, visitor: str = ANNA, *, email: str = "", phone: str = "", **more: Any
    ) -> Message:
        """What a visitor writes, as the connector hands it in."""
        also = [("email", email), ("phone", phone)]
        return Message(
            inbox=INBOX,
            external_id=more.pop("external_id", f"web:{next(self._numbers)}"),
            sender=Party(kind="chat", address=visitor, name=more.pop("name", "Zofia")),
            also=tuple(Party(kind=kind, address=address) for kind, address in also if address),
            text=text,
            full_text=text,
            direct=True,
            chat=LiveChat(email=email, phone=phone),
            **more,
        )

    async def take(self, item: Inbound) -> Receipt:
        """Take one item in."""
        [receipt] = await self._intake.sink(INBOX).accept(Raw(content=b"as it came"), [item])
        return receipt

    async def says(self, text: str, visitor: str = ANNA, **more: Any) -> int:
        """A visitor writes; the conversation."""
        receipt = await self.take(self.written(text, visitor, **more))
        assert receipt.conversation is not None
        return receipt.conversation

    async def does(
        self, what: Literal["came", "left", "ended", "transcript"], visitor: str = ANNA, **more: Any
    ) -> Receipt:
        """A visitor comes, leaves, …"""
        sender = Party(kind="chat", address=visitor)
        return await self.take(Visit(inbox=INBOX, sender=sender, what=what, **more))

    async def sees(self, visitor: str = ANNA, messages: int = 50) -> Chat | None:
        """Their chat as their page shows it."""
        return (await self.port.chats(INBOX, [visitor], messages=messages)).get(visitor)

    async def reads(self, visitor: str = ANNA) -> list[str]:
        """The texts on their page."""
        found = await self.sees(visitor)
        return [message.text for message in found.messages] if found else []

    async def has_read(self, message: int, visitor: str = ANNA) -> None:
        """Their page says that they saw a message."""
        party = Party(kind="chat", address=visitor)
        await self.take(DeliveryReport(inbox=INBOX, target=str(message), to=party, state="read"))

    # --- the house --------------------------------------------------------------------------------------------

    async def takes(self, who: Scope) -> int | None:
        """An agent takes the next conversation."""
        return await self.store.write(lambda tx: take_next(tx, self.house, who))

    async def answers(self, conversation: int, text: str, who: Scope | None = None, **more: Any) -> Replied:
        """An agent writes; it leaves at once."""
        sent = await self.writes(conversation, text, who, **more)
        await self.send("accepted")
        return sent

    async def writes(self, conversation: int, text: str, who: Scope | None = None, **more: Any) -> Replied:
        """An agent writes; it has not left yet."""
        row = await self.row(schema.conversation, conversation)
        draft = Draft(text=text, client_id=f"window-{next(self._numbers):04d}", based_on=row.messages, **more)
        return await self.store.write(lambda tx: reply(tx, self.house, who or self.ola, conversation, draft))

    async def send(self, state: Literal["accepted", "delivered"] = "accepted") -> None:
        """Carry out what is due to be sent; channels take everything."""

        def command(tx: Tx) -> None:
            inboxes = [inbox for inbox, can in self.house.capabilities.items() if can.reaches]
            for delivery, attempt, _ in claim(tx, "test", 50, [], inboxes):
                message = tx.scalar(select(schema.delivery.c.message).where(schema.delivery.c.id == delivery))
                settle_sent(tx, self.house, delivery, attempt, Sent(remote_id=str(message), state=state))

        await self.store.write(command)

    async def passes(self, **time: float) -> None:
        """Time passes; timers and effects that fall due are carried out."""
        self.clock.move(**time)
        for _ in range(3):
            await self.store.write(lambda tx: run_due(tx, self.house, HANDLERS, logger("test")))
            await self.store.write(lambda tx: run_inside(tx, self.house, INSIDE, logger("test")))

    async def rows(self, table: Any, **where: Any) -> Any:
        """Rows of a table, by id."""
        wanted = [table.c[name] == value for name, value in where.items()]
        return await self.store.read(lambda tx: tx.rows(select(table).where(*wanted).order_by(table.c.id)))

    async def row(self, table: Any, number: int) -> Row[Any]:
        """A row by id."""
        [found] = await self.rows(table, id=number)
        return found  # type: ignore[no-any-return]

    async def mails(self) -> list[tuple[str, str]]:
        """Whom mails and text messages go to, and what they say."""
        found = []
        for row in await self.rows(schema.delivery):
            if row.inbox != INBOX:
                [to] = msgspec.json.decode(row.recipients)
                message = await self.row(schema.message, row.message)
                found.append((to["address"], message.text))
        return found

    async def lines(self, conversation: int) -> list[str]:
        """What the conversation's own lines say."""
        rows = await self.rows(schema.message, conversation=conversation, kind="system")
        return [msgspec.json.decode(row.data)["what"] for row in rows]


PEOPLE = ("ola", "jan")


def _agent(user: int) -> Scope:
    return Scope(
        user=user, role="agent", office="krajowa", front=True, queues=("bezrobotni",), name="Testowa"
    )


@pytest.fixture
async def world(store: Store, clock: FakeClock) -> World:
    """On both engines."""
    return await World(store, clock).open()
