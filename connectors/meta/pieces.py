"""A delivery of several calls: text and files leave one after the other; a repeated attempt leaves out what is gone.

Meta's interfaces take one thing a call. Whatever leaves first is seen by the person at once, so that an attempt which
breaks in the middle must go on there, not begin anew. What was done is kept in memory only: after a crash the outbox
calls the attempt ambiguous by itself.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence

from connectors.contract import Outbound

KEPT = 1000
"""Deliveries whose progress is remembered."""

Step = Callable[[], Awaitable[str]]
"""Sends one piece; gives Meta's id of it. Raises SendError."""


class Progress:
    """What has left of deliveries that are under way."""

    def __init__(self) -> None:
        self._done: OrderedDict[tuple[int, int], list[str]] = OrderedDict()

    async def through(self, outbound: Outbound, steps: Sequence[Step]) -> list[str]:
        """Carry out the steps that are missing, in order; the ids of all. Raises the error of the one that failed."""
        key = (outbound.delivery, outbound.part)
        done = self._done.setdefault(key, [])
        self._done.move_to_end(key)
        while len(self._done) > KEPT:
            self._done.popitem(last=False)
        for step in steps[len(done) :]:
            done.append(await step())
        self._done.pop(key, None)
        return list(done)
