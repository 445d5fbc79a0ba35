"""Writes the events of the store into Redis' stream, one after the other and without a hole.

One node does it at a time, under a lease, since one is enough. Two would do no harm: an entry's id is the event's
place, and a batch is written by a script only if the stream ends where the writer believes. If it does not (Redis came
back empty, a replica that had not everything took over, somebody else wrote), the writer looks again and goes on from
there, with what the store has.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing
from typing import Any, cast

import msgspec
from sqlalchemy import func, select

from connectors._failpoint import failpoint
from connectors.contract import Clock, Log
from hub.bus.follower import Carrier
from hub.bus.history import agrees, tail_of
from hub.bus.links import GONE, Links
from hub.bus.standing import AGAIN, Standing
from hub.bus.wire import EVENTS, entry_fields, entry_id
from hub.store import schema
from hub.store.store import StorageFault, Store, is_storage_fault
from hub.store.tx import Event, Reader
from hub.stream import Batch, Reset, Stream, head_place

IDLE = 2.0
"""Seconds without events after which it is looked whether the stream still ends where it was left."""

SOON = 0.05
"""Seconds before it is looked again where the stream ends."""

BATCH = 500
"""Most entries of one call: Redis does nothing else meanwhile, for a millisecond or two."""

ADD = """
local tail = ''
if redis.call('EXISTS', KEYS[1]) == 1 then
  local info = redis.call('XINFO', 'STREAM', KEYS[1])
  for i = 1, #info, 2 do
    if info[i] == 'last-generated-id' then tail = info[i + 1] end
  end
end
if tail ~= ARGV[1] then return tail end
local at = 3
while ARGV[at] do
  local count = tonumber(ARGV[at + 1])
  redis.call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[2], ARGV[at], unpack(ARGV, at + 2, at + 1 + count))
  at = at + 2 + count
end
return false
"""
"""KEYS: the stream. ARGV: the id it must end with ("" for none), entries to keep, and for each entry its id, how many
names and values follow, these. Nil when it was done, else the id that it ends with."""


class Parts(msgspec.Struct, frozen=True, kw_only=True):
    """What publishing works with. ``keep``: entries that the stream holds, roughly."""

    links: Links
    store: Store
    stream: Stream
    carrier: Carrier
    clock: Clock
    standing: Standing
    log: Log
    keep: int


class _Moved(Exception):
    """The stream does not end where it was left."""


async def publish_events(parts: Parts) -> None:
    """Until cancelled: keep Redis' stream at the store's latest place."""
    parts.carrier.publishing = True
    try:
        while True:
            try:
                await _publish(parts)
            except _Moved:
                await parts.clock.sleep(SOON)
                continue
            except GONE as error:
                parts.standing.failed("publishing", error)
            except StorageFault:
                pass  # the store tells of its outage itself
            except Exception as error:
                if not is_storage_fault(error):
                    raise
            await parts.clock.sleep(AGAIN)
    finally:
        parts.carrier.publishing = False
        parts.standing.stopped("publishing")


async def _publish(parts: Parts) -> None:
    """Go on behind what stands in Redis. Raises :class:`_Moved` when that changes under our hands."""
    place, tail = await _begin(parts)
    parts.standing.worked("publishing")
    add = parts.links.commands.register_script(ADD)

    async def written(events: Sequence[Event], tail: str) -> str:
        arguments = [tail, str(parts.keep)]
        for event in events:
            fields = entry_fields(event)
            arguments += (entry_id(event.place), str(len(fields)), *fields)
        failpoint("bus.publish.before")
        if await cast(Any, add)(keys=[parts.links.key(EVENTS)], args=arguments) is not None:
            raise _Moved
        failpoint("bus.publish.after")
        return entry_id(events[-1].place) if events else tail

    async for batch in _following(parts, place):
        if isinstance(batch, Reset):
            await _begin_anew(parts, "the events that come next in it are not kept any more")
            raise _Moved
        for start in range(0, max(len(batch), 1), BATCH):
            tail = await written(batch[start : start + BATCH], tail)


async def _following(parts: Parts, place: int) -> AsyncIterator[Batch]:
    """What the stream has behind a place; now and then nothing, where nothing happens."""
    async with aclosing(parts.stream.follow(place)) as following:
        news = asyncio.create_task(_next(following))
        try:
            while True:
                await _either(news, parts.clock, IDLE)
                if news.done():
                    yield news.result()
                    news = asyncio.create_task(_next(following))
                else:
                    yield ()
        finally:
            news.cancel()
            await asyncio.gather(news, return_exceptions=True)


async def _next(following: AsyncIterator[Batch]) -> Batch:
    return await anext(following)


async def _either(news: asyncio.Task[Batch], clock: Clock, seconds: float) -> None:
    """Until there is news or time has passed."""
    slept = asyncio.ensure_future(clock.sleep(seconds))
    either: set[asyncio.Future[Any]] = {news, slept}
    try:
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
    finally:
        slept.cancel()


async def _begin(parts: Parts) -> tuple[int, str]:
    """The place up to which Redis' stream is good, and the id that it ends with."""
    tail = await tail_of(parts.links)
    if tail is not None:
        if await parts.store.read(lambda tx: agrees(tx, tail)):
            return tail.place, tail.id
        await _begin_anew(parts, "it is of another history of the store")
    return await parts.store.read(lambda tx: _start(tx, parts.keep)), ""


async def _begin_anew(parts: Parts, why: str) -> None:
    """Readers of the stream notice: their groups are gone with it (docs/integrators.md)."""
    parts.log.warning("Redis' stream of events begins anew", why=why)
    await parts.links.commands.delete(parts.links.key(EVENTS))


def _start(tx: Reader, keep: int) -> int:
    """Where an empty stream begins: as far back as Redis is to keep events and the store still has them."""
    first = tx.scalar(select(func.min(schema.event.c.place)))
    head = head_place(tx)
    return max(head - keep, (first or head + 1) - 1)
