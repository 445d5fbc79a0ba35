"""What X sends, built from a person, a text, a number and a time: for the demo, for tests and for the peer beside.

By docs.x.com/x-api/account-activity/introduction, .../activity/event-payloads and .../direct-messages/lookup/integrate
as they stood in November 2026.
"""

from __future__ import annotations

import datetime as dt
import json
from typing import Any, NamedTuple

EPOCH_MS = 1_288_834_974_657


class Person(NamedTuple):
    """An account: its number, the name behind the @, and the name shown."""

    number: str
    handle: str
    name: str


def identifier(at: int, serial: int = 0) -> str:
    """A number as X gives it out at a time (microseconds)."""
    return str(((at // 1000 - EPOCH_MS) << 22) | serial)


def iso(at: int) -> str:
    """A time of v2."""
    moment = dt.datetime.fromtimestamp(at // 1000 / 1000, dt.UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z"


def old_time(at: int) -> str:
    """A time of v1.1."""
    return f"{dt.datetime.fromtimestamp(at // 1_000_000, dt.UTC):%a %b %d %H:%M:%S +0000 %Y}"


def old_user(person: Person) -> dict[str, Any]:
    """An account in v1.1."""
    return {
        "id": int(person.number),
        "id_str": person.number,
        "name": person.name,
        "screen_name": person.handle,
        "protected": False,
        "verified": False,
        "followers_count": 12,
    }


def new_user(person: Person) -> dict[str, Any]:
    """An account in v2."""
    return {"id": person.number, "name": person.name, "username": person.handle}


def direct(
    sender: Person, to: Person, text: str, number: str, at: int, attachment: dict[str, Any] | None = None
) -> dict[str, Any]:
    """One entry of ``direct_message_events``."""
    data: dict[str, Any] = {
        "text": text,
        "entities": {"hashtags": [], "symbols": [], "user_mentions": [], "urls": []},
    }
    if attachment is not None:
        data["attachment"] = attachment
    return {
        "type": "message_create",
        "id": number,
        "created_timestamp": str(at // 1000),
        "message_create": {
            "target": {"recipient_id": to.number},
            "sender_id": sender.number,
            "message_data": data,
        },
    }


def account_direct(me: Person, sender: Person, to: Person, entry: dict[str, Any]) -> bytes:
    """The body by which Account Activity tells of a direct message."""
    users = {
        person.number: {
            "id": person.number,
            "created_timestamp": "1422556069340",
            "name": person.name,
            "screen_name": person.handle,
        }
        for person in (sender, to)
    }
    return encoded({"for_user_id": me.number, "direct_message_events": [entry], "users": users})


def activity_direct(me: Person, sender: Person, to: Person, entry: dict[str, Any], uuid: str) -> bytes:
    """The body by which X Activity tells of a direct message."""
    users = {person.number: {"data": new_user(person)} for person in (sender, to)}
    what = "dm.sent" if sender.number == me.number else "dm.received"
    payload = {"direct_message_events": [entry], "users": users}
    return activity(me, what, payload, uuid)


def activity(
    me: Person, what: str, payload: dict[str, Any], uuid: str, includes: dict[str, Any] | None = None
) -> bytes:
    """The envelope of X Activity."""
    data = {
        "event_uuid": uuid,
        "filter": {"user_id": me.number},
        "event_type": what,
        "tag": "centrala",
        "payload": payload,
    }
    return encoded({"data": data | ({"includes": includes} if includes else {})})


def post(
    author: Person, text: str, number: str, at: int, answered: tuple[str, str] | None = None
) -> dict[str, Any]:
    """A post in v2; ``answered`` is the number of a post and of its author."""
    found: dict[str, Any] = {
        "id": number,
        "text": text,
        "author_id": author.number,
        "created_at": iso(at),
        "conversation_id": answered[0] if answered else number,
        "edit_history_tweet_ids": [number],
    }
    if answered:
        found["in_reply_to_user_id"] = answered[1]
        found["referenced_tweets"] = [{"type": "replied_to", "id": answered[0]}]
    return found


def account_post(
    me: Person, author: Person, text: str, number: str, at: int, answered: tuple[str, str] | None = None
) -> bytes:
    """The body by which Account Activity tells of a post that names us, in v1.1."""
    entry: dict[str, Any] = {
        "created_at": old_time(at),
        "id": int(number),
        "id_str": number,
        "text": text,
        "truncated": False,
        "in_reply_to_status_id_str": answered[0] if answered else None,
        "in_reply_to_user_id_str": answered[1] if answered else None,
        "user": old_user(author),
        "entities": {"hashtags": [], "urls": [], "user_mentions": [], "symbols": []},
        "timestamp_ms": str(at // 1000),
    }
    return encoded({"for_user_id": me.number, "user_has_blocked": False, "tweet_create_events": [entry]})


def seen(me: Person, reader: Person, last: str, at: int) -> bytes:
    """The body by which Account Activity tells that somebody read up to a message."""
    event = {
        "created_timestamp": str(at // 1000),
        "sender_id": reader.number,
        "target": {"recipient_id": me.number},
        "last_read_event_id": last,
    }
    return encoded({"for_user_id": me.number, "direct_message_mark_read_events": [event]})


def typing(me: Person, person: Person, at: int) -> bytes:
    """The body by which Account Activity tells that somebody is writing."""
    event = {
        "created_timestamp": str(at // 1000),
        "sender_id": person.number,
        "target": {"recipient_id": me.number},
    }
    return encoded({"for_user_id": me.number, "direct_message_indicate_typing_events": [event]})


def encoded(value: Any) -> bytes:
    """JSON as X writes it: with everything outside ASCII escaped."""
    return json.dumps(value, separators=(",", ":")).encode()
