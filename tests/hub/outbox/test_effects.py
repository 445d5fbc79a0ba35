"""Effects at work: what is slow or broken outside holds up nothing inside, and everything ends or is tried again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest
from sqlalchemy import Row, insert, select

from connectors.contract import SendError
from hub.house import House
from hub.logs import logger
from hub.outbox import errands, runner
from hub.outbox.effects import RUN_LIMIT, TRIES
from hub.outbox.errands import AT_ONCE, Errands
from hub.outbox.runner import run_effects
from hub.store import schema
from hub.store.store import StorageFault, Store
from hub.store.tx import Tx
from hub.wake import Wake
from tests.hub.conftest import FakeClock
from tests.hub.specimen import a_house

effect = schema.effect


class World:
    """A loop of effects: ``notice`` needs the store alone, ``webhook`` and ``fetch`` do as a test says by id."""

    def __init__(self, store: Store, clock: FakeClock) -> None:
        self.store, self.clock, self.house = store, clock, a_house()
        self.wake = Wake()
        self.begun: list[int] = []
        self.silent: dict[str, asyncio.Event] = {}
        self.fails: dict[int, list[Exception]] = {}
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        acts = {"webhook": self._outside, "fetch": self._outside}
        log = logger("test")
        begun = Errands(self.store, acts, self.wake, log)
        work = run_effects(
            self.store, self.clock, lambda: self.house, {"notice": self._inside}, begun, self.wake, log
        )
        self._task = asyncio.create_task(work)

    async def end(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def order(self, kind: str, count: int = 1) -> list[int]:
        """That many effects, due now."""

        def command(tx: Tx) -> list[int]:
            made = [tx.new_id() for _ in range(count)]
            rows = [
                {
                    "id": number,
                    "kind": kind,
                    "state": "waiting",
                    "due_at": tx.now,
                    "attempts": 0,
                    "data": "{}",
                    "created_at": tx.now,
                }
                for number in made
            ]
            tx.execute(insert(effect), rows)
            return made

        found = await self.store.write(command)
        self.wake.ring()
        return found

    async def rows(self, ids: Sequence[int]) -> list[Row[Any]]:
        chosen = select(effect).where(effect.c.id.in_(ids)).order_by(effect.c.id)
        return list(await self.store.read(lambda tx: tx.rows(chosen)))

    async def become(self, ids: Sequence[int], state: str, attempts: int | None = None) -> list[Row[Any]]:
        """Until all of these are in a state; the clock stands still meanwhile."""
        async with asyncio.timeout(20):
            while True:
                rows = await self.rows(ids)
                if all(row.state == state and attempts in (None, row.attempts) for row in rows):
                    return rows
                await asyncio.sleep(0.01)

    def _inside(self, tx: Tx, house: House, row: Row[Any]) -> bool:
        return True

    async def _outside(self, row: Row[Any]) -> None:
        self.begun.append(row.id)
        if (silent := self.silent.get(row.kind)) is not None:
            await silent.wait()
        if failing := self.fails.get(row.id):
            raise failing.pop(0)


@pytest.fixture
async def world(store: Store, clock: FakeClock) -> AsyncIterator[World]:
    made = World(store, clock)
    made.start()
    yield made
    await made.end()


async def test_an_address_that_is_silent_holds_up_nobody(world: World) -> None:
    """Neither notices nor files wait for webhooks, of which no more than so many are begun at once."""
    world.silent["webhook"] = asyncio.Event()
    hooks = await world.order("webhook", 2 * AT_ONCE)
    await world.become(hooks[:AT_ONCE], "running")
    await world.become(await world.order("notice", 3), "done")
    await world.become(await world.order("fetch", 3), "done")
    assert sorted(world.begun)[:AT_ONCE] == hooks[:AT_ONCE]
    assert {row.state for row in await world.rows(hooks[AT_ONCE:])} == {"waiting"}
    world.silent["webhook"].set()
    await world.become(hooks, "done")
    assert sorted(number for number in world.begun if number in hooks) == hooks


async def test_what_fails_unforeseen_is_put_off_and_ends_nothing(world: World) -> None:
    [odd] = await world.order("webhook")
    world.fails[odd] = [ValueError("bug"), SendError("temporary", "later", "status 500", retry_after=40)]
    [row] = await world.become([odd], "waiting", attempts=1)
    assert (row.error, row.due_at > world.clock.now()) == ("ValueError", True)
    await world.become(await world.order("webhook"), "done")
    world.clock.move((row.due_at - world.clock.now()) / 1e6)
    world.wake.ring()
    [row] = await world.become([odd], "waiting", attempts=2)
    assert (row.error, row.due_at) == ("status 500", world.clock.now() + 40_000_000)
    world.clock.move(40)
    world.wake.ring()
    await world.become([odd], "done", attempts=3)


async def test_it_is_given_up_at_once_or_in_the_end(world: World) -> None:
    refused, tired = await world.order("webhook", 2)
    world.fails[refused] = [SendError("permanent", "no", "status 404")]
    world.fails[tired] = [SendError("temporary", "later")] * TRIES
    await world.become([refused], "failed", attempts=1)
    for tries in range(1, TRIES):
        [row] = await world.become([tired], "waiting", attempts=tries)
        world.clock.move((row.due_at - world.clock.now()) / 1e6)
        world.wake.ring()
    await world.become([tired], "failed", attempts=TRIES)


async def test_what_takes_too_long_is_ended_and_tried_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(errands, "LONGEST", 0.05)
    world.silent["fetch"] = asyncio.Event()
    [slow] = await world.order("fetch")
    [row] = await world.become([slow], "waiting", attempts=1)
    world.silent["fetch"].set()
    world.clock.move((row.due_at - world.clock.now()) / 1e6)
    world.wake.ring()
    await world.become([slow], "done", attempts=2)


async def test_what_another_process_has_in_hand_is_not_asked_for_all_the_time(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its rows are due, and skipped while they are locked."""
    asked: list[int] = []

    def locked(tx: Tx, *_: Any) -> int:
        asked.append(tx.now)
        return 0

    monkeypatch.setattr(runner, "run_inside", locked)
    await world.order("notice")
    async with asyncio.timeout(30):
        while not asked:  # noqa: ASYNC110 - asked on the thread of the store
            await asyncio.sleep(0.01)
    await asyncio.sleep(0.3)
    assert len(asked) <= 3


async def test_what_a_process_left_running_is_taken_up_once(world: World, store: Store) -> None:
    """The storage was away when it should have been noted: later it is done again, and noted then."""
    [left] = await world.order("webhook")
    world.fails[left] = [StorageFault("away")]
    await world.become([left], "running")
    world.clock.move(RUN_LIMIT / 1e6 + 1)
    world.wake.ring()
    await world.become([left], "done", attempts=1)
    assert world.begun == [left, left]
