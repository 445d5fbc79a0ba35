"""What the bot does by itself: it answers presses, greets, keeps out of groups or works in them."""

from __future__ import annotations

import asyncio

from connectors._forms import Words
from connectors.contract import Choice, Consent, Message, Unknown
from hub.demo.peers import telegram_payloads as payloads
from tests.connectors.telegram.beside import JAN, OLENA, beside, outbound
from tests.connectors.telegram.test_sending import PDF
from tests.waiting import until

GROUP = payloads.group(-1001234, "Bezrobotni Łomża")
CSAT = (Choice(id="ocena:1", label="Źle"), Choice(id="ocena:5", label="Dobrze"))


async def test_a_press_is_a_message_and_is_answered_after_the_commit() -> None:
    async with beside() as at:
        at.peer.meet(JAN)
        await at.connector.send(outbound(text="Jak nam poszło?", choices=CSAT))
        [question] = at.peer.said_to(JAN.id)
        at.ledger.seconds = 0.2
        await at.peer.presses(JAN, question, "Dobrze")
        await asyncio.sleep(0.1)
        assert not at.called("answerCallbackQuery")
        [event] = await at.ledger.wait_for(1)
        assert isinstance(event, Message)
        assert (event.text, event.choice) == ("Dobrze", "ocena:5")
        await until(lambda: "reply_markup" not in question)
        [answered] = at.called("answerCallbackQuery")
        assert answered["text"] == at.env.translate("pl", "Received.")


async def test_a_press_that_telegram_has_forgotten_disturbs_nothing() -> None:
    async with beside() as at:
        at.peer.meet(JAN)
        await at.connector.send(outbound(choices=CSAT))
        at.peer.fail("400 Bad Request: query is too old", "answerCallbackQuery")
        await at.peer.presses(JAN, at.peer.said_to(JAN.id)[0], "Źle")
        await at.peer.writes(JAN, "dalej")
        await at.ledger.wait_for(2)
        await until(lambda: at.log.count("courtesy not done") == 1)


async def test_a_group_is_refused_once_and_politely() -> None:
    async with beside() as at:
        joined = payloads.membership(JAN, at.peer.bot, 1, "left", "member", GROUP)
        at.peer.groups[GROUP["id"]] = GROUP
        await at.peer.tell("my_chat_member", joined)
        await at.peer.writes(OLENA, "Co to za bot?", chat=GROUP)
        await until(lambda: GROUP["id"] not in at.peer.groups)
        [said] = at.called("sendMessage")
        assert said["chat_id"] == GROUP["id"]
        assert f"https://t.me/{at.peer.bot['username']}" in said["text"]
        await at.peer.tell(
            "my_chat_member", payloads.membership(JAN, at.peer.bot, 2, "member", "left", GROUP)
        )
        await at.peer.writes(JAN, "prywatnie")
        [event] = await at.ledger.wait_for(1)
        assert isinstance(event, Message)
        assert event.text == "prywatnie"
        assert len(at.called("leaveChat")) == 1
        await until(lambda: not at.peer.updates.pending)

        at.peer.groups[GROUP["id"]] = GROUP
        await at.peer.tell("my_chat_member", joined)
        await until(lambda: len(at.called("leaveChat")) == 2)


async def test_a_group_where_the_bot_may_not_write_is_left_all_the_same() -> None:
    async with beside() as at:
        at.peer.fail("403 Forbidden: not enough rights", "sendMessage")
        await at.peer.writes(OLENA, "hej", chat=GROUP)
        await until(lambda: at.called("leaveChat"))


async def test_groups_are_taken_where_the_office_wants_them() -> None:
    async with beside(groups="take") as at:
        asked = await at.peer.writes(JAN, "/pomoc gdzie złożyć wniosek?", chat=GROUP)
        await at.peer.writes(OLENA, "ja też pytam", chat=GROUP)
        await at.peer.writes(JAN, "a to prywatnie")
        await at.peer.says(JAN, chat=GROUP, new_chat_title="Nowa nazwa")
        first, second, private, service = await at.ledger.wait_for(4)
        assert isinstance(first, Message) and isinstance(second, Message) and isinstance(private, Message)
        assert isinstance(service, Unknown)
        addresses = {first.sender.address, second.sender.address, private.sender.address}
        assert addresses == {"-1001234/1111111", "-1001234/2222222", "1111111"}
        assert first.also[0].address == "1111111"
        await at.connector.send(outbound(first.sender.address, reply_to=first.external_id))
        [call] = at.called("sendMessage")
        assert call["chat_id"] == GROUP["id"]
        assert call["reply_parameters"]["message_id"] == asked["message_id"]


async def test_an_answer_stays_in_its_topic() -> None:
    async with beside(groups="take") as at:
        await at.peer.writes(JAN, "o zasiłek", chat=GROUP, message_thread_id=7, is_topic_message=True)
        await at.peer.writes(JAN, "poza tematem", chat=GROUP, message_thread_id=9)
        topic, none = await at.ledger.wait_for(2)
        assert isinstance(topic, Message) and isinstance(none, Message)
        assert topic.sender.address == "-1001234/1111111/7"
        assert none.sender.address == "-1001234/1111111"
        await at.connector.send(outbound(topic.sender.address, part=1))
        [call] = at.called("sendMessage")
        assert (call["chat_id"], call["message_thread_id"]) == (GROUP["id"], 7)


async def test_without_a_greeting_a_start_is_a_message() -> None:
    async with beside() as at:
        await at.peer.writes(JAN, "/start")
        [event] = await at.ledger.wait_for(1)
        assert isinstance(event, Message)
        assert not at.called("sendMessage")


async def test_with_a_greeting_a_start_opens_nothing() -> None:
    greeting = Words(pl="Dzień dobry! Napisz, w czym pomóc.", en="Hello! Tell us how to help.")
    async with beside(greeting=greeting) as at:
        await at.peer.writes(JAN, "/start")
        [event] = await at.ledger.wait_for(1)
        assert isinstance(event, Consent)
        assert event.allowed
        await until(lambda: at.peer.said_to(JAN.id))
        assert at.peer.said_to(JAN.id)[0]["text"] == greeting.pl
        await at.peer.writes(JAN, "/start ulotka")
        await at.peer.writes(JAN, "Potrzebuję zaświadczenia")
        _, campaign, message = await at.ledger.wait_for(3)
        assert isinstance(campaign, Message) and isinstance(message, Message)
        assert campaign.text == "/start ulotka"


async def test_a_link_of_ours_goes_on_with_its_matter_and_says_so() -> None:
    async with beside() as at:
        token = at.env.tokens.sign("conversation", 81)
        await at.peer.writes(OLENA, f"/start {token}")
        [event] = await at.ledger.wait_for(1)
        assert isinstance(event, Message)
        assert event.thread_keys == ("conversation:81",)
        await until(lambda: at.peer.said_to(OLENA.id))
        assert "3F7-K2M-9QX" in at.peer.said_to(OLENA.id)[0]["text"]


async def test_blocking_and_coming_back_is_told() -> None:
    async with beside() as at:
        at.peer.meet(JAN)
        await at.peer.blocks(JAN)
        await at.peer.unblocks(JAN)
        events = await at.ledger.wait_for(2)
        assert [event.allowed for event in events if isinstance(event, Consent)] == [False, True]


async def test_edits_reactions_and_files_come_through() -> None:
    async with beside() as at:
        first = await at.peer.writes(JAN, "Dzień dbory")
        await at.peer.edits(first, "Dzień dobry")
        await at.peer.reacts(JAN, first["message_id"], "👍")
        await at.peer.sends_file(JAN, "photo", b"\xff\xd8zdjecie", "Oto ono")
        message, edit, reaction, photo = await at.ledger.wait_for(4)
        assert edit.target == reaction.target == message.external_id
        assert isinstance(photo, Message)
        assert await at.connector.fetch(photo.attachments[0].remote or "") == b"\xff\xd8zdjecie"
        await at.connector.send(outbound(attachments=(PDF,)))
