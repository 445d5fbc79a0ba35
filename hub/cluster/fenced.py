"""A store as the holder of a lease uses it: every write first makes sure that the lease is still ours."""

from __future__ import annotations

from collections.abc import Callable, Sequence, Set
from typing import TypeVar

from hub.cluster.leases import Lease, still
from hub.store.store import Batch, Command, Outage, Query, Store
from hub.store.tx import Event, Tx

T = TypeVar("T")
C = TypeVar("C")
R = TypeVar("R")


class FencedStore:
    """See :class:`hub.store.store.Store`; writes raise :class:`hub.cluster.leases.Fenced` once the lease is lost."""

    on_events: Callable[[Sequence[Event]], None]
    on_rings: Callable[[Set[str]], None]
    on_end: Callable[[Tx], None]
    outage: Outage

    def __init__(self, store: Store, lease: Lease) -> None:
        self._store = store
        self._lease = lease
        self.on_events, self.on_rings, self.on_end = store.on_events, store.on_rings, store.on_end
        self.outage = store.outage

    @property
    def waiting(self) -> int:
        """Calls that wait for a commit."""
        return self._store.waiting

    async def open(self) -> None:
        """The store behind is open for as long as its process runs."""

    async def close(self) -> None:
        """It stays open for the others."""

    async def write(self, command: Command[T]) -> T:
        """One command, if the lease is still ours."""

        def fenced(tx: Tx) -> T:
            still(tx, (self._lease,))
            return command(tx)

        return await self._store.write(fenced)

    async def gather(self, handler: Batch[C, R], call: C, size: int = 0) -> R:
        """Batches carry the leases in their calls; see :mod:`hub.intake.handle`."""
        return await self._store.gather(handler, call, size)

    async def read(self, query: Query[T]) -> T:
        """A query."""
        return await self._store.read(query)

    async def show(self, query: Query[Callable[[], T]]) -> T:
        """A query and what it returned."""
        return await self._store.show(query)
