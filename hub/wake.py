"""A bell that loops wait for beside their own pause, so that they act at once and still look by themselves."""

from __future__ import annotations

import asyncio

from connectors.contract import Clock


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
