"""A cancellation is never lost, however close it comes to what was waited for."""

from __future__ import annotations

import asyncio

import pytest

import connectors  # noqa: F401  # it mends what the libraries wait by


async def test_a_cancellation_that_meets_the_result_ends_the_task() -> None:
    answer = asyncio.get_running_loop().create_future()

    async def asks() -> None:
        while True:
            await asyncio.wait_for(answer, 10)
            await asyncio.sleep(3600)

    task = asyncio.create_task(asks())
    await asyncio.sleep(0)
    answer.set_result("250 OK")
    task.cancel()
    done, _ = await asyncio.wait([task], timeout=1)
    assert done and task.cancelled()


async def test_the_result_comes_in_time_or_the_wait_ends() -> None:
    answer = asyncio.get_running_loop().create_future()
    asyncio.get_running_loop().call_soon(answer.set_result, "250 OK")
    assert await asyncio.wait_for(answer, 10) == "250 OK"
    assert await asyncio.wait_for(answer, 0) == "250 OK"
    assert await asyncio.wait_for(asyncio.sleep(0, "no limit"), None) == "no limit"
    for seconds in (0.01, 0, -1):
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.Event().wait(), seconds)
