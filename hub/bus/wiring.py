"""The bus of one process, put together: what it hears is handed to the parts, what they say is told to the others.

Without Redis, or on SQLite, the same object does what is left to do: on PostgreSQL look for what other nodes committed,
on SQLite, where there are none, nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from functools import partial

import msgspec

from connectors.contract import Clock, Log
from hub.bus.exchange import Exchange
from hub.bus.follower import Carrier, follow_redis, watch_head
from hub.bus.limits import share_rates
from hub.bus.links import Links
from hub.bus.publisher import Parts as Publishing
from hub.bus.publisher import publish_events
from hub.bus.siblings import Circle
from hub.bus.standing import Standing
from hub.bus.wire import Hello, Item, Marked, Parcel, Said, Signalled, items_of
from hub.cautions import Cautions
from hub.config import Config
from hub.desk import presence as marks
from hub.keeping import Loop
from hub.rates import Rates
from hub.store.store import Store
from hub.store.tx import Event
from hub.stream import Stream

PUBLISHER = "stream-publisher"
"""The lease under which one node writes Redis' stream."""


class Ends(msgspec.Struct, frozen=True, kw_only=True):
    """The parts of a process that the bus connects with those of the others. ``sender`` is this process's own name,
    new at each start. ``ring`` wakes loops here; ``marks`` are by topic; ``secret`` hashes what must not stand in
    Redis."""

    sender: str
    store: Store
    stream: Stream
    clock: Clock
    log: Log
    cautions: Cautions
    ring: Callable[[Set[str]], None]
    marks: Mapping[str, marks.Presence]
    rates: Rates
    secret: bytes


class Bus:
    """See :func:`open_bus`. ``on_events`` and ``on_rings`` are the store's."""

    def __init__(self, config: Config, ends: Ends) -> None:
        self._ends = ends
        self._shared = config.store.sqlite_path() is None
        self._carrier = Carrier(ends.clock)
        self._links: Links | None = None
        self.standing = Standing(ends.clock, ends.log, ends.cautions)
        self.siblings = Circle(
            self._say_to_siblings, lambda: not self._shared or self.standing.up, alone=not self._shared
        )
        if self._shared:
            ends.stream.patience = self._carrier.patience
        if config.redis.url is not None:
            self._connect(config, Links(config.redis))

    def _connect(self, config: Config, links: Links) -> None:
        ends = self._ends
        self._links, self._keep = links, config.redis.keep_events
        self._exchange = Exchange(
            links, ends.clock, self.standing, sender=ends.sender, place=lambda: ends.stream.last
        )
        ends.stream.tell_signal = self._tell_signal
        for topic, presence in ends.marks.items():
            presence.tell = partial(self._tell_mark, topic)

    # --- what the store tells ------------------------------------------------------------------------------------

    def on_events(self, events: Sequence[Event]) -> None:
        """This process has committed."""
        self._ends.stream.publish(events)
        if self._links is not None:
            self._exchange.moved(events[-1].place)

    def on_rings(self, loops: Set[str]) -> None:
        """This process has made work for loops, here and on other nodes."""
        self._ends.ring(loops)
        if self._links is not None:
            self._exchange.ring(loops)

    # --- what runs -----------------------------------------------------------------------------------------------

    def loops(self) -> Iterator[tuple[str, Loop]]:
        """What every process runs, with names."""
        ends, carrier, links = self._ends, self._carrier, self._links
        if self._shared:
            yield "bus-head", lambda: watch_head(ends.store, ends.stream, carrier, ends.clock, ends.log)
        if links is not None:
            yield "bus-speak", self._exchange.speak
            yield "bus-listen", lambda: self._exchange.listen(self._hear)
            yield (
                "bus-follow",
                lambda: follow_redis(links, ends.store, ends.stream, carrier, ends.clock, self.standing),
            )
            yield (
                "bus-limits",
                lambda: share_rates(links, ends.rates, ends.clock, self.standing, ends.secret),
            )

    @property
    def publishes(self) -> bool:
        """Whether there is a stream in Redis that one process has to write."""
        return self._links is not None

    def up(self) -> bool | None:
        """Whether Redis carries to and from this process; None where there is none."""
        return self.standing.up if self._links is not None else None

    async def publish(self) -> None:
        """Until cancelled: write the stream. For the process that holds the lease :data:`PUBLISHER`."""
        if self._links is None:
            return
        ends = self._ends
        await publish_events(
            Publishing(
                links=self._links,
                store=ends.store,
                stream=ends.stream,
                carrier=self._carrier,
                clock=ends.clock,
                standing=self.standing,
                log=ends.log,
                keep=self._keep,
            )
        )

    async def close(self) -> None:
        """After the loops have ended."""
        await self._ends.stream.close()
        if self._links is not None:
            await self._links.close()

    # --- what others say -------------------------------------------------------------------------------------------

    def _hear(self, parcel: Parcel) -> None:
        ends = self._ends
        ends.stream.advance(parcel.place)
        if parcel.rings:
            ends.ring(set(parcel.rings))
        for item in items_of(parcel):
            try:
                self._hear_item(item)
            except (
                Exception
            ) as error:  # in a connector, perhaps: the rest that others say is heard all the same
                ends.log.error(
                    "what a node said was not taken in", kind=type(item).__name__, error=repr(error)
                )

    def _hear_item(self, item: Item) -> None:
        ends = self._ends
        match item:
            case Hello():
                for marked in self._here():
                    self._exchange.say(marked)
            case Signalled():
                ends.stream.hear_signal(item.key, item.what)
            case Marked() if (presence := ends.marks.get(item.topic)) is not None:
                now = ends.clock.now()
                presence.hear(item.number, item.user, item.name, now + item.looking, now + item.writing, now)
            case Said():
                self.siblings.hear(item.inbox, item.what)

    # --- what this process says ------------------------------------------------------------------------------------

    def _say_to_siblings(self, inbox: str, what: bytes) -> None:
        if self._links is not None:
            self._exchange.say(Said(inbox=inbox, what=what))

    def _tell_signal(self, key: str, what: str) -> None:
        self._exchange.say(Signalled(key=key, what=what))

    def _tell_mark(self, topic: str, number: int, user: int, mark: marks.Mark) -> None:
        self._exchange.say(self._marked(topic, number, user, mark))

    def _marked(self, topic: str, number: int, user: int, mark: marks.Mark) -> Marked:
        now = self._ends.clock.now()
        looking, writing = max(0, mark.looking_until - now), max(0, mark.writing_until - now)
        return Marked(topic=topic, number=number, user=user, name=mark.name, looking=looking, writing=writing)

    def _here(self) -> Iterator[Marked]:
        """Who is at what on this node."""
        for topic, presence in self._ends.marks.items():
            for number, user, mark in presence.ours():
                yield self._marked(topic, number, user, mark)


def open_bus(config: Config, ends: Ends) -> Bus:
    """Connects nothing yet: the loops do. Redis being away is no error, now or later."""
    return Bus(config, ends)
