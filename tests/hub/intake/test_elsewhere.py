"""What channels tell beside messages: marks that reach back, what was written elsewhere, late names, old changes."""

from __future__ import annotations

from typing import Any

import msgspec
from sqlalchemy import Row, select

from connectors.contract import (
    DeliveryReport,
    Edit,
    InboxId,
    Message,
    Micros,
    Party,
    Profile,
    Reaction,
    Recipient,
)
from hub.house import House
from hub.messages import append
from hub.outbox.queue import enqueue
from hub.store import schema
from hub.store.store import Store
from hub.store.tx import Tx
from tests.hub.conftest import FakeClock
from tests.hub.intake.conftest import Feed

SECOND = 1_000_000
ZOFIA = Party(kind="messenger", address="2469", verified=True)


def said(number: int, who: Party = ZOFIA, **more: Any) -> Message:
    """A direct message."""
    text = more.pop("text", f"Wiadomość {number}")
    base = Message(
        inbox=InboxId("kontakt"),
        external_id=f"m-{number}",
        sender=who,
        text=text,
        full_text=text,
        direct=True,
    )
    return msgspec.structs.replace(base, **more)


def mark(state: str, until: int | None = None, **more: Any) -> DeliveryReport:
    """Somebody's watermark."""
    return DeliveryReport(
        inbox=InboxId("kontakt"),
        state=state,  # type: ignore[arg-type]
        to=ZOFIA,
        until=None if until is None else Micros(until),
        **more,
    )


async def answered(store: Store, house: House, conversation: int | None, remote: str, began: int) -> int:
    """An answer that left at a moment; the id of its message."""

    def command(tx: Tx) -> int:
        row = tx.row(select(schema.conversation).where(schema.conversation.c.id == conversation))
        assert row is not None
        to = [Recipient(address=ZOFIA.address)]
        sent = append(tx, row.id, kind="outbound", text=remote, inbox="kontakt", recipients=to)
        [delivery] = enqueue(tx, house, row, sent.id, to, inbox="kontakt")
        tx.change(schema.delivery, delivery, state="accepted", remote_id=remote)
        attempt = {"delivery": delivery, "number": 1, "node": "n", "started_at": began, "send_by": began}
        tx.add(schema.attempt, {**attempt, "finished_at": began, "outcome": "accepted"})
        tx.change(schema.message, sent.id, state="accepted")
        return sent.id

    return await store.write(command)


async def states(store: Store) -> dict[str, str]:
    """Of what we sent, by its text."""
    table = schema.message
    rows = await store.read(lambda tx: tx.rows(select(table).where(table.c.kind == "outbound")))
    return {row.text: row.state for row in rows}


async def matter(store: Store, key: int | None) -> Row[Any]:
    table = schema.conversation
    row = await store.read(lambda tx: tx.row(select(table).where(table.c.id == key)))
    assert row is not None
    return row


async def test_a_mark_is_about_all_before_it(
    store: Store, feed: Feed, house: House, clock: FakeClock
) -> None:
    got = await feed(said(1))
    now = clock.now()
    for number in range(3):
        await answered(store, house, got.conversation, f"r{number}", now + number * 60 * SECOND)
    await feed(mark("delivered", now + 61 * SECOND, external_id="w1"))
    assert await states(store) == {"r0": "delivered", "r1": "delivered", "r2": "accepted"}
    await feed(mark("read", now + SECOND, external_id="w2"))
    assert await states(store) == {"r0": "read", "r1": "delivered", "r2": "accepted"}
    await feed(mark("delivered", now + 999 * SECOND, external_id="w3"))
    assert await states(store) == {"r0": "read", "r1": "delivered", "r2": "delivered"}
    assert (await feed(mark("read", now + 999 * SECOND, external_id="w2"))).duplicate


async def test_a_mark_on_a_message_reaches_back_too(
    store: Store, feed: Feed, house: House, clock: FakeClock
) -> None:
    got = await feed(said(1))
    for number in range(3):
        await answered(store, house, got.conversation, f"r{number}", clock.now() + number * 60 * SECOND)
    await feed(mark("read", target="r1", external_id="seen"))
    assert await states(store) == {"r0": "read", "r1": "read", "r2": "accepted"}


async def test_a_mark_of_somebody_else_or_of_nobody_we_know_does_nothing(
    store: Store, feed: Feed, house: House, clock: FakeClock
) -> None:
    got = await feed(said(1))
    await answered(store, house, got.conversation, "r0", clock.now())
    other = Party(kind="messenger", address="777")
    receipt = await feed(msgspec.structs.replace(mark("read", clock.now() + SECOND), to=other))
    assert not receipt.parked
    assert await states(store) == {"r0": "accepted"}


async def test_a_mark_on_a_message_that_is_not_known_yet_waits(store: Store, feed: Feed) -> None:
    await feed(said(1))
    assert (await feed(mark("read", target="r9", external_id="early"))).parked


async def test_what_was_written_elsewhere_stands_where_the_matter_is(
    store: Store, feed: Feed, clock: FakeClock
) -> None:
    got = await feed(said(1))
    assert (await matter(store, got.conversation)).waiting_since is not None
    ours = await feed(said(2, ours=True, text="Odpisane gdzie indziej"))
    assert ours.conversation == got.conversation
    row = await matter(store, got.conversation)
    assert (row.status, row.waiting_since, row.first_reply_at) == ("waiting-citizen", None, clock.now())
    assert await states(store) == {"Odpisane gdzie indziej": "accepted"}
    again = await feed(said(2, ours=True, text="Odpisane gdzie indziej"))
    assert (again.duplicate, again.message) == (True, ours.message)


async def test_the_copy_of_a_sending_is_that_sending(
    store: Store, feed: Feed, house: House, clock: FakeClock
) -> None:
    got = await feed(said(1))
    sent = await answered(store, house, got.conversation, "m-7", clock.now())
    copy = await feed(said(7, ours=True))
    assert (copy.duplicate, copy.message) == (True, sent)


async def test_a_resolved_matter_stays_resolved(store: Store, feed: Feed, clock: FakeClock) -> None:
    got = await feed(said(1))
    assert got.conversation is not None
    key, now = got.conversation, clock.now()
    await store.write(lambda tx: tx.change(schema.conversation, key, status="resolved", resolved_at=now))
    await feed(said(2, ours=True))
    assert (await matter(store, key)).status == "resolved"


async def test_a_first_message_of_ours_opens_a_matter_that_nobody_has_to_answer(
    store: Store, feed: Feed
) -> None:
    ours = await feed(said(1, ours=True, text="Piszemy pierwsi"))
    row = await matter(store, ours.conversation)
    assert (row.status, row.waiting_since) == ("waiting-citizen", None)
    assert await states(store) == {"Piszemy pierwsi": "accepted"}
    answer = await feed(said(2))
    assert answer.conversation == ours.conversation
    assert (await matter(store, ours.conversation)).status == "open"


async def test_a_sign_under_what_was_written_elsewhere(store: Store, feed: Feed) -> None:
    await feed(said(1))
    ours = await feed(said(2, ours=True))
    sign = Reaction(inbox=InboxId("kontakt"), external_id="s", target="m-2", sender=ZOFIA, emoji="👍")
    assert (await feed(sign)).message == ours.message


async def test_a_name_that_comes_later_fills_what_is_missing(store: Store, feed: Feed) -> None:
    await feed(said(1))
    known = msgspec.structs.replace(ZOFIA, name="Zofia Kowalska", language="pl")
    await feed(Profile(inbox=InboxId("kontakt"), sender=known))
    await feed(Profile(inbox=InboxId("kontakt"), sender=msgspec.structs.replace(known, name="Inna")))
    await feed(Profile(inbox=InboxId("kontakt"), sender=msgspec.structs.replace(known, address="nikt")))
    people = await store.read(lambda tx: tx.rows(select(schema.contact.c.name, schema.contact.c.language)))
    names = await store.read(lambda tx: tx.rows(select(schema.identity.c.name)))
    assert [(row.name, row.language) for row in people] == [("Zofia Kowalska", "pl")]
    assert [row.name for row in names] == ["Zofia Kowalska"]


async def test_an_older_change_that_is_told_later_changes_nothing(store: Store, feed: Feed) -> None:
    got = await feed(said(1))

    def edit(number: int, at: int) -> Edit:
        made = Edit(
            inbox=InboxId("kontakt"), external_id=f"e{number}", target="m-1", sender=ZOFIA, at=Micros(at)
        )
        return msgspec.structs.replace(made, text=f"Poprawka {number}")

    def sign(emoji: str, at: int) -> Reaction:
        made = Reaction(
            inbox=InboxId("kontakt"), external_id=f"s{at}", target="m-1", sender=ZOFIA, at=Micros(at)
        )
        return msgspec.structs.replace(made, emoji=emoji)

    for event in (edit(2, 2000), edit(1, 1000), sign("", 900), sign("👍", 800)):
        assert (await feed(event)).message == got.message
    [row] = await store.read(lambda tx: tx.rows(select(schema.message.c.text, schema.message.c.data)))
    assert row.text == "Poprawka 2"
    assert "👍" not in row.data
    await feed(edit(3, 3000))
    [row] = await store.read(lambda tx: tx.rows(select(schema.message.c.text)))
    assert row.text == "Poprawka 3"
    [row] = await store.read(lambda tx: tx.rows(select(schema.conversation.c.preview)))
    assert row.preview == "Poprawka 3", "lists show what it says now"
