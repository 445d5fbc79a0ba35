"""Whether Redis' stream tells of the same past as the store: after a restored backup, or a standby that had not
everything, it may not, and then nobody may believe it."""

from __future__ import annotations

from typing import Any

import msgspec

from hub.bus.links import Links, execute
from hub.bus.wire import EVENTS, read_entry
from hub.store.tx import Reader
from hub.stream import head_place, read_events


class Tail(msgspec.Struct, frozen=True, kw_only=True):
    """Where the stream ends: the id, the place that it stands for, and the entry unless somebody deleted it."""

    id: str
    place: int
    entry: Any


async def tail_of(links: Links) -> Tail | None:
    """None where there is no stream."""
    key = links.key(EVENTS)
    if not await links.commands.exists(key):
        return None
    told = await execute(links.commands, "XREVRANGE", key, "+", "-", "COUNT", 1)
    info: Any = await links.commands.xinfo_stream(key)
    last = info["last-generated-id"]
    entry = told[0] if told and told[0][0] == last else None
    return Tail(id=last.decode(), place=int(last.partition(b"-")[0]), entry=entry)


def agrees(tx: Reader, tail: Tail) -> bool:
    """Whether the end of the stream says what the store says of that place. Ask the store after Redis: what stands
    there was committed before."""
    if tail.place > head_place(tx):
        return False
    stored = read_events(tx, tail.place - 1, 1)
    if tail.entry is None or not stored or stored[0].place != tail.place:
        return True  # deleted there, or older than what the store keeps
    try:
        return read_entry(tail.entry) == stored[0]
    except ValueError:
        return False
