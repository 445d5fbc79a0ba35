"""The bell of the loops: rings are kept, pauses end by the clock, and a cancellation is never swallowed."""

from __future__ import annotations

import asyncio

import pytest

from hub.wake import Wake
from tests.hub.conftest import FakeClock


async def test_a_ring_while_nobody_waits_is_kept(clock: FakeClock) -> None:
    wake = Wake()
    wake.ring()
    async with asyncio.timeout(30):
        await wake.wait(clock, 3600)


async def test_the_pause_ends_by_the_clock(clock: FakeClock) -> None:
    waiting = asyncio.create_task(Wake().wait(clock, 60))
    await clock.is_slept_by()
    assert not waiting.done()
    clock.move(61)
    async with asyncio.timeout(30):
        await waiting


@pytest.mark.parametrize("steps", range(8))
async def test_whoever_is_cancelled_while_the_bell_rings_ends(clock: FakeClock, steps: int) -> None:
    """At whichever step of the loop between the ring and the return the cancellation falls."""
    wake = Wake()

    async def forever() -> None:
        while True:
            await wake.wait(clock, 3600)

    task = asyncio.create_task(forever())
    await clock.is_slept_by()
    wake.ring()
    for _ in range(steps):
        await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait([task], timeout=30)
    assert task.cancelled()
