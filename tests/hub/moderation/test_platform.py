"""Comments on platforms that are not ours: what stands there is true, a decision is a delivery, failures are said."""

from __future__ import annotations

import msgspec
import pytest
from sqlalchemy import func, select

from connectors.contract import Capabilities, SendError, Sent
from hub.moderation import answers, decide, platform
from hub.moderation.platform import Deed
from hub.moderation.undoing import NOT_BACK
from hub.scope import Conflict
from hub.store import schema
from hub.store.store import Store
from tests.hub.conftest import FakeClock
from tests.hub.moderation.platform_world import CAN, Elsewhere


@pytest.fixture
async def there(store: Store, clock: FakeClock) -> Elsewhere:
    """On each engine."""
    return await Elsewhere(store, clock).open()


@pytest.fixture
async def small(sqlite_store: Store, clock: FakeClock) -> Elsewhere:
    """On the embedded store alone."""
    return await Elsewhere(sqlite_store, clock).open()


async def with_only(store: Store, clock: FakeClock, **can: bool) -> Elsewhere:
    """A platform with fewer capabilities."""
    return await Elsewhere(store, clock, msgspec.structs.replace(CAN, **can)).open()


# --- in ------------------------------------------------------------------------------------------------------------


async def test_a_comment_is_public_when_it_comes_and_waits_for_a_look(there: Elsewhere) -> None:
    number = await there.comment(ref="c-77")
    row = await there.row(number)
    assert (row.state, row.standing, row.link) == ("published", "published", "https://facebook.example/c-77")
    assert await there.reasons(number) == ("unseen",)
    assert await there.waiting() == [number]
    item = await there.item(number)
    assert item.article_title == "Zmiany w zasiłkach"
    assert item.article_url == "https://facebook.example/1_77"
    [again] = await there.take(there.written(ref="c-77"))
    assert again.duplicate


async def test_where_only_flagged_ones_are_looked_at_the_others_do_not_wait(small: Elsewhere) -> None:
    plain = await small.comment(way="post")
    flagged = await small.comment("Ty debil", way="post")
    assert await small.waiting() == [flagged]
    assert await small.reasons(flagged) == ("abuse",)
    assert await small.stands(plain) == await small.stands(flagged) == ("published", "published")


@pytest.mark.parametrize("number", ["44051401359", "600 700 800"])
async def test_a_personal_number_is_a_reason_to_look(small: Elsewhere, number: str) -> None:
    post = await small.comment(f"Proszę dzwonić: {number}", way="post")
    assert await small.reasons(post) == ("personal-data",)
    assert number not in (await small.row(post)).text
    with pytest.raises(Conflict, match="masked"):
        await small.store.write(lambda tx: decide.mask_numbers(tx, small.anna, post))


async def test_what_the_platform_holds_waits_for_approval(small: Elsewhere) -> None:
    number = await small.comment(way="post", standing="held")
    assert await small.stands(number) == ("held", "held")
    assert await small.reasons(number) == ("approval",)
    await small.decide("publish", number)
    await small.work()
    assert small.peer.orders() == [("publish", "c-1")]
    assert await small.stands(number) == ("published", "published")
    assert (await small.row(number)).published_at is not None


async def test_answers_stand_under_what_they_answer_in_whatever_order_they_come(there: Elsewhere) -> None:
    [early] = await there.take(there.written("A u mnie nie!", ref="c-2", by="u-2", parent="c-1"))
    [below] = await there.take(there.written("Dlaczego?", ref="c-3", by="u-3", parent="c-2"))
    assert early.message is not None and below.message is not None
    assert (await there.row(early.message)).parent is None
    root = await there.comment(ref="c-1")
    child, grandchild = await there.row(early.message), await there.row(below.message)
    assert (child.parent, child.parent_ref) == (root, None)
    assert child.path.startswith((await there.row(root)).path)
    assert grandchild.path.startswith(child.path) and grandchild.parent == early.message
    [late] = await there.take(there.written("Ja też", ref="c-4", by="u-4", parent="c-1"))
    assert late.message is not None and (await there.row(late.message)).parent == root


async def test_one_callback_may_bring_the_answer_before_the_comment(small: Elsewhere) -> None:
    answer, comment = small.written(ref="c-2", by="u-2", parent="c-1"), small.written(ref="c-1")
    first, second = await small.take(answer, comment)
    assert first.message is not None
    assert (await small.row(first.message)).parent == second.message


async def test_a_title_that_the_platform_told_later_is_kept(small: Elsewhere) -> None:
    number = await small.comment(title="")
    assert (await small.item(number)).article_title == "1_77"
    await small.comment(title="Zmiany w zasiłkach")
    assert (await small.item(number)).article_title == "Zmiany w zasiłkach"
    later = await small.comment(title="", by="u-2")
    conversation = (await small.row(later)).conversation
    subject = select(schema.conversation.c.subject).where(schema.conversation.c.id == conversation)
    assert await small.store.read(lambda tx: tx.scalar(subject)) == "Zmiany w zasiłkach"
    await small.comment(title="Inny tytuł")
    assert (await small.item(number)).article_title == "Zmiany w zasiłkach"


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


async def test_keeping_needs_nothing_of_the_platform(small: Elsewhere) -> None:
    number = await small.comment()
    await small.decide("publish", number)
    assert await small.work() == 0
    assert await small.waiting() == []
    assert await small.deliveries(number) == []


async def test_a_rejected_comment_is_hidden_or_deleted_as_the_moderator_chooses(small: Elsewhere) -> None:
    first, second = await small.comment(), await small.comment()
    await small.decide("reject", first, reason="abuse")
    await small.decide("delete", second, reason="threat")
    await small.work()
    assert small.peer.orders() == [("hide", "c-1"), ("delete", "c-2")]
    assert await small.stands(first) == ("rejected", "hidden")
    assert await small.stands(second) == ("rejected", "deleted")
    assert (await small.row(second)).text, "what was decided about is kept with its reason"


async def test_nobody_rejects_without_a_reason(small: Elsewhere) -> None:
    number = await small.comment()
    for deed in ("reject", "delete"):
        with pytest.raises(Conflict):
            await small.decide(deed, number)


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


async def test_an_own_page_knows_no_deleting(small: Elsewhere) -> None:
    place = small.written().comment
    assert place is not None
    ours = msgspec.structs.replace(place, ours=True, parent_ref="", link="")
    [receipt] = await small.take(msgspec.structs.replace(small.written(), comment=ours))
    assert receipt.message is not None and receipt.post_state == "held"
    outcome = await small.decide("delete", receipt.message, reason="spam")
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


async def test_a_temporary_failure_is_tried_again_and_so_is_a_broken_connection(small: Elsewhere) -> None:
    number = await small.comment()
    small.peer.script = [SendError("temporary", "Later."), SendError("ambiguous", "Broken.")]
    await small.decide("hide", number)
    for _ in range(3):
        await small.work(wait=600)
    assert small.peer.orders() == [("hide", "c-1")] * 3
    assert await small.stands(number) == ("hidden", "hidden")


async def test_a_later_decision_replaces_an_order_that_has_not_left(small: Elsewhere) -> None:
    number = await small.comment()
    await small.decide("hide", number)
    await small.decide("publish", number)
    assert await small.work() == 0
    assert await small.deliveries(number) == [("hide", "cancelled")]
    assert await small.stands(number) == ("published", "published")


async def test_a_failure_of_an_older_order_changes_no_newer_decision(small: Elsewhere) -> None:
    number = await small.comment()
    small.peer.script = [SendError("temporary", "Later."), SendError("permanent", "Refused.")]
    await small.decide("hide", number)
    await small.work()
    await small.decide("delete", number, reason="threat")
    await small.work(wait=600)
    assert await small.deliveries(number) == [("hide", "cancelled"), ("delete", "failed")]
    assert await small.stands(number) == ("published", "published")


# --- undo ----------------------------------------------------------------------------------------------------------


async def test_undone_in_time_nothing_leaves(there: Elsewhere) -> None:
    number = await there.comment()
    await there.decide("hide", number)
    await there.undo()
    assert await there.work() == 0
    assert await there.stands(number) == ("published", "published")
    assert await there.waiting() == [number]


async def test_undone_later_it_is_made_undone_there(small: Elsewhere) -> None:
    number = await small.comment()
    await small.decide("reject", number, reason="spam")
    await small.work()
    await small.undo()
    assert await small.work(wait=0) == 1
    assert small.peer.orders() == [("hide", "c-1"), ("publish", "c-1")]
    assert await small.stands(number) == ("published", "published")


async def test_what_was_deleted_there_does_not_come_back(small: Elsewhere) -> None:
    number = await small.comment()
    await small.decide("delete", number, reason="threat")
    await small.work()
    with pytest.raises(Conflict) as refused:
        await small.undo()
    assert str(refused.value) == NOT_BACK
    assert await small.stands(number) == ("rejected", "deleted")
    assert (await small.decide("publish", number)).failed == ((number, platform.GONE_THERE),)


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


async def test_an_answer_taken_back_in_time_does_not_leave_later_it_is_deleted(small: Elsewhere) -> None:
    number = await small.comment(way="post")
    await small.answer(number)
    await small.undo()
    assert await small.work() == 0
    answer = await small.answer(number)
    await small.work()
    await small.undo()
    await small.work(wait=0)
    assert small.peer.orders() == [("send", "c-1"), ("delete", "reply-1")]
    assert await small.stands(answer) == ("hidden", "deleted")


async def test_an_answer_longer_than_the_platform_takes_is_refused(
    sqlite_store: Store, clock: FakeClock
) -> None:
    can = msgspec.structs.replace(CAN, max_length=20)
    there = await Elsewhere(sqlite_store, clock, can).open()
    number = await there.comment(way="post")
    with pytest.raises(Conflict) as refused:
        await there.answer(number, "x" * 21)
    assert str(refused.value) == answers.TOO_LONG


async def test_our_own_comment_told_before_the_send_returned_is_recognised(small: Elsewhere) -> None:
    """The outcome of the send was lost, the platform's own telling settles it."""
    number = await small.comment(way="post")
    small.peer.script = [SendError("ambiguous", "The connection broke.")]
    answer = await small.answer(number)
    await small.work()
    assert await small.deliveries(answer) == [("send", "possibly-sent")]
    text = "Wypłaty są 10. dnia miesiąca."
    [echo] = await small.take(small.written(text, ref="reply-9", parent="c-1", ours=True))
    assert echo.duplicate and echo.message == answer
    assert await small.deliveries(answer) == [("send", "accepted")]
    assert await small.stands(answer) == ("published", "published")


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


async def test_our_own_comment_under_nothing_we_know_is_kept_raw_only(small: Elsewhere) -> None:
    [receipt] = await small.take(small.written("Zapraszamy!", ref="own-2", ours=True))
    assert receipt.message is None
    count = select(func.count()).select_from(schema.message)
    assert await small.store.read(lambda tx: tx.scalar(count)) == 0
    assert await small.store.read(lambda tx: tx.scalar(select(func.count()).select_from(schema.raw))) == 1


# --- what happens there ----------------------------------------------------------------------------------------------


async def test_an_edit_there_is_shown_at_once_and_looked_at_again(there: Elsewhere) -> None:
    number = await there.comment()
    await there.decide("publish", number)
    await there.told("edited", "c-1", text="Kiedy wypłata, debile?")
    row = await there.row(number)
    assert (row.text, row.version, row.state) == ("Kiedy wypłata, debile?", 2, "published")
    assert await there.reasons(number) == ("edited", "abuse")


async def test_an_older_edit_that_is_told_later_changes_nothing(there: Elsewhere) -> None:
    """A call that failed comes again after the next one."""
    number = await there.comment()
    await there.told("edited", "c-1", text="Drugi", at=2_000_000)
    await there.told("edited", "c-1", text="Pierwszy", at=1_000_000)
    assert (await there.row(number)).text == "Drugi"
    await there.told("edited", "c-1", text="Trzeci", at=3_000_000)
    row = await there.row(number)
    assert (row.text, row.version) == ("Trzeci", 3)


async def test_an_event_that_came_before_its_comment_waits_for_it(there: Elsewhere) -> None:
    assert (await there.told("hidden", "c-1")).parked
    assert (await there.told("edited", "c-1", text="Inaczej")).parked
    number = await there.comment(ref="c-1")
    assert await there.stands(number) == ("hidden", "hidden")
    assert (await there.row(number)).text == "Inaczej"


async def test_a_comment_deleted_there_becomes_a_tombstone(there: Elsewhere) -> None:
    number = await there.comment()
    answer = await there.comment(parent="c-1", by="u-2")
    await there.decide("hide", number)
    await there.told("deleted", "c-1")
    assert await there.work() == 0, "what was ordered about it is dropped"
    row = await there.row(number)
    assert (row.state, row.standing, row.text, row.author_name) == ("erased", "deleted", "", "")
    assert (await there.row(answer)).parent == number
    assert number not in await there.waiting()


async def test_the_echo_of_our_own_deletion_keeps_the_record(small: Elsewhere) -> None:
    number = await small.comment()
    await small.decide("delete", number, reason="threat")
    await small.work()
    await small.told("deleted", "c-1")
    row = await small.row(number)
    assert (row.state, row.standing, row.reason) == ("rejected", "deleted", "threat")
    assert row.text


async def test_hidden_there_by_a_colleague_is_hidden_here(there: Elsewhere) -> None:
    number = await there.comment()
    await there.told("hidden", "c-1")
    assert await there.stands(number) == ("hidden", "hidden")
    assert await there.waiting() == []
    flagged = await there.comment("Ty debil", ref="c-9")
    await there.told("hidden", "c-9")
    assert await there.waiting() == [flagged], "what a rule held still needs a decision"


async def test_the_echo_of_our_own_hiding_confirms_it(small: Elsewhere) -> None:
    number = await small.comment()
    small.peer.script = [Sent(state="accepted")]
    await small.decide("reject", number, reason="abuse")
    await small.work()
    assert await small.deliveries(number) == [("hide", "accepted")]
    await small.told("hidden", "c-1")
    assert await small.deliveries(number) == [("hide", "delivered")]
    assert await small.stands(number) == ("rejected", "hidden")


async def test_a_platform_may_hide_by_holding_back(small: Elsewhere) -> None:
    number = await small.comment()
    await small.decide("reject", number, reason="abuse")
    await small.work()
    await small.told("held", "c-1")
    assert await small.stands(number) == ("rejected", "held")
    assert await small.waiting() == []
    await small.decide("publish", number)
    await small.work()
    assert small.peer.orders()[-1] == ("publish", "c-1")


async def test_shown_again_there_it_comes_back_to_the_bench(small: Elsewhere) -> None:
    number = await small.comment()
    await small.decide("hide", number)
    await small.work()
    await small.told("published", "c-1")
    assert await small.stands(number) == ("published", "published")
    assert await small.reasons(number) == ("shown-there",)


async def test_a_late_echo_changes_nothing(small: Elsewhere) -> None:
    number = await small.comment()
    await small.decide("hide", number)
    await small.work()
    await small.decide("publish", number)
    await small.work()
    before = small.clock.now() - 3_600_000_000
    await small.told("hidden", "c-1", at=before)
    assert await small.stands(number) == ("published", "published")


async def test_authors_on_platforms_hear_nothing_from_us(small: Elsewhere) -> None:
    number = await small.comment()
    await small.decide("reject", number, reason="abuse")
    await small.work()
    count = select(func.count()).where(schema.effect.c.kind == "notice")
    assert await small.store.read(lambda tx: tx.scalar(count)) == 0


def test_what_nobody_configured_can_nothing() -> None:
    assert platform.remove_operation(Capabilities()) is None
