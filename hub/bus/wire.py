"""What stands on the bus: entries of the stream for integrators, and parcels between the nodes.

An entry's fields are text, absent where an event has none, and part of the outside interface (docs/integrators.md).
Parcels are the nodes' own: an item that a node of another version does not know is left out, the rest is read.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from hub.store.tx import Event

EVENTS = "events"
"""The stream: ``centrala:events`` under the default name."""

NODES = "nodes"
"""The channel of parcels."""


# --- the stream ----------------------------------------------------------------------------------------------------

_NUMBERS = frozenset({"at", "conversation", "message", "actor", "version"})
_FIELDS = tuple(name for name in Event.__struct_fields__ if name != "place")
_NAMES = {name.encode(): name for name in _FIELDS}


def entry_id(place: int) -> str:
    """The id of an event's entry: its place, so that a repeat is refused."""
    return f"{place}-0"


def entry_fields(event: Event) -> list[str]:
    """Names and values in turn."""
    fields: list[str] = []
    for name in _FIELDS:
        value = getattr(event, name)
        if value is not None:
            fields += (name, str(value))
    return fields


def read_entry(entry: Sequence[Any]) -> Event:
    """An event from what Redis answers: the id and names and values in turn, all bytes. Raises ValueError."""
    place, _, _ = entry[0].partition(b"-")
    values: dict[str, Any] = {}
    for name, value in _pairs(entry[1]):
        if (known := _NAMES.get(name)) is not None:
            values[known] = int(value) if known in _NUMBERS else value.decode()
    try:
        return Event(place=int(place), **values)
    except TypeError as error:
        raise ValueError(f"the entry {entry[0]!r} is no event") from error


def _pairs(flat: Sequence[bytes] | Mapping[bytes, bytes]) -> Iterator[tuple[bytes, bytes]]:
    return zip(flat[::2], flat[1::2], strict=True) if not isinstance(flat, Mapping) else iter(flat.items())


# --- between the nodes -----------------------------------------------------------------------------------------------


class Hello(msgspec.Struct, frozen=True, array_like=True, tag="hello"):
    """A node has just begun to listen: tell it who is where."""


class Signalled(msgspec.Struct, frozen=True, array_like=True, tag="signal"):
    """What a channel signalled: the key of a conversation and what goes on there."""

    key: str
    what: str


class Marked(msgspec.Struct, frozen=True, array_like=True, tag="mark"):
    """Somebody is at something: ``topic`` is ``conversation`` or ``draft``, the rest as in :mod:`hub.desk.presence`,
    times as microseconds that are left. Nothing left: gone."""

    topic: str
    number: int
    user: int
    name: str
    looking: int
    writing: int


class Said(msgspec.Struct, frozen=True, array_like=True, tag="said"):
    """What a connector tells the same inbox elsewhere, in words of its own."""

    inbox: str
    what: bytes


Item = Hello | Signalled | Marked | Said


class Parcel(msgspec.Struct, frozen=True, array_like=True):
    """What one node has to say at a moment: where the store is as far as it knows, which loops have work."""

    sender: str
    place: int
    rings: tuple[str, ...] = ()
    items: tuple[msgspec.Raw, ...] = ()


_encode = msgspec.msgpack.Encoder().encode
_decode_parcel = msgspec.msgpack.Decoder(Parcel).decode
_decode_item = msgspec.msgpack.Decoder(Item).decode


def pack(sender: str, place: int, rings: Sequence[str], items: Sequence[Item]) -> bytes:
    """A parcel as it goes over the wire."""
    raw = tuple(msgspec.Raw(_encode(item)) for item in items)
    return _encode(Parcel(sender=sender, place=place, rings=tuple(rings), items=raw))


def unpack(data: bytes) -> Parcel:
    """Raises msgspec.MsgspecError for what is no parcel."""
    return _decode_parcel(data)


def items_of(parcel: Parcel) -> Iterator[Item]:
    """Those that this version knows."""
    for raw in parcel.items:
        try:
            yield _decode_item(raw)
        except msgspec.MsgspecError:
            continue
