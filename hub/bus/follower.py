"""What other nodes commit becomes known here: by Redis as it happens, by looking where Redis does not carry.

Two loops feed one :class:`hub.stream.Stream`. One reads Redis' stream; the other asks the store for its latest place,
seldom while Redis carries, every two seconds without it. A gap, whoever notices it, is given to Redis for a moment and
then filled from the store, so that a publisher that is just being replaced costs a tenth of a second.
"""

from __future__ import annotations

import asyncio
from typing import Any

from redis.asyncio import Redis

from connectors.contract import Clock, Log
from hub.bus.history import agrees, tail_of
from hub.bus.links import GONE, PATIENCE, Links, execute
from hub.bus.standing import AGAIN, Standing
from hub.bus.wire import EVENTS, entry_id, read_entry
from hub.store.store import StorageFault, Store, is_storage_fault
from hub.store.tx import Event
from hub.stream import Stream, head_place
from hub.wake import Wake

COUNT = 500
"""Most entries of one read."""

BLOCK = 5.0
"""Seconds that a read waits for entries in Redis."""

LOOK = 2.0
"""Seconds between two looks at the store's latest place without Redis."""

LOOK_BESIDE = 10.0
"""The same while Redis carries."""

LEFT_TO_REDIS = 0.1
"""Seconds that a gap is left to Redis while it carries."""

GATHER = 0.01
"""Seconds that a gap is left alone where nobody else will fill it: what happens meanwhile is read together."""


class Carrier:
    """How events of others come to this node now. ``live``: Redis' stream is read; ``publishing``: this node writes it,
    and cannot wait for what only it can bring there."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.live = False
        self.publishing = False
        self.lost = Wake()

    def ends(self) -> None:
        """Redis' stream is not read any more: who looks at the store looks at once."""
        if self.live:
            self.live = False
            self.lost.ring()

    async def patience(self) -> None:
        """See :attr:`hub.stream.Stream.patience`."""
        await self._clock.sleep(LEFT_TO_REDIS if self.live and not self.publishing else GATHER)


async def follow_redis(
    links: Links, store: Store, stream: Stream, carrier: Carrier, clock: Clock, standing: Standing
) -> None:
    """Until cancelled: hand what stands in Redis' stream to this node's, as long as it is of the store's history."""
    while True:
        try:
            tail = await tail_of(links)
            if tail is None or await store.read(lambda tx, tail=tail: agrees(tx, tail)):  # type: ignore[misc]
                await _follow(links, stream, carrier, standing)
        except GONE as error:
            standing.failed("reading", error)
        except Exception as error:
            # The store tells of its outage itself.
            if not isinstance(error, StorageFault) and not is_storage_fault(error):
                raise
        finally:
            carrier.ends()
        await clock.sleep(AGAIN)


async def _follow(links: Links, stream: Stream, carrier: Carrier, standing: Standing) -> None:
    """Until the store turns out to have gone back to an earlier place."""
    key, read, history = links.key(EVENTS), 0, stream.history
    async with links.waiting() as client:
        await _read(client, key, stream.last, block=False)
        standing.worked("reading")
        carrier.live = True
        while stream.history == history:
            events = await _read(client, key, max(read, stream.last), block=True)
            standing.worked("reading")
            # After a silence it begins again where this node stands: the stream may have been begun anew.
            read = events[-1].place if events else 0
            if events and stream.history == history:
                stream.publish(events)


async def _read(client: Redis, key: str, after: int, *, block: bool) -> list[Event]:
    """The entries behind a place; waits for some up to ``BLOCK`` seconds. Raises TimeoutError for a dead connection."""
    wait = ("BLOCK", int(BLOCK * 1000)) if block else ()
    async with asyncio.timeout(PATIENCE + (BLOCK if block else 0)):
        answer = await execute(client, "XREAD", "COUNT", COUNT, *wait, "STREAMS", key, entry_id(after))
    return _events(answer)


def _events(answer: Any) -> list[Event]:
    """Entries that are events. Anybody with the password can write into the stream; what is not ours is passed over."""
    if not answer:
        return []
    found = []
    for entry in answer[0][1] if isinstance(answer, list) else next(iter(answer.values())):
        try:
            found.append(read_entry(entry))
        except ValueError:
            continue
    return found


async def watch_head(store: Store, stream: Stream, carrier: Carrier, clock: Clock, log: Log) -> None:
    """Until cancelled: look at the store's latest place; whatever the bus missed is found here."""
    while True:
        before = stream.last
        try:
            place = await store.read(head_place)
        except Exception as error:
            # The store tells of its outage itself.
            if not isinstance(error, StorageFault) and not is_storage_fault(error):
                raise
        else:
            _hold_against(stream, before, place, log)
        await carrier.lost.wait(clock, LOOK_BESIDE if carrier.live else LOOK)


def _hold_against(stream: Stream, before: int, place: int, log: Log) -> None:
    if place < before:
        # Only a database that lost its latest commits does that: a standby that had not everything.
        log.error("the store is at an earlier place than it was: events were lost", place=place, was=before)
        stream.restart(place)
    else:
        stream.advance(place)
