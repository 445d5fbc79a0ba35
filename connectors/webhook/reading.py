"""The JSON of a generic webhook, on the way in: typed, checked, turned into what intake takes.

A body is one event or ``{"events": [...]}`` with up to 100 of them, which are taken together or not at all.
"""

from __future__ import annotations

import base64
import binascii
import datetime as dt
import hashlib
from collections.abc import Mapping
from typing import Annotated, Any, Literal

import msgspec

from connectors import _html
from connectors.contract import (
    Attachment,
    Deletion,
    DeliveryReport,
    Edit,
    FormField,
    Inbound,
    InboxId,
    Message,
    Micros,
    ParseContext,
    Party,
    Reaction,
    ThreadKey,
    Tokens,
    conversation_key,
)

Identity = Annotated[str, msgspec.Meta(min_length=1, max_length=400)]
Line = Annotated[str, msgspec.Meta(max_length=500)]
Body = Annotated[str, msgspec.Meta(max_length=1_000_000)]

BATCH = 100


class BadEvent(ValueError):
    """The body is not what docs/channels/webhook.md describes; the text says what and where, quoting no values."""


class _In(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of everything that comes in."""


class Person(_In, frozen=True, kw_only=True):
    """Who wrote. ``address`` is their stable id in the other system; ``email`` and ``phone`` are what they claim."""

    address: Identity
    name: Line = ""
    language: Annotated[str, msgspec.Meta(pattern="^$|^[a-z]{2}$")] = ""
    email: Annotated[str, msgspec.Meta(pattern=r"^$|^[^@\s]+@[^@\s]+$", max_length=254)] = ""
    phone: Annotated[str, msgspec.Meta(pattern=r"^$|^\+[1-9][0-9]{6,14}$")] = ""


class File(_In, frozen=True, kw_only=True):
    """A file: its bytes in base64 (``content``), or an address from which they are fetched (``url``)."""

    filename: Annotated[str, msgspec.Meta(min_length=1, max_length=255)]
    content_type: Annotated[str, msgspec.Meta(pattern=r"^[\w.+-]+/[\w.+-]+$", max_length=120)] = (
        "application/octet-stream"
    )
    content: str | None = None
    url: Annotated[str, msgspec.Meta(pattern=r"^https?://\S+$", max_length=2000)] | None = None

    def __post_init__(self) -> None:
        if (self.content is None) == (self.url is None):
            raise ValueError("a file has either `content` or `url`")


class _Event(_In, frozen=True, kw_only=True, tag_field="type"):
    """``id`` is unique within the inbox and stays the same when it is sent again. ``at`` is RFC 3339 with a zone."""

    id: Identity
    at: dt.datetime | None = None


class NewMessage(_Event, frozen=True, kw_only=True, tag="message"):
    """Somebody wrote. ``thread`` is the other system's name of the conversation; without it messages of one person
    belong together. ``reply_token`` is what came with an answer of ours, if this belongs to it."""

    sender: Person
    thread: Annotated[str, msgspec.Meta(max_length=400)] = ""
    reply_token: Annotated[str, msgspec.Meta(max_length=200)] = ""
    subject: Line = ""
    text: Body = ""
    html: Body = ""
    files: Annotated[tuple[File, ...], msgspec.Meta(max_length=20)] = ()
    fields: dict[Annotated[str, msgspec.Meta(max_length=100)], Body] = {}
    automatic: bool = False

    def __post_init__(self) -> None:
        if not (self.text.strip() or self.html.strip() or self.files):
            raise ValueError("a message has `text`, `html` or `files`")


class ChangedMessage(_Event, frozen=True, kw_only=True, tag="edit"):
    """The sender changed the message whose ``id`` was ``target``."""

    target: Identity
    sender: Person
    text: Body


class TakenBack(_Event, frozen=True, kw_only=True, tag="deletion"):
    """The sender took the message back whose ``id`` was ``target``."""

    target: Identity
    sender: Person


class Sign(_Event, frozen=True, kw_only=True, tag="reaction"):
    """A sign under a message; an empty ``emoji`` takes it back."""

    target: Identity
    sender: Person
    emoji: Annotated[str, msgspec.Meta(max_length=40)] = ""


class Delivered(_Event, frozen=True, kw_only=True, tag="delivery"):
    """What became of an answer of ours; ``target`` is the id that the other side gave it."""

    target: Identity
    state: Literal["accepted", "delivered", "read", "failed"]
    reason: Line = ""


AnyEvent = NewMessage | ChangedMessage | TakenBack | Sign | Delivered


class _Many(_In, frozen=True, kw_only=True):
    events: Annotated[tuple[AnyEvent, ...], msgspec.Meta(min_length=1, max_length=BATCH)]


_decode_one = msgspec.json.Decoder(AnyEvent).decode


def decode(body: bytes) -> tuple[AnyEvent, ...]:
    """The events of a body. Raises :class:`BadEvent`."""
    try:
        return (_decode_one(body),)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _decode_any(body)


def _decode_any(body: bytes) -> tuple[AnyEvent, ...]:
    """A body that is not one good event: several, or something to say why about."""
    try:
        value: Any = msgspec.json.decode(body)
    except msgspec.DecodeError as error:
        raise BadEvent(f"The body is not JSON: {error}.") from error
    except UnicodeDecodeError as error:
        raise BadEvent("The body is not UTF-8.") from error
    except RecursionError as error:
        raise BadEvent("The body is nested too deeply.") from error
    try:
        if isinstance(value, dict) and "events" in value:
            events = msgspec.convert(value, _Many).events
        else:
            events = (msgspec.convert(value, AnyEvent),)
    except msgspec.ValidationError as error:
        raise BadEvent(f"The event is not as described: {error}.") from error
    if len({event.id for event in events}) < len(events):
        raise BadEvent("Two events of one request have the same `id`.")
    return events


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """Where the events come in. ``kind`` is the space of the other system's addresses."""

    inbox: InboxId
    kind: str
    now: Micros
    tokens: Tokens | None = None


def inbound(event: AnyEvent, place: Place) -> Inbound:
    """What intake takes. Raises :class:`BadEvent` for content that is no base64."""
    match event:
        case NewMessage():
            return _message(event, place)
        case ChangedMessage():
            at, sender = _micros(event.at), _party(event.sender, place)
            return Edit(**_common(event, place), sender=sender, text=event.text, at=at)
        case TakenBack():
            return Deletion(**_common(event, place), sender=_party(event.sender, place))
        case Sign():
            at, sender = _micros(event.at), _party(event.sender, place)
            return Reaction(**_common(event, place), sender=sender, emoji=event.emoji, at=at)
        case Delivered():
            at = _micros(event.at)
            return DeliveryReport(**_common(event, place), state=event.state, reason=event.reason, at=at)


def _common(event: AnyEvent, place: Place) -> dict[str, Any]:
    target = None if isinstance(event, NewMessage) else event.target
    return {"inbox": place.inbox, "external_id": event.id, "target": target, "received_at": place.now}


def _message(event: NewMessage, place: Place) -> Message:
    text = event.text or _html.text(event.html)
    thread = (ThreadKey(f"thread:{place.inbox}:{event.thread}"),) if event.thread else ()
    return Message(
        inbox=place.inbox,
        external_id=event.id,
        received_at=place.now,
        sender=_party(event.sender, place),
        also=_claims(event.sender),
        subject=event.subject,
        text=text,
        full_text=text,
        html=_html.sanitise(event.html) if event.html else "",
        attachments=tuple(_attachment(file) for file in event.files),
        thread_keys=(*_by_token(event.reply_token, place), *thread),
        adds_keys=thread,
        direct=not event.thread,
        sent_at=_micros(event.at),
        automatic="auto-reply" if event.automatic else "no",
        fields=_fields(event.fields),
    )


def _by_token(token: str, place: Place) -> tuple[ThreadKey, ...]:
    """The conversation that a token of ours names, when the signature is ours."""
    value = place.tokens.verify("conversation", token) if token and place.tokens else None
    return (conversation_key(int(value)),) if value and value.isdecimal() else ()


def _party(person: Person, place: Place) -> Party:
    return Party(kind=place.kind, address=person.address, name=person.name, language=person.language)


def _claims(person: Person) -> tuple[Party, ...]:
    """Further addresses, as the person claims them."""
    claims = (("email", person.email.strip().lower()), ("phone", person.phone))
    return tuple(Party(kind=kind, address=address, name=person.name) for kind, address in claims if address)


def _fields(fields: Mapping[str, str]) -> tuple[FormField, ...]:
    return tuple(FormField(name=name, label=name, value=value) for name, value in fields.items())


def _attachment(file: File) -> Attachment:
    if file.content is None:
        return Attachment(filename=file.filename, content_type=file.content_type, remote=file.url)
    try:
        content = base64.b64decode(file.content, validate=True)
    except binascii.Error as error:
        raise BadEvent("The `content` of a file is not base64.") from error
    return Attachment(
        filename=file.filename,
        content_type=file.content_type,
        size=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
        content=content,
    )


def _micros(at: dt.datetime | None) -> Micros | None:
    """Raises :class:`BadEvent` for a time without a zone: nobody could tell when it was."""
    if at is None:
        return None
    if at.tzinfo is None:
        raise BadEvent("`at` has no zone: write it like 2026-11-10T17:40:00+01:00.")
    return Micros((at - dt.datetime(1970, 1, 1, tzinfo=dt.UTC)) // dt.timedelta(microseconds=1))


def parse(raw: bytes, context: ParseContext) -> list[Inbound]:
    """A body, whose signature was checked when it came, as intake would see it. Raises :class:`BadEvent`."""
    place = Place(inbox=context.inbox, kind=str(context.inbox), now=context.now, tokens=context.tokens)
    return [inbound(event, place) for event in decode(raw)]
