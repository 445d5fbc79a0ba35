"""Who is there: the open pages of each visitor, what they were told, and when somebody has left.

All of it is in memory. What is worth a commit (that somebody left, came back, read) the connector hands to the sink.
A visitor with an open event stream is there; one whose page works without a script is there for a while after each
request; one who was there before a restart is waited for as long as a page may be gone.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator

import msgspec

PLAIN_SECONDS = 180.0
"""How long somebody whose page has no stream is there after a request of theirs."""

BEAT_SECONDS = 15.0
"""Seconds after which a quiet stream gives a sign of life: proxies close silent ones."""

SILENT_SECONDS = 150.0
"""A page that says nothing for so long is gone, though its connection looks open: a lost network tells nobody. Pages
speak every half a minute; a browser lets one in the background speak once a minute."""

MOST_PENDING = 200
"""Events that may wait for one page; a slower one is cut off and comes back."""

_json = msgspec.json.Encoder().encode


def event(name: str, data: object) -> bytes:
    """One server-sent event (HTML standard, 9.2)."""
    return b"event: " + name.encode() + b"\ndata: " + _json(data) + b"\n\n"


class Page:
    """One open page of a visitor: the events that wait for it, and what it has shown."""

    def __init__(self, language: str) -> None:
        self.language = language
        self.told: set[int] = set()
        self.state = ""
        self._pending: list[bytes] = []
        self._news = asyncio.Event()
        self._closed = False

    def push(self, chunk: bytes) -> None:
        """Have the page told."""
        self._pending.append(chunk)
        if len(self._pending) > MOST_PENDING:
            self.close()
        self._news.set()

    def close(self) -> None:
        """End the stream; the page's script opens another one."""
        self._closed = True
        self._news.set()

    async def chunks(self) -> AsyncIterator[bytes]:
        """What is to be written, until the page is closed."""
        yield b": hello\n\n"
        while not self._closed:
            try:
                async with asyncio.timeout(BEAT_SECONDS):
                    await self._news.wait()
            except TimeoutError:
                yield b": alive\n\n"
                continue
            self._news.clear()
            pending, self._pending = self._pending, []
            if pending:
                yield b"".join(pending)


class Room:
    """One visitor."""

    def __init__(self, visitor: str) -> None:
        self.visitor = visitor
        self.conversation = 0
        self.pages: list[Page] = []
        self.heard = 0.0
        """When any of their pages was heard of last (seconds of the monotonic clock)."""

        self.until = 0.0
        """Without an open page they are there until then."""

        self.told: set[int] = set()
        """Messages of ours that any of their pages has shown: what they may say to have read."""


class Rooms:
    """All visitors that are there. ``monotonic`` tells seconds that never go back."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._rooms: dict[str, Room] = {}

    def room(self, visitor: str) -> Room:
        """The room of a visitor who is there now."""
        found = self._rooms.get(visitor)
        if found is None:
            found = self._rooms[visitor] = Room(visitor)
        return found

    def known(self, visitor: str) -> Room | None:
        """The room of a visitor, if they are there."""
        return self._rooms.get(visitor)

    def stay(self, visitor: str, seconds: float) -> Room:
        """A visitor is there for a while, with or without an open page."""
        found = self.room(visitor)
        found.heard = self._monotonic()
        found.until = max(found.until, self._monotonic() + seconds)
        return found

    def going(self, visitor: str, seconds: float) -> None:
        """A visitor's page closes: they have left unless another one opens within ``seconds``."""
        found = self._rooms.get(visitor)
        if found is not None:
            found.until = self._monotonic() + seconds

    def gone(self) -> list[Room]:
        """Who is there no longer; the streams of pages that fell silent are ended."""
        now = self._monotonic()
        for room in self.here():
            if now - room.heard > SILENT_SECONDS:
                for page in room.pages:
                    page.close()
        return [room for room in self._rooms.values() if not room.pages and room.until <= now]

    def forget(self, visitor: str) -> None:
        """The hub knows that they left."""
        self._rooms.pop(visitor, None)

    def here(self) -> Iterator[Room]:
        """Visitors with an open page."""
        return (room for room in list(self._rooms.values()) if room.pages)

    def close(self) -> None:
        """End all streams."""
        for room in self._rooms.values():
            for page in room.pages:
                page.close()
        self._rooms.clear()
