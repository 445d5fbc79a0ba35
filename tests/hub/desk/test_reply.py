"""Replies and what else leaves: once, to whom the agent sees, taken back in time, sent again when it failed."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import partial
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Row, select
from sqlalchemy import text as sql

from connectors.contract import BlobId, Recipient
from hub.desk import drafts, outward, reply
from hub.desk.addresses import BadAddress, is_address, read_addresses, show_addresses
from hub.desk.notes import add_note
from hub.desk.outward import Letter
from hub.desk.presence import Presence
from hub.desk.repeats import TakenBefore
from hub.desk.reply import Draft
from hub.desk.ways import reach
from hub.house import House
from hub.messages import append
from hub.outbox.claim import claim
from hub.outbox.settle import settle
from hub.people.tokens import find_bearer, make_token
from hub.scope import SYSTEM, Conflict, NotFound
from hub.store import schema
from hub.store.store import Store
from hub.store.tx import Tx
from tests.hub.conftest import FakeClock
from tests.hub.desk.asking import row_of, said, told, undo
from tests.hub.desk.conftest import Who
from tests.hub.specimen import add_contact, add_conversation, add_message


async def make(store: Store, **columns: Any) -> int:
    return await store.write(lambda tx: add_conversation(tx, **columns))


async def rows(store: Store, table: Any, **where: Any) -> Sequence[Row[Any]]:
    wanted = [table.c[name] == value for name, value in where.items()]
    return await store.read(lambda tx: tx.rows(select(table).where(*wanted).order_by(table.c.id)))


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


async def test_drafts_are_kept_by_revision(store: Store, house: House, who: Who) -> None:
    found = await make(store)

    def save(revision: int, text: str) -> Any:
        return store.write(
            lambda tx: drafts.save_draft(
                tx, who.ola, conversation=found, kind="reply", revision=revision, text=text
            )
        )

    first = await save(0, "a")
    assert (await save(1, "ab")).revision == 2
    with pytest.raises(drafts.Newer) as newer:
        await save(1, "other window")
    assert newer.value.text == "ab"
    assert (await save(1, "ab")).revision == 2  # the same words again are no conflict
    with pytest.raises(NotFound):
        await store.write(lambda tx: drafts.discard(tx, who.jan, first.id))
    assert [row.text for row in await store.read(lambda tx: drafts.unfinished(tx, who.ola))] == ["ab"]
    with pytest.raises(NotFound):
        await store.write(
            lambda tx: drafts.save_draft(tx, who.suw, conversation=found, kind="note", revision=0, text="x")
        )


async def test_a_failed_delivery_is_really_sent_again(
    store: Store, house: House, who: Who, clock: FakeClock
) -> None:
    found = await make(store)
    sent = await store.write(lambda tx: reply.reply(tx, house, who.ola, found, draft()))
    clock.move(16)
    ((delivery, attempt, _),) = await store.write(lambda tx: claim(tx, "n", 10, [], ["kontakt"]))
    await store.write(lambda tx: settle(tx, house, delivery, attempt, "permanent", public="Nie ma skrzynki."))
    assert (await row_of(store, found)).failed
    assert ("failed", found) in await told(store, who.ola.user)
    assert await store.write(lambda tx: outward.retry(tx, house, who.ola, sent.message)) == 1
    assert not (await row_of(store, found)).failed
    ((again, second, _),) = await store.write(lambda tx: claim(tx, "n", 10, [], ["kontakt"]))
    assert again == delivery and second != attempt
    with pytest.raises(Conflict):
        await store.write(lambda tx: outward.retry(tx, house, who.ola, sent.message))
    assert "sent-again" in await said(store, found)


def _attach(tx: Tx, about: dict[str, Any]) -> None:
    tx.add(schema.attachment, about)


async def test_forwarding_answers_nobody(store: Store, house: House, who: Who) -> None:
    found = await make(store, due_at=9)
    (inbound,) = await rows(store, schema.message, conversation=found)
    file = {"message": inbound.id, "position": 0, "content_type": "image/png", "size": 1, "sha256": "x"}
    for name, inline in (("umowa.png", False), ("zrzut.png", True)):
        about = {**file, "filename": name, "inline": inline, "content_id": name}
        await store.write(partial(_attach, about=about))
    letter = Letter(
        text="Prosimy o opinię.",
        client_id="f1",
        recipients=tuple(read_addresses("Biegły <biegly@example.com>")),
        subject="",
    )
    sent = await store.write(lambda tx: outward.forward(tx, house, who.ola, inbound.id, letter))
    (message,) = await rows(store, schema.message, id=sent.message)
    assert message.text.startswith("Prosimy o opinię.") and "Kiedy dostanę zasiłek?" in message.text
    assert (message.subject, message.reply_to) == ("Fwd: Zasiłek", None)
    gone = await rows(store, schema.attachment, message=sent.message)
    assert [(one.filename, one.inline) for one in gone] == [("umowa.png", False), ("zrzut.png", False)]
    row = await row_of(store, found)
    assert (row.status, row.due_at, row.first_reply_at) == ("open", 9, None)
    await undo(store, house, who.ola)
    mine = await store.read(lambda tx: drafts.drafts_of(tx, who.ola, found))
    assert "forward" in mine


async def test_starting_a_conversation_finds_the_person(store: Store, house: House, who: Who) -> None:
    old = await make(store, email="anna@example.pl")
    letter = Letter(
        text="Dzień dobry, w nawiązaniu do rozmowy…",
        client_id="s1",
        recipients=tuple(read_addresses("Anna@Example.pl")),
        subject="Rozmowa",
    )
    sent = await store.write(lambda tx: outward.start(tx, house, who.ola, "kontakt", letter))
    (message,) = await rows(store, schema.message, id=sent.message)
    row = await row_of(store, message.conversation)
    assert row.contact == (await row_of(store, old)).contact
    assert (row.queue, row.status, row.assignee) == ("bezrobotni", "waiting-citizen", who.ola.user)
    again = await store.write(lambda tx: outward.start(tx, house, who.ola, "kontakt", letter))
    assert again.repeated
    with pytest.raises(Conflict):
        await store.write(lambda tx: outward.start(tx, house, who.lom, "kontakt", letter))


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("a@b.pl", ["a@b.pl"]),
        ("Jan Kowalski <jan@b.pl>; a@b.pl,", ["Jan Kowalski <jan@b.pl>", "a@b.pl"]),
        ('"Kowalski, Jan" <jan@b.pl>', ['"Kowalski, Jan" <jan@b.pl>']),
        ("a@b.pl, A@B.PL", ["a@b.pl"]),
        ("", []),
    ],
)
def test_addresses_as_typed(typed: str, expected: list[str]) -> None:
    assert show_addresses(read_addresses(typed)) == ", ".join(expected)


@pytest.mark.parametrize(
    "typed", ["jan", "a@b", "a@b.pl c@d.pl", "<a@b.pl", "x <y> <a@b.pl>", "a@@b.pl", "a@b..pl"]
)
def test_unclear_addresses_are_named(typed: str) -> None:
    with pytest.raises(BadAddress) as bad:
        read_addresses(typed)
    assert bad.value.details["piece"]


@given(st.text(max_size=60))
def test_whatever_is_typed_gives_addresses_or_a_refusal(typed: str) -> None:
    try:
        found = read_addresses(typed)
    except BadAddress:
        return
    assert all(is_address(r.address) and "\n" not in r.name + r.address for r in found)
    assert read_addresses(show_addresses(found)) == found


def test_presence_is_told_once_and_forgotten() -> None:
    presence, now = Presence(), 1_000_000_000
    told: list[int] = []
    leave = presence.follow(told.append)
    presence.mark(7, 1, "Ola", "looking", now)
    presence.mark(7, 1, "Ola", "looking", now + 1)
    presence.mark(7, 2, "Jan", "writing", now + 2)
    assert told == [7, 7]
    here = [(person.name, person.what) for person in presence.at(7, now + 3)]
    assert here == [("Jan", "writing"), ("Ola", "looking")]
    assert [person.name for person in presence.at(7, now + 3, but=2)] == ["Ola"]
    assert [p.what for p in presence.at(7, now + 8_000_000)] == ["looking", "looking"]
    assert presence.at(7, now + 40_000_000) == []
    presence.stopped_writing(7, 2)
    presence.gone(7, 1)
    presence.gone(7, 1)
    assert told == [7, 7, 7, 7]
    leave()
    presence.gone(7, 2)
    assert told == [7, 7, 7, 7]


@pytest.mark.parametrize("closed_store", ["postgresql"], indirect=True)
async def test_of_two_windows_that_save_a_draft_at_once_one_is_told_of_the_other(
    store: Store, who: Who
) -> None:
    def save(tx: Tx, words: str, revision: int, draft_id: int | None = None) -> drafts.Stored:
        place: Any = {"conversation": None, "kind": "new", "draft_id": draft_id}
        return drafts.save_draft(tx, who.ola, revision=revision, text=words, **place)

    own = await store.write(lambda tx: save(tx, "pierwszy", 0))

    def slowly(tx: Tx) -> None:
        save(tx, "drugi", own.revision, own.id)
        tx.execute(sql("SELECT pg_sleep(0.5)"))

    first = asyncio.create_task(store.write(slowly))
    await asyncio.sleep(0.2)
    with pytest.raises(drafts.Newer) as newer:
        await store.write(lambda tx: save(tx, "trzeci", own.revision, own.id))
    await first
    assert newer.value.text == "drugi"


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
