"""Where comments are placed, what moderators decide, what is told to whom, on both engines."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from sqlalchemy import select

from connectors.contract import CommentPlace
from hub.desk.merging import merge_conversations
from hub.desk.undo_kinds import KINDS
from hub.desk.undoing import undo_last
from hub.moderation import answers, articles, bench, decide
from hub.moderation.decide import Choice
from hub.scope import Conflict, Denied, Scope
from hub.store import schema
from hub.store.tx import Reader, Tx
from tests.hub.moderation.world import World
from tests.hub.specimen import CONFIG, a_house


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


# --- edits -------------------------------------------------------------------------------------------------------


async def test_an_edit_where_comments_are_approved_first(world: World) -> None:
    number = await world.comment("Pierwszy tekst", way="pre")
    await world.decide("publish", number)
    assert await world.edit(number, "Drugi tekst") == "held"
    [post] = (await world.page()).posts
    assert post.text == "Pierwszy tekst"
    mine = await world.seen(number, "v1")
    assert mine is not None and mine.pending == "Drugi tekst"
    assert await world.reasons(number) == ("edited",)
    await world.decide("publish", number)
    [post] = (await world.page()).posts
    assert (post.text, post.edited, post.version) == ("Drugi tekst", True, 2)


async def test_a_refused_edit_leaves_the_old_text(small_world: World) -> None:
    number = await small_world.comment("Pierwszy tekst", way="pre")
    await small_world.decide("publish", number)
    await small_world.edit(number, "Drugi tekst")
    await small_world.decide("reject", number, reason="abuse")
    [post] = (await small_world.page()).posts
    assert post.text == "Pierwszy tekst"
    assert await small_world.reasons(number) == ()


async def test_an_edit_where_comments_are_published_first_runs_the_rules(world: World) -> None:
    number = await world.comment("Pierwszy tekst", way="post")
    assert await world.edit(number, "Drugi tekst") == "published"
    assert await world.edit(number, "Debile, PESEL 44051401359") == "held"
    [post] = (await world.page()).posts
    assert post.text == "Drugi tekst"
    row = await world.row(number)
    assert row.pending_text == "Debile, PESEL 440••••••••"
    assert set(await world.reasons(number)) == {"edited", "abuse", "personal-data"}


async def test_an_edit_comes_from_the_author_and_in_time(small_world: World) -> None:
    number = await small_world.comment("Pierwszy tekst", way="post")
    assert await small_world.edit(number, "Cudzy", by="v2") == ""
    small_world.clock.move(minutes=16)
    assert await small_world.edit(number, "Za późno") == ""
    assert (await small_world.row(number)).text == "Pierwszy tekst"


async def test_a_moderator_never_approves_a_text_unseen(small_world: World) -> None:
    number = await small_world.comment("Pierwszy", way="pre")
    await small_world.decide("publish", number)
    await small_world.edit(number, "Drugi")
    seen = (await small_world.row(number)).revision
    await small_world.edit(number, "Trzeci")

    def late(tx: Tx) -> decide.Bulk:
        return decide.decide(
            tx, small_world.house, small_world.anna, "publish", [Choice(post=number, revision=seen)]
        )

    assert (await small_world.store.write(late)).failed == ((number, decide.STALE),)


# --- deletions ---------------------------------------------------------------------------------------------------


async def test_deleting_leaves_a_tombstone_only_where_somebody_answered(world: World) -> None:
    alone = await world.comment("Sam", by="v1")
    asked = await world.comment("Pytanie o zasiłek", by="v2")
    answer = await world.comment("Odpowiedź", by="v3", parent=asked)
    assert await world.delete(alone, by="v9") == ""
    assert await world.delete(alone) == "erased"
    assert await world.delete(asked, by="v2") == "erased"
    posts = (await world.page()).posts
    assert [(post.id, post.text, post.author, post.state) for post in posts] == [
        (asked, "", "", "erased"),
        (answer, "Odpowiedź", "Anna Nowak", "published"),
    ]
    kept = await world.store.read(
        lambda tx: tx.rows(select(schema.message.c.text).where(schema.message.c.id.in_([alone, asked])))
    )
    assert {row.text for row in kept} == {""}


# --- reports -----------------------------------------------------------------------------------------------------


async def test_three_readers_hide_a_comment(world: World) -> None:
    number = await world.comment()
    assert await world.report(number, "abuse", by="r1") == "published"
    assert await world.report(number, "abuse", by="r1") == "published"
    assert await world.report(number, "spam", by="r2") == "published"
    assert "reported" in await world.reasons(number)
    assert await world.report(number, "other", by="r3") == "hidden"
    row = await world.row(number)
    assert row.urgent and row.reports == 3


async def test_one_address_counts_once_however_many_visitors_it_invents(small_world: World) -> None:
    number = await small_world.comment()
    for n in range(5):
        assert await small_world.report(number, "abuse", by=f"r{n}", origin="same") == "published"


@pytest.mark.parametrize("reason", ["threat", "personal-data"])
async def test_one_grave_report_hides(small_world: World, reason: str) -> None:
    number = await small_world.comment()
    assert await small_world.report(number, reason, by="r1") == "hidden"


async def test_reporters_and_author_learn_the_outcome(world: World) -> None:
    number = await world.comment()
    await world.report(number, "abuse", by="r1")
    seen = await world.seen(number, "r1")
    assert seen is not None and seen.reported == "open"
    await world.decide("publish", number)
    seen = await world.seen(number, "r1")
    assert seen is not None and seen.reported == "kept"
    other = await world.comment("Inny", by="v2")
    await world.comment("Odpowiedź", by="v3", parent=other)
    await world.report(other, "threat", by="r1")
    await world.decide("hide", other, reason="threat")
    seen = await world.seen(other, "r1")
    assert seen is not None and seen.reported == "removed" and seen.text == ""


async def test_after_keeping_reports_are_silent_until_five_more(small_world: World) -> None:
    number = await small_world.comment()
    await small_world.report(number, "abuse", by="r0")
    await small_world.decide("publish", number)
    for n in range(1, 5):
        assert await small_world.report(number, "abuse", by=f"r{n}") == "published"
        assert await small_world.reasons(number) == ()
    assert await small_world.report(number, "abuse", by="r5") == "hidden"


async def test_after_keeping_another_reason_is_loud(small_world: World) -> None:
    number = await small_world.comment()
    await small_world.report(number, "abuse", by="r0")
    await small_world.decide("publish", number)
    await small_world.report(number, "spam", by="r1")
    assert "reported-spam" in await small_world.reasons(number)


async def test_reports_belong_to_a_version(small_world: World) -> None:
    number = await small_world.comment()
    await small_world.report(number, "abuse", by="r1")
    await small_world.report(number, "abuse", by="r2")
    assert await small_world.edit(number, "Grzeczniej") == "published"
    assert await small_world.report(number, "abuse", by="r3", version=2) == "published"
    assert await small_world.report(number, "abuse", by="r4", version=1) == "published"


async def test_nobody_reports_themselves(small_world: World) -> None:
    number = await small_world.comment()
    assert await small_world.report(number, "threat", by="v1") == "published"


# --- appeals -----------------------------------------------------------------------------------------------------


async def test_an_appeal_is_decided_by_another_moderator(world: World) -> None:
    number = await world.comment(way="pre")
    await world.decide("reject", number, reason="abuse")
    assert await world.appeal(number, by="v2") == ""
    assert await world.appeal(number) == "rejected"
    assert await world.appeal(number) == ""
    assert (await world.decide("publish", number)).failed == ((number, decide.NOT_TWICE),)
    item = await world.store.read(lambda tx: bench.bench_item(tx, world.anna, number))
    assert item.appeal == "Proszę jeszcze raz." and item.appeal_mine
    assert (await world.decide("publish", number, by=world.ewa)).done == (number,)
    assert await world.state(number) == "published"


async def test_a_refused_appeal_stays_refused(small_world: World) -> None:
    number = await small_world.comment(way="pre")
    await small_world.decide("reject", number, reason="abuse")
    await small_world.appeal(number)
    await small_world.decide("reject", number, by=small_world.ewa, reason="abuse")
    mine = await small_world.seen(number, "v1")
    assert mine is not None and mine.state == "rejected" and not mine.appealable
    assert await small_world.appeal(number) == ""


async def test_nobody_appeals_against_what_reports_alone_did(small_world: World) -> None:
    number = await small_world.comment()
    await small_world.report(number, "threat", by="r1")
    assert await small_world.appeal(number) == ""


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


# --- articles ----------------------------------------------------------------------------------------------------


async def test_an_article_moderated_otherwise_than_its_site(world: World) -> None:
    await world.comment(way="post")
    [line] = await world.store.read(lambda tx: articles.list_articles(tx, world.house, world.anna))
    assert (line.setting, line.site, line.published) == (None, "post", 1)
    await world.store.write(lambda tx: articles.set_way(tx, world.house, world.anna, line.id, "pre"))
    second = await world.comment("Drugi", way="post", by="v2")
    assert await world.state(second) == "held"
    assert (await world.page()).moderation == "pre"
    await world.store.write(lambda tx: articles.set_way(tx, world.house, world.anna, line.id, "closed"))
    assert not (await world.page()).open
    third = await world.comment("Trzeci", way="post", by="v3")
    assert await world.reasons(third) == ("closed",)


async def test_a_later_comment_renames_no_article(small_world: World) -> None:
    await small_world.comment()
    place = CommentPlace(article="zasilek", title="Podmieniony", url="https://evil.example", moderation="pre")
    await small_world.take(msgspec.structs.replace(small_world.written("Drugi", by="v2"), comment=place))
    row = await small_world.store.read(lambda tx: tx.row(select(schema.article)))
    assert row is not None
    assert (row.title, row.site) == ("Zasiłek od A do Z", "pre")


# --- the list ----------------------------------------------------------------------------------------------------


def _from(world: World, after: str | None) -> Callable[[Reader], bench.BenchPage]:
    return lambda tx: bench.bench_page(tx, world.anna, bench.Filter(), after=after, size=3)


async def test_the_bench_goes_on_where_it_was(world: World) -> None:
    numbers = []
    for n in range(7):
        world.clock.move(1)
        numbers.append(await world.comment(f"Komentarz {n}", way="pre", by=f"v{n}"))
    seen: list[int] = []
    after = None
    while True:
        page = await world.store.read(_from(world, after))
        seen += [item.id for item in page.items]
        if page.next is None:
            break
        await world.decide("publish", page.items[0].id)
        after = page.next
    assert seen == numbers


async def test_filters_and_counts(world: World) -> None:
    abusive = await world.comment("Debile", by="v1")
    plain = await world.comment("Dobry", by="v2", way="pre")
    shown = await world.comment("Widoczny", by="v3")

    def ids(**wanted: Any) -> Callable[[Reader], list[int]]:
        return lambda tx: [item.id for item in bench.bench_page(tx, world.anna, bench.Filter(**wanted)).items]

    assert await world.store.read(ids(reason="abuse")) == [abusive]
    assert await world.store.read(ids(reason="approval")) == [plain]
    assert await world.store.read(ids(show="published")) == [shown]
    assert await world.store.read(ids(reason='"%')) == []
    counts = await world.store.read(lambda tx: bench.waiting_counts(tx, world.anna))
    assert counts == {"": 2, "abuse": 1, "approval": 1}


async def test_the_authors_record_stands_beside(world: World) -> None:
    one = await world.comment("Jeden", way="pre", email="anna@example.pl")
    two = await world.comment("Dwa", way="pre")
    await world.decide("publish", one)
    await world.decide("reject", two, reason="abuse")
    three = await world.comment("Trzy", way="pre", parent=one)
    item = await world.store.read(lambda tx: bench.bench_item(tx, world.anna, three))
    assert item.record == bench.Author(published=1, rejected=1, reachable=True)
    assert (item.parent, item.article_title) == ("Jeden", "Zasiłek od A do Z")


async def test_the_answer_to_a_comment_stands_where_its_conversation_was_merged(world: World) -> None:
    first = await world.comment("Pierwszy komentarz", article="zasilek", way="post")
    world.clock.move(minutes=1)
    second = await world.comment("Drugi komentarz", article="staz", way="post")
    one, other = [(await world.row(number)).conversation for number in (first, second)]
    await world.store.write(lambda tx: merge_conversations(tx, world.house, world.anna, one, other))
    answer = await world.store.write(
        lambda tx: answers.answer_in_public(
            tx, world.house, world.anna, second, "Odpowiadamy.", client_id="answer-0001"
        )
    )
    message = await world.store.read(lambda tx: tx.get(schema.message, answer))
    assert message is not None and message.conversation == one
    assert (await world.row(second)).conversation == one


async def test_comments_of_an_inbox_that_is_not_configured_any_more_can_be_decided(
    small_world: World,
) -> None:
    number = await small_world.comment("Zwykły komentarz", way="pre", email="anna@example.pl")
    none = tuple(inbox for inbox in CONFIG.inboxes if inbox.id != "artykuly")
    without = a_house(msgspec.structs.replace(CONFIG, inboxes=none))
    house = msgspec.structs.replace(without, random=random.Random(2))
    chosen = [Choice(post=number)]
    done = await small_world.store.write(
        lambda tx: decide.decide(tx, house, small_world.anna, "reject", chosen, reason="abuse")
    )
    assert done.done == (number,)
    opened = await small_world.store.write(
        lambda tx: answers.open_private(tx, house, small_world.anna, number)
    )
    row = await small_world.store.read(lambda tx: tx.get(schema.conversation, opened))
    assert row is not None and row.queue == "bezrobotni"
