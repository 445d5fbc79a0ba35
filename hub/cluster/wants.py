"""What a process does under leases: one thing to be done while its lease is held, and when that may be taken."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Coroutine
from typing import Any

from hub.cluster import leases
from hub.cluster.leases import Lease, Standing
from hub.cluster.roles import Role

Work = Callable[[Lease], Coroutine[Any, Any, None]]
"""Runs until cancelled, while the lease is held; it is handed the lease that its writes must name."""


class Want:
    """Something to be done while its lease is held. Times are of our own stopwatch."""

    def __init__(self, name: str, role: Role, work: Work, now: float) -> None:
        self.name = name
        self.role = role
        self.work = work
        self.lease: Lease | None = None
        self.until = 0.0
        """When the lease runs out for us, at the latest when others may take it."""
        self.task: asyncio.Task[None] | None = None
        self.ending_since: float | None = None
        """When it was last told to end for a lost lease; None once it was told of that it does not."""
        self.mark: tuple[int, int] | None = None
        self.marked = now
        self.rests_until = 0.0
        self.free_since: float | None = None
        self.stays_until = 0.0
        self.leaves = False

    def free(self, standing: Standing | None, gone: Collection[str], now: float, ttl: float) -> bool:
        """Whether we may take its lease, which ``gone`` holders do not hold."""
        if self.lease is not None or self.leaves or now < self.rests_until:
            return False
        if self.task is not None and not self.task.done():
            return False
        if standing is None or standing.over or standing.holder in (leases.NOBODY, *gone):
            return True
        return self.stale(now, ttl)

    def stuck(self, now: float, limit: float) -> bool:
        """Whether it has not ended for so long after it was told to. Until it does it is not begun anew here."""
        lasts = self.task is not None and not self.task.done() and self.lease is None
        return lasts and self.ending_since is not None and now - self.ending_since >= limit

    def stale(self, now: float, ttl: float) -> bool:
        """Nobody renewed it for as long as it lasts, by our own stopwatch: the database's clock may have been set."""
        return self.mark is not None and now - self.marked >= ttl
