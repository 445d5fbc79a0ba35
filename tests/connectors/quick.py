"""A clock for tests of what happens over hours: whoever sleeps moves it."""

from __future__ import annotations

import asyncio

from connectors.contract import Micros


class QuickClock:
    """Begins on Tuesday, 10 November 2026, 17:40 in Warsaw; a sleep takes a millisecond and counts in full."""

    def __init__(self, at: int = 1_794_328_800_000_000) -> None:
        self.at = at
        self.slept: list[float] = []

    def now(self) -> Micros:
        return Micros(self.at)

    def monotonic(self) -> float:
        return self.at / 1_000_000

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        await asyncio.sleep(0.001)
        self.at += int(seconds * 1_000_000)

    def pass_(self, seconds: float) -> None:
        """Let time pass."""
        self.at += int(seconds * 1_000_000)
