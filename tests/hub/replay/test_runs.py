"""Runs as rows: who may start and stop them, one at a time, bounds, what is left after a restart or a stop."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from hub.logs import logger
from hub.replay import runs
from hub.replay.replaying import run_replays, span_of
from hub.replay.runs import Wanted
from hub.ruleset import open_draft
from hub.scope import Conflict, Denied, NotFound, Scope
from hub.store import schema
from tests.hub.replay.conftest import ADMIN, AFTER, World, compared_here, some_mails

COUNTY = Scope(user=2, role="administrator", office="pup-lomza", name="Łucja")
AGENT = Scope(user=3, role="agent", office="krajowa", front=True)
DAY = Wanted(days=1)


@asynccontextmanager
async def replaying(world: World) -> AsyncIterator[None]:
    task = asyncio.create_task(
        run_replays(world.store, world.clock, lambda: world.house, world.wake, logger("test"))
    )
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def start(world: World, scope: Scope = ADMIN, wanted: Wanted = DAY, **more: Any) -> int:
    return await world.store.write(lambda tx: runs.start(tx, scope, wanted, **more))


async def test_only_administrators_of_the_front_office_start_and_stop(small_world: World) -> None:
    for scope in (COUNTY, AGENT):
        with pytest.raises(Denied):
            await start(small_world, scope, source=AFTER)
    run = await start(small_world, source=AFTER)
    with pytest.raises(Denied):
        await small_world.store.write(lambda tx: runs.stop(tx, COUNTY, run))
    seen = await small_world.store.read(lambda tx: runs.run(tx, COUNTY, run))
    assert seen.id == run
    with pytest.raises(Denied):
        await small_world.store.read(lambda tx: runs.run(tx, AGENT, run))
    with pytest.raises(NotFound):
        await small_world.store.read(lambda tx: runs.run(tx, ADMIN, run + 1))


@pytest.mark.parametrize(
    "wanted", [Wanted(), Wanted(days=0), Wanted(days=367), Wanted(messages=0), Wanted(messages=1_000_001)]
)
async def test_what_is_asked_must_make_sense(small_world: World, wanted: Wanted) -> None:
    with pytest.raises(Conflict):
        await start(small_world, wanted=wanted, source=AFTER)


async def test_a_draft_is_replayed_once_at_a_time(small_world: World) -> None:
    draft = (await small_world.store.write(lambda tx: open_draft(tx, ADMIN, source=AFTER))).id
    first = await start(small_world, draft=draft)
    with pytest.raises(Conflict, match="being replayed"):
        await start(small_world, draft=draft)
    await small_world.store.write(lambda tx: runs.stop(tx, ADMIN, first))
    with pytest.raises(Conflict, match="ended"):
        await small_world.store.write(lambda tx: runs.stop(tx, ADMIN, first))
    assert await start(small_world, draft=draft)
    stopped = await small_world.run(first)
    assert (stopped.state, stopped.revision, stopped.draft) == ("stopped", 1, draft)


@pytest.mark.slow
async def test_runs_wait_for_each_other(small_world: World) -> None:
    world = small_world
    await world.feed(some_mails(10))
    first, second = await start(world, source=AFTER), await start(world, source=AFTER)
    async with replaying(world):
        done = await world.until(second, lambda run: not run.open)
    before = await world.run(first)
    assert (before.state, done.state) == ("done", "done")
    assert (before.finished_at or 0) <= (done.finished_at or 0)


@pytest.mark.slow
async def test_a_running_replay_is_stopped(small_world: World) -> None:
    world = small_world
    await world.feed(some_mails(30))
    run = await start(world, source=AFTER)
    async with replaying(world):
        await world.until(run, lambda found: found.state == "running" and found.total > 0)
        await world.store.write(lambda tx: runs.stop(tx, ADMIN, run))
        again = await start(world, source=AFTER)
        await world.until(again, lambda found: found.state == "done")
    assert (await world.run(run)).state == "stopped"


@pytest.mark.slow
async def test_after_a_restart_what_ran_has_failed_and_what_waited_runs(small_world: World) -> None:
    world = small_world
    await world.feed(some_mails(5))
    run, waiting = await start(world, source=AFTER), await start(world, source=AFTER)
    await world.store.write(lambda tx: tx.change(schema.rule_run, run, state="running", node="another"))
    async with replaying(world):
        await world.until(waiting, lambda found: found.state == "done")
    failed = await world.run(run)
    assert failed.state == "failed"
    assert failed.failure is not None
    assert "restarted" in failed.failure.msgid


@pytest.mark.slow
async def test_what_cannot_be_done_is_told_in_a_sentence(small_world: World) -> None:
    world = small_world
    empty = await start(world, source=AFTER)
    wrong = await start(world, source=AFTER.replace("spam,", "nie-ma,"))
    async with replaying(world):
        nothing = await world.until(empty, lambda found: not found.open)
        await world.feed(some_mails(3))
        broken = await world.until(wrong, lambda found: not found.open)
        late = await start(world, source="rules: [")
        unreadable = await world.until(late, lambda found: not found.open)
    assert "no messages" in str(nothing.failure)
    assert {nothing.state, broken.state, unreadable.state} == {"failed"}
    assert "nie-ma" in str(broken.failure) or "no messages" in str(broken.failure)
    assert "cannot be used" in str(unreadable.failure)


async def test_days_and_numbers_bound_what_is_replayed(small_world: World) -> None:
    world = small_world
    await world.feed(some_mails(10), every=6 * 3600)  # two and a half days
    for wanted, expected in ((Wanted(days=1), 4), (Wanted(days=30), 10), (Wanted(messages=7), 7)):
        span = await world.store.read(lambda tx, wanted=wanted: span_of(tx, wanted))  # type: ignore[misc]
        assert span is not None
        assert span.total == expected


async def test_who_may_not_see_a_conversation_learns_its_number_and_queues_alone(small_world: World) -> None:
    world = small_world
    await world.feed(some_mails(30))
    found = await compared_here(world, AFTER)
    mine = await world.store.read(lambda tx: runs.moved_messages(tx, ADMIN, found.id))
    theirs = await world.store.read(lambda tx: runs.moved_messages(tx, COUNTY, found.id))
    assert [one.trace for one in mine] == [one.trace for one in theirs] != []
    assert all(one.subject and one.reference for one in mine)
    assert {(one.subject, one.reference, one.preview) for one in theirs} == {(None, None, None)}


async def test_messages_are_read_page_by_page(small_world: World) -> None:
    world = small_world
    await world.feed(some_mails(40))
    found = await compared_here(world, AFTER)
    one_by_one: list[int] = []
    behind: int | None = None
    while page := await world.store.read(
        lambda tx, behind=behind: runs.moved_messages(tx, ADMIN, found.id, behind=behind, limit=3)  # type: ignore[misc]
    ):
        one_by_one += [one.trace for one in page]
        behind = page[-1].trace
    assert len(one_by_one) == len(set(one_by_one)) == found.moved
    same = await world.store.read(lambda tx: runs.moved_messages(tx, ADMIN, found.id, same=True, limit=99))
    assert len(same) == found.result.differing - found.moved
    assert all(one.before == one.after and one.differences for one in same)


async def test_of_old_runs_the_tables_are_kept(small_world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world = small_world
    monkeypatch.setattr(runs, "WITH_MESSAGES", 1)
    await world.feed(some_mails(20))
    made = [await compared_here(world, AFTER) for _ in range(3)]
    table = schema.rule_run_move
    counts = [
        await world.store.read(
            lambda tx, run=run: tx.scalar(select(func.count()).where(table.c.run == run.id))  # type: ignore[misc]
        )
        for run in made
    ]
    assert counts[0] == 0
    assert counts[2] == made[2].result.differing > 0
    assert (await world.run(made[0].id)).result.flows == made[2].result.flows


@pytest.mark.slow
async def test_the_last_replay_of_this_text_is_found(small_world: World) -> None:
    world = small_world
    await world.feed(some_mails(4))
    draft = (await world.store.write(lambda tx: open_draft(tx, ADMIN, source=AFTER))).id
    run = await start(world, draft=draft)
    assert await world.store.read(lambda tx: runs.last_replay(tx, draft, 1)) is None
    async with replaying(world):
        await world.until(run, lambda found: not found.open)
    last = await world.store.read(lambda tx: runs.last_replay(tx, draft, 1))
    assert last is not None
    assert last.id == run
    assert await world.store.read(lambda tx: runs.last_replay(tx, draft, 2)) is None


def workers() -> int:
    """Child processes of this one that work on replays."""
    found = 0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(stat.read_text().rpartition(")")[2].split()[1])
            found += parent == os.getpid() and b"hub.replay.worker" in (stat.parent / "cmdline").read_bytes()
        except OSError:
            continue  # it ended while we looked
    return found


async def test_the_end_of_the_hub_ends_its_child_processes(small_world: World) -> None:
    world = small_world
    await world.feed(some_mails(10))
    run = await start(world, source=AFTER)
    async with replaying(world):
        await world.until(run, lambda found: found.state == "running" and found.total > 0)
    assert workers() == 0
    assert (await world.run(run)).open  # the next start finds it and says so
