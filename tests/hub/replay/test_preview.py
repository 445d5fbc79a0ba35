"""What a rule in the editor would catch and win, held against deciding with the whole draft."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest

from hub.directory import directory
from hub.replay import stored
from hub.replay.compare import placed
from hub.replay.preview import Answer, Previewer
from hub.replay.protocol import Preview, Problem
from hub.rulefile import compile_source
from rules import evaluate
from rules.editing.edit import insert_rule, remove_rule, replace_rule
from rules.words import forms
from tests.hub.replay.conftest import AFTER, World, some_mails

DRAFT = AFTER.replace("rules:", "words:\n  pieniądze: [zasiłek, wypłata]\nrules:", 1)


@pytest.fixture
async def previewer(small_world: World) -> AsyncIterator[Previewer]:
    one = Previewer(small_world.clock, lambda: small_world.config)
    yield one
    await one.close()


async def final(previewer: Previewer, rule: str, **more: Any) -> Answer:
    async with asyncio.timeout(30):
        while True:
            answer = await previewer.preview(1, DRAFT, rule, **more)
            if isinstance(answer, Problem) or (answer is not None and answer.last):
                return answer


async def expected(world: World, name: str, source: str, without: str) -> tuple[int, int, int, int]:
    """Caught alone, reached, decided something, moved: by deciding with the whole draft."""
    config, house = world.config, directory(world.config)
    whole, base = (compile_source(config, text, "draft", expand=forms) for text in (source, without))
    alone = compile_source(
        config,
        "words:\n  pieniądze: [zasiłek, wypłata]\nrules:\n" + one_rule(source, name) + "default: {tier: 1}\n",
        "alone",
        expand=forms,
    )
    span = await world.store.read(lambda tx: stored.newest(tx, 2000))
    assert span is not None
    found = await world.store.read(lambda tx: stored.batch(tx, stored.Snapshots(), span.first, span.last))
    caught = [one for one in found if name in evaluate(alone, one.facts).matched]
    decisions = [(one, evaluate(whole, one.facts), evaluate(base, one.facts)) for one in caught]
    return (
        len(caught),
        sum(name in with_it.matched for _, with_it, _ in decisions),
        sum(
            any(name in who.split(",") for who in with_it.trace.winners.values())
            for _, with_it, _ in decisions
        ),
        sum(placed(house, one, a.actions) != placed(house, one, b.actions) for one, a, b in decisions),
    )


def one_rule(source: str, name: str) -> str:
    lines = source.split("\n")
    start = lines.index(f"  - id: {name}")
    rest = lines[start + 1 :]
    end = next(n for n, line in enumerate(rest) if not line.startswith("    "))
    return "\n".join([lines[start], *rest[:end]]) + "\n"


RULES = (
    """- id: nowa
  name: Nowa
  when: {words: {list: pieniądze}}
  do: {queue: pracodawcy, tags: [kasa]}
""",
    """- id: nowa
  name: Nowa
  when: {any: [{words: [firma]}, {words: [termin]}]}
  do: {priority: low, tags: [x]}
  then: continue
""",
    """- id: nowa
  name: Nowa
  on: [new, message]
  when: {words: [urząd]}
  do: {queue: spam}
""",
)


PLACES: tuple[dict[str, str], ...] = ({}, {"after": "reklamy"}, {"replaces": "pilne"}, {"replaces": "firmy"})


@pytest.mark.slow
async def test_it_says_what_the_whole_draft_would_do(small_world: World, previewer: Previewer) -> None:
    await small_world.feed(some_mails(50, seed=4))
    for rule, place in itertools.product(RULES, PLACES):
        without = remove_rule(DRAFT, place["replaces"]) if "replaces" in place else DRAFT
        if "replaces" in place:
            source = replace_rule(DRAFT, place["replaces"], rule)
        else:
            source = insert_rule(DRAFT, rule, after=place.get("after"))
        said = await final(previewer, rule, **place)
        assert isinstance(said, Preview)
        assert said.placed is not None
        found = (said.caught, said.placed.reached, said.placed.wins, said.placed.moves)
        assert found == await expected(small_world, "nowa", source, without)
        assert said.caught > 0
        assert said.looked == 50
        assert len(said.examples) == min(20, said.caught)


@pytest.mark.slow
async def test_it_is_quick_once_warm_and_knows_new_messages(small_world: World, previewer: Previewer) -> None:
    await small_world.feed(some_mails(30))
    began = time.perf_counter()
    await final(previewer, RULES[1])
    warm = time.perf_counter()
    said = await final(previewer, RULES[2])
    assert time.perf_counter() - warm < warm - began
    assert isinstance(said, Preview)


@pytest.mark.slow
async def test_what_cannot_be_read_is_said(small_world: World, previewer: Previewer) -> None:
    await small_world.feed(some_mails(3))
    said = await final(previewer, "id: x\nwhen: {wrods: [a]}\ndo: {queue: spam}\n")
    assert isinstance(said, Problem)
    assert said.detail is not None
    assert "wrods" in str(said.detail)
    broken = await final(previewer, "id: [")
    assert isinstance(broken, Problem)
    again = await final(previewer, RULES[1])
    assert isinstance(again, Preview)


@pytest.mark.slow
async def test_a_child_that_was_killed_is_replaced(small_world: World, previewer: Previewer) -> None:
    await small_world.feed(some_mails(3))
    await final(previewer, RULES[1])
    assert previewer._child is not None
    await previewer._child.end()
    broken = await final(previewer, RULES[2])
    assert isinstance(broken, Problem)  # and not asked again and again
    assert isinstance(await final(previewer, RULES[0]), Preview)


@pytest.mark.slow
async def test_it_ends_when_nobody_asks(small_world: World, previewer: Previewer) -> None:
    await final(previewer, RULES[1])
    child = previewer._child
    assert child is not None
    small_world.clock.move(minutes=4)
    await asyncio.to_thread(child._process.wait, 10)
    assert child.ended
    async with previewer._turn:
        pass
    assert previewer._child is None
