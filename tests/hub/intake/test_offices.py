"""Mail in an office's name, on both stores: taken, told again, inside a batch, after a merge, from a stranger."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Row, select

from connectors.contract import Attachment, InboxId, Message, Party, Raw, Recipient, ThreadKey
from connectors.email.wrapped import ENCRYPTED
from hub.directory import directory, folded
from hub.house import House
from hub.intake.offices import NOT_ASKED, OTHER_ADDRESS, SEALED, UNPROVEN, claims_an_office, concerns
from hub.intake.sink import Intake
from hub.store import schema
from hub.store.store import Store
from hub.store.tx import Tx
from tests.hub.intake.conftest import Feed, mail
from tests.hub.specimen import CONFIG, a_house

LOMZA = "urzad@lomza.example"
P7M = Attachment(
    filename="smime.p7m", content_type="application/pkcs7-mime", size=3, sha256="x", content=b"p7m"
)


def with_addresses() -> House:
    """The specimen's house; its offices may answer by mail."""
    offices = tuple(
        msgspec.structs.replace(office, email=f"urzad@{office.id.removeprefix('pup-')}.example")
        for office in CONFIG.offices
    )
    return a_house(msgspec.structs.replace(CONFIG, offices=offices))


OFFICES = with_addresses().directory


@pytest.fixture
def house() -> House:
    return with_addresses()


def answer(house: House, conversation: int | None, number: str = "a1", **more: Any) -> Message:
    """What Łomża writes to the conversation's address."""
    assert conversation is not None
    token = house.tokens.sign("conversation", conversation)
    return Message(
        inbox=InboxId("kontakt"),
        external_id=f"id-{number}",
        sender=Party(kind="email", address=more.pop("sender", LOMZA), name=more.pop("name", "Sekretariat")),
        recipients=(Recipient(address=f"kontakt+{token}@urzad.example"),),
        text=more.pop("text", "Rozpatrzymy do piątku."),
        thread_keys=(ThreadKey(f"conversation:{conversation}"),),
        adds_keys=(ThreadKey(f"mid:{number}"),),
        **more,
    )


async def asked(store: Store, feed: Feed, number: int = 1) -> int:
    """A citizen's mail about which Łomża was asked."""
    opened = await feed(mail(number, sender=f"jan{number}@example.pl"))
    assert opened.conversation is not None
    key = opened.conversation

    def ask(tx: Tx) -> None:
        table = schema.conversation_office
        tx.execute(table.insert().values(conversation=key, office="pup-lomza", at=tx.now, due_at=tx.now + 1))
        tx.change(
            schema.conversation, key, office="pup-lomza", queue="lomza", status="waiting-office", tier=3
        )

    await store.write(ask)
    return key


async def rows(store: Store, table: Any, *conditions: Any) -> list[Row[Any]]:
    return list(await store.read(lambda tx: tx.rows(select(table).where(*conditions).order_by(table.c.id))))


async def test_it_is_passed_on_once(store: Store, feed: Feed, house: House) -> None:
    key = await asked(store, feed)
    file = Attachment(filename="a.pdf", content_type="application/pdf", size=3, sha256="x", content=b"pdf")
    item = answer(house, key, attachments=(file,))
    receipt, again = await feed(item), await feed(item)
    assert receipt.conversation == key and not receipt.duplicate
    assert again.duplicate and again.message == receipt.message
    [sent] = await rows(store, schema.message, schema.message.c.kind == "outbound")
    assert sent.text.startswith("Rozpatrzymy do piątku.") and "PUP Łomża" in sent.text
    [delivery] = await rows(store, schema.delivery)
    assert "jan1@example.pl" in delivery.recipients and delivery.inbox == "kontakt"
    [kept] = await rows(store, schema.attachment)
    assert kept.message == sent.id and kept.blob is not None
    [row] = await rows(store, schema.conversation)
    assert (row.status, row.waiting_since) == ("waiting-citizen", None)
    # The office is a person of its own; the citizen's addresses are what they were.
    people = await rows(store, schema.identity)
    assert len({person.contact for person in people}) == 2
    # Who answers the office's own mail finds the matter too.
    assert (await feed(mail(9, sender="jan1@example.pl", answers=("a1",)))).conversation == key


async def test_in_the_middle_of_a_batch(store: Store, feed: Feed, intake: Intake, house: House) -> None:
    key = await asked(store, feed)
    items = [
        mail(2, sender="ewa@example.pl"),
        answer(house, key),
        mail(3, sender="jan1@example.pl", answers=(1,)),
        answer(house, key, "a2", sender="obcy@example.pl", name="PUP Łomża"),
        mail(4, sender="ewa@example.pl", answers=(2,)),
    ]
    receipts = await intake.sink("kontakt").accept(Raw(content=b"raw"), items)
    first, passed, back, held, last = (receipt.conversation for receipt in receipts)
    assert passed == back == key
    assert first == last != key
    assert held not in (key, first)
    [row] = await rows(store, schema.conversation, schema.conversation.c.id == key)
    assert row.status == "open", "the citizen's question after the answer reopens it"
    [row] = await rows(store, schema.conversation, schema.conversation.c.quarantined.is_(True))
    assert row.id == held


async def test_after_a_merge_both_tokens_lead_there(store: Store, feed: Feed, house: House) -> None:
    key = await asked(store, feed)
    other = await feed(mail(2, sender="jan1@example.pl"))
    assert other.conversation is not None
    absorbed = other.conversation
    await store.write(lambda tx: tx.change(schema.conversation, absorbed, merged_into=key))
    assert (await feed(answer(house, absorbed))).conversation == key


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"sender": "urzad@suwalki.example"}, NOT_ASKED),
        ({"sender": "inny@lomza.example"}, OTHER_ADDRESS),
        ({"sender": "x@gmail.example", "name": "pup lomza"}, OTHER_ADDRESS),
        ({"authenticated": False}, UNPROVEN),
        ({"text": "", "unreadable": ENCRYPTED, "attachments": (P7M,)}, SEALED),
    ],
)
async def test_a_stranger_gets_nowhere(
    store: Store, feed: Feed, house: House, more: dict[str, Any], why: str
) -> None:
    key = await asked(store, feed)
    receipt = await feed(answer(house, key, **more))
    assert receipt.conversation != key
    [row] = await rows(store, schema.conversation, schema.conversation.c.id == receipt.conversation)
    assert (row.quarantined, row.suspicious) == (True, why)
    assert await rows(store, schema.delivery) == []


async def test_another_person_with_the_token_joins_as_before(store: Store, feed: Feed, house: House) -> None:
    """A husband who answers for his wife is no office and no forger."""
    key = await asked(store, feed)
    assert (await feed(answer(house, key, sender="maz@example.pl", name="Jan"))).conversation == key


@pytest.mark.parametrize(
    ("name", "claims"),
    [
        ("PUP Łomża", True),
        ("pup lomza", True),
        ("Sekretariat – PUP Łomża", True),
        ("PUP  ŁOMŻA (sekretariat)", True),
        ("Jan z Łomży", False),
        ("PUP", False),
        ("XPUP Łomża", False),
        ("Infolinia urzędów pracy", False),
        ("", False),
    ],
)
def test_names_that_claim_an_office(name: str, claims: bool) -> None:
    assert claims_an_office(directory(CONFIG), name) is claims


@given(st.text(max_size=40), st.text(max_size=40))
def test_no_name_breaks_it(name: str, address: str) -> None:
    item = Message(
        inbox=InboxId("kontakt"),
        sender=Party(kind="email", address=address, name=name),
        thread_keys=(ThreadKey("mid:1"),),
    )
    concerns(OFFICES, item)
    assert folded(folded(name)) == folded(name)
