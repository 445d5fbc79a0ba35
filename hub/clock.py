"""The real time, handed in at the edges; everything else takes a :class:`connectors.contract.Clock`."""

from __future__ import annotations

import asyncio
import time

from connectors.contract import Micros


class SystemClock:
    """See :class:`connectors.contract.Clock`."""

    def now(self) -> Micros:
        """Microseconds UTC, from the machine's clock."""
        return Micros(time.time_ns() // 1000)

    def monotonic(self) -> float:
        """Seconds that never go back."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Wait; cancellable."""
        await asyncio.sleep(seconds)
