"""A house that asks people what they think: by mail, text message, a messenger with buttons, one with a window."""

from __future__ import annotations

import itertools
import random
from typing import Any

import msgspec
import pytest
from sqlalchemy import Row, select

from connectors.contract import Capabilities, Inbound, InboxId, Message, Party, Raw, Receipt, Sent
from hub.config import Inbox
from hub.deciding.ending import settle
from hub.desk import actions
from hub.desk.reply import Draft, reply
from hub.house import House
from hub.intake.sink import Intake
from hub.logs import logger
from hub.outbox.claim import claim
from hub.outbox.compose import read_outbound
from hub.outbox.effects import run_inside
from hub.outbox.handlers import INSIDE
from hub.outbox.settle import settle as settle_failed
from hub.outbox.settle import settle_sent
from hub.scope import Scope
from hub.store import schema
from hub.store.store import Store
from hub.store.tx import Tx
from hub.surveys.asking import HANDLERS
from hub.timers import run_due
from tests.hub.conftest import FakeClock
from tests.hub.specimen import CONFIG, MAIL, a_house, add_person

CAN = {
    "kontakt": MAIL,
    "bot": Capabilities(reaches=("telegram",), max_length=4096, choices=8),
    "okno": Capabilities(reaches=("messenger",), reply_window=86_400, choices=13),
    "sms": Capabilities(reaches=("phone",), max_length=600, splits=True),
}
_seeds = itertools.count(1)
KINDS = {"kontakt": "email", "bot": "telegram", "okno": "messenger", "sms": "phone"}


def asking_house(**survey: Any) -> House:
    """The queue of the unemployed asks; settings of the survey by name."""
    more = [
        Inbox(id=name, kind="webhook", name=name, office="krajowa", queue="bezrobotni")
        for name in CAN
        if name != "kontakt"
    ]
    queues = tuple(msgspec.structs.replace(queue, survey=queue.id == "bezrobotni") for queue in CONFIG.queues)
    config = msgspec.structs.replace(
        CONFIG,
        inboxes=(*CONFIG.inboxes, *more),
        queues=queues,
        survey=msgspec.structs.replace(CONFIG.survey, **survey),
    )
    house = a_house(config, rules="rules: []\ndefault: {queue: bezrobotni}\n")
    channels = {**house.channels, "bot": "telegram", "okno": "messenger", "sms": "sms"}
    draw = random.Random(next(_seeds))
    return msgspec.structs.replace(house, capabilities=CAN, channels=channels, random=draw)


class World:
    """People write, ola answers and resolves, time passes."""

    def __init__(self, store: Store, clock: FakeClock, house: House) -> None:
        self.store, self.clock, self.house = store, clock, house
        self.ola = Scope(user=0, role="supervisor", office="krajowa", front=True)
        self._numbers = itertools.count(1)
        self.left: list[str] = []
        store.on_end = lambda tx: settle(tx, self.house, logger("test"))
        self._intake = Intake(
            store, lambda: self.house, clock.monotonic, logger("test"), lambda key, what: None
        )

    async def open(self) -> World:
        """Hire ola."""
        ola = await self.store.write(lambda tx: add_person(tx, "ola", role="supervisor", name="Ola Testowa"))
        self.ola = msgspec.structs.replace(self.ola, user=ola)
        return self

    def written(self, text: str, inbox: str = "kontakt", address: str = "", **more: Any) -> Message:
        """A message as a connector hands it in."""
        number = next(self._numbers)
        return Message(
            inbox=InboxId(inbox),
            external_id=more.pop("external_id", f"id-{number}"),
            sender=Party(kind=KINDS[inbox], address=address or f"{inbox}@example.pl", name="Anna"),
            text=text,
            full_text=text,
            direct=inbox != "kontakt",
            **more,
        )

    async def take(self, item: Inbound) -> Receipt:
        """Take one item in."""
        [receipt] = await self._intake.sink(item.inbox).accept(Raw(content=b"as it came"), [item])
        return receipt

    async def says(self, text: str, inbox: str = "kontakt", address: str = "", **more: Any) -> Receipt:
        """Somebody writes."""
        return await self.take(self.written(text, inbox, address, **more))

    async def presses(self, choice: str, inbox: str = "bot", address: str = "", **more: Any) -> Receipt:
        """Somebody presses a button."""
        return await self.says(choice[-1], inbox, address, choice=choice, **more)

    async def answers(self, conversation: int) -> None:
        """Ola answers, and it leaves."""
        row = await self.row(schema.conversation, conversation)
        draft = Draft(text="Tak.", client_id=f"window-{next(self._numbers):04d}", based_on=row.messages)
        await self.store.write(lambda tx: reply(tx, self.house, self.ola, conversation, draft))
        self.clock.move(seconds=20)
        await self.send()

    async def send(self, *, fails: bool = False) -> None:
        """Carry out what is due to be sent; ``left`` holds the texts as they leave."""

        def command(tx: Tx) -> None:
            for delivery, attempt, _ in claim(tx, "test", 50, [], list(CAN)):
                draft = read_outbound(tx, self.house, delivery, attempt)
                assert draft is not None
                self.left.append(draft.outbound.text)
                if fails:
                    settle_failed(tx, self.house, delivery, attempt, "permanent", public="No.")
                else:
                    settle_sent(tx, self.house, delivery, attempt, Sent(remote_id=f"r{delivery}"))

        await self.store.write(command)

    async def resolves(self, *conversations: int) -> None:
        """Ola resolves."""
        await self.store.write(lambda tx: actions.resolve(tx, self.ola, conversations))

    async def settled(self, inbox: str = "kontakt", address: str = "", **more: Any) -> int:
        """Somebody writes, is answered; it is resolved."""
        receipt = await self.says("Kiedy dostanę zasiłek?", inbox, address, **more)
        assert receipt.conversation is not None
        await self.answers(receipt.conversation)
        await self.resolves(receipt.conversation)
        return receipt.conversation

    async def passes(self, **time: float) -> None:
        """Time passes; what falls due is carried out."""
        self.clock.move(**time)
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

    async def surveys(self) -> Any:
        """All surveys."""
        return await self.rows(schema.survey)

    async def question(self) -> tuple[str, str, list[dict[str, str]]]:
        """The last question: its inbox, its text, its buttons."""
        last = (await self.surveys())[-1]
        message = await self.row(schema.message, last.message)
        data = msgspec.json.decode(message.data)
        return message.inbox, message.text, data["choices"]

    async def lines(self, conversation: int) -> list[str]:
        """What the conversation's own lines say."""
        rows = await self.rows(schema.message, conversation=conversation, kind="system")
        return [msgspec.json.decode(row.data)["what"] for row in rows]


@pytest.fixture
async def world(store: Store, clock: FakeClock) -> World:
    """On both engines."""
    return await World(store, clock, asking_house()).open()
