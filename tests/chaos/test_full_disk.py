"""A disk that is full: the hub refuses on every channel, keeps running, and goes on when there is room again.

The disk is a limit on the size of the hub's files (as a quota sets it), lifted while the hub runs.
"""

from __future__ import annotations

import asyncio

import aiohttp
import pytest

from tests.chaos.channels.mail import Lmtp, by_lmtp
from tests.chaos.ledgers import NotYet
from tests.chaos.run import Run, channels_open, settled, under_load
from tests.chaos.world import World, a_world

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

FULL = 2_500_000
"""Bytes of the largest file; the empty database and its log need a quarter of that."""


async def refused(world: World) -> str | None:
    """What LMTP answers to one more mail; None when it was taken."""
    try:
        async with asyncio.timeout(5):
            await by_lmtp(world.lmtp, Lmtp.address)("probe00001x")
    except NotYet as answer:
        return str(answer)
    except (OSError, TimeoutError):
        return None
    return None


async def test_full_disk_refuses_and_resumes() -> None:
    result = Run()
    with a_world() as world:
        await world.prepare()
        world.nodes[0].largest_file = FULL
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10)) as session:
            async with channels_open(world, session):
                await asyncio.to_thread(world.start)
                async with under_load(world, session, result, agents=False):
                    answer = await until_refused(world)
                    assert "451" in answer or "452" in answer
                    counts = total(result)
                    await asyncio.sleep(1.5)
                    assert total(result) <= counts + len(result.ledgers), (
                        "hardly anything more is acknowledged"
                    )
                    form = f"http://127.0.0.1:{world.public}/embed/form/formularz"
                    async with session.post(form, data={}) as page:
                        assert page.status in (400, 422, 503), "the public pages still answer"
                    assert world.running()
                    await asyncio.to_thread(world.nodes[0].lift_limit)
                    await until_more(result, counts + 30)
                await settled(world, session, result)
    assert result.faults() == []


def total(result: Run) -> int:
    """Everything acknowledged so far."""
    return sum(len(ledger.acknowledged) for ledger in result.ledgers)


async def until_refused(world: World) -> str:
    """What LMTP says when the disk is full."""
    for _ in range(600):
        if (answer := await refused(world)) is not None:
            return answer
        await asyncio.sleep(0.05)
    raise AssertionError("the disk never became full")


async def until_more(result: Run, wanted: int) -> None:
    for _ in range(600):
        if total(result) >= wanted:
            return
        await asyncio.sleep(0.1)
    raise AssertionError("the hub did not resume")
