"""What happens to a comment that was placed: edits, deletions, reports of readers, appeals, on both engines."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from hub.moderation import bench, decide
from hub.moderation.decide import Choice
from hub.store import schema
from hub.store.tx import Tx
from tests.hub.moderation.world import World

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
