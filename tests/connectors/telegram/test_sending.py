"""What leaves: answers, parts, files, buttons, changes; what Telegram refuses; what a second attempt leaves out."""

from __future__ import annotations

import pytest

from connectors._split import split_text, units
from connectors.contract import Choice, Consent, OutAttachment, Presence, SendError
from connectors.telegram import errors
from connectors.telegram import sending as limits
from hub.demo.peers import telegram_payloads as payloads
from tests.connectors.telegram.beside import JAN, PNG, Beside, beside, outbound
from tests.contract.world import INBOX
from tests.waiting import until

PDF = OutAttachment(filename="pismo.pdf", content_type="application/pdf", content=b"%PDF-1")


async def refused(at: Beside, **more: object) -> SendError:
    with pytest.raises(SendError) as raised:
        await at.connector.send(outbound(**more))
    return raised.value


async def test_an_answer_names_what_it_answers_and_is_named() -> None:
    async with beside() as at:
        asked = await at.peer.writes(JAN, "Kiedy?")
        sent = await at.connector.send(outbound(reply_to=f"{JAN.id}:{asked['message_id']}"))
        [message] = at.peer.said_to(JAN.id)
        assert message["text"] == "Odpowiadamy w piątek."
        assert sent.remote_id == f"{JAN.id}:{message['message_id']}"
        assert sent.adds_keys == (f"telegram:{INBOX}:{sent.remote_id}",)
        [call] = at.called("sendMessage")
        assert call["reply_parameters"]["message_id"] == asked["message_id"]


async def test_an_answer_to_a_message_of_another_chat_quotes_nothing() -> None:
    async with beside() as at:
        at.peer.meet(JAN)
        await at.connector.send(outbound(reply_to="2222222:5"))
        await at.connector.send(outbound(reply_to="callback:77"))
        assert all("reply_parameters" not in call for call in at.called("sendMessage"))


async def test_every_part_of_a_long_text_is_taken() -> None:
    async with beside() as at:
        at.peer.meet(JAN)
        text = "Zażółć gęślą jaźń 😀 " * 700
        parts = split_text(text, at.connector.capabilities.max_length or 0)
        assert len(parts) > 3
        for number, part in enumerate(parts):
            await at.connector.send(outbound(delivery=50 + number, text=part, part=number))
        told = [message["text"] for message in at.peer.said_to(JAN.id)]
        assert told == parts
        assert max(map(units, told)) <= limits.TEXT


async def test_html_and_markdown_are_just_characters() -> None:
    async with beside() as at:
        at.peer.meet(JAN)
        await at.connector.send(outbound(text="<b>a</b> *b* _c_ [d](e) \\!"))
        [call] = at.called("sendMessage")
        assert call["text"] == "<b>a</b> *b* _c_ [d](e) \\!"
        assert "parse_mode" not in call


async def test_a_photo_that_is_none_goes_as_a_document() -> None:
    async with beside() as at:
        at.peer.meet(JAN)
        broken = OutAttachment(filename="zdjęcie.jpg", content_type="image/jpeg", content=b"nie jpeg")
        await at.connector.send(outbound(text="Mapa", attachments=(broken,)))
        [message] = at.peer.said_to(JAN.id)
        assert message["document"]["file_name"] == "zdjęcie.jpg"
        assert message["caption"] == "Mapa"


async def test_files_are_told_apart_and_captioned_once() -> None:
    async with beside() as at:
        at.peer.meet(JAN)
        photo = OutAttachment(filename="a.png", content_type="image/png", content=PNG)
        sent = await at.connector.send(outbound(text="Dwa pliki", attachments=(photo, PDF)))
        first, second = at.peer.said_to(JAN.id)
        assert "photo" in first and first["caption"] == "Dwa pliki"
        assert "document" in second and "caption" not in second
        assert len(sent.adds_keys) == 2


async def test_what_cannot_be_sent_is_refused_before_anything_is() -> None:
    async with beside() as at:
        at.peer.meet(JAN)
        empty = OutAttachment(filename="a.pdf", content_type="application/pdf", content=b"")
        huge = OutAttachment(
            filename="a.zip", content_type="application/zip", content=bytes(limits.UPLOAD + 1)
        )
        long = (Choice(id="ą" * 33, label="Tak"),)
        for more, why in (
            ({"attachments": (PDF, empty)}, limits.EMPTY_FILE),
            ({"attachments": (PDF, huge)}, limits.TOO_LARGE),
            ({"choices": long}, limits.BAD_BUTTON),
            ({"choices": (Choice(id="a", label=""),)}, limits.BAD_BUTTON),
            ({"text": " \n"}, limits.NOTHING),
            ({"to": "jan@example.pl"}, limits.NO_CHAT),
            ({"public": True, "target": "1:2"}, limits.NOT_PUBLIC),
            ({"operation": "hide", "target": "1:2"}, limits.NOT_PUBLIC),
            ({"operation": "edit", "target": "update:7"}, limits.NO_TARGET),
            ({"operation": "delete"}, limits.NO_TARGET),
        ):
            error = await refused(at, **more)
            assert (error.kind, error.public) == ("permanent", why)
        assert not at.peer.calls


async def test_a_second_attempt_does_not_write_the_text_again() -> None:
    async with beside() as at:
        at.peer.meet(JAN)
        long = "Opis. " * 300
        at.peer.fail("500", "sendDocument")
        assert (await refused(at, text=long, attachments=(PDF,))).kind == "temporary"
        assert (await refused(at, text=long, attachments=(PDF,))).kind == "temporary"
        at.peer.fail("", "sendDocument")
        sent = await at.connector.send(outbound(text=long, attachments=(PDF,)))
        text, file = at.peer.said_to(JAN.id)
        assert text["text"] == long and "document" in file
        assert sent.remote_id == f"{JAN.id}:{text['message_id']}"
        # An attempt whose outcome nobody wrote down is not made a second time; all of it only where it is wanted again.
        assert (await at.connector.send(outbound(text=long, attachments=(PDF,)))).remote_id == sent.remote_id
        assert len(at.peer.said_to(JAN.id)) == 2
        await at.connector.send(outbound(text=long, attachments=(PDF,), taken_as=sent.remote_id))
        assert len(at.peer.said_to(JAN.id)) == 4


async def test_another_process_goes_on_behind_what_has_left() -> None:
    async with beside() as at:
        at.peer.meet(JAN)
        long = "Opis. " * 300
        at.peer.fail("429", "sendDocument")
        assert (await refused(at, text=long, attachments=(PDF,))).kind == "throttled"
        at.peer.fail("", "sendDocument")
        await at.stop()
        at.again()
        await until(lambda: at.connector._door.open)
        await at.connector.send(outbound(text=long, attachments=(PDF,)))
        text, file = at.peer.said_to(JAN.id)
        assert text["text"] == long and "document" in file


async def test_of_several_pieces_none_leaves_while_nobody_can_say_which_have() -> None:
    async with beside() as at:
        at.peer.meet(JAN)
        at.ledger.lose_storage()
        assert (await refused(at, text="Opis. " * 300, attachments=(PDF,))).kind == "temporary"
        assert not at.peer.said_to(JAN.id)


async def test_a_file_that_is_refused_behind_its_text_says_so() -> None:
    async with beside() as at:
        at.peer.meet(JAN)
        at.peer.fail("413 Request Entity Too Large", "sendDocument")
        error = await refused(at, text="Opis. " * 300, attachments=(PDF,))
        assert (error.kind, error.public) == ("permanent", limits.FILE_REFUSED)


async def test_buttons_beside_or_under_each_other() -> None:
    async with beside() as at:
        at.peer.meet(JAN)
        stars = tuple(Choice(id=str(n), label="★" * n) for n in (1, 2, 3))
        words = (Choice(id="tak", label="Tak, dziękuję"), Choice(id="nie", label="Nie, proszę o telefon"))
        await at.connector.send(outbound(choices=stars))
        await at.connector.send(outbound(choices=words))
        rows = [message["reply_markup"]["inline_keyboard"] for message in at.peer.said_to(JAN.id)]
        assert [len(row) for row in rows[0]] == [3]
        assert [len(row) for row in rows[1]] == [1, 1]


async def test_our_messages_are_changed_and_taken_back() -> None:
    async with beside() as at:
        at.peer.meet(JAN)
        sent = await at.connector.send(outbound())
        target = sent.remote_id
        changed = await at.connector.send(outbound(operation="edit", target=target, text="W sobotę."))
        assert changed.state == "delivered"
        assert at.peer.said_to(JAN.id)[0]["text"] == "W sobotę."
        await at.connector.send(outbound(operation="edit", target=target, text="W sobotę."))  # not modified
        await at.connector.send(outbound(operation="delete", target=target))
        assert at.peer.said_to(JAN.id) == []
        await at.connector.send(outbound(operation="delete", target=target))  # gone already
        error = await refused(at, operation="edit", target=target, text="Za późno")
        assert error.kind == "permanent"


async def test_the_text_with_a_file_is_changed_too() -> None:
    async with beside() as at:
        at.peer.meet(JAN)
        sent = await at.connector.send(outbound(text="Pismo", attachments=(PDF,)))
        await at.connector.send(outbound(operation="edit", target=sent.remote_id, text="Pismo (nowe)"))
        assert at.peer.said_to(JAN.id)[0]["caption"] == "Pismo (nowe)"


async def test_what_is_older_than_two_days_stays() -> None:
    async with beside() as at:
        at.peer.meet(JAN)
        sent = await at.connector.send(outbound())
        at.clock.ahead += 3 * 86_400 * 1_000_000
        error = await refused(at, operation="delete", target=sent.remote_id)
        assert error.kind == "permanent"
        assert "any more" in error.public


async def test_who_blocks_the_bot_is_not_written_to_any_more() -> None:
    async with beside() as at:
        at.peer.meet(JAN)
        at.peer.blocked.add(JAN.id)
        error = await refused(at)
        assert (error.kind, error.public) == ("permanent", errors.BLOCKED)
        [event] = at.ledger.events
        assert isinstance(event, Consent)
        assert (event.sender.address, event.allowed) == (str(JAN.id), False)
        await refused(at)
        assert len(at.ledger.events) == 1, "another attempt of the same delivery tells nothing new"


async def test_a_block_while_the_hub_is_full_is_still_an_error_of_the_delivery() -> None:
    async with beside() as at:
        at.peer.meet(JAN)
        at.peer.blocked.add(JAN.id)
        at.ledger.refuse()
        assert (await refused(at)).public == errors.BLOCKED


async def test_strangers_and_unknown_chats_are_told_apart() -> None:
    async with beside() as at:
        stranger, unknown = await refused(at, to="999"), await refused(at, to="-100999/5")
        assert stranger.kind == unknown.kind == "permanent"
        assert stranger.public != unknown.public
        assert not at.ledger.events, "nobody asked not to be written to"
        assert "999" not in stranger.private + unknown.private


async def test_a_group_that_moved_is_followed() -> None:
    async with beside() as at:
        at.peer.groups[-1005] = {"id": -1005, "type": "supergroup", "title": "Nowa"}
        at.peer.moved[-5] = -1005
        sent = await at.connector.send(outbound(to="-5/1111111", reply_to="-5:3"))
        assert sent.remote_id is not None and sent.remote_id.startswith("-1005:")


async def test_a_slow_down_carries_its_seconds() -> None:
    async with beside() as at:
        at.peer.fail("429")
        error = await refused(at)
        assert (error.kind, error.retry_after) == ("throttled", 7.0)


async def test_typing_is_shown_at_most_every_few_seconds() -> None:
    async with beside() as at:
        at.peer.meet(JAN)
        typing = Presence(inbox=INBOX, to=outbound().to[0], what="typing")
        for _ in range(5):
            await at.connector.show(typing)
        await at.connector.show(Presence(inbox=INBOX, to=outbound().to[0], what="read"))
        assert at.called("sendChatAction") == [{"chat_id": str(JAN.id), "action": "typing"}]
        at.peer.fail("500")
        await at.connector.show(Presence(inbox=INBOX, to=outbound("5").to[0], what="typing"))
        assert at.log.count("typing was not shown") == 1


async def test_files_are_fetched_from_telegram_and_from_nowhere_else() -> None:
    async with beside() as at:
        await at.peer.sends_file(JAN, "document", b"tresc pliku", file_name="a.txt")
        [event] = await at.ledger.wait_for(1)
        ref = event.attachments[0].remote or ""  # type: ignore[union-attr]
        assert await at.connector.fetch(ref) == b"tresc pliku"
        for path in ("/etc/passwd", "../../etc/passwd", "http://127.0.0.1:1/x", "//127.0.0.1:1/x", ""):
            at.peer.paths[ref] = path
            with pytest.raises(SendError) as raised:
                await at.connector.fetch(ref)
            assert raised.value.kind == "permanent", path


async def test_a_file_that_telegram_keeps_is_lost_for_good_and_a_broken_line_is_not() -> None:
    async with beside() as at:
        with pytest.raises(SendError) as gone:
            await at.connector.fetch("nie-ma")
        assert gone.value.kind == "permanent"
        at.peer.files["duzy"] = bytes(20_000_001)
        with pytest.raises(SendError) as large:
            await at.connector.fetch("duzy")
        assert large.value.kind == "permanent"
        at.peer.fail("cut")
        with pytest.raises(SendError) as cut:
            await at.connector.fetch("nie-ma")
        assert cut.value.kind == "temporary"


async def test_a_business_chat_is_answered_through_its_connection() -> None:
    async with beside() as at:
        at.peer.meet(JAN)
        asked = payloads.message(JAN, 300, 1_794_328_800, text="Firma?", business_connection_id="cONn1")
        await at.peer.tell("business_message", asked)
        [event] = await at.ledger.wait_for(1)
        sent = await at.connector.send(outbound(reply_to=event.external_id))
        later = await at.connector.send(outbound(references=("5:1", event.external_id or "", "update:3")))
        calls = at.called("sendMessage")
        assert [call["business_connection_id"] for call in calls] == ["cONn1", "cONn1"]
        assert sent.remote_id is not None and sent.remote_id.endswith(":cONn1")
        await at.connector.send(outbound(operation="edit", target=sent.remote_id, text="Tak."))
        await at.connector.send(outbound(operation="delete", target=later.remote_id))
        assert [message["text"] for message in at.peer.said_to(JAN.id)] == ["Tak."]
        assert at.called("editMessageText")[0]["business_connection_id"] == "cONn1"
