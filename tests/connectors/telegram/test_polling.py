"""Polling: committed before confirmed, in order, through every way in which Telegram says no."""

from __future__ import annotations

import asyncio

import msgspec
import pytest

from connectors._failpoint import FailpointError, armed
from connectors.contract import Message, Micros, ParseContext, Unknown
from connectors.telegram import reading
from connectors.telegram.polling import CURSOR, KEPT
from tests.connectors.telegram.beside import JAN, OLENA, TOKEN, beside
from tests.contract.world import INBOX
from tests.waiting import until


async def test_news_arrive_in_order_and_are_confirmed_after_the_commit() -> None:
    async with beside() as at:
        for number in range(5):
            await at.peer.writes(JAN, f"wiadomość {number}")
        events = await at.ledger.wait_for(5)
        assert [event.text for event in events if isinstance(event, Message)] == [
            f"wiadomość {number}" for number in range(5)
        ]
        await until(lambda: not at.peer.updates.pending)
        offset = at.ledger.cursors[CURSOR].partition(":")[0]
        assert int(offset) == at.peer.updates.confirmed
        assert (await at.connector.check()).state == "ok"


async def test_a_new_process_goes_on_behind_what_is_committed() -> None:
    async with beside() as at:
        await at.peer.writes(JAN, "pierwsza")
        await at.ledger.wait_for(1)
        await at.stop()  # committed; whether confirmed or not
        await at.peer.writes(JAN, "druga")
        at.again()
        await at.ledger.wait_for(2)
        await until(lambda: not at.peer.updates.pending)
    assert len(at.ledger.events) == 2


async def test_numbers_that_begin_anew_after_a_quiet_time_are_read() -> None:
    """After a week without news Telegram draws the next number; it may lie below the last one."""
    async with beside() as at:
        await at.peer.writes(JAN, "przed urlopem")
        await at.ledger.wait_for(1)
        await until(lambda: not at.peer.updates.pending)
        await at.stop()
        at.clock.ahead += 8 * KEPT
        at.peer._numbers["update"] = 5
        await at.peer.writes(JAN, "po urlopie")
        at.again()
        events = await at.ledger.wait_for(2)
        assert isinstance(events[1], Message)
        assert events[1].text == "po urlopie"


async def test_a_full_hub_leaves_everything_with_telegram() -> None:
    async with beside(started=False) as at:
        at.ledger.refuse(retry_after=2.0)
        for number in range(3):
            await at.peer.writes(JAN, str(number))
        at.start()
        await until(lambda: at.ledger.refusals >= 3)
        assert len(at.peer.updates.pending) == 3
        assert 2.0 in at.clock.waited
        assert (await at.connector.check()).state == "degraded"
        at.ledger.take()
        await at.ledger.wait_for(3)
        assert len(at.ledger.events) == 3


async def test_what_the_hub_refuses_is_not_overtaken_in_its_chat_and_holds_up_no_other() -> None:
    async with beside(started=False) as at:
        at.ledger.crowded = 1
        for number in range(3):
            await at.peer.writes(JAN, str(number))
        await at.peer.writes(OLENA, "inny czat")
        await at.peer.writes(OLENA, "inny czat, dalej")
        at.start()
        events = await at.ledger.wait_for(5)
    came = [event.text for event in events if isinstance(event, Message)]
    assert came == ["inny czat", "0", "1", "2", "inny czat, dalej"]


async def test_a_second_reader_is_told_and_waited_out() -> None:
    async with beside() as at:
        # Another program asks: it ends our question with 409.
        other = asyncio.create_task(at.peer.updates.ask({"timeout": 1}, None))
        await until(lambda: at.connector._reader.state == "degraded")
        health = await at.connector.check()
        assert health.state == "degraded"
        assert (
            "innego programu" in health.detail
            or "Inny program" in health.detail
            or "program" in health.detail
        )
        await asyncio.wait({other})
        await at.peer.writes(JAN, "dalej")
        await at.ledger.wait_for(1)
        await until(lambda: at.connector._reader.state == "ok")


async def test_a_webhook_from_before_is_removed_and_loses_nothing() -> None:
    async with beside(started=False) as at:
        await at.peer.updates.set_webhook({"url": "http://127.0.0.1:9/in/bot"}, None)
        await at.peer.writes(JAN, "w drodze")
        at.start()
        await at.ledger.wait_for(1)
        assert at.called("deleteWebhook") in ([{}], [{"drop_pending_updates": False}])
        assert at.log.count("webhook removed") == 1


async def test_a_wrong_token_is_not_asked_about_every_second() -> None:
    async with beside(started=False) as at:
        at.peer.token = "4200117:AAFdrugi_token"
        at.start()
        await until(lambda: at.clock.waited)
        assert min(at.clock.waited) >= 30
        assert (await at.connector.check()).state == "wrong_credentials"
        assert TOKEN not in "\n".join(at.log.lines)
        at.peer.token = "inny"
        assert (await at.connector.check()).state == "wrong_credentials"


async def test_the_wait_that_telegram_asks_for_is_kept() -> None:
    async with beside(started=False) as at:
        at.peer.fail("429", "getUpdates")
        at.start()
        await until(lambda: at.clock.waited)
        assert at.clock.waited[0] == 7


async def test_no_connection_is_told_from_a_wrong_token() -> None:
    async with beside(started=False) as at:
        for how in ("cut", "502"):
            at.peer.fail(how)
            assert (await at.connector.check()).state == "unreachable"
        at.start()
        await until(lambda: len(at.clock.waited) > 3)
        assert max(at.clock.waited) <= 90
        at.peer.fail("")
        await at.peer.writes(JAN, "znowu")
        await at.ledger.wait_for(1)


async def test_an_answer_that_is_no_answer_ends_nothing() -> None:
    async with beside(started=False) as at:
        at.peer.updates.pending.append({"_at": at.clock.now() / 1e6, "update_id": "zły", "message": {}})
        at.start()
        await until(lambda: len(at.clock.waited) > 2)
        assert not at.ledger.events
        at.peer.updates.pending.clear()
        await at.peer.writes(JAN, "dobra")
        await at.ledger.wait_for(1)


async def test_unknown_kinds_are_kept_and_confirmed() -> None:
    async with beside() as at:
        await at.peer.updates.deliver({"update_id": 2000, "telepathy": {"from": JAN.user(), "text": "myśl"}})
        [event] = await at.ledger.wait_for(1)
        assert event.external_id == "update:2000"
        await until(lambda: at.peer.updates.confirmed == 2001)
        assert msgspec.json.decode(at.ledger.raws[0].content or b"")["telepathy"]["text"] == "myśl"


async def test_a_message_larger_than_a_row_becomes_a_blob() -> None:
    async with beside() as at:
        await at.peer.writes(JAN, "krótka", via_something_new="x" * 70_000)
        await at.ledger.wait_for(1)
        assert at.ledger.raws[0].content is None
        assert at.ledger.raws[0].blob is not None


@pytest.mark.parametrize("place", ["telegram.fetched", "telegram.accepted", "telegram.committed"])
async def test_a_process_that_ends_anywhere_loses_and_doubles_nothing(place: str) -> None:
    async with beside(started=False) as at:
        for number in range(3):
            await at.peer.writes(JAN, str(number))
        with armed(f"{place}=error@1"):
            at.start()
            assert at.running is not None
            await asyncio.wait({at.running}, timeout=5)
            assert isinstance(at.running.exception(), FailpointError)
        at.again()
        await at.ledger.wait_for(3)
        await until(lambda: not at.peer.updates.pending)
    texts = [event.text for event in at.ledger.events if isinstance(event, Message)]
    assert sorted(texts) == ["0", "1", "2"]


async def test_one_update_that_cannot_be_read_holds_up_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(message: object) -> None:
        raise ZeroDivisionError

    async with beside() as at:
        with monkeypatch.context() as patch:
            patch.setattr(reading, "content", broken)
            await at.peer.writes(JAN, "nieczytelna")
            [first] = await at.ledger.wait_for(1)
        await at.peer.writes(JAN, "czytelna")
        second = (await at.ledger.wait_for(2))[1]
        assert isinstance(first, Unknown) and isinstance(second, Message)
        assert (first.text, second.text) == ("nieczytelna", "czytelna")


async def test_a_place_that_cannot_be_read_is_asked_for_again() -> None:
    async with beside(started=False) as at:
        at.ledger.lose_storage(retry_after=2.0)
        await at.peer.writes(JAN, "w czasie awarii")
        at.start()
        await until(lambda: at.clock.waited.count(2.0) >= 2)
        assert not at.peer.updates.asked, "from where on is not known yet"
        at.ledger.take()
        await at.ledger.wait_for(1)
        assert at.running is not None and not at.running.done()


async def test_half_an_emoji_in_one_update_holds_up_no_other() -> None:
    async with beside(started=False) as at:
        for text in ("przed", "ucięte \ud83d", "po"):
            await at.peer.writes(JAN, text)
        at.start()
        events = await at.ledger.wait_for(3)
        assert [getattr(event, "text", "")[:6] for event in events] == ["przed", "ucięte", "po"]
        await until(lambda: not at.peer.updates.pending)


def test_of_an_update_that_cannot_be_read_its_number_is_enough() -> None:
    body = b'{"update_id": 7, "message": {"message_id": 1e999}}'
    [item] = reading.parse(body, ParseContext(inbox=INBOX, now=Micros(1)))
    assert isinstance(item, Unknown) and item.external_id == "update:7"
