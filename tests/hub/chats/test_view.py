"""What a visitor sees of their chat, also when its conversation was merged with others."""

from __future__ import annotations

import hashlib

from connectors.contract import Attachment, Recipient
from hub.chats.desk import chats_of
from hub.desk import actions
from hub.desk.merging import Merged, merge_conversations, unmerge
from hub.desk.notes import add_note
from hub.messages import append
from hub.outbox.queue import enqueue
from hub.store import schema
from hub.store.tx import Tx
from tests.hub.chats.conftest import ANNA, BEN, INBOX, World


async def test_a_page_shows_what_was_said_on_it_and_nothing_else(world: World) -> None:
    number = await world.says("Dzień dobry", email="zofia@example.org")
    await world.answers(number, "W czym pomóc?")

    def inside(tx: Tx) -> None:
        add_note(tx, world.house, world.ola, number, "Uwaga: dzwonił już dwa razy", client_id="note-0001")
        row = tx.locked(schema.conversation, number)
        assert row is not None
        mail = append(tx, number, kind="outbound", text="Mailem", inbox="kontakt", channel="email")
        enqueue(tx, world.house, row, mail.id, [Recipient(address="zofia@example.org")], inbox="kontakt")

    await world.store.write(inside)
    assert await world.reads() == ["Dzień dobry", "W czym pomóc?"]
    found = await world.sees()
    assert found is not None
    assert [(message.mine, message.author) for message in found.messages] == [
        (True, ""),
        (False, "Ola Testowa"),
    ]


async def test_a_held_answer_is_not_shown(world: World) -> None:
    number = await world.says("Halo")

    def hold(tx: Tx) -> None:
        row = tx.locked(schema.conversation, number)
        assert row is not None
        sent = append(tx, number, kind="outbound", text="Jeszcze nie", inbox=INBOX, channel="chat")
        enqueue(
            tx,
            world.house,
            row,
            sent.id,
            [Recipient(address=ANNA)],
            inbox=INBOX,
            held=True,
            due_at=tx.now + 10**9,
        )

    await world.store.write(hold)
    assert await world.reads() == ["Halo"]


async def test_an_answer_in_a_chat_is_never_held_for_undo(world: World) -> None:
    sent = await world.answers(await world.says("Halo"), "Dzień dobry", undo_seconds=15.0)
    assert sent.undo is None
    assert await world.reads() == ["Halo", "Dzień dobry"]


async def merge(world: World, one: int, other: int) -> Merged:
    return await world.store.write(
        lambda tx: merge_conversations(tx, world.house, world.ola, one, other, link=True)
    )


async def test_visitors_do_not_see_each_other_even_in_a_merged_conversation(world: World) -> None:
    first, second = await world.says("To ja, Anna"), await world.says("To ja, Ben", BEN)
    await world.answers(second, "Do Bena")
    await merge(world, first, second)
    assert await world.reads(ANNA) == ["To ja, Anna"]
    assert await world.reads(BEN) == ["To ja, Ben", "Do Bena"]
    assert await world.sees("c" * 32) is None


async def test_a_chat_goes_on_in_the_conversation_that_it_was_merged_into(world: World) -> None:
    first = await world.says("To ja, Anna")
    await world.passes(seconds=60)
    second = await world.says("To ja, Ben", BEN, email="ben@example.org")
    await world.takes(world.ola)
    await world.answers(second, "Do Bena")
    await world.send()
    found = await merge(world, first, second)
    await world.store.write(lambda tx: actions.assign(tx, world.house, world.ola, [first], world.ola.user))
    shown = await world.store.read(lambda tx: chats_of(tx, world.house, world.ola))
    assert {chat.conversation for chat in shown.mine} == {first}
    assert await world.says("Jeszcze ja", BEN) == first
    [chat] = await world.rows(schema.chat, visitor=BEN)
    assert chat.answered_at is not None  # the chat is the one that began before
    await world.store.write(lambda tx: unmerge(tx, world.house, world.ola, found.merge))
    [chat] = await world.rows(schema.chat, visitor=BEN)
    assert chat.conversation == second


async def test_unread_answers_leave_although_their_conversation_was_merged_twice(world: World) -> None:
    others = [await world.says("Dzień dobry", f"{n:032x}") for n in range(2)]
    await world.passes(seconds=60)
    number = await world.says("To ja, Ben", BEN, email="ben@example.org")
    await world.answers(number, "Do Bena")
    await world.send()
    for survivor, absorbed in ((others[1], number), (others[0], others[1])):
        await merge(world, survivor, absorbed)
        await world.passes(seconds=1)
    await world.does("left", BEN)
    await world.passes(seconds=60)
    sent = await world.rows(schema.delivery, inbox="kontakt")
    assert [row.conversation for row in sent] == [others[0]]


async def test_a_file_opens_for_its_visitor_alone(world: World) -> None:
    content = b"%PDF-1.7 tajne"
    file = Attachment(
        filename="pismo.pdf",
        content_type="application/pdf",
        size=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
        content=content,
    )
    await world.take(world.written("W załączeniu", attachments=(file,)))
    await world.says("Ja też", BEN)
    found = await world.sees()
    assert found is not None
    [shown] = found.messages[0].files
    assert (shown.filename, shown.size) == ("pismo.pdf", len(content))
    mine = await world.port.file(INBOX, ANNA, shown.id)
    assert mine is not None and mine.content == content
    assert await world.port.file(INBOX, BEN, shown.id) is None
    assert await world.port.file(INBOX, "c" * 32, shown.id) is None


async def test_an_old_chat_is_not_opened_again(world: World) -> None:
    number = await world.says("Dzień dobry")
    await world.answers(number, "Załatwione")
    await world.store.write(lambda tx: actions.resolve(tx, world.ola, [number]))
    assert (await world.sees()).state == "closed"  # type: ignore[union-attr]
    await world.passes(hours=71)
    assert await world.says("Jeszcze jedno pytanie: kiedy?") == number
    await world.store.write(lambda tx: actions.resolve(tx, world.ola, [number]))
    await world.passes(hours=73)
    assert await world.sees() is None
    new = await world.says("Inna sprawa: zaświadczenie?")
    assert new != number
    assert await world.reads() == ["Inna sprawa: zaświadczenie?"]
