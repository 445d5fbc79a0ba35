"""The pages of replays as requests: the preview's fragment, what is told to whom, what a run that ended says."""

from __future__ import annotations

import asyncio
import html
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from hub.house import House
from hub.replay import runs
from hub.replay.runs import Wanted
from hub.ruleset import open_draft
from hub.scope import SYSTEM
from hub.store.store import Store
from tests.hub.conftest import FakeClock
from tests.hub.replay.conftest import AFTER, BEFORE, World, compared_here, some_mails, url_of
from tests.hub.specimen import add_person
from tests.hub.web.conftest import Browser

RULE = "- id: nowa\n  name: Nowa\n  when: {words: [promocja]}\n  do: {queue: pracodawcy}\n"


@pytest.fixture
async def world(sqlite_store: Store, clock: FakeClock, sqlite_path: Path, tmp_path: Path) -> World:
    one = World(sqlite_store, clock, url_of(sqlite_store, sqlite_path), tmp_path)
    await one.publish(BEFORE)
    await one.feed(some_mails(40))
    return one


@pytest.fixture
def house(world: World) -> House:
    return world.house


@pytest.fixture
async def draft(world: World) -> int:
    return (await world.store.write(lambda tx: open_draft(tx, SYSTEM, source=AFTER))).id


async def preview(browser: Browser, draft: int, rule: str, **place: str) -> str:
    """The fragment once nothing more is to come; what it sends to ask again is what was sent."""
    fields = {"rule": rule, "replaces": "", **(place or {"after": "reklamy"})}
    async with asyncio.timeout(20):
        while True:
            status, text = await browser.post(f"/admin/rules/drafts/{draft}/preview", fields)
            assert status == 200
            again = re.search(r"hx-vals='([^']*)'", text)
            if again is None:
                return text
            assert msgspec.json.decode(html.unescape(again[1]))["rule"] == rule


@pytest.mark.slow
async def test_the_preview_of_a_rule(enter: Callable[[str], Any], draft: int, world: World) -> None:
    browser = await enter("administrator")
    said = await preview(browser, draft, RULE)
    caught = int(re.search(r'preview__count">(\d+)', said)[1])  # type: ignore[index]
    assert caught > 0
    assert said.count("<li>") == min(20, caught)
    assert "/conversations/" in said
    wrong = await preview(browser, draft, "- id: nowa\n  when: {wrods: [a]}\n  do: {queue: spam}\n")
    assert "wrods" in wrong


@pytest.mark.slow
async def test_the_preview_of_a_new_rule_goes_by_the_section_that_it_is_put_into(
    enter: Callable[[str], Any], world: World
) -> None:
    closed = (
        "rules:\n  - section: z\n    when: {sender: nikt@example.org}\n    rules:\n"
        "      - id: inna\n        do: {tags: [x]}\ndefault: {queue: informacja}\n"
    )
    number = (await world.store.write(lambda tx: open_draft(tx, SYSTEM, source=closed))).id
    browser = await enter("administrator")
    said = await preview(browser, number, RULE, section="z")
    assert "dochodzi do głosu przy 0," in said and "sekcja jest zamknięta" in said
    said = await preview(browser, number, RULE, section="")
    assert "dochodzi do głosu przy 0," not in said and "sekcja jest zamknięta" not in said


@pytest.mark.slow
async def test_a_county_administrator_reads_numbers_alone(
    enter: Callable[[str], Any], draft: int, world: World, people: dict[str, int]
) -> None:
    people["county"] = await world.store.write(
        lambda tx: add_person(tx, "county", role="administrator", office="pup-lomza")
    )
    browser = await enter("county")
    said = await preview(browser, draft, RULE)
    assert "/conversations/" not in said
    found = await compared_here(world, AFTER)
    _, page = await browser.get(f"/admin/rules/runs/{found.id}/messages")
    assert "/conversations/" not in page
    assert "Pytanie" not in page
    _, file = await browser.get(f"/admin/rules/runs/{found.id}/csv")
    assert file.count("\n") == found.result.differing + 1
    assert "Pytanie" not in file


async def test_a_run_that_failed_says_why_in_the_readers_language(
    enter: Callable[[str], Any], world: World
) -> None:
    number = await world.store.write(lambda tx: runs.start(tx, SYSTEM, Wanted(days=1), source="rules: ["))
    await world.store.write(lambda tx: tx.change(runs.rule_run, number, state="running"))
    await world.store.write(runs.fail_interrupted)
    browser = await enter("administrator")
    _, page = await browser.get(f"/admin/rules/runs/{number}")
    assert "uruchomiono system ponownie" in page
    assert '<a href="/admin/rules/drafts" aria-current="page">' in page, "runs are of drafts"
    _, listed = await browser.get("/admin/rules/runs")
    assert f"/admin/rules/runs/{number}" in listed
