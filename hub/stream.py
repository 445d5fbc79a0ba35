"""The one conversation stream as this process knows it: followers read it from any place on.

Recent events are kept in memory; whoever is further behind reads the store, so that a slow follower costs
nothing but its own reads. Places older than what the store keeps answer with a :class:`Reset`.

What this process commits is told by its store, what others commit comes by the bus (:mod:`hub.bus`). A gap between
the two is filled by the bus or, once for all followers, from the store: nobody here is ever shown a later event first.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from itertools import islice

import msgspec
from sqlalchemy import delete, func, select

from connectors.contract import Micros
from hub.store import schema
from hub.store.store import StorageFault, Store, is_storage_fault
from hub.store.tx import Event, Reader, Tx

PAGE = 500
DAY = 86_400_000_000

event = schema.event
_COLUMNS = Event.__struct_fields__


class Reset(msgspec.Struct, frozen=True, kw_only=True):
    """The place asked for is not kept any more: read the present state, then go on from ``place``."""

    place: int


Batch = Sequence[Event] | Reset
Signal = Callable[[str, str], None]
"""What is not worth a commit: the key of a conversation and what goes on there."""


async def at_once() -> None:
    """How long a gap is left to the bus where there is none."""


class Stream:
    """``publish`` is the store's ``on_events``; followers are async iterators."""

    def __init__(self, store: Store, *, buffer: int) -> None:
        self.patience: Callable[[], Awaitable[None]] = at_once
        """Awaited before a gap is filled from the store: what the bus is given to fill it first."""

        self.tell_signal: Signal = _to_nobody
        """Called with each signal of this process, to pass it on to the others."""

        self.history = 1
        """Raised when the store turns out to be at an earlier place than it was."""

        self._store = store
        self._recent: deque[Event] = deque(maxlen=buffer)
        self._last = 0
        self._known = 0
        self._ahead: dict[int, Event] = {}
        self._filling: asyncio.Task[None] | None = None
        self._news = asyncio.Event()
        self._signals: list[Signal] = []

    async def open(self) -> None:
        """Begin at the place that the store is at, with the last events in memory: a crowd that comes back after a
        restart, each with the last place that it saw, is served without a read each."""
        size = self._recent.maxlen or PAGE
        self._last, events = await self._store.read(lambda tx: _present(tx, size))
        self._known = self._last
        self._recent.extend(events)

    async def close(self) -> None:
        """Let go of a gap that is being filled."""
        if self._filling is not None:
            self._filling.cancel()
            await asyncio.gather(self._filling, return_exceptions=True)

    @property
    def last(self) -> int:
        """The latest place up to which everything is known here."""
        return self._last

    def publish(self, events: Sequence[Event]) -> None:
        """Take over events in the order of their places: of one commit, or as they came by the bus.

        Some may be known already, and some before them still be missing: where transactions run side by side, here or
        on other nodes, they are told in any order.
        """
        if events[0].place == self._last + 1 and not self._ahead:
            self._recent.extend(events)
            self._last = events[-1].place
            self._ring()
        elif events[-1].place > self._last:
            self._ahead.update((e.place, e) for e in events if e.place > self._last)
            self._join()
        self.advance(events[-1].place)

    def advance(self, place: int) -> None:
        """Somebody says that the store is at ``place``: what is missing up to it is got."""
        self._known = max(self._known, place)
        if self._known > self._last and self._filling is None:
            self._filling = asyncio.create_task(self._fill(), name="stream-gap")

    def restart(self, place: int) -> None:
        """The store is at an earlier ``place`` than it was (a standby took over that had not everything): what was
        known behind it never happened. Followers get a reset."""
        self._recent.clear()
        self._ahead.clear()
        self._last = self._known = place
        self.history += 1
        self._ring()

    def _join(self) -> None:
        """Move what follows without a gap into the memory."""
        before = self._last
        while (found := self._ahead.pop(self._last + 1, None)) is not None:
            self._recent.append(found)
            self._last = found.place
        if len(self._ahead) > (self._recent.maxlen or PAGE):
            self._ahead.clear()  # too far ahead to be kept: the store has them
        if self._last > before:
            self._ring()

    async def _fill(self) -> None:
        """Get what is missing from the store, unless the bus is faster. Ends when nothing is, or the store fails:
        whoever looks at the head next begins anew."""
        try:
            await self.patience()
            while self._known > self._last:
                behind = self._last
                events = await self._store.read(lambda tx, behind=behind: read_events(tx, behind, PAGE))  # type: ignore[misc]
                if self._last == behind and not self._take(events):
                    return
        except Exception as error:
            if not isinstance(error, StorageFault) and not is_storage_fault(error):
                raise
        finally:
            self._filling = None

    def _take(self, events: Sequence[Event]) -> bool:
        """Go on with what the store has; False when that is nothing. Places that it dropped for their age are left
        out, and followers are sent to the store."""
        if not events:
            self._known = self._last
            return False
        if events[0].place != self._last + 1:
            self._recent.clear()
            self._last = events[0].place - 1
        self._recent.extend(events)
        self._last = events[-1].place
        self._ahead = {place: e for place, e in self._ahead.items() if place > self._last}
        self._ring()
        self._join()
        return True

    def _ring(self) -> None:
        self._news.set()
        self._news = asyncio.Event()

    async def follow(self, after: int | None = None) -> AsyncGenerator[Batch, None]:
        """Batches of events behind ``after`` (None: from now on), for ever. A :class:`Reset` comes first where the
        place is too old."""
        history = self.history
        place = self._last if after is None else after
        if place < self._last and self._from_memory(place) is None:
            first = await self._store.read(_first_place)
            if first is not None and place + 1 < first:
                place = self._last
                yield Reset(place=place)
        if place > self._last:
            head = await self._store.read(head_place)
            if head < place:
                place = self._last  # a reader of another history
            else:
                self.advance(head)  # of a node that is ahead of this one: what it saw there is not told again
        while True:
            news = self._news
            if history != self.history:
                place, history = self._last, self.history
                yield Reset(place=place)
                continue
            if place >= self._last:
                await news.wait()
                continue
            batch = self._from_memory(place)
            if batch is None:
                behind = place
                batch = await self._store.read(lambda tx, behind=behind: read_events(tx, behind, PAGE))  # type: ignore[misc]
            if not batch:
                await news.wait()
                continue
            yield batch
            place = batch[-1].place

    def _from_memory(self, place: int) -> list[Event] | None:
        """None when the memory does not reach back so far."""
        if not self._recent or self._recent[0].place > place + 1:
            return None
        return list(islice(self._recent, max(0, place + 1 - self._recent[0].place), None))

    def on_signal(self, hear: Signal) -> Callable[[], None]:
        """Hear signals (typing, looking); returns what ends it."""
        self._signals.append(hear)
        return lambda: self._signals.remove(hear)

    def signal(self, key: str, what: str) -> None:
        """Pass a signal to whoever listens; nothing is kept."""
        self.hear_signal(key, what)
        self.tell_signal(key, what)

    def hear_signal(self, key: str, what: str) -> None:
        """Pass a signal to whoever listens in this process alone: it came from another one."""
        for hear in list(self._signals):
            hear(key, what)


def _to_nobody(key: str, what: str) -> None:
    """Where there are no other processes."""


def head_place(tx: Reader) -> int:
    """The latest place of the store."""
    return int(tx.scalar(select(schema.stream_head.c.place)) or 0)


def _present(tx: Reader, size: int) -> tuple[int, list[Event]]:
    """The latest place and at most so many events up to it, without a gap."""
    head = head_place(tx)
    events = read_events(tx, max(0, head - size), size)
    whole = bool(events) and (events[0].place, events[-1].place) == (head - len(events) + 1, head)
    return head, events if whole else []


def read_events(tx: Reader, after: int, limit: int) -> list[Event]:
    """Events behind a place, in order."""
    columns = [event.c[name] for name in _COLUMNS]
    rows = tx.rows(select(*columns).where(event.c.place > after).order_by(event.c.place).limit(limit))
    return [Event(**row._mapping) for row in rows]


def _first_place(tx: Reader) -> int | None:
    found: int | None = tx.scalar(select(func.min(event.c.place)))
    return found


def forget_old_events(tx: Tx, days: int) -> None:
    """Drop events older than ``days``; their readers get a reset."""
    tx.execute(delete(event).where(event.c.at < Micros(tx.now - days * DAY)))
