"""Parcels between the nodes: each says what it has to say, and hears what all say, itself included.

Hearing oneself every few seconds is the proof that Redis still carries: silence, also that of a connection which is
dead without having been closed, ends in a new connection. What cannot be said is dropped: wake-ups and places are
found by looking, presence is renewed by the pages.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Collection

import msgspec

from connectors.contract import Clock
from hub.bus.links import GONE, Links
from hub.bus.standing import AGAIN, Standing
from hub.bus.wire import NODES, Hello, Item, Parcel, pack, unpack
from hub.wake import Wake

BEAT = 2.0
"""Seconds after which a node speaks though it has nothing to say."""

SILENCE = 3 * BEAT + 1.0
"""Seconds without hearing anybody, oneself included, after which a connection counts as dead."""

GAP = 0.002
"""Seconds between two parcels of a node: what happens meanwhile goes together."""

MOST = 1000
"""Items that wait to be said; older ones are dropped."""

Hear = Callable[[Parcel], None]


class Exchange:
    """``sender`` names this process; ``place`` gives the latest place that it knows."""

    def __init__(
        self, links: Links, clock: Clock, standing: Standing, *, sender: str, place: Callable[[], int]
    ) -> None:
        self.sender = sender
        self._links = links
        self._clock = clock
        self._standing = standing
        self._place = place
        self._rings: set[str] = set()
        self._items: deque[Item] = deque(maxlen=MOST)
        self._wake = Wake()

    def ring(self, loops: Collection[str]) -> None:
        """Wake loops on the other nodes."""
        self._rings.update(loops)
        self._wake.ring()

    def say(self, item: Item) -> None:
        """Tell the other nodes something."""
        self._items.append(item)
        self._wake.ring()

    def moved(self, _: object = None) -> None:
        """The store is at a new place."""
        self._wake.ring()

    async def speak(self) -> None:
        """Until cancelled: say what there is to say, as it comes."""
        while True:
            await self._wake.wait(self._clock, BEAT)
            rings, self._rings = self._rings, set()
            items = [self._items.popleft() for _ in range(len(self._items))]
            data = pack(self.sender, self._place(), sorted(rings), items)
            try:
                await self._links.commands.publish(self._links.key(NODES), data)
                self._standing.worked("speaking")
                await self._clock.sleep(GAP)
            except GONE as error:
                self._standing.failed("speaking", error)
                await self._clock.sleep(AGAIN)

    async def listen(self, hear: Hear) -> None:
        """Until cancelled: hand each parcel of another node to ``hear``."""
        while True:
            try:
                await self._listen(hear)
            except GONE as error:
                self._standing.failed("listening", error)
            await self._clock.sleep(AGAIN)

    async def _listen(self, hear: Hear) -> None:
        async with self._links.waiting() as client, client.pubsub() as channel:
            await channel.subscribe(self._links.key(NODES))
            self.say(Hello())
            while True:
                async with asyncio.timeout(SILENCE):
                    message = await channel.get_message(ignore_subscribe_messages=True, timeout=None)
                self._standing.worked("listening")
                if message is None:
                    continue
                try:
                    parcel = unpack(message["data"])
                except msgspec.MsgspecError:
                    continue  # not ours: somebody else's words in our channel
                if parcel.sender != self.sender:
                    hear(parcel)
