"""Where comments are placed, what moderators decide, what is told to whom, on both engines."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from hub.desk.undo_kinds import KINDS
from hub.desk.undoing import undo_last
from hub.moderation import answers, bench, decide
from hub.moderation.decide import Choice
from hub.scope import Conflict, Denied, Scope
from hub.store import schema
from hub.store.tx import Tx
from tests.hub.moderation.world import World


async def test_published_first_or_approved_first(world: World) -> None:
    shown = await world.comment(way="post")
    held = await world.comment(way="pre", by="v2")
    assert (await world.state(shown), await world.state(held)) == ("published", "held")
    assert await world.reasons(held) == ("approval",)
    page = await world.page()
    assert [post.id for post in page.posts] == [shown]
    assert page.total == 1


async def test_a_rule_holds_where_comments_are_published_first(small_world: World) -> None:
    number = await small_world.comment("Debile!", way="post")
    assert await small_world.state(number) == "held"
    assert await small_world.reasons(number) == ("abuse",)


async def test_a_pesel_is_held_without_any_rule(small_world: World) -> None:
    number = await small_world.comment("Mój numer: 440 514 013 59", way="post")
    assert await small_world.reasons(number) == ("personal-data",)
    assert (await small_world.row(number)).text == "Mój numer: 440••••••••"


async def test_a_pesel_in_the_name_is_held_and_masked(small_world: World) -> None:
    number = await small_world.comment("Dobry artykuł", name="Jan 44051401359", way="post")
    row = await small_world.row(number)
    assert row.state == "held"
    assert row.author_name == "Jan 440••••••••"


async def test_somebody_in_danger_is_on_top(world: World) -> None:
    first = await world.comment("Zwykły komentarz", way="pre", by="v2")
    second = await world.comment("Myślę o samobójstwo", way="post")
    page = await world.store.read(lambda tx: bench.bench_page(tx, world.anna, bench.Filter()))
    assert [item.id for item in page.items] == [second, first]
    assert page.items[0].urgent


async def test_authors_see_their_own_and_others_do_not(small_world: World) -> None:
    number = await small_world.comment(way="pre")
    assert [post.state for post in (await small_world.page("v1")).posts] == ["held"]
    assert not (await small_world.page("v2")).posts
    assert await small_world.seen(number, "v2") is None
    assert await small_world.seen(number) is None


async def test_publish_reject_hide_restore(world: World) -> None:
    one, two = await world.comment(way="pre"), await world.comment("Inny", way="pre", by="v2")
    assert (await world.decide("publish", one)).done == (one,)
    assert (await world.decide("reject", two, reason="abuse")).done == (two,)
    assert [post.id for post in (await world.page()).posts] == [one]
    mine = await world.seen(two, "v2")
    assert mine is not None and mine.state == "rejected" and mine.appealable
    assert mine.reason.startswith("The comment insults")
    await world.decide("hide", one, reason="other")
    assert not (await world.page()).posts
    await world.decide("publish", one)
    assert await world.state(one) == "published"


async def test_rejecting_takes_a_reason(small_world: World) -> None:
    number = await small_world.comment(way="pre")
    with pytest.raises(Conflict):
        await small_world.decide("reject", number, reason="")
    with pytest.raises(Conflict):
        await small_world.decide("reject", number, reason="because")


async def test_moderators_own_words_are_told(small_world: World) -> None:
    number = await small_world.comment(way="pre")
    await small_world.decide("reject", number, reason="abuse", words="Proszę bez wyzwisk. Tel. 601 234 567")
    mine = await small_world.seen(number, "v1")
    assert mine is not None and mine.reason == "Proszę bez wyzwisk. Tel. 601••••••"


async def test_agents_may_not_moderate(small_world: World) -> None:
    number = await small_world.comment(way="pre")
    with pytest.raises(Denied):
        await small_world.decide("publish", number, by=small_world.agent)
    with pytest.raises(Denied):
        await small_world.store.read(lambda tx: bench.bench_page(tx, small_world.agent, bench.Filter()))


async def test_another_office_sees_nothing(world: World) -> None:
    number = await world.comment(way="pre")
    stranger = Scope(user=world.anna.user, role="moderator", office="pup-lomza")
    outcome = await world.decide("publish", number, by=stranger)
    assert outcome.failed == ((number, decide.GONE),)
    page = await world.store.read(lambda tx: bench.bench_page(tx, stranger, bench.Filter()))
    assert page.items == ()


async def test_two_moderators_never_decide_the_same(world: World) -> None:
    number = await world.comment(way="pre")
    seen = (await world.row(number)).revision
    await world.decide("publish", number)

    def late(tx: Tx) -> decide.Bulk:
        choice = Choice(post=number, revision=seen)
        return decide.decide(tx, world.house, world.ewa, "reject", [choice], reason="abuse")

    outcome = await world.store.write(late)
    assert outcome.failed == ((number, decide.STALE),)
    assert await world.state(number) == "published"


async def test_a_claim_keeps_others_away_until_it_ends(world: World) -> None:
    number = await world.comment(way="pre")
    await world.store.write(lambda tx: decide.claim(tx, world.ewa, number))
    assert (await world.decide("publish", number)).failed == ((number, decide.CLAIMED),)
    with pytest.raises(Conflict):
        await world.store.write(lambda tx: decide.claim(tx, world.anna, number))
    item = await world.store.read(lambda tx: bench.bench_item(tx, world.anna, number))
    assert item.claimed_by == "Ewa"
    world.clock.move(minutes=6)
    assert (await world.decide("publish", number)).done == (number,)


async def test_many_at_once_with_partial_results(world: World) -> None:
    numbers = [await world.comment(f"Komentarz {n}", way="pre", by=f"v{n}") for n in range(5)]
    await world.store.write(lambda tx: decide.claim(tx, world.ewa, numbers[3]))

    def bulk(tx: Tx) -> decide.Bulk:
        choices = [Choice(post=number) for number in [*numbers, 999_999]]
        return decide.decide(tx, world.house, world.anna, "publish", choices)

    outcome = await world.store.write(bulk)
    assert outcome.done == tuple(numbers[:3] + numbers[4:])
    assert dict(outcome.failed) == {numbers[3]: decide.CLAIMED, 999_999: decide.GONE}


async def audited(world: World) -> list[str]:
    """What the log says was done to comments, in order."""
    audit = schema.audit.c
    rows = select(audit.action).where(audit.subject.startswith("post:")).order_by(audit.id)
    return [row.action for row in await world.store.read(lambda tx: tx.rows(rows))]


async def test_undo_puts_everything_back(world: World) -> None:
    number = await world.comment(way="pre", email="anna@example.pl")
    before = dict((await world.row(number))._mapping)
    await world.decide("reject", number, reason="abuse")
    await world.store.write(lambda tx: undo_last(tx, world.house, world.anna, KINDS))
    after = dict((await world.row(number))._mapping)
    changed = {name for name in before if before[name] != after[name]}
    assert changed == {"revision"}
    effects = await world.store.read(lambda tx: tx.rows(select(schema.effect.c.state)))
    assert [row.state for row in effects] == ["skipped"]
    assert await audited(world) == ["comment-reject", "comment-taken-back"]


async def test_undo_never_overwrites_somebody_else(small_world: World) -> None:
    number = await small_world.comment(way="pre")
    await small_world.decide("publish", number)
    await small_world.decide("hide", number, by=small_world.ewa, reason="other")
    with pytest.raises(Conflict):
        await small_world.store.write(lambda tx: undo_last(tx, small_world.house, small_world.anna, KINDS))
    assert await small_world.state(number) == "hidden"


async def test_masking_a_number_that_no_check_knows(world: World) -> None:
    number = await world.comment("Moja sprawa 12345678, pani Kowalska", way="post")
    await world.store.write(lambda tx: decide.mask_numbers(tx, world.anna, number))
    assert (await world.row(number)).text == "Moja sprawa ••••••••, pani Kowalska"
    await world.store.write(lambda tx: decide.mask_numbers(tx, world.anna, number, part="Kowalska"))
    assert (await world.row(number)).text == "Moja sprawa ••••••••, pani ••••••••"
    text = await world.store.read(
        lambda tx: tx.scalar(select(schema.message.c.text).where(schema.message.c.id == number))
    )
    assert text == "Moja sprawa ••••••••, pani ••••••••"


async def test_an_address_that_somebody_else_has_already_is_still_told(small_world: World) -> None:
    await small_world.comment("Pierwszy", by="v1", email="anna@example.pl")
    number = await small_world.comment("Drugi", by="v2", email="anna@example.pl", way="pre")
    await small_world.decide("reject", number, reason="abuse")
    effects = await small_world.store.read(lambda tx: tx.rows(select(schema.effect.c.data)))
    assert [row.data for row in effects if '"mail":"anna@example.pl"' in row.data]
    item = await small_world.store.read(lambda tx: bench.bench_item(tx, small_world.anna, number))
    assert item.record.reachable


# --- answers -----------------------------------------------------------------------------------------------------


async def test_answering_in_public(world: World) -> None:
    number = await world.comment("Kiedy zasiłek?", email="anna@example.pl")
    other = await world.comment("Inny wątek", by="v2")

    def answer(tx: Tx) -> int:
        return answers.answer_in_public(
            tx,
            world.house,
            world.anna,
            number,
            "Do 14 dni. Infolinia 19524.",
            client_id="c1",
        )

    first = await world.store.write(answer)
    assert await world.store.write(answer) == first
    posts = (await world.page()).posts
    assert [post.id for post in posts] == [other, number, first]
    office = posts[2]
    assert office.office and office.author == "Infolinia urzędów pracy" and office.depth == 1
    deliveries = await world.store.read(lambda tx: tx.rows(select(schema.delivery)))
    assert [(row.message, row.operation, row.inbox) for row in deliveries] == [(first, "publish", "artykuly")]
    effects = await world.store.read(lambda tx: tx.rows(select(schema.effect.c.data)))
    assert any("comment-answered" in row.data for row in effects)
    await world.store.write(lambda tx: undo_last(tx, world.house, world.anna, KINDS))
    assert [post.id for post in (await world.page()).posts] == [other, number]
    assert await audited(world) == ["comment-answer", "comment-taken-back"]


async def test_an_answer_needs_a_published_comment(small_world: World) -> None:
    number = await small_world.comment(way="pre")
    with pytest.raises(Conflict):
        await small_world.store.write(
            lambda tx: answers.answer_in_public(
                tx, small_world.house, small_world.anna, number, "x", client_id="c"
            )
        )


async def test_a_private_conversation_in_an_agents_queue(world: World) -> None:
    number = await world.comment("Moja sprawa: 44051401359", email="anna@example.pl")
    opened = await world.store.write(lambda tx: answers.open_private(tx, world.house, world.anna, number))
    again = await world.store.write(lambda tx: answers.open_private(tx, world.house, world.ewa, number))
    assert opened == again
    row = await world.store.read(
        lambda tx: tx.row(select(schema.conversation).where(schema.conversation.c.id == opened))
    )
    assert row is not None
    assert (row.queue, row.status, row.listed) == ("bezrobotni", "open", True)
    assert row.due_at is not None
    texts = await world.store.read(
        lambda tx: tx.rows(
            select(schema.message.c.text, schema.message.c.kind).where(
                schema.message.c.conversation == opened
            )
        )
    )
    assert ("Moja sprawa: 440••••••••", "inbound") in [(text.text, text.kind) for text in texts]
    source = (await world.row(number)).conversation
    comment_row = await world.store.read(
        lambda tx: tx.row(select(schema.conversation).where(schema.conversation.c.id == source))
    )
    assert comment_row is not None and not comment_row.listed
