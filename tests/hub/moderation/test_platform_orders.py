"""Decisions and answers about comments on platforms that are not ours: each is a delivery, failures are said."""

from __future__ import annotations

import msgspec
import pytest
from sqlalchemy import func, select

from connectors.contract import SendError
from hub.moderation import answers, decide, platform
from hub.moderation.platform import Deed
from hub.moderation.undoing import NOT_BACK
from hub.scope import Conflict
from hub.store import schema
from hub.store.store import Store
from tests.hub.conftest import FakeClock
from tests.hub.moderation.platform_world import CAN, Elsewhere


async def with_only(store: Store, clock: FakeClock, **can: bool) -> Elsewhere:
    """A platform with fewer capabilities."""
    return await Elsewhere(store, clock, msgspec.structs.replace(CAN, **can)).open()


# --- decisions -----------------------------------------------------------------------------------------------------


async def test_hiding_leaves_when_it_can_no_longer_be_undone(there: Elsewhere) -> None:
    number = await there.comment()
    await there.decide("hide", number)
    assert await there.stands(number) == ("hidden", "published")
    item = await there.item(number)
    assert item.remote is not None and item.remote.pending
    assert await there.work(wait=0) == 0
    assert await there.work() == 1
    [left] = there.peer.sent
    assert (left.operation, left.target, left.text) == ("hide", "c-1", "")
    assert await there.stands(number) == ("hidden", "hidden")
    item = await there.item(number)
    assert item.remote is not None and item.remote.state == "delivered"
    assert await there.waiting() == []


async def test_keeping_needs_nothing_of_the_platform(small_there: Elsewhere) -> None:
    number = await small_there.comment()
    await small_there.decide("publish", number)
    assert await small_there.work() == 0
    assert await small_there.waiting() == []
    assert await small_there.deliveries(number) == []


async def test_a_rejected_comment_is_hidden_or_deleted_as_the_moderator_chooses(
    small_there: Elsewhere,
) -> None:
    first, second = await small_there.comment(), await small_there.comment()
    await small_there.decide("reject", first, reason="abuse")
    await small_there.decide("delete", second, reason="threat")
    await small_there.work()
    assert small_there.peer.orders() == [("hide", "c-1"), ("delete", "c-2")]
    assert await small_there.stands(first) == ("rejected", "hidden")
    assert await small_there.stands(second) == ("rejected", "deleted")
    assert (await small_there.row(second)).text, "what was decided about is kept with its reason"


async def test_nobody_rejects_without_a_reason(small_there: Elsewhere) -> None:
    number = await small_there.comment()
    for deed in ("reject", "delete"):
        with pytest.raises(Conflict):
            await small_there.decide(deed, number)


async def test_only_what_the_platform_can_do_is_done(sqlite_store: Store, clock: FakeClock) -> None:
    there = await with_only(sqlite_store, clock, hides=False)
    number = await there.comment()
    assert (await there.decide("hide", number)).failed == ((number, platform.CANNOT),)
    await there.decide("reject", number, reason="spam")
    await there.work()
    assert there.peer.orders() == [("delete", "c-1")]


async def test_a_platform_that_can_nothing_refuses_every_decision(
    sqlite_store: Store, clock: FakeClock
) -> None:
    there = await with_only(sqlite_store, clock, hides=False, deletions=False, public_replies=False)
    number = await there.comment()
    for deed in ("hide", "reject", "delete"):
        outcome = await there.decide(deed, number, reason="spam")
        assert outcome.failed == ((number, platform.CANNOT),)
    with pytest.raises(Conflict, match="does not let us"):
        await there.answer(number)
    assert await there.stands(number) == ("published", "published")


async def test_an_own_page_knows_no_deleting(small_there: Elsewhere) -> None:
    place = small_there.written().comment
    assert place is not None
    ours = msgspec.structs.replace(place, ours=True, parent_ref="", link="")
    [receipt] = await small_there.take(msgspec.structs.replace(small_there.written(), comment=ours))
    assert receipt.message is not None and receipt.post_state == "held"
    outcome = await small_there.decide("delete", receipt.message, reason="spam")
    assert outcome.failed == ((receipt.message, decide.NOT_OURS),)


async def test_a_failed_order_says_that_the_comment_still_stands(there: Elsewhere) -> None:
    number = await there.comment()
    there.peer.script = [SendError("permanent", "The platform refused it.")]
    await there.decide("reject", number, reason="abuse")
    await there.work()
    assert await there.stands(number) == ("published", "published")
    assert await there.reasons(number) == ("not-done",)
    item = await there.item(number)
    assert item.remote is not None and item.remote.failed
    assert item.remote.reason == "The platform refused it."
    told = select(func.count()).where(
        schema.notification.c.user == there.anna.user, schema.notification.c.kind == "failed"
    )
    assert await there.store.read(lambda tx: tx.scalar(told)) == 1
    conversation = await there.store.read(lambda tx: tx.row(select(schema.conversation)))
    assert conversation is not None and not conversation.failed, "no answer to the citizen failed"
    await there.decide("hide", number)
    await there.work()
    assert await there.stands(number) == ("hidden", "hidden")


@pytest.mark.parametrize("deed", ["hide", "delete"])
async def test_an_order_about_a_comment_that_is_gone_finds_that_out(there: Elsewhere, deed: Deed) -> None:
    number = await there.comment()
    there.peer.script = [SendError("permanent", "It is gone.", gone=True)]
    await there.decide(deed, number, reason="abuse")
    await there.work()
    row = await there.row(number)
    assert (row.standing, row.waiting_at) == ("deleted", None)
    if deed == "delete":
        assert (row.state, row.reason, bool(row.text)) == ("rejected", "abuse", True)
        assert await there.deliveries(number) == [("delete", "delivered")]
    else:
        assert (row.state, row.text) == ("erased", "")


async def test_a_temporary_failure_is_tried_again_and_so_is_a_broken_connection(
    small_there: Elsewhere,
) -> None:
    number = await small_there.comment()
    small_there.peer.script = [SendError("temporary", "Later."), SendError("ambiguous", "Broken.")]
    await small_there.decide("hide", number)
    for _ in range(3):
        await small_there.work(wait=600)
    assert small_there.peer.orders() == [("hide", "c-1")] * 3
    assert await small_there.stands(number) == ("hidden", "hidden")


async def test_a_later_decision_replaces_an_order_that_has_not_left(small_there: Elsewhere) -> None:
    number = await small_there.comment()
    await small_there.decide("hide", number)
    await small_there.decide("publish", number)
    assert await small_there.work() == 0
    assert await small_there.deliveries(number) == [("hide", "cancelled")]
    assert await small_there.stands(number) == ("published", "published")


async def test_a_failure_of_an_older_order_changes_no_newer_decision(small_there: Elsewhere) -> None:
    number = await small_there.comment()
    small_there.peer.script = [SendError("temporary", "Later."), SendError("permanent", "Refused.")]
    await small_there.decide("hide", number)
    await small_there.work()
    await small_there.decide("delete", number, reason="threat")
    await small_there.work(wait=600)
    assert await small_there.deliveries(number) == [("hide", "cancelled"), ("delete", "failed")]
    assert await small_there.stands(number) == ("published", "published")


# --- undo ----------------------------------------------------------------------------------------------------------


async def test_undone_in_time_nothing_leaves(there: Elsewhere) -> None:
    number = await there.comment()
    await there.decide("hide", number)
    await there.undo()
    assert await there.work() == 0
    assert await there.stands(number) == ("published", "published")
    assert await there.waiting() == [number]


async def test_undone_later_it_is_made_undone_there(small_there: Elsewhere) -> None:
    number = await small_there.comment()
    await small_there.decide("reject", number, reason="spam")
    await small_there.work()
    await small_there.undo()
    assert await small_there.work(wait=0) == 1
    assert small_there.peer.orders() == [("hide", "c-1"), ("publish", "c-1")]
    assert await small_there.stands(number) == ("published", "published")


async def test_what_was_deleted_there_does_not_come_back(small_there: Elsewhere) -> None:
    number = await small_there.comment()
    await small_there.decide("delete", number, reason="threat")
    await small_there.work()
    with pytest.raises(Conflict) as refused:
        await small_there.undo()
    assert str(refused.value) == NOT_BACK
    assert await small_there.stands(number) == ("rejected", "deleted")
    assert (await small_there.decide("publish", number)).failed == ((number, platform.GONE_THERE),)


# --- answers -------------------------------------------------------------------------------------------------------


async def test_a_public_answer_leaves_under_the_comment(there: Elsewhere) -> None:
    number = await there.comment()
    await there.decide("publish", number)
    answer = await there.answer(number)
    assert await there.stands(answer) == ("published", "unsent")
    await there.work()
    [left] = there.peer.sent
    assert (left.operation, left.public, left.target) == ("send", True, "c-1")
    assert left.text == "Wypłaty są 10. dnia miesiąca."
    assert await there.stands(answer) == ("published", "published")
    [echo] = await there.take(there.written(left.text, ref="reply-1", parent="c-1", ours=True))
    assert echo.duplicate and echo.message == answer
    reply = await there.comment("Dziękuję!", parent="reply-1", by="u-1")
    assert (await there.row(reply)).parent == answer


async def test_an_answer_taken_back_in_time_does_not_leave_later_it_is_deleted(
    small_there: Elsewhere,
) -> None:
    number = await small_there.comment(way="post")
    await small_there.answer(number)
    await small_there.undo()
    assert await small_there.work() == 0
    answer = await small_there.answer(number)
    await small_there.work()
    await small_there.undo()
    await small_there.work(wait=0)
    assert small_there.peer.orders() == [("send", "c-1"), ("delete", "reply-1")]
    assert await small_there.stands(answer) == ("hidden", "deleted")


async def test_an_answer_longer_than_the_platform_takes_is_refused(
    sqlite_store: Store, clock: FakeClock
) -> None:
    can = msgspec.structs.replace(CAN, max_length=20)
    there = await Elsewhere(sqlite_store, clock, can).open()
    number = await there.comment(way="post")
    with pytest.raises(Conflict) as refused:
        await there.answer(number, "x" * 21)
    assert str(refused.value) == answers.TOO_LONG


async def test_our_own_comment_told_before_the_send_returned_is_recognised(small_there: Elsewhere) -> None:
    """The outcome of the send was lost, the platform's own telling settles it."""
    number = await small_there.comment(way="post")
    small_there.peer.script = [SendError("ambiguous", "The connection broke.")]
    answer = await small_there.answer(number)
    await small_there.work()
    assert await small_there.deliveries(answer) == [("send", "possibly-sent")]
    text = "Wypłaty są 10. dnia miesiąca."
    [echo] = await small_there.take(small_there.written(text, ref="reply-9", parent="c-1", ours=True))
    assert echo.duplicate and echo.message == answer
    assert await small_there.deliveries(answer) == [("send", "accepted")]
    assert await small_there.stands(answer) == ("published", "published")


async def test_what_a_colleague_answered_there_is_shown_as_ours(there: Elsewhere) -> None:
    number = await there.comment()
    [receipt] = await there.take(there.written("Prosimy o telefon.", ref="own-1", parent="c-1", ours=True))
    assert receipt.message is not None
    row = await there.row(receipt.message)
    assert (row.author, row.parent, row.standing) == (None, number, "published")
    message = await there.store.read(
        lambda tx: tx.row(select(schema.message).where(schema.message.c.id == receipt.message))
    )
    assert message is not None and (message.kind, message.state) == ("outbound", "delivered")
    [again] = await there.take(there.written("Prosimy o telefon.", ref="own-1", parent="c-1", ours=True))
    assert again.duplicate
    await there.told("deleted", "own-1")
    assert await there.stands(receipt.message) == ("erased", "deleted")


async def test_our_own_comment_under_nothing_we_know_is_kept_raw_only(small_there: Elsewhere) -> None:
    [receipt] = await small_there.take(small_there.written("Zapraszamy!", ref="own-2", ours=True))
    assert receipt.message is None
    count = select(func.count()).select_from(schema.message)
    assert await small_there.store.read(lambda tx: tx.scalar(count)) == 0
    assert (
        await small_there.store.read(lambda tx: tx.scalar(select(func.count()).select_from(schema.raw))) == 1
    )
