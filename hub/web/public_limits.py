"""Limits of the public listener: requests per address and per site, and how many one address may have in hand."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from hub.rates import Rates

AT_ONCE = 40
"""Requests of one address in hand at the same time; a browser opens six connections."""

MACHINE_AT_ONCE = 400
"""The same of a provider's machine: it speaks for everybody who writes there, from one address or few."""

ALL_AT_ONCE = 1000
"""Requests in hand at the same time, of everybody."""

ALL_STREAMS = 5000
"""Answers that stay open at the same time, of everybody; each costs a connection and little else."""


class Limits:
    """Counts in memory: a restart forgets, which costs an attacker more than it gives. Requests are counted by
    ``rates``, with other processes where there are some; what is in hand is a matter of each process alone."""

    def __init__(self, rates: Rates) -> None:
        self._rates = rates
        self._in_hand: Counter[str] = Counter()
        self._all_in_hand = 0
        self._streams: Counter[str] = Counter()

    def wait(self, rate: str, *key: str) -> int:
        """Count one request; 0, or the seconds after which another one is worth trying. See :meth:`Rates.wait`."""
        return self._rates.wait(rate, key)

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
