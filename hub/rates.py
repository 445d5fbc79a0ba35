"""How often something was asked for under a rate: counted here and, where there are several processes, by all together.

A count is two dictionaries and a multiplication, without locks, threads or waiting. Other processes are told of what
was counted here a moment later, and what they counted is added: so for that moment each may grant the whole rate.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec
from limits import parse

Key = tuple[str, ...]


class Fresh(msgspec.Struct, frozen=True, kw_only=True):
    """What was counted here and not told yet. ``window`` numbers windows of ``seconds`` since 1970; ``first``: how
    often others asked before is not known here either."""

    rate: str
    key: Key
    window: int
    seconds: int
    amount: int
    first: bool


class Counts:
    """Requests under one rate, in this window of time and in the one before.

    The share of the window before that a sliding window would still cover counts as well, as if its requests had been
    spread evenly. A window that is over is dropped whole, so nothing needs sweeping.
    """

    def __init__(self, rate: str) -> None:
        item = parse(rate)
        self._rate = rate
        self._amount = item.amount
        self._seconds = item.get_expiry()
        self._window = -1
        self._now: dict[Key, int] = {}
        self._before: dict[Key, int] = {}
        self._untold: dict[Key, int] = {}
        self._asked: set[Key] = set()

    def hit(self, key: Key, now: float) -> int:
        """Count a request at ``now`` (seconds); 0, or the seconds after which another one is worth trying."""
        window, into = divmod(now, self._seconds)
        if window != self._window:
            self._before = self._now if window == self._window + 1 else {}
            self._now, self._window = {}, int(window)
            self._untold, self._asked = {}, set()
        used = self._now.get(key, 0)
        if used + self._before.get(key, 0) * (1 - into / self._seconds) >= self._amount:
            # The window slides: about one of the limit's shares of time later there is room for one more.
            return max(1, round(self._seconds / self._amount))
        self._now[key] = used + 1
        return 0

    def note(self, key: Key) -> None:
        """What was just granted is to be told to the others."""
        self._untold[key] = self._untold.get(key, 0) + 1

    def take(self) -> list[Fresh]:
        """What is to be told; it counts as told."""
        untold, self._untold = self._untold, {}
        found = [
            Fresh(
                rate=self._rate,
                key=key,
                window=self._window,
                seconds=self._seconds,
                amount=amount,
                first=key not in self._asked,
            )
            for key, amount in untold.items()
        ]
        self._asked.update(untold)
        return found

    def learn(self, fresh: Fresh, now: int, before: int) -> None:
        """All processes together: so many in the window of ``fresh``, so many in the one before (0: not asked)."""
        if fresh.window != self._window:
            return
        self._now[fresh.key] = now + self._untold.get(fresh.key, 0)
        if before:
            self._before[fresh.key] = before


class Rates:
    """Counts by rate. ``seconds`` tells the time: where it is ``shared``, that of the day, which all processes have."""

    def __init__(self, seconds: Callable[[], float], *, shared: bool = False) -> None:
        self.stirred: Callable[[], None] = _nothing
        """Called when there is something to tell."""

        self._seconds = seconds
        self._shared = shared
        self._counts: dict[str, Counts] = {}

    def wait(self, rate: str, key: Key) -> int:
        """Count one request; 0, or the seconds after which another one is worth trying.

        ``rate`` like ``"20/minute"``; empty: no limit.
        """
        if not rate:
            return 0
        counts = self._counts.get(rate)
        if counts is None:
            counts = self._counts[rate] = Counts(rate)
        wait = counts.hit(key, self._seconds())
        if self._shared and not wait:
            counts.note(key)
            self.stirred()
        return wait

    def take(self) -> list[Fresh]:
        """What was counted here and not told yet; it counts as told."""
        return [fresh for counts in self._counts.values() for fresh in counts.take()]

    def learn(self, told: Sequence[Fresh], totals: Sequence[tuple[int, int]]) -> None:
        """How often all processes were asked, for each that was told: in its window, and in the one before."""
        for fresh, (now, before) in zip(told, totals, strict=True):
            self._counts[fresh.rate].learn(fresh, now, before)


def _nothing() -> None:
    """Nobody wants to know."""
