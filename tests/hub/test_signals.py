"""A hub that is told to take over a changed configuration while it cannot."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Iterator
from typing import Any, cast

from hub.app import Hub
from hub.cli_run import _on_signals
from hub.store.store import StorageFault
from tests.contract.world import Log


class Reloading:
    """Of a hub, what a signal needs: each reload takes a moment, and the first one finds the storage away."""

    def __init__(self) -> None:
        self.log = Log()
        self.at_once = self.most = self.count = 0
        self.twice = asyncio.Event()

    async def reload(self) -> None:
        self.count += 1
        self.at_once += 1
        self.most = max(self.most, self.at_once)
        await asyncio.sleep(0.01)
        self.at_once -= 1
        if self.count == 2:
            self.twice.set()
        if not self.twice.is_set():
            raise StorageFault("the server is away")


@contextlib.contextmanager
def heeding(
    hub: Reloading, told: asyncio.Event, reloads: set[asyncio.Task[None]], turn: asyncio.Lock
) -> Iterator[None]:
    """Signals to this process go to the hub."""
    loop = asyncio.get_running_loop()
    try:
        _on_signals(cast(Hub, cast(Any, hub)), told, reloads, turn)
        yield
    finally:
        for one in (signal.SIGHUP, signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(one)


async def test_a_reload_that_fails_is_told_and_the_next_one_follows_it() -> None:
    hub, reloads = Reloading(), set[asyncio.Task[None]]()
    with heeding(hub, asyncio.Event(), reloads, asyncio.Lock()):
        for _ in range(2):
            os.kill(os.getpid(), signal.SIGHUP)
            await asyncio.sleep(0.002)
        async with asyncio.timeout(30):
            await hub.twice.wait()
    assert (hub.count, hub.most) == (2, 1)
    assert [line for line in hub.log.lines if "was not taken over" in line and "the server is away" in line]


async def test_a_reload_waits_for_the_start_and_none_begins_after_the_end() -> None:
    hub, reloads, told, turn = Reloading(), set[asyncio.Task[None]](), asyncio.Event(), asyncio.Lock()
    with heeding(hub, told, reloads, turn):
        async with turn:
            os.kill(os.getpid(), signal.SIGHUP)
            async with asyncio.timeout(30):
                while not reloads:  # noqa: ASYNC110 - a signal tells nobody
                    await asyncio.sleep(0.001)
            assert (hub.count, len(reloads)) == (0, 1)
        await asyncio.wait(reloads, timeout=30)
        assert hub.count == 1
        told.set()
        os.kill(os.getpid(), signal.SIGHUP)
        await asyncio.sleep(0.05)
        assert (hub.count, len(reloads)) == (1, 0)
