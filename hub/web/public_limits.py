"""Limits of the public listener: requests per address and per site, and how many one address may have in hand.

Every request passes here several times, so a count is two dictionaries and a multiplication, without locks or threads.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from limits import parse

AT_ONCE = 40
"""Requests of one address in hand at the same time; a browser opens six connections."""

MACHINE_AT_ONCE = 400
"""The same of a provider's machine: it speaks for everybody who writes there, from one address or few."""

ALL_AT_ONCE = 1000
"""Requests in hand at the same time, of everybody."""

ALL_STREAMS = 5000
"""Answers that stay open at the same time, of everybody; each costs a connection and little else."""


class _Counts:
    """Requests under one rate, in this window of time and in the one before.

    The share of the window before that a sliding window would still cover counts as well, as if its requests had been
    spread evenly. A window that is over is dropped whole, so nothing needs sweeping.
    """

    def __init__(self, rate: str) -> None:
        item = parse(rate)
        self._amount = item.amount
        self._seconds = item.get_expiry()
        self._window = -1.0
        self._now: dict[tuple[str, ...], int] = {}
        self._before: dict[tuple[str, ...], int] = {}

    def hit(self, key: tuple[str, ...], now: float) -> int:
        """Count a request; 0, or the seconds after which another one is worth trying."""
        window, into = divmod(now, self._seconds)
        if window != self._window:
            self._before = self._now if window == self._window + 1 else {}
            self._now, self._window = {}, window
        used = self._now.get(key, 0)
        if used + self._before.get(key, 0) * (1 - into / self._seconds) >= self._amount:
            # The window slides: about one of the limit's shares of time later there is room for one more.
            return max(1, round(self._seconds / self._amount))
        self._now[key] = used + 1
        return 0


class Limits:
    """Counts in memory: a restart forgets, which costs an attacker more than it gives.

    ``monotonic`` tells seconds that never go back.
    """

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._counts: dict[str, _Counts] = {}
        self._in_hand: Counter[str] = Counter()
        self._all_in_hand = 0
        self._streams: Counter[str] = Counter()

    def wait(self, rate: str, *key: str) -> int:
        """Count one request; 0, or the seconds after which another one is worth trying.

        ``rate`` like ``"20/minute"``; empty: no limit.
        """
        if not rate:
            return 0
        counts = self._counts.get(rate)
        if counts is None:
            counts = self._counts[rate] = _Counts(rate)
        return counts.hit(key, self._monotonic())

    @contextmanager
    def in_hand(self, address: str, most: int = AT_ONCE) -> Iterator[bool]:
        """Whether one more request of ``address`` may be worked on now."""
        granted = self._in_hand[address] < most and self._all_in_hand < ALL_AT_ONCE
        self._in_hand[address] += 1
        self._all_in_hand += 1
        try:
            yield granted
        finally:
            self._all_in_hand -= 1
            self._in_hand[address] -= 1
            if not self._in_hand[address]:
                del self._in_hand[address]

    def may_stream(self, address: str, most: int) -> bool:
        """Whether ``address`` may have one more answer that stays open."""
        return self._streams[address] < most and self._streams.total() < ALL_STREAMS

    @contextmanager
    def streaming(self, address: str) -> Iterator[None]:
        """Counts an open answer until the end of the block."""
        self._streams[address] += 1
        try:
            yield
        finally:
            self._streams[address] -= 1
            if not self._streams[address]:
                del self._streams[address]
