"""Silence, leaving, the way on by mail or text message, the transcript."""

from __future__ import annotations

from connectors.contract import InboxId, Message, Party, conversation_key
from hub.chats.desk import visitor_of
from hub.notices import reachable
from hub.store import schema
from tests.hub.chats.conftest import ANNA, BEN, INBOX, World

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


async def offered(world: World) -> bool:
    """Whether the page has the form for a transcript."""
    chat = await world.sees()
    return chat is not None and chat.transcript


async def test_a_transcript_is_sent_once_for_each_wish_and_at_most_three_times(world: World) -> None:
    number = await world.says("Dzień dobry")
    await world.does("transcript", external_id="t0", email="spam@example.org", text="Kup teraz")
    await world.passes(seconds=1)
    assert await world.mails() == [], "nobody of ours has said anything: a form is no way to send mails"
    assert not await offered(world)
    await world.answers(number, "Dzień dobry")
    for identity in ("t1", "t1", "t2", "t3", "t4"):
        assert await offered(world) is (identity != "t4"), "what would not be sent is not offered"
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
