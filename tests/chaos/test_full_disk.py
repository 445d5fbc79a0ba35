"""A disk that is full: the hub refuses on every channel, keeps running, and goes on when there is room again.

The disk is a limit on the size of the hub's files (as a quota sets it), lifted while the hub runs.
"""

from __future__ import annotations

import asyncio

import aiohttp
import pytest

from tests.chaos.peers import Agent, Api, HookPeer
from tests.chaos.senders import Ledger, NotYet, all_senders, by_lmtp
from tests.chaos.test_kill import Run, read_out
from tests.chaos.world import World, a_world

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

FULL = 2_500_000
"""Bytes of the largest file; the empty database and its log need a quarter of that."""


async def refused(world: World) -> str | None:
    """What LMTP answers to one more mail; None when it was taken."""
    try:
        async with asyncio.timeout(5):
            await by_lmtp(world)("probe00001x")
    except NotYet as answer:
        return str(answer)
    except (OSError, TimeoutError):
        return None
    return None


async def test_full_disk_refuses_and_resumes() -> None:
    with a_world() as world:
        await world.prepare()
        world.largest_file = FULL
        await asyncio.to_thread(world.start)
        stop, hook = asyncio.Event(), HookPeer()
        await hook.start(world.hook)
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10)) as session:
            ledgers, loops = all_senders(world, session, stop)
            tasks = [asyncio.create_task(loop) for loop in loops]
            answer = await until_refused(world)
            assert "451" in answer or "452" in answer
            counts = total(ledgers)
            await asyncio.sleep(1.5)
            assert total(ledgers) <= counts + len(ledgers), "hardly anything more is acknowledged"
            async with session.post(f"http://127.0.0.1:{world.public}/embed/form/formularz", data={}) as page:
                assert page.status in (400, 422, 503), "the public pages still answer"
            assert world.running()
            await asyncio.to_thread(world.lift_limit)
            await until_more(ledgers, counts + 30)
            stop.set()
            await asyncio.gather(*tasks)
            result = Run(ledgers, Agent())
            await read_out(world, Api(world, session), result)
        await hook.stop()
        assert result.faults() == []


def total(ledgers: dict[str, Ledger]) -> int:
    """Everything acknowledged so far."""
    return sum(len(ledger.acknowledged) for ledger in ledgers.values())


async def until_refused(world: World) -> str:
    """What LMTP says when the disk is full."""
    for _ in range(600):
        if (answer := await refused(world)) is not None:
            return answer
        await asyncio.sleep(0.05)
    raise AssertionError("the disk never became full")


async def until_more(ledgers: dict[str, Ledger], wanted: int) -> None:
    for _ in range(600):
        if total(ledgers) >= wanted:
            return
        await asyncio.sleep(0.1)
    raise AssertionError("the hub did not resume")
