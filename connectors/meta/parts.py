"""A call of Meta's taken apart: its events, each with the account and the kind of inbox that it is for. Pure.

By https://developers.facebook.com/docs/graph-api/webhooks/getting-started: ``{"object": …, "entry": [{"id", "time",
"messaging" | "standby" | "changes": […]}]}``. Each event stays bytes here and is read by its kind's own reader, so that
a strange one never fails its neighbours.
"""

from __future__ import annotations

import hashlib
import re

import msgspec

from connectors.contract import InboxId, Micros, Party, Unknown


class NotACall(ValueError):
    """A body that is no call of Meta's; the text says why, quoting nothing of it."""


class Part(msgspec.Struct, frozen=True):
    """One event of a call. ``field`` is ``messaging``, ``standby`` or what a change is about (``feed``, ``comments``,
    ``messages``); ``raw`` the event's own JSON; ``at`` the time of its entry as Meta wrote it, in seconds or
    milliseconds."""

    object: str
    account: str
    field: str
    raw: msgspec.Raw
    at: int


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """Where a part belongs: what a reader needs of its surroundings. ``app_id`` is empty where nobody knows it."""

    inbox: InboxId
    account: str
    now: Micros
    app_id: str = ""


class Change(msgspec.Struct, frozen=True):
    """``{"field": …, "value": …}``."""

    field: str = ""
    value: msgspec.Raw = msgspec.Raw(b"null")


class Entry(msgspec.Struct, frozen=True):
    """Events of one account. An Instagram login of its own puts a single change right into the entry."""

    id: str | int = ""
    time: int = 0
    messaging: tuple[msgspec.Raw, ...] = ()
    standby: tuple[msgspec.Raw, ...] = ()
    changes: tuple[Change, ...] = ()
    field: str = ""
    value: msgspec.Raw = msgspec.Raw(b"null")


class Call(msgspec.Struct, frozen=True):
    """A whole body."""

    object: str = ""
    entry: tuple[Entry, ...] = ()


_call = msgspec.json.Decoder(Call | tuple[Call, ...], strict=False)


_ESCAPE = re.compile(
    rb"\\\\|(?P<pair>\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2})|\\u[dD][89a-fA-F][0-9a-fA-F]{2}"
)


def whole_letters(body: bytes) -> bytes:
    """JSON in which half an emoji (a text cut by its sender in the middle of one) is U+FFFD, which can be read."""
    if b"\\ud" not in body and b"\\uD" not in body:
        return body
    return _ESCAPE.sub(lambda m: m[0] if m["pair"] or m[0] == b"\\\\" else b"\\ufffd", body)


def parts(body: bytes) -> list[Part]:
    """The events of a call, in order. Raises :class:`NotACall`."""
    try:
        read = _call.decode(whole_letters(body))
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise NotACall(f"the body is not a call of Meta's: {type(error).__name__}") from error
    found: list[Part] = []
    for call in read if isinstance(read, tuple) else (read,):
        if not call.object:
            raise NotACall("the body names no object")
        for entry in call.entry:
            found += _parts_of(call.object, entry)
    return found


def _parts_of(object_: str, entry: Entry) -> list[Part]:
    account, time = str(entry.id), entry.time
    found = [Part(object_, account, "messaging", raw, time) for raw in entry.messaging]
    if entry.standby:
        found += [Part(object_, account, "standby", raw, time) for raw in entry.standby]
    if entry.changes:
        found += [Part(object_, account, change.field, change.value, time) for change in entry.changes]
    if entry.field:
        found.append(Part(object_, account, entry.field, entry.value, time))
    return found


COMMENTS = frozenset({"comments", "live_comments", "mentions"})
PAGE = frozenset({"feed", "mention", "mentions"})


def kind_of(part: Part) -> str:
    """The kind of inbox that reads a part; empty for an object that we know nothing of."""
    if part.object == "whatsapp_business_account":
        return "whatsapp"
    if part.object == "instagram":
        return "instagram_comments" if part.field in COMMENTS else "instagram"
    if part.object == "page":
        return "facebook_comments" if part.field in PAGE else "messenger"
    return ""


class _Metadata(msgspec.Struct, frozen=True):
    phone_number_id: str = ""


class _Value(msgspec.Struct, frozen=True):
    metadata: _Metadata = _Metadata()


_value = msgspec.json.Decoder(_Value, strict=False)


def account_of(part: Part) -> str:
    """Meta's number of the account that a part is for: of WhatsApp the telephone number's, not the business's."""
    if part.object != "whatsapp_business_account":
        return part.account
    try:
        return _value.decode(part.raw).metadata.phone_number_id or part.account
    except msgspec.DecodeError:
        return part.account


class _Peer(msgspec.Struct, frozen=True):
    id: str | int = ""


class _Peek(msgspec.Struct, frozen=True):
    sender: _Peer = _Peer()


_peek = msgspec.json.Decoder(_Peek, strict=False)

SHOWN = 2000
"""Characters of an unknown event that are shown."""


def unknown(part: Part, place: Place, what: str = "") -> Unknown:
    """An event that we have no word for: its own JSON, from its sender where one is named, else from Meta."""
    try:
        sender = str(_peek.decode(part.raw).sender.id)
    except msgspec.DecodeError:
        sender = ""
    direct = bool(sender) and sender != place.account
    kind = kind_of(part) or "meta"
    return Unknown(
        inbox=place.inbox,
        external_id=event_id(part.field or "event", bytes(part.raw)),
        received_at=place.now,
        sender=Party(kind=kind if direct else "meta", address=sender if direct else place.account or "meta"),
        what=what or part.field or "event",
        text=bytes(part.raw)[: SHOWN * 4].decode("utf-8", "replace")[:SHOWN],
        direct=True,
    )


def event_id(what: str, content: bytes) -> str:
    """The identity of an event to which Meta gives none: its own bytes, which are the same when it is told again."""
    return f"{what}:{hashlib.sha256(content).hexdigest()[:40]}"
