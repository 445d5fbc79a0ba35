"""Which of the others begins nothing any more, as one process sees it, by its own stopwatch. Pure.

A process beats every few moments (:func:`hub.cluster.members.beat`), and begins nothing new once it could not for the
length of a lease (:meth:`hub.cluster.keeper.Keeper.unbroken`). So whose beat stood still for longer than that, seen by
somebody who looked all the while, has stopped: it is dead, cut off from the store, or hangs and will find that out when
it wakes. Whoever acts on that confirms it in the same transaction (:func:`hub.cluster.members.unmoved`).
"""

from __future__ import annotations

from collections.abc import Mapping

GAP = 0.4
"""Part of a lease's time between two looks, at most: after a longer one a store was away, or we ourselves, and nobody
could have beaten, or have been seen to."""

RATE = 1.1
"""By how much two hosts' stopwatches may differ, and more."""

KEPT = 100
"""Times a lease's time after which one that is listed no more is not watched any longer."""


class Witness:
    """Seconds are those of one stopwatch, which the caller reads. ``ttl``: how long a lease lasts, in seconds."""

    def __init__(self, ttl: float) -> None:
        self._ttl = ttl
        self._looked: float | None = None
        self._still: dict[str, tuple[int | None, float]] = {}

    def looked(self, beats: Mapping[str, int], now: float) -> None:
        """The last beat of each process that is listed, by id, as read a moment before."""
        broken = self._looked is None or now - self._looked > self._ttl * GAP
        self._looked = now
        # Who was asked about stays, also unlisted: it may have been forgotten, or its row belongs to another run.
        for node_id in sorted({*self._still, *beats}):
            beat, before = beats.get(node_id), self._still.get(node_id)
            if broken or before is None or before[0] != beat:
                self._still[node_id] = beat, now
            elif beat is None and now - before[1] > self._ttl * KEPT:
                del self._still[node_id]

    def gone(self, node_id: str, now: float) -> bool:
        """Whether it has stood still for so long that it has stopped. One never heard of is watched from now on."""
        if self._looked is None or now - self._looked > self._ttl * GAP:
            return False
        _, since = self._still.setdefault(node_id, (None, now))
        return now - since >= self._ttl * RATE

    def last(self, node_id: str) -> int | None:
        """Its last beat that was seen; None where it was not listed."""
        return self._still.get(node_id, (None, 0.0))[0]
