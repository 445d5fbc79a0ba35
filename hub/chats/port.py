"""The narrow port of chat pages on the store and the stream: :class:`connectors.contract.VisitorConversation`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence

from connectors.contract import Blobs, Chat, ChatHours, Clock, InboxId, OutAttachment
from hub.chats import view
from hub.house import House
from hub.store.store import Store
from hub.store.tx import Event, Reader
from hub.stream import Reset, Stream

KINDS = ("message", "conversation", "delivery")
"""Kinds of events that can change what a visitor sees. What we send to the page its connector knows by itself where it
sends; where the page is open in another process, that one learns of it by the delivery."""

PAUSE = 0.1
"""Seconds between two batches of news: what happens meanwhile is told together."""

FRESH = 2.0
"""Seconds for which the hours of an inbox are believed without looking."""


class StoredChats:
    """The port; ``house`` gives the current house."""

    def __init__(
        self, store: Store, stream: Stream, blobs: Blobs, house: Callable[[], House], clock: Clock
    ) -> None:
        self._store = store
        self._stream = stream
        self._blobs = blobs
        self._house = house
        self._clock = clock
        self._hours: dict[str, tuple[float, asyncio.Task[ChatHours]]] = {}

    async def hours(self, inbox: InboxId) -> ChatHours:
        """See the port. Read once for all who ask meanwhile: a slow store must not be asked by each page of a crowd."""
        until, read = self._hours.get(inbox, (float("-inf"), None))
        if read is None or (read.done() and (self._clock.monotonic() >= until or _failed(read))):
            house = self._house()
            read = asyncio.ensure_future(self._store.read(lambda tx: view.hours(tx, house, inbox)))
            read.add_done_callback(_failed)
            self._hours[inbox] = (self._clock.monotonic() + FRESH, read)
        return await asyncio.shield(read)

    async def chats(self, inbox: InboxId, visitors: Sequence[str], *, messages: int) -> Mapping[str, Chat]:
        """See the port."""
        house = self._house()
        return await self._store.read(lambda tx: view.chats(tx, house, inbox, visitors, messages))

    async def file(self, inbox: InboxId, visitor: str, file: int) -> OutAttachment | None:
        """See the port."""
        house = self._house()
        found = await self._store.read(lambda tx: view.file_of(tx, house, inbox, visitor, file))
        if found is None:
            return None
        name, kind, blob = found
        return OutAttachment(filename=name, content_type=kind, content=await self._blobs.get(blob))

    async def news(self, inbox: InboxId) -> AsyncIterator[frozenset[str]]:
        """See the port."""
        async for batch in self._stream.follow():
            if isinstance(batch, Reset):
                yield frozenset(await self.present(inbox))
                continue
            found = await self._store.read(lambda tx, batch=batch: _moved(tx, inbox, batch))  # type: ignore[misc]
            if found:
                yield found
            await self._clock.sleep(PAUSE)

    async def present(self, inbox: InboxId) -> Sequence[str]:
        """See the port."""
        return await self._store.read(lambda tx: view.here(tx, inbox))


def _failed(read: asyncio.Task[ChatHours]) -> bool:
    """Whether it came to nothing; whoever waited was told."""
    return read.cancelled() or read.exception() is not None


def _moved(tx: Reader, inbox: str, batch: Sequence[Event]) -> frozenset[str]:
    """Whose chats a batch of events is about. Where somebody was taken, moved or left, the whole line has moved."""
    told = [event for event in batch if event.kind in KINDS and event.conversation is not None]
    if not told:
        return frozenset()
    ours = view.among_chats(tx, inbox, {event.conversation for event in told if event.conversation})
    if not ours:
        return frozenset()
    shifted = [event for event in told if event.conversation in ours and event.kind == "conversation"]
    queues = {queue for event in shifted for queue in (event.queue, event.queue_before) if queue}
    return view.moved(tx, inbox, ours, queues)
