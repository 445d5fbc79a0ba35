"""Limits of the public listener: requests per address and per site, and how many one address may have in hand."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from limits import RateLimitItem, parse
from limits.storage import MemoryStorage
from limits.strategies import SlidingWindowCounterRateLimiter

AT_ONCE = 40
"""Requests of one address in hand at the same time; a browser opens six connections."""

ALL_AT_ONCE = 1000
"""Requests in hand at the same time, of everybody."""


class Limits:
    """Counts in memory: a restart forgets, which costs an attacker more than it gives."""

    def __init__(self) -> None:
        self._counter = SlidingWindowCounterRateLimiter(MemoryStorage())
        self._parsed: dict[str, RateLimitItem] = {}
        self._in_hand: Counter[str] = Counter()

    def wait(self, rate: str, *key: str) -> int:
        """Count one request; 0, or the seconds after which another one is worth trying.

        ``rate`` like ``"20/minute"``; empty: no limit.
        """
        if not rate:
            return 0
        item = self._parsed.get(rate) or self._parsed.setdefault(rate, parse(rate))
        if self._counter.hit(item, *key):
            return 0
        # The window slides: about one of the limit's shares of time later there is room for one more.
        return max(1, round(item.get_expiry() / item.amount))

    @contextmanager
    def in_hand(self, address: str) -> Iterator[bool]:
        """Whether one more request of ``address`` may be worked on now."""
        granted = self._in_hand[address] < AT_ONCE and self._in_hand.total() < ALL_AT_ONCE
        self._in_hand[address] += 1
        try:
            yield granted
        finally:
            self._in_hand[address] -= 1
            if not self._in_hand[address]:
                del self._in_hand[address]
