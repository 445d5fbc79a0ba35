"""Direct messages as intake takes them, from the v1.1 objects of webhooks and from the pages of v2.

A message has the same id on every way (X: "IDs are shared between v1.1 and v2"), so what came by webhook and by polling
is one message.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from connectors.contract import Attachment, DeliveryReport, Inbound, Message, Party, Unknown
from connectors.x.common import (
    Place,
    direct_id,
    from_iso,
    from_ms,
    new_files,
    old_file,
    party,
    plain,
    thread,
)
from connectors.x.payloads import Attached, Includes, Link, MessageData, NewDirect, OldDirect, Seen, User


def old_direct(event: OldDirect, users: Mapping[str, User], place: Place) -> Inbound:
    """A direct message of a webhook, ours or somebody's."""
    created = event.message_create
    if created is None:
        return Unknown(**place.event(direct_id(event.id)), sender=party("", users), what=event.type)
    ours = created.sender_id == place.me
    other = created.target.recipient_id if ours else created.sender_id
    data = created.message_data
    reply = data.quick_reply_response
    return _message(
        event.id,
        party(other, users),
        place,
        text=_old_text(data),
        attachments=_old_files(data.attachment),
        sent_at=from_ms(event.created_timestamp),
        choice=reply.metadata if reply else "",
        ours=ours,
    )


def _message(number: str, sender: Party, place: Place, **fields: Any) -> Message:
    text = fields["text"]
    return Message(
        **place.event(direct_id(number)),
        sender=sender,
        full_text=text,
        direct=True,
        adds_keys=(thread(place, sender.address, "dm"),),
        **fields,
    )


def _old_text(data: MessageData) -> str:
    links = data.entities.urls or ()
    attached = data.attachment
    hidden = (attached.media.url,) if attached and attached.media else ()
    text = plain(data.text, links, hidden)
    where = _position(attached)
    return f"{text}\n{where}".strip() if where else text


def _old_files(attached: Attached | None) -> tuple[Attachment, ...]:
    file = old_file(attached.media) if attached and attached.media else None
    return (file,) if file else ()


def _position(attached: Attached | None) -> str:
    """A shared place as people and rules can read it."""
    shared = (attached.location or {}).get("shared_coordinate") if attached else None
    match shared:
        case {"coordinates": {"coordinates": [float() | int() as east, float() | int() as north, *_]}}:
            return f"📍 {north},{east}"
    return ""


def seen_up_to(event: Seen, users: Mapping[str, User], place: Place) -> Inbound | None:
    """Somebody read what we wrote, up to one message; what we read ourselves is no news."""
    if event.sender_id == place.me or not event.last_read_event_id:
        return None
    last = event.last_read_event_id
    return DeliveryReport(
        **place.event(f"read:{event.sender_id}:{last}", direct_id(last)),
        state="read",
        at=from_ms(event.created_timestamp),
        to=party(event.sender_id, users),
    )


def new_direct(
    event: NewDirect, includes: Includes, users: Mapping[str, User], place: Place
) -> Iterator[Inbound]:
    """An entry of a page of direct messages: a message between two, one in a group, somebody's coming or going."""
    links: tuple[Link, ...] = event.urls or event.entities.urls
    text = plain(event.text, links)
    first, dash, second = event.dm_conversation_id.partition("-")
    if event.event_type == "MessageCreate" and (dash or not first):
        ours = bool(place.me) and event.sender_id == place.me
        other = (second if first == place.me else first) if ours and dash else event.sender_id
        yield _message(
            event.id,
            party(other, users),
            place,
            text=text,
            attachments=new_files(event.attachments.media_keys, includes.media),
            sent_at=from_iso(event.created_at),
            ours=ours,
        )
    elif event.event_type != "MessageCreate":
        yield from _coming_or_going(event, users, place)
    elif event.sender_id != place.me:
        yield _in_group(event, text, users, place)


def _in_group(event: NewDirect, text: str, users: Mapping[str, User], place: Place) -> Unknown:
    """Who writes into a group gets no answer there: others would read it."""
    return Unknown(
        **place.event(direct_id(event.id)),
        sender=party(event.sender_id, users),
        what="group message",
        text=text,
        thread_keys=(thread(place, event.sender_id, f"group:{event.dm_conversation_id}"),),
    )


def _coming_or_going(event: NewDirect, users: Mapping[str, User], place: Place) -> Iterator[Inbound]:
    what = {"ParticipantsJoin": "participants.join", "ParticipantsLeave": "participants.leave"}.get(
        event.event_type, event.event_type
    )
    if not place.ignores(what):
        who = event.sender_id or next(iter(event.participant_ids), "")
        yield Unknown(**place.event(direct_id(event.id)), sender=party(who, users), what=what)


def decode_users(raw: msgspec.Raw) -> dict[str, User]:
    """The map of accounts beside direct messages, by number; one that we cannot read is a person without a name."""
    try:
        return msgspec.json.decode(raw, type=dict[str, User])
    except msgspec.ValidationError:
        return {}
