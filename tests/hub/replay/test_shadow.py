"""A shadow decides beside the published rules, changes nothing, and loses and doubles nothing over a restart."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from sqlalchemy import select

from hub.logs import logger
from hub.replay import runs, shadow
from hub.replay.runs import Run, Wanted
from hub.replay.shadow import run_shadows
from hub.store import schema
from hub.store.store import StorageFault
from tests.hub.conftest import FakeClock
from tests.hub.replay.conftest import ADMIN, AFTER, BEFORE, World, some_mails

FOREVER = Wanted()
ALL = Wanted(messages=100_000)


@asynccontextmanager
async def shadowing(world: World) -> AsyncIterator[None]:
    """The loop of a running hub."""
    loop = asyncio.create_task(
        run_shadows(world.store, world.clock, lambda: world.house, world.wake, logger("test"))
    )
    try:
        yield
    finally:
        loop.cancel()
        await asyncio.gather(loop, return_exceptions=True)


def counted(run: Run) -> tuple[object, ...]:
    result = run.result
    return result.flows, result.moved, result.differing, result.changes, result.hits, result.decisions


@pytest.mark.slow
async def test_a_shadow_finds_what_a_replay_finds(world: World) -> None:
    mails = some_mails(40)
    number = await world.start(FOREVER, source=AFTER, kind="shadow")
    async with shadowing(world):
        await world.feed(mails[:25])
        await world.until(number, lambda run: run.done >= 25)
    await world.feed(mails[25:35])
    async with shadowing(world):  # as after a restart
        await world.feed(mails[35:])
        live = await world.until(number, lambda run: run.done >= 40)
    assert live.state == "running"
    replayed = await world.replayed(AFTER, ALL)
    assert counted(live) == counted(replayed)
    assert await traces(world, number) == await traces(world, replayed.id) != set()


async def traces(world: World, number: int) -> set[int]:
    moves = await world.store.read(lambda tx: runs.moved_messages(tx, ADMIN, number, limit=99))
    return {move.trace for move in moves}


async def test_a_shadow_has_no_effect(small_world: World) -> None:
    world, tables = small_world, ("conversation", "message", "trace", "effect", "timer", "delivery", "event")

    async def present() -> dict[str, list[object]]:
        return {
            name: list(await world.store.read(lambda tx, n=name: tx.rows(select(schema.metadata.tables[n]))))  # type: ignore[misc]
            for name in tables
        }

    number = await world.start(FOREVER, source=AFTER, kind="shadow")
    await world.feed(some_mails(20))
    before = await present()
    async with shadowing(world):
        await world.until(number, lambda run: run.done >= 20)
    assert await present() == before


async def test_it_compares_with_what_is_published_then(small_world: World) -> None:
    world = small_world
    number = await world.start(FOREVER, source=AFTER, kind="shadow")
    async with shadowing(world):
        await world.feed(some_mails(15))
        first = await world.until(number, lambda run: run.done >= 15)
        await world.publish(AFTER)
        await world.feed(some_mails(30)[15:])
        second = await world.until(number, lambda run: run.done >= 30)
    assert first.moved > 0
    assert second.moved == first.moved  # the draft is what is published now
    assert second.result.versions == {1: 15, 2: 15}


async def test_it_ends_at_its_time_or_when_stopped(small_world: World, clock: FakeClock) -> None:
    world = small_world
    until = clock.now() + 3_600_000_000
    number = await world.start(Wanted(until=until), source=AFTER, kind="shadow")
    async with shadowing(world):
        await world.feed(some_mails(5))
        clock.move(hours=2)
        await world.feed(some_mails(8)[5:])
        ended = await world.until(number, lambda run: not run.open)
        assert (ended.state, ended.done) == ("done", 5)
        again = await world.start(FOREVER, source=AFTER, kind="shadow")
        await world.store.write(lambda tx: runs.stop(tx, ADMIN, again))
        stopped = await world.run(again)
    assert stopped.state == "done"
    assert stopped.finished_at is not None


async def test_a_storage_that_was_away_for_a_moment_loses_and_doubles_nothing(
    small_world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world, works, failed = small_world, runs.note, asyncio.Event()

    def fails_once(*given: Any, **values: Any) -> Any:
        if not failed.is_set():
            failed.set()
            raise StorageFault("the disk is full")
        return works(*given, **values)

    monkeypatch.setattr(runs, "note", fails_once)
    number = await world.start(FOREVER, source=AFTER, kind="shadow")
    await world.feed(some_mails(15))
    async with shadowing(world):
        await failed.wait()
        await world.feed(some_mails(18)[15:])
        live = await world.until(number, lambda run: run.done >= 18)
    assert live.done == 18
    assert len(await traces(world, number)) == live.moved > 0


async def test_a_draft_that_cannot_be_compiled_says_so(small_world: World) -> None:
    world = small_world
    number = await world.start(FOREVER, source=BEFORE.replace("bezrobotni", "nieznana"), kind="shadow")
    async with shadowing(world):
        failed = await world.until(number, lambda run: not run.open)
    assert failed.state == "failed"
    assert "nieznana" in str(failed.failure)


async def test_intake_goes_first(small_world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """While calls wait for a commit the shadow writes nothing; then it goes on where it was, and nothing is missing."""
    world = small_world
    number = await world.start(FOREVER, source=AFTER, kind="shadow")
    monkeypatch.setattr(shadow, "BUSY", 0)
    async with shadowing(world):
        await world.feed(some_mails(20))
        for _ in range(20):
            world.clock.move(1)
            await asyncio.sleep(0.01)
        assert (await world.run(number)).done == 0
        monkeypatch.setattr(shadow, "BUSY", 64)
        found = await world.until(number, lambda run: run.done >= 20)
    assert found.done == 20
    assert shadow.behind(found, found.position + 7) == 7
