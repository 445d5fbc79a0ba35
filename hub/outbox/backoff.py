"""When to try again, and when a destination rests. Pure."""

from __future__ import annotations

import random

from hub.config import Outbox

SECOND = 1_000_000


def gap(settings: Outbox, attempts: int, draw: random.Random) -> int:
    """Microseconds until the next attempt after ``attempts`` of them (at least one): doubling, capped, with jitter.

    The exponent is bounded before it is used: a delivery that fails for days must not overflow a float.
    """
    doubled = settings.gap_seconds * 2 ** min(max(attempts - 1, 0), 32)
    seconds = min(doubled, settings.gap_seconds_most)
    return int(seconds * SECOND * (1 + settings.jitter * (2 * draw.random() - 1)))


class Breaker:
    """Counts failures in a row per destination; after enough of them it rests, then lets one through to see.

    Only this process's memory: losing it costs a few attempts.
    """

    def __init__(self, failures: int, rest: float) -> None:
        self._failures = failures
        self._rest = int(rest * SECOND)
        self._counts: dict[str, int] = {}
        self._until: dict[str, int] = {}

    def resting(self, now: int) -> list[str]:
        """Destinations to leave alone at ``now``."""
        return [destination for destination, until in self._until.items() if until > now]

    def next_end(self, now: int) -> int | None:
        """When the next of them has rested enough; None where none rests."""
        return min((until for until in self._until.values() if until > now), default=None)

    def failed(self, destination: str, now: int) -> bool:
        """Note a failure that is about the destination; True when it goes to rest by this one."""
        count = self._counts[destination] = self._counts.get(destination, 0) + 1
        if count < self._failures:
            return False
        self._until[destination] = now + self._rest
        return count == self._failures

    def worked(self, destination: str) -> bool:
        """Note a success; True when it ends a rest."""
        self._counts.pop(destination, None)
        return self._until.pop(destination, None) is not None
