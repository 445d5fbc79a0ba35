"""The list that moderators work from, and articles moderated otherwise than their site, on both engines."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import msgspec
from sqlalchemy import select

from connectors.contract import CommentPlace
from hub.desk.merging import merge_conversations
from hub.moderation import answers, articles, bench, decide
from hub.moderation.decide import Choice
from hub.store import schema
from hub.store.tx import Reader
from tests.hub.moderation.world import World
from tests.hub.specimen import CONFIG, a_house

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
