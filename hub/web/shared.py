"""What many want to know at once and one of them asks: a storage that says nothing holds each question up."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

from connectors.contract import Clock

T = TypeVar("T")


class Shared(Generic[T]):
    """A question that is asked by one at a time, and not again for ``fresh`` seconds: whoever comes meanwhile hears the
    same answer.

    What asks is never cancelled: that would be held up, too, and the next one would ask beside it.
    """

    def __init__(self, ask: Callable[[], Awaitable[T]], clock: Clock, fresh: float = 0.0) -> None:
        self._ask = ask
        self._clock = clock
        self._fresh = fresh
        self._asked_at = 0.0
        self._asking: asyncio.Task[T] | None = None

    async def within(self, seconds: float) -> T | None:
        """The answer, None where it does not come in time. Raises what asking raises."""
        asking, now = self._asking, self._clock.monotonic()
        if asking is None or (asking.done() and now - self._asked_at >= self._fresh):
            self._asked_at = now
            asking = self._asking = asyncio.create_task(self._answer(), name="shared question")
            asking.add_done_callback(_heard)
        done, _ = await asyncio.wait({asking}, timeout=seconds)
        return asking.result() if done else None

    async def _answer(self) -> T:
        return await self._ask()


def _heard(asking: asyncio.Task[T]) -> None:
    """What fails after nobody waits any more is no error of its own."""
    if not asking.cancelled():
        asking.exception()
