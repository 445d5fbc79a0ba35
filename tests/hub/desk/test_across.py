"""One matter over several channels: from mail to SMS and back it stays one conversation."""

from __future__ import annotations

import msgspec
import pytest
from sqlalchemy import select

from connectors.contract import InboxId, Message, Party, Raw, Sent, ThreadKey
from hub import logs
from hub.desk import reply
from hub.desk.reply import Draft
from hub.house import House
from hub.intake.sink import Intake
from hub.outbox.claim import claim
from hub.outbox.settle import settle_sent
from hub.store import schema
from hub.store.store import Store
from hub.store.tx import Tx
from tests.hub.conftest import FakeClock
from tests.hub.desk.conftest import Who, desk_house

PHONE = "+48501502503"


@pytest.fixture
def house() -> House:
    """The desk's house, which an SMS may reach too."""
    return desk_house()


async def told(intake: Intake, item: Message) -> int:
    [receipt] = await intake.sink(item.inbox).accept(Raw(content=b"x"), [item])
    assert receipt.conversation is not None
    return receipt.conversation


def sms(number: int, text: str) -> Message:
    return Message(
        inbox=InboxId("sms"),
        external_id=f"sms-{number}",
        sender=Party(kind="phone", address=PHONE, verified=True),
        text=text,
        direct=True,
    )


async def answered(
    store: Store, house: House, who: Who, conversation: int, identity: int, based_on: int
) -> None:
    """An agent's answer to an address of the person, taken by the channel."""
    draft = Draft(
        text="Proszę bardzo.", client_id=f"c{based_on}", based_on=based_on, identity=identity, undo_seconds=0
    )
    await store.write(lambda tx: reply.reply(tx, house, who.ola, conversation, draft))

    def carried(tx: Tx) -> None:
        for delivery, attempt, _ in claim(tx, "n", 10, [], ["sms", "kontakt"]):
            settle_sent(tx, house, delivery, attempt, Sent(remote_id=f"r-{delivery}"))

    await store.write(carried)


async def test_from_mail_to_text_message_and_back(
    store: Store, house: House, who: Who, clock: FakeClock
) -> None:
    intake = Intake(store, lambda: house, clock.monotonic, logs.logger("test"), lambda key, what: None)
    mail = Message(
        inbox=InboxId("kontakt"),
        external_id="mail-1",
        sender=Party(kind="email", address="jan@example.pl", name="Jan"),
        text="Proszę o SMS, nie mam tu internetu.",
        also=(Party(kind="phone", address=PHONE),),
        adds_keys=(ThreadKey("mid:1"),),
    )
    first = await told(intake, mail)
    phone = await store.read(
        lambda tx: tx.scalar(select(schema.identity.c.id).where(schema.identity.c.address == PHONE))
    )
    assert phone is not None
    await answered(store, house, who, first, phone, 1)
    assert await told(intake, sms(1, "Dziękuję, a kiedy będzie wypłata?")) == first
    later = msgspec.structs.replace(
        mail, external_id="mail-2", thread_keys=(ThreadKey("mid:1"),), text="Jestem już w domu."
    )
    assert await told(intake, later) == first
    channels = await store.read(
        lambda tx: [
            row.channel
            for row in tx.rows(
                select(schema.message.c.channel)
                .where(schema.message.c.conversation == first, schema.message.c.kind != "system")
                .order_by(schema.message.c.number)
            )
        ]
    )
    assert channels == ["email", "sms", "sms", "email"]


async def test_who_was_never_written_to_begins_anew(
    store: Store, house: House, who: Who, clock: FakeClock
) -> None:
    intake = Intake(store, lambda: house, clock.monotonic, logs.logger("test"), lambda key, what: None)
    first = await told(intake, sms(1, "Dzień dobry, pytanie o staż."))
    stranger = msgspec.structs.replace(
        sms(2, "Inna sprawa"), sender=Party(kind="phone", address="+48600700800", verified=True)
    )
    assert await told(intake, stranger) != first
