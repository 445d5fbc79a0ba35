"""Replies: once, to whom the agent sees, taken back in time."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from connectors.contract import BlobId, Recipient
from hub.desk import drafts, outward, reply
from hub.desk.addresses import read_addresses
from hub.desk.notes import add_note
from hub.desk.outward import Letter
from hub.desk.repeats import TakenBefore
from hub.desk.reply import Draft
from hub.desk.ways import reach
from hub.house import House
from hub.messages import append
from hub.outbox.claim import claim
from hub.people.tokens import find_bearer, make_token
from hub.scope import SYSTEM, Conflict, NotFound
from hub.store import schema
from hub.store.store import Store
from hub.store.tx import Tx
from tests.hub.conftest import FakeClock
from tests.hub.desk.asking import make, row_of, rows, undo
from tests.hub.desk.conftest import Who
from tests.hub.specimen import add_contact, add_message


def draft(text: str = "Dzień dobry", client_id: str = "c1", based_on: int = 1, **more: Any) -> Draft:
    return Draft(text=text, client_id=client_id, based_on=based_on, **more)


async def test_a_reply_goes_to_the_sender_alone_held_and_signed(
    store: Store, house: House, who: Who, clock: FakeClock
) -> None:
    found = await make(store, email="anna@example.pl", due_at=9, woken="time")
    sent = await store.write(lambda tx: reply.reply(tx, house, who.ola, found, draft()))
    (delivery,) = await rows(store, schema.delivery)
    assert (delivery.state, delivery.due_at) == ("held", clock.now() + 15_000_000)
    assert [r["address"] for r in msgspec.json.decode(delivery.recipients)] == ["anna@example.pl"]
    (message,) = await rows(store, schema.message, id=sent.message)
    assert message.text == "Dzień dobry\n\n-- \nOla\nInfolinia urzędów pracy"
    assert (message.subject, message.state, message.inbox) == ("Re: Zasiłek", "held", "kontakt")
    row = await row_of(store, found)
    assert (row.assignee, row.waiting_since, row.due_at, row.woken) == (who.ola.user, None, None, None)
    assert row.first_reply_at == clock.now() and row.status == "open"


async def test_the_same_window_never_sends_twice(store: Store, house: House, who: Who) -> None:
    found = await make(store)
    first = await store.write(lambda tx: reply.reply(tx, house, who.ola, found, draft()))
    again = await store.write(lambda tx: reply.reply(tx, house, who.ola, found, draft()))
    assert again.message == first.message and again.repeated
    assert len(await rows(store, schema.delivery)) == 1


async def test_other_words_of_the_same_window_are_refused_aloud(store: Store, house: House, who: Who) -> None:
    """Its answer was lost and somebody went on writing: "sent" must not be said of what did not go."""
    found = await make(store, email="anna@example.pl")
    await store.write(lambda tx: reply.reply(tx, house, who.ola, found, draft("Dzień dobry,\n")))
    longer = draft("Dzień dobry,\nproszę przyjść jutro.")
    with pytest.raises(TakenBefore):
        await store.write(lambda tx: reply.reply(tx, house, who.ola, found, longer))
    with pytest.raises(TakenBefore):
        await store.write(lambda tx: add_note(tx, house, who.ola, found, "inna", client_id="c1"))
    (inbound,) = await rows(store, schema.message, conversation=found, kind="inbound")
    to = tuple(read_addresses("biegly@example.com"))
    one = Letter(text="Pierwsza", client_id="f1", recipients=to, subject="")
    other = Letter(text="Druga", client_id="f1", recipients=to, subject="")
    await store.write(lambda tx: outward.forward(tx, house, who.ola, inbound.id, one))
    assert (await store.write(lambda tx: outward.forward(tx, house, who.ola, inbound.id, one))).repeated
    with pytest.raises(TakenBefore):
        await store.write(lambda tx: outward.forward(tx, house, who.ola, inbound.id, other))
    with pytest.raises(TakenBefore):
        await store.write(lambda tx: outward.start(tx, house, who.ola, "kontakt", other))
    assert len(await rows(store, schema.delivery)) == 2


async def test_sending_stops_when_something_new_came_in(store: Store, house: House, who: Who) -> None:
    found = await make(store)

    def later(tx: Tx) -> None:
        add_message(tx, found, number=2, text="Jeszcze jedno")
        add_message(tx, found, number=3, kind="system", data='{"what":"tagged"}')
        tx.change(schema.conversation, found, messages=3, version=2)

    await store.write(later)
    with pytest.raises(reply.Stale) as stale:
        await store.write(lambda tx: reply.reply(tx, house, who.ola, found, draft()))
    assert stale.value.numbers == (2,)
    await store.write(lambda tx: append(tx, found, kind="note", text="moja", author=who.ola.user))
    await store.write(lambda tx: append(tx, found, kind="outbound", text="auto", automatic=True))
    await store.write(lambda tx: reply.reply(tx, house, who.ola, found, draft(based_on=2)))
    await store.write(lambda tx: append(tx, found, kind="note", text="kolegi", author=who.jan.user))
    with pytest.raises(reply.Stale):
        await store.write(
            lambda tx: reply.reply(tx, house, who.ola, found, draft(client_id="c2", based_on=2))
        )


async def test_taking_back_makes_it_a_draft_again(
    store: Store, house: House, who: Who, clock: FakeClock
) -> None:
    found = await make(store, due_at=9)
    made = draft(after="resolve", topic="zasiłek")
    await store.write(lambda tx: reply.reply(tx, house, who.ola, found, made))
    assert (await row_of(store, found)).status == "resolved"
    clock.move(5)
    assert await undo(store, house, who.ola) == "send"
    row = await row_of(store, found)
    assert (row.status, row.due_at, row.topic, row.first_reply_at) == ("open", 9, None, None)
    (delivery,) = await rows(store, schema.delivery)
    assert delivery.state == "cancelled"
    mine = await store.read(lambda tx: drafts.drafts_of(tx, who.ola, found))
    assert mine["reply"].text == "Dzień dobry"
    lines = [
        msgspec.json.decode(row.data) for row in await rows(store, schema.message) if row.kind == "system"
    ]
    assert [line["what"] for line in lines] == ["resolved", "undone"]
    again = await store.write(lambda tx: reply.reply(tx, house, who.ola, found, draft(based_on=9)))
    assert not again.repeated


async def test_what_left_cannot_be_taken_back(store: Store, house: House, who: Who, clock: FakeClock) -> None:
    found = await make(store)
    await store.write(lambda tx: reply.reply(tx, house, who.ola, found, draft()))
    clock.move(16)
    assert len(await store.write(lambda tx: claim(tx, "n", 10, [], ["kontakt"]))) == 1
    with pytest.raises(Conflict, match="left already"):
        await undo(store, house, who.ola)


async def test_others_of_the_mail_are_offered_never_added(store: Store, house: House, who: Who) -> None:
    found = await make(store, email="anna@example.pl")
    people = [
        Recipient(address="kontakt+abc@urzad.example"),
        Recipient(address="Kontakt@urzad.example"),
        Recipient(address="szef@firma.example", name="Szef", role="cc"),
        Recipient(address="anna@example.pl", role="cc"),
    ]

    def later(tx: Tx) -> None:
        add_message(tx, found, number=2, recipients=msgspec.json.encode(people).decode())
        tx.change(schema.conversation, found, messages=2)

    await store.write(later)
    row = await row_of(store, found)
    known = await store.read(lambda tx: reach(tx, house, who.ola, row))
    assert [r.address for r in known.to] == ["anna@example.pl"]
    assert [(r.address, r.role) for r in known.others] == [("szef@firma.example", "cc")]
    chosen = (*known.to, *known.others, Recipient(address="archiwum@urzad.example", role="bcc"))
    await store.write(lambda tx: reply.reply(tx, house, who.ola, found, draft(based_on=2, recipients=chosen)))
    (delivery,) = await rows(store, schema.delivery)
    assert [r["role"] for r in msgspec.json.decode(delivery.recipients)] == ["to", "cc", "bcc"]


@pytest.mark.parametrize(
    "wanted",
    [
        (Recipient(address="a@b.pl\nBcc: x@y.pl"),),
        (Recipient(address="nie adres"),),
        (Recipient(address="a@b.pl", role="cc"),),
    ],
)
async def test_bad_recipients_are_refused(
    store: Store, house: House, who: Who, wanted: tuple[Recipient, ...]
) -> None:
    found = await make(store)
    with pytest.raises(Conflict):
        await store.write(lambda tx: reply.reply(tx, house, who.ola, found, draft(recipients=wanted)))
    assert await rows(store, schema.delivery) == []


async def test_the_channel_is_switched_to_another_address_of_the_person(
    store: Store, house: House, who: Who
) -> None:
    found = await make(store, phone="+48501502503", inbox="sms", channel="sms")
    row = await row_of(store, found)

    def know(tx: Tx) -> int:
        mail = {"kind": "email", "address": "jan@example.pl", "contact": row.contact, "verified": False}
        return tx.add(schema.identity, {**mail, "created_at": tx.now})

    mail = await store.write(know)
    _, stranger = await store.write(lambda tx: add_contact(tx, "Obcy", email="obcy@example.pl"))
    known = await store.read(lambda tx: reach(tx, house, who.ola, row))
    assert [way.channel for way in known.ways] == ["sms", "email"]
    with pytest.raises(Conflict):
        await store.write(lambda tx: reply.reply(tx, house, who.ola, found, draft(identity=stranger)))
    sent = await store.write(lambda tx: reply.reply(tx, house, who.ola, found, draft(identity=mail)))
    (message,) = await rows(store, schema.message, id=sent.message)
    assert (message.channel, message.inbox) == ("email", "kontakt")
    with pytest.raises(Conflict, match="longer"):
        long = draft(text="x" * 601, client_id="c2", based_on=9)
        await store.write(lambda tx: reply.reply(tx, house, who.ola, found, long))


async def test_files_go_with_the_reply_and_come_back_with_the_undo(
    store: Store, house: House, who: Who
) -> None:
    found = await make(store)

    def attach(tx: Tx) -> int:
        saved = drafts.save_draft(
            tx, who.ola, conversation=found, kind="reply", revision=0, text="W załączeniu"
        )
        blob = {"size": 3, "sha256": "x", "place": "row", "content": b"abc", "created_at": tx.now}
        kept = BlobId(tx.add(schema.blob, blob))
        drafts.add_file(
            tx,
            house,
            who.ola,
            saved.id,
            filename="../../etc/umowa\n.pdf",
            content_type="application/pdf",
            size=3,
            sha256="x",
            blob=kept,
        )
        return saved.id

    own = await store.write(attach)
    sent = await store.write(lambda tx: reply.reply(tx, house, who.ola, found, draft(draft=own)))
    (file,) = await rows(store, schema.attachment)
    (blob,) = await rows(store, schema.blob)
    assert (file.message, file.draft, file.filename, blob.owner) == (
        sent.message,
        None,
        "umowa.pdf",
        sent.message,
    )
    assert await rows(store, schema.draft) == []
    await undo(store, house, who.ola)
    (file,) = await rows(store, schema.attachment)
    assert file.message is None and file.draft is not None
    with pytest.raises(NotFound):
        await store.write(lambda tx: drafts.remove_file(tx, who.jan, file.id))
    await store.write(lambda tx: drafts.remove_file(tx, who.ola, file.id))
    (blob,) = await rows(store, schema.blob)
    assert blob.owner is None


async def test_an_answer_to_a_resolved_matter_opens_it_and_undone_leaves_it_resolved(
    store: Store, house: House, who: Who
) -> None:
    found = await make(store, status="resolved", resolved_at=77, waiting_since=None)
    await store.write(lambda tx: reply.reply(tx, house, who.ola, found, draft(after="waiting-citizen")))
    row = await row_of(store, found)
    assert (row.status, row.resolved_at) == ("waiting-citizen", None)
    await undo(store, house, who.ola)
    row = await row_of(store, found)
    assert (row.status, row.resolved_at) == ("resolved", 77)


async def test_what_an_integration_answered_belongs_to_nobody(store: Store, house: House, who: Who) -> None:
    found = await make(store)
    asked: dict[str, Any] = {"name": "System", "office": "krajowa", "grants": ("write",), "token": "secret"}
    await store.write(lambda tx: make_token(tx, SYSTEM, house.directory, **asked))
    bearer = await store.read(lambda tx: find_bearer(tx, house.directory, "secret"))
    assert bearer is not None
    await store.write(lambda tx: reply.reply(tx, house, bearer.scope, found, draft(undo_seconds=0.0)))
    assert (await row_of(store, found)).assignee is None
