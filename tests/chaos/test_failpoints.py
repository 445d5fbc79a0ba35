"""The named places where hubs can be killed: how many there are, and that each is passed by what runs here."""

from __future__ import annotations

import asyncio
from pathlib import Path

import aiohttp
import pytest

from connectors._failpoint import armed
from connectors.contract import Micros
from hub.clock import SystemClock
from hub.config import Config
from hub.configfile import load
from hub.logs import logger
from hub.people.presence import BROWSER_GONE
from hub.people.users import find_login
from hub.replay.runs import Wanted, start
from hub.scope import SYSTEM
from hub.store.sqlite import SqliteStore
from hub.store.tx import Tx
from hub.sweep import run_sweeps
from hub.timers import set_timer
from tests.chaos.run import Run, channels_open, under_load
from tests.chaos.test_kill import ALL, PLACES
from tests.chaos.world import World, a_world
from tests.hub.specimen import a_house

ELSEWHERE = ("leases.", "bus.", "sweep.")
"""Beginnings of places that one hub alone does not pass in a minute; the cluster and :func:`test_the_sweeps` do."""


def test_there_are_enough_and_they_stand_around_steps() -> None:
    assert len(PLACES) >= 60
    pairs = {place.rpartition(".")[0] for place in PLACES if place.endswith(".before")}
    assert len(pairs) >= 20, "before and after each step"


class Hasty(SystemClock):
    """Its first wait is over at once; the next one never ends."""

    def __init__(self) -> None:
        self._waited = False

    async def sleep(self, seconds: float) -> None:
        if self._waited:
            await asyncio.Event().wait()
        self._waited = True


async def test_the_sweeps_pass_theirs(tmp_path: Path) -> None:
    store, seen = SqliteStore(tmp_path / "centrala.db", SystemClock()), list[str]()
    await store.open()

    async def nothing() -> int:
        return 0

    with armed("", seen.append):
        task = asyncio.create_task(run_sweeps(store, Hasty(), a_house, nothing, logger("test")))
        for _ in range(1000):
            await asyncio.sleep(0.01)
            if "sweep.after" in seen:
                break
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    await store.close()
    assert {place for place in PLACES if place.startswith("sweep.")} <= set(seen)


async def _more_work(world: World) -> None:
    """Let a draft decide in the shadow from the next start on, and a deadline pass: loops that the load alone does not
    wake. The published rules are there since the first start."""
    config: Config = load(world.nodes[0].config, environ={})
    store = SqliteStore(Path(config.store.url.partition(":")[2]), SystemClock())
    await store.open()
    rules = await asyncio.to_thread(Path(config.hub.rules_file).read_text)
    wanted = Wanted(until=Micros(SystemClock().now() + 3_600_000_000))

    def order(tx: Tx) -> None:
        start(tx, SYSTEM, wanted, source=rules, kind="shadow")
        if (ewa := find_login(tx, "ewa")) is not None:
            set_timer(tx, BROWSER_GONE, ewa.id, tx.now)

    await store.write(order)
    await store.close()


@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_each_is_passed_under_load() -> None:
    wanted = {place for place in PLACES if not place.startswith(ELSEWHERE)}
    with a_world(channels=ALL) as world:
        await world.prepare()
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10)) as session:
            async with world.around(), channels_open(world, session):
                await asyncio.to_thread(world.start)
                for channel in world.channels:
                    await channel.ready()
                async with under_load(world, session, Run()):
                    await asyncio.sleep(3.0)
                    world.kill()
                    await _more_work(world)
                    # What cannot be taken in goes to the quarantine, call by call.
                    world.nodes[0].failpoints = "intake.write.before=error%0.3~5"
                    await asyncio.to_thread(world.start)
                    for _ in range(130):
                        await asyncio.sleep(0.3)
                        if not (missing := sorted(wanted - world.passed())):
                            break
    assert missing == []
