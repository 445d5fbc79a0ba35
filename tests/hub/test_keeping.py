"""A loop that fails is told, is begun again after a rest, and keeps the process from being ready meanwhile."""

from __future__ import annotations

import asyncio

from hub.keeping import REST, keep_up
from tests.contract.world import Log
from tests.hub.conftest import FakeClock


async def test_a_loop_that_fails_is_begun_again(clock: FakeClock) -> None:
    begun, down, log = list[float](), set[str](), Log()
    goes_on = asyncio.Event()

    async def loop() -> None:
        begun.append(clock.monotonic())
        if len(begun) < 3:
            raise ValueError("a bug")
        goes_on.set()
        await asyncio.Event().wait()

    task = asyncio.create_task(keep_up("outbox", loop, clock, log, down))
    for times in (1, 2):
        await clock.is_slept_by()
        assert (len(begun), down) == (times, {"outbox"})
        clock.move(REST)
    await asyncio.wait_for(goes_on.wait(), 30)
    assert not down
    assert log.count("a loop of the hub ended") == 2
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert task.cancelled()


async def test_a_loop_that_has_done_its_work_is_not(clock: FakeClock) -> None:
    async def loop() -> None:
        """Draining, for one, ends a loop."""

    down = set[str]()
    await asyncio.wait_for(keep_up("outbox", loop, clock, Log(), down), 30)
    assert not down
