"""Comments on platforms that are not ours: how they come in, and what happens to them there."""

from __future__ import annotations

import pytest
from sqlalchemy import func, select

from connectors.contract import Capabilities, Sent
from hub.moderation import decide, platform
from hub.scope import Conflict
from hub.store import schema
from tests.hub.moderation.platform_world import Elsewhere

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


async def test_where_only_flagged_ones_are_looked_at_the_others_do_not_wait(small_there: Elsewhere) -> None:
    plain = await small_there.comment(way="post")
    flagged = await small_there.comment("Ty debil", way="post")
    assert await small_there.waiting() == [flagged]
    assert await small_there.reasons(flagged) == ("abuse",)
    assert await small_there.stands(plain) == await small_there.stands(flagged) == ("published", "published")


@pytest.mark.parametrize("number", ["44051401359", "600 700 800"])
async def test_a_personal_number_is_a_reason_to_look(small_there: Elsewhere, number: str) -> None:
    post = await small_there.comment(f"Proszę dzwonić: {number}", way="post")
    assert await small_there.reasons(post) == ("personal-data",)
    assert number not in (await small_there.row(post)).text
    with pytest.raises(Conflict, match="masked"):
        await small_there.store.write(lambda tx: decide.mask_numbers(tx, small_there.anna, post))


async def test_what_the_platform_holds_waits_for_approval(small_there: Elsewhere) -> None:
    number = await small_there.comment(way="post", standing="held")
    assert await small_there.stands(number) == ("held", "held")
    assert await small_there.reasons(number) == ("approval",)
    await small_there.decide("publish", number)
    await small_there.work()
    assert small_there.peer.orders() == [("publish", "c-1")]
    assert await small_there.stands(number) == ("published", "published")
    assert (await small_there.row(number)).published_at is not None


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


async def test_one_callback_may_bring_the_answer_before_the_comment(small_there: Elsewhere) -> None:
    answer, comment = small_there.written(ref="c-2", by="u-2", parent="c-1"), small_there.written(ref="c-1")
    first, second = await small_there.take(answer, comment)
    assert first.message is not None
    assert (await small_there.row(first.message)).parent == second.message


async def test_a_title_that_the_platform_told_later_is_kept(small_there: Elsewhere) -> None:
    number = await small_there.comment(title="")
    assert (await small_there.item(number)).article_title == "1_77"
    await small_there.comment(title="Zmiany w zasiłkach")
    assert (await small_there.item(number)).article_title == "Zmiany w zasiłkach"
    later = await small_there.comment(title="", by="u-2")
    conversation = (await small_there.row(later)).conversation
    subject = select(schema.conversation.c.subject).where(schema.conversation.c.id == conversation)
    assert await small_there.store.read(lambda tx: tx.scalar(subject)) == "Zmiany w zasiłkach"
    await small_there.comment(title="Inny tytuł")
    assert (await small_there.item(number)).article_title == "Zmiany w zasiłkach"


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


async def test_the_echo_of_our_own_deletion_keeps_the_record(small_there: Elsewhere) -> None:
    number = await small_there.comment()
    await small_there.decide("delete", number, reason="threat")
    await small_there.work()
    await small_there.told("deleted", "c-1")
    row = await small_there.row(number)
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


async def test_the_echo_of_our_own_hiding_confirms_it(small_there: Elsewhere) -> None:
    number = await small_there.comment()
    small_there.peer.script = [Sent(state="accepted")]
    await small_there.decide("reject", number, reason="abuse")
    await small_there.work()
    assert await small_there.deliveries(number) == [("hide", "accepted")]
    await small_there.told("hidden", "c-1")
    assert await small_there.deliveries(number) == [("hide", "delivered")]
    assert await small_there.stands(number) == ("rejected", "hidden")


async def test_a_platform_may_hide_by_holding_back(small_there: Elsewhere) -> None:
    number = await small_there.comment()
    await small_there.decide("reject", number, reason="abuse")
    await small_there.work()
    await small_there.told("held", "c-1")
    assert await small_there.stands(number) == ("rejected", "held")
    assert await small_there.waiting() == []
    await small_there.decide("publish", number)
    await small_there.work()
    assert small_there.peer.orders()[-1] == ("publish", "c-1")


async def test_shown_again_there_it_comes_back_to_the_bench(small_there: Elsewhere) -> None:
    number = await small_there.comment()
    await small_there.decide("hide", number)
    await small_there.work()
    await small_there.told("published", "c-1")
    assert await small_there.stands(number) == ("published", "published")
    assert await small_there.reasons(number) == ("shown-there",)


async def test_a_late_echo_changes_nothing(small_there: Elsewhere) -> None:
    number = await small_there.comment()
    await small_there.decide("hide", number)
    await small_there.work()
    await small_there.decide("publish", number)
    await small_there.work()
    before = small_there.clock.now() - 3_600_000_000
    await small_there.told("hidden", "c-1", at=before)
    assert await small_there.stands(number) == ("published", "published")


async def test_authors_on_platforms_hear_nothing_from_us(small_there: Elsewhere) -> None:
    number = await small_there.comment()
    await small_there.decide("reject", number, reason="abuse")
    await small_there.work()
    count = select(func.count()).where(schema.effect.c.kind == "notice")
    assert await small_there.store.read(lambda tx: tx.scalar(count)) == 0


def test_what_nobody_configured_can_nothing() -> None:
    assert platform.remove_operation(Capabilities()) is None
