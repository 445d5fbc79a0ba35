"""Bounces find the mail that came back, by whatever they carry; what we never sent is shown."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row, select

from connectors.contract import (
    Bounce,
    BouncedRecipient,
    InboxId,
    Recipient,
    ThreadKey,
    conversation_key,
)
from hub.house import House
from hub.messages import append, locked_conversation
from hub.outbox.queue import enqueue
from hub.store import schema
from hub.store.store import Store
from hub.store.tx import Tx
from tests.hub.intake.conftest import Feed, mail

delivery = schema.delivery


async def sent(store: Store, house: House, conversation: int | None, *to: str) -> int:
    """A reply that the server took."""
    assert conversation is not None

    def command(tx: Tx) -> int:
        recipients = [Recipient(address=address) for address in to]
        added = append(tx, conversation, kind="outbound", text="Odpowiedź", recipients=recipients)
        row = locked_conversation(tx, conversation)
        ids = enqueue(tx, house, row, added.id, recipients, inbox="kontakt")
        for key in ids:
            tx.change(delivery, key, state="accepted", remote_id=f"d{ids[0]}.token@example.org")
        return ids[0]

    return await store.write(command)


def bounce(address: str, **more: Any) -> Bounce:
    recipient = BouncedRecipient(address=address, status=more.pop("status", "5.1.1"), **more.pop("extra", {}))
    return Bounce(
        inbox=InboxId("kontakt"),
        external_id=more.pop("id", "b1"),
        recipients=(recipient,),
        subject="Undelivered",
        **more,
    )


async def one(store: Store, table: Any, key: int | None) -> Row[Any]:
    row = await store.read(lambda tx: tx.row(select(table).where(table.c.id == key)))
    assert row is not None
    return row


async def test_by_message_id(store: Store, house: House, feed: Feed) -> None:
    opened = await feed(mail(1))
    key = await sent(store, house, opened.conversation, "jan@example.pl")
    got = await feed(bounce("jan@example.pl", target=f"d{key}.token@example.org"))
    assert got.conversation == opened.conversation
    row = await one(store, delivery, key)
    assert (row.state, row.reason) == ("failed", "The address does not exist.")
    assert (await one(store, schema.conversation, opened.conversation)).failed


async def test_by_token_and_address_when_the_message_id_is_gone(
    store: Store, house: House, feed: Feed
) -> None:
    opened = await feed(mail(1))
    key = await sent(store, house, opened.conversation, "jan@example.pl")
    keys = (conversation_key(opened.conversation or 0),)
    await feed(bounce("Jan@Example.pl", thread_keys=keys, status="5.2.2"))
    assert (await one(store, delivery, key)).reason == "The mailbox is full."


async def test_a_delay_is_no_failure(store: Store, house: House, feed: Feed) -> None:
    opened = await feed(mail(1))
    key = await sent(store, house, opened.conversation, "jan@example.pl")
    target = f"d{key}.token@example.org"
    await feed(bounce("jan@example.pl", target=target, status="4.4.1", extra={"action": "delayed"}))
    assert (await one(store, delivery, key)).state == "accepted"
    assert not (await one(store, schema.conversation, opened.conversation)).failed


async def test_told_again_it_marks_once(store: Store, house: House, feed: Feed) -> None:
    opened = await feed(mail(1))
    key = await sent(store, house, opened.conversation, "jan@example.pl")
    said = bounce("jan@example.pl", target=f"d{key}.token@example.org")
    await feed(said)
    before = (await one(store, schema.conversation, opened.conversation)).messages
    assert (await feed(said)).duplicate
    assert (await one(store, schema.conversation, opened.conversation)).messages == before


async def test_what_we_never_sent_is_shown_and_not_answered(store: Store, feed: Feed) -> None:
    got = await feed(bounce("nikt@example.com", target="foreign@example.com", text="Could not deliver"))
    row = await one(store, schema.message, got.message)
    assert (row.automatic, row.text) == ("bounce", "Could not deliver")
    assert (await one(store, schema.conversation, got.conversation)).waiting_since is None
    assert await store.read(lambda tx: tx.rows(select(schema.effect.c.id))) == []


async def test_thread_keys_of_strangers_lead_nowhere(store: Store, house: House, feed: Feed) -> None:
    opened = await feed(mail(1))
    key = await sent(store, house, opened.conversation, "jan@example.pl")
    keys = (ThreadKey("mid:unknown"),)
    await feed(bounce("jan@example.pl", thread_keys=keys))
    assert (await one(store, delivery, key)).state == "accepted"
