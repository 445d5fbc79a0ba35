"""A bell that loops wait for beside their own pause, so that they act at once and still look by themselves; and the
loop of what falls due."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from connectors.contract import Clock
from hub.store.store import StorageFault, StoreFull

POLL = 5.0
"""Longest wait in seconds when nothing rang."""

HELD = 0.5
"""Pause in seconds while all that is due is in another process's hands."""


class Wake:
    """Rung after a commit that made work; a ring while nobody waits is kept."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    def ring(self) -> None:
        """Let the waiter go on."""
        self._event.set()

    async def wait(self, clock: Clock, seconds: float) -> None:
        """Until rung or ``seconds`` have passed by ``clock``."""
        rung = asyncio.ensure_future(self._event.wait())
        slept = asyncio.ensure_future(clock.sleep(seconds))
        try:
            await asyncio.wait({rung, slept}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            # Not awaited: a cancellation that came meanwhile would be taken for theirs and be lost.
            rung.cancel()
            slept.cancel()
        self._event.clear()


async def when_due(
    next_due: Callable[[], Awaitable[int | None]],
    carry_out: Callable[[], Awaitable[int]],
    clock: Clock,
    wake: Wake,
) -> None:
    """Until cancelled: sleep until the time (microseconds) that ``next_due`` tells, or until rung, then ``carry_out``,
    which returns how many rows it had. A storage that is away is asked again after a while."""
    while True:
        try:
            due = await next_due()
            if due is not None and due <= clock.now():
                if not await carry_out():
                    await wake.wait(clock, HELD)
                continue
        except (StorageFault, StoreFull):
            due = None
        await wake.wait(clock, POLL if due is None else min(POLL, (due - clock.now()) / 1e6))
