"""A clock that is moved by hand, so that a week passes in seconds."""

from __future__ import annotations

import asyncio

from connectors.contract import Micros


class StoryClock:
    """See :class:`connectors.contract.Clock`. Stands still between two calls of :meth:`move`."""

    def __init__(self, start: Micros) -> None:
        self._now = start

    def now(self) -> Micros:
        """Microseconds UTC, as the story tells it."""
        return self._now

    def move(self, to: Micros) -> None:
        """Go on to a time; never back."""
        self._now = max(self._now, to)

    def monotonic(self) -> float:
        """Seconds of the story's time."""
        return self._now / 1e6

    async def sleep(self, seconds: float) -> None:
        """Wait for so long by the real time: what waits in a story waits for the network, not for the story."""
        await asyncio.sleep(seconds)
