"""Chats: what a visitor sees, the line, silence, leaving, and the way on by mail or text message."""

from __future__ import annotations

import asyncio
import hashlib
from typing import Any

import pytest
from sqlalchemy import update

from connectors.contract import Attachment, InboxId, Message, Party, Recipient, conversation_key
from hub.chats.desk import chats_of, visitor_of
from hub.desk import actions
from hub.desk.merging import Merged, merge_conversations, unmerge
from hub.desk.notes import add_note
from hub.messages import append
from hub.notices import reachable
from hub.outbox.queue import enqueue
from hub.store import schema
from hub.store.store import StorageFault
from hub.store.tx import Tx
from tests.hub.chats.conftest import ANNA, BEN, INBOX, World

# --- what a visitor sees -------------------------------------------------------------------------------------------


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


# --- the line ------------------------------------------------------------------------------------------------------


async def test_the_place_in_the_line_and_the_expected_wait(world: World) -> None:
    visitors = [f"{n:032x}" for n in range(6)]
    for visitor in visitors[:3]:
        number = await world.says("Pierwsi", visitor)
        await world.passes(seconds=60)
        await world.takes(world.jan)
        await world.answers(number, "Jestem", world.jan)
    for visitor in visitors[3:]:
        await world.says("Następni", visitor)
        await world.passes(seconds=1)
    places = [await world.sees(visitor) for visitor in visitors[3:]]
    assert [(chat.state, chat.place, chat.wait) for chat in places if chat] == [
        ("waiting", 1, 60.0),
        ("waiting", 2, 120.0),
        ("waiting", 3, 180.0),
    ]
    hours = await world.port.hours(INBOX)
    assert (hours.staffed, hours.waiting, hours.wait, hours.mails) == (True, 3, 240.0, True)
    await world.does("left", visitors[3])
    await world.takes(world.ola)
    last = await world.sees(visitors[5])
    assert last is not None and last.place == 1
    taken = await world.sees(visitors[4])
    assert taken is not None and (taken.state, taken.agent, taken.place) == ("active", "Ola Testowa", None)


async def test_of_few_answers_no_wait_is_made_up(world: World) -> None:
    await world.says("Sama jedna")
    found = await world.sees()
    assert found is not None and (found.place, found.wait) == (1, None)


async def test_nobody_on_duty_or_outside_the_hours_is_no_chat(world: World) -> None:
    def all_away(tx: Tx) -> None:
        tx.execute(update(schema.user).values(presence="away"))

    await world.store.write(all_away)
    hours = await world.port.hours(INBOX)
    assert (hours.staffed, hours.opens_at) == (False, None)
    world.clock.move(hours=11)  # 20:00
    evening = await world.port.hours(INBOX)
    assert not evening.staffed
    assert evening.opens_at is not None and evening.opens_at > world.clock.now()


async def test_a_crowd_asks_for_the_hours_once_and_a_failure_is_not_kept(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    read, asked, away = world.store.read, 0, True

    async def slow(query: Any) -> Any:
        nonlocal asked
        asked += 1
        await asyncio.sleep(0.05)
        if away:
            raise StorageFault("away")
        return await read(query)

    monkeypatch.setattr(world.store, "read", slow)
    crowd = await asyncio.gather(*(world.port.hours(INBOX) for _ in range(50)), return_exceptions=True)
    assert asked == 1 and {type(found) for found in crowd} == {StorageFault}
    away = False
    assert all(found.staffed for found in await asyncio.gather(*(world.port.hours(INBOX) for _ in range(50))))
    assert asked == 2
    world.clock.move(seconds=3)
    await world.port.hours(INBOX)
    assert asked == 3


async def test_news_name_those_whose_chats_changed(world: World) -> None:
    await world.says("Anna")
    second = await world.says("Ben", BEN)
    told: list[frozenset[str]] = []

    async def listen() -> None:
        async for visitors in world.port.news(INBOX):
            told.append(visitors)

    task = asyncio.create_task(listen())
    await asyncio.sleep(0)
    await world.says("Jeszcze raz", BEN)
    await _until(lambda: bool(told))
    world.clock.move(seconds=1)
    assert told == [frozenset({BEN})]
    await world.store.write(lambda tx: actions.assign(tx, world.house, world.ola, [second], world.ola.user))
    await _until(lambda: len(told) > 1)
    assert told[-1] == {ANNA, BEN}, "the whole line has moved"
    task.cancel()


async def _until(ask: object) -> None:
    for _ in range(300):
        if ask():  # type: ignore[operator]
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it did not happen")


# --- an agent's chats -----------------------------------------------------------------------------------------------


async def test_take_next_brings_visitors_first_and_no_more_than_one_may_have(world: World) -> None:
    limit = world.house.directory.config.chats.per_agent
    mail = await world.says("Dawno temu", f"{99:032x}")
    await world.does("left", f"{99:032x}")
    await world.passes(minutes=30)
    for n in range(limit + 1):
        await world.says("Jestem tu", f"{n:032x}")
    taken = [await world.takes(world.ola) for _ in range(limit + 2)]
    assert mail not in taken[:limit]
    assert taken[limit:] == [mail, None], "full: what nobody sits and waits for still comes"
    assert await world.takes(world.jan) not in (None, mail)


async def test_an_agents_chats_in_order_of_waiting(world: World) -> None:
    first, second = await world.says("Anna"), await world.says("Ben", BEN, name="")
    for _ in range(2):
        await world.takes(world.ola)
    await world.answers(first, "Dzień dobry")
    await world.passes(seconds=30)
    await world.does("left")
    found = await world.store.read(lambda tx: chats_of(tx, world.house, world.ola))
    assert [(one.conversation, one.unread > 0, one.here) for one in found.mine] == [
        (second, True, True),
        (first, False, False),
    ]
    await world.says("Jeszcze nikt mnie nie wziął", "c" * 32)
    nobody = await world.store.read(lambda tx: chats_of(tx, world.house, world.jan))
    assert (nobody.mine, nobody.waiting) == ((), 1)


# --- silence --------------------------------------------------------------------------------------------------------


async def test_silence_is_warned_of_then_closes_and_writing_opens_again(world: World) -> None:
    number = await world.says("Dzień dobry")
    await world.answers(number, "W czym pomóc?")
    await world.passes(minutes=9)
    assert (await world.sees()).closes_at is None  # type: ignore[union-attr]
    await world.passes(minutes=2)
    warned = await world.sees()
    assert warned is not None and warned.closes_at is not None and warned.state == "active"
    await world.passes(minutes=6)
    found = await world.sees()
    assert found is not None and (found.state, found.closes_at) == ("closed", None)
    assert (await world.row(schema.conversation, number)).status == "waiting-citizen"
    assert "chat-ended-silence" in await world.lines(number)
    assert await world.says("Przepraszam, już jestem") == number
    again = await world.sees()
    assert again is not None and again.state != "closed"
    assert (await world.row(schema.conversation, number)).status == "open"


async def test_a_word_in_time_takes_the_warning_back(world: World) -> None:
    number = await world.says("Dzień dobry")
    await world.answers(number, "W czym pomóc?")
    await world.passes(minutes=11)
    await world.says("Jestem, jestem")
    await world.passes(minutes=30)
    found = await world.sees()
    assert found is not None and (found.state, found.closes_at) == ("active", None)


async def test_who_waits_for_us_is_never_closed(world: World) -> None:
    number = await world.says("Dzień dobry")
    await world.answers(number, "Chwileczkę")
    await world.says("Dobrze, czekam")
    await world.passes(hours=2)
    assert (await world.sees()).state != "closed"  # type: ignore[union-attr]


async def test_nobody_in_danger_is_closed(world: World) -> None:
    number = await world.says("Nie chcę już żyć")
    await world.answers(number, "Jestem przy Tobie")
    await world.store.write(lambda tx: tx.change(schema.conversation, number, protocol="kryzys"))
    await world.passes(hours=2)
    assert (await world.sees()).state != "closed"  # type: ignore[union-attr]


# --- leaving --------------------------------------------------------------------------------------------------------


async def test_what_was_not_read_goes_by_mail_once_and_the_conversation_stays_one(world: World) -> None:
    number = await world.says("Dzień dobry", email="zofia@example.org")
    seen = await world.answers(number, "Już sprawdzam")
    await world.has_read(seen.message)
    await world.answers(number, "Decyzja jest gotowa")
    await world.does("left")
    await world.passes(seconds=10)
    await world.passes(seconds=10)
    assert await world.mails() == [("zofia@example.org", "Decyzja jest gotowa")]
    await world.answers(number, "I jeszcze jedno")
    await world.passes(seconds=10)
    assert (await world.mails())[1:] == [("zofia@example.org", "I jeszcze jedno")]
    assert {row.conversation for row in await world.rows(schema.message)} == {number}
    [sent, *_] = [row for row in await world.rows(schema.message, kind="outbound") if row.subject]
    assert (await world.row(schema.conversation, number)).reference in sent.subject
    assert (await world.lines(number)).count("chat-handed-over-email") == 2
    assert await world.reads() == ["Dzień dobry", "Już sprawdzam", "Decyzja jest gotowa", "I jeszcze jedno"]


async def test_an_answer_that_was_on_its_way_when_they_left_goes_by_mail_as_well(world: World) -> None:
    """It was written before they left, and the outbox was not at once there: it reaches a page that nobody reads."""
    number = await world.says("Dzień dobry", email="zofia@example.org")
    await world.writes(number, "Wystarczy wniosek PU-W")
    await world.does("left")
    await world.passes(seconds=1)
    assert await world.mails() == []
    await world.passes(minutes=3)
    await world.send()
    await world.passes(seconds=6)
    await world.passes(minutes=1)
    assert await world.mails() == [("zofia@example.org", "Wystarczy wniosek PU-W")]


async def test_their_answer_by_mail_comes_into_the_same_conversation(world: World) -> None:
    """And the next reply leaves by mail, until they write on the page again."""
    number = await world.says("Dzień dobry", email="zofia@example.org")
    await world.does("left")
    await world.answers(number, "Decyzja jest gotowa")
    await world.passes(seconds=10)
    mail = Message(
        inbox=InboxId("kontakt"),
        external_id="mail:1",
        sender=Party(kind="email", address="zofia@example.org"),
        subject="Re: Twój czat",
        text="Dziękuję, kiedy mogę ją odebrać?",
        thread_keys=(conversation_key(number),),
    )
    assert (await world.take(mail)).conversation == number
    await world.answers(number, "Od poniedziałku")
    assert (await world.mails())[-1] == ("zofia@example.org", "Od poniedziałku")
    assert await world.reads() == ["Dzień dobry", "Decyzja jest gotowa"], "mails stay mails"
    assert await world.says("Już wróciłam na czat, a godziny?") == number
    await world.answers(number, "Do 15:30")
    assert (await world.reads())[-1] == "Do 15:30"


async def test_who_comes_back_in_time_gets_no_mail(world: World) -> None:
    number = await world.says("Dzień dobry", email="zofia@example.org")
    await world.does("left")
    await world.answers(number, "Jest Pani jeszcze?")
    await world.does("came")
    await world.passes(minutes=1)
    assert await world.mails() == []


async def test_without_mail_it_goes_by_text_message_and_without_any_address_nowhere(world: World) -> None:
    number = await world.says("Dzień dobry", phone="+48600700800")
    other = await world.says("Ja anonimowo", BEN)
    await world.does("left")
    await world.does("left", BEN)
    await world.answers(number, "Odpowiedź")
    await world.answers(other, "Odpowiedź w próżnię")
    await world.passes(seconds=10)
    assert await world.mails() == [("+48600700800", "Odpowiedź")]
    row = await world.row(schema.conversation, other)
    shown = await world.store.read(lambda tx: visitor_of(tx, world.house, row))
    assert shown is not None and (shown.here, shown.further) == (False, None)


async def test_an_address_of_somebody_else_is_written_to_but_not_taken_over(world: World) -> None:
    """Who gives another person's address does not become that person."""
    await world.says("To ja", email="wspolny@example.org")
    number = await world.says("To też ja?", BEN, email="wspolny@example.org")
    rows = await world.rows(schema.conversation)
    assert len({row.contact for row in rows}) == 2
    await world.does("left", BEN)
    await world.answers(number, "Odpowiedź dla Bena")
    await world.passes(seconds=10)
    assert await world.mails() == [("wspolny@example.org", "Odpowiedź dla Bena")]


async def test_notices_go_where_somebody_reads_them(world: World) -> None:
    number = await world.says("Dzień dobry", email="zofia@example.org")

    async def where() -> str:
        row = await world.row(schema.conversation, number)
        found = await world.store.read(lambda tx: reachable(tx, world.house, row))
        return found.inbox if found else ""

    assert await where() == "czat"
    await world.does("left")
    assert await where() == "kontakt"
    anonymous = await world.says("Bez adresu", BEN)
    await world.does("left", BEN)
    row = await world.row(schema.conversation, anonymous)
    found = await world.store.read(lambda tx: reachable(tx, world.house, row))
    assert found is not None and found.inbox == "czat", "they may come back"


async def test_the_visitor_ends_the_chat(world: World) -> None:
    number = await world.says("Dzień dobry", email="zofia@example.org")
    await world.does("ended", external_id="end:1")
    await world.does("ended", external_id="end:1")
    assert (await world.lines(number)).count("chat-ended-visitor") == 1
    assert (await world.row(schema.conversation, number)).status == "open", "they still wait for an answer"
    found = await world.sees()
    assert found is not None and found.state == "closed"
    await world.answers(number, "Szkoda, odpowiadam mailem")
    await world.passes(seconds=10)
    assert await world.mails() == [("zofia@example.org", "Szkoda, odpowiadam mailem")]


async def test_a_deed_of_a_stranger_is_forgotten(world: World) -> None:
    receipt = await world.does("left", "f" * 32)
    assert receipt.conversation is None and not receipt.parked


# --- the transcript -------------------------------------------------------------------------------------------------


async def test_a_transcript_is_sent_once_for_each_wish_and_at_most_three_times(world: World) -> None:
    number = await world.says("Dzień dobry")
    await world.does("transcript", external_id="t0", email="spam@example.org", text="Kup teraz")
    await world.passes(seconds=1)
    assert await world.mails() == [], "nobody of ours has said anything: a form is no way to send mails"
    await world.answers(number, "Dzień dobry")
    for identity in ("t1", "t1", "t2", "t3", "t4"):
        await world.does(
            "transcript", external_id=identity, email="zofia@example.org", text="10:00 Ty: Dzień dobry"
        )
    await world.passes(seconds=1)
    mails = await world.mails()
    assert [to for to, _ in mails] == ["zofia@example.org"] * 3
    assert "10:00 Ty: Dzień dobry" in mails[0][1]
    assert await world.reads() == ["Dzień dobry", "Dzień dobry"], "the mail is no part of the page"


async def test_a_repeated_message_is_one(world: World) -> None:
    receipts = [await world.take(world.written("Dwa razy", external_id="web:same")) for _ in range(2)]
    assert [receipt.duplicate for receipt in receipts] == [False, True]
    assert await world.reads() == ["Dwa razy"]
    assert len(await world.rows(schema.chat)) == 1


async def test_after_a_restart_those_who_were_there_are_known(world: World) -> None:
    await world.says("Anna")
    await world.says("Ben", BEN)
    await world.does("left", BEN)
    assert list(await world.port.present(INBOX)) == [ANNA]
