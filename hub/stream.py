"""The one conversation stream in this process: followers read it from any place on.

Recent events are kept in memory; whoever is further behind reads the store, so that a slow follower costs
nothing but its own reads. Places older than what the store keeps answer with a :class:`Reset`.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence

import msgspec
from sqlalchemy import delete, func, select

from connectors.contract import Micros
from hub.store import schema
from hub.store.store import Store
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


class Stream:
    """``publish`` is the store's ``on_events``; followers are async iterators."""

    def __init__(self, store: Store, *, buffer: int) -> None:
        self._store = store
        self._recent: deque[Event] = deque(maxlen=buffer)
        self._last = 0
        self._news = asyncio.Event()
        self._signals: list[Signal] = []

    async def open(self) -> None:
        """Begin at the place that the store is at."""
        head = schema.stream_head
        self._last = int(await self._store.read(lambda tx: tx.scalar(select(head.c.place))) or 0)

    @property
    def last(self) -> int:
        """The latest place known here."""
        return self._last

    def publish(self, events: Sequence[Event]) -> None:
        """Take over the events of one commit.

        Where several transactions run side by side, their events may be told out of order; a gap empties the
        memory, and followers read the store, where the order is right.
        """
        if events[0].place != self._last + 1:
            self._recent.clear()
        if events[-1].place > self._last:
            self._recent.extend(e for e in events if e.place > self._last)
            self._last = events[-1].place
            self._ring()

    def _ring(self) -> None:
        self._news.set()
        self._news = asyncio.Event()

    async def follow(self, after: int | None = None) -> AsyncIterator[Batch]:
        """Batches of events behind ``after`` (None: from now on), for ever. A :class:`Reset` comes first where the
        place is too old."""
        place = self._last if after is None else after
        if (
            after is not None
            and (first := await self._store.read(_first_place)) is not None
            and after + 1 < first
        ):
            place = self._last
            yield Reset(place=place)
        while True:
            news = self._news
            if place >= self._last:
                place = min(place, self._last)
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
        return [e for e in self._recent if e.place > place]

    def on_signal(self, hear: Signal) -> Callable[[], None]:
        """Hear signals (typing, looking); returns what ends it."""
        self._signals.append(hear)
        return lambda: self._signals.remove(hear)

    def signal(self, key: str, what: str) -> None:
        """Pass a signal to whoever listens in this process; nothing is kept."""
        for hear in list(self._signals):
            hear(key, what)


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
