"""Whether Redis is there, told once when it goes and once when everything of the bus works again."""

from __future__ import annotations

from connectors.contract import Clock, Log
from hub.cautions import Cautions
from rules.text import Text, mark

AWAY = mark(
    "Redis is not reachable ({reason}). Nothing is lost: what happens on other nodes is seen here up to some seconds "
    "later, and limits count for each node alone. It is tried again by itself."
)

KEY = "redis"

AGAIN = 1.0
"""Seconds between two tries to reach it."""


PARTS = frozenset({"speaking", "listening", "reading"})
"""What every node does with Redis."""


class Standing:
    """What the loops of the bus say of Redis. How long it was away is logged when it is over."""

    def __init__(self, clock: Clock, log: Log, cautions: Cautions) -> None:
        self._clock = clock
        self._log = log
        self._cautions = cautions
        self._working: set[str] = set()
        self._failing: set[str] = set()
        self._since = 0.0

    @property
    def up(self) -> bool:
        """Whether Redis carries to and from this node."""
        return not self._failing and self._working >= PARTS

    def failed(self, part: str, error: BaseException) -> None:
        """A loop of the bus could not do its work."""
        if not self._failing:
            self._since = self._clock.monotonic()
            reason = str(error) or type(error).__name__
            self._cautions.say(KEY, Text(AWAY, {"reason": reason[:200]}))
        self._failing.add(part)
        self._working.discard(part)

    def worked(self, part: str) -> None:
        """A loop of the bus did its work."""
        self._working.add(part)
        if part in self._failing:
            self._over(part)

    def stopped(self, part: str) -> None:
        """A loop ended for another reason, such as a lease that went to another node: it says nothing any more."""
        self._working.discard(part)
        if part in self._failing:
            self._over(part)

    def _over(self, part: str) -> None:
        self._failing.discard(part)
        if self._failing:
            return
        self._cautions.say(KEY, None)
        away = self._clock.monotonic() - self._since
        self._log.info("Redis works again", seconds_away=round(away, 1))
