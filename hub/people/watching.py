"""People whose process died: nobody there can say that their last page closed.

A process that ends in good order says so of each of its people. When one is killed, everybody is expected anew, as
after a start: whose page is open elsewhere is found there within half a minute, who does not come back goes offline.
"""

from __future__ import annotations

from contextlib import suppress

from connectors.contract import Clock
from hub.cluster.members import members
from hub.cluster.shares import alive
from hub.people.presence import expect_browsers
from hub.store.store import StorageFault, Store, StoreFull

EVERY = 10.0
"""Seconds between two looks at the processes."""


async def watch_pages(store: Store, clock: Clock, lease_seconds: float) -> None:
    """Until cancelled, in one process at a time; whoever takes it over cannot know who died meanwhile."""
    known: frozenset[str] | None = None
    while True:
        with suppress(StorageFault, StoreFull):
            living = alive(await store.read(members), lease_seconds)
            serving = frozenset(member.id for member in living if "web" in member.roles)
            if known is None or known - serving:
                await store.write(expect_browsers)
            known = serving
        await clock.sleep(EVERY)
