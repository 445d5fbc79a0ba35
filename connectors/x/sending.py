"""What leaves for X: direct messages, answers under public posts, pictures with them, and what is taken back.

docs.x.com/x-api/direct-messages/manage, .../posts/create-post, .../media/upload-media (read November 2026).
"""

from __future__ import annotations

import base64

import msgspec

from connectors._i18n import N_
from connectors._weight import LONGEST, weight
from connectors.contract import OutAttachment, Outbound, SendError, Sent
from connectors.x.api import UNCLEAR, Api, Bucket
from connectors.x.common import KIND, Place, direct_id, number_of, post_id, thread

PICTURES = ("image/jpeg", "image/png", "image/webp")

PICTURE_BYTES = 5_000_000

MOST_PICTURES = {"send-direct": 1, "post": 4}

TOO_LONG = N_("A public post has room for 280 characters, counted as X does; shorten the answer.")
TOO_MANY = N_("One message takes one picture, a public post four; send the others in further messages.")
NO_PICTURE = N_("X takes only pictures (JPEG, PNG, WebP) of at most 5 MB.")
NOBODY = N_("The message names no account on X that it goes to.")
NO_CHANGE = N_("X does not let us change what was sent.")


class _Created(msgspec.Struct, frozen=True, kw_only=True):
    id: str = ""
    dm_event_id: str = ""


class _Answer(msgspec.Struct, frozen=True, kw_only=True):
    data: _Created


async def send(api: Api, outbound: Outbound, place: Place, mentions: str) -> Sent:
    """Carry out one delivery. Raises SendError."""
    if outbound.operation == "delete":
        return await _delete(api, outbound)
    if outbound.operation != "send":
        raise SendError("permanent", NO_CHANGE)
    person = next((party.address for party in outbound.to if party.kind == KIND), "")
    answered = _answered_post(outbound, mentions)
    if answered:
        return await _post(api, outbound, answered, person, place)
    if not person:
        raise SendError("permanent", NOBODY)
    return await _direct(api, outbound, person, place)


def _answered_post(outbound: Outbound, mentions: str) -> str:
    """The post that this answers in public, or nothing for a direct message."""
    if outbound.public:
        return number_of(outbound.target or outbound.reply_to, "post")
    if outbound.target is not None or mentions != "public":
        return ""
    return number_of(outbound.reply_to, "post")


async def _direct(api: Api, outbound: Outbound, person: str, place: Place) -> Sent:
    content: dict[str, object] = {"text": outbound.text} if outbound.text else {}
    if pictures := await _pictures(api, outbound, "send-direct"):
        content["attachments"] = [{"media_id": number} for number in pictures]
    path = f"/2/dm_conversations/with/{_account(person)}/messages"
    number = _created(await api.send("send-direct", "POST", path, content)).dm_event_id
    return Sent(remote_id=direct_id(number), adds_keys=(thread(place, person, "dm"),))


async def _post(api: Api, outbound: Outbound, answered: str, person: str, place: Place) -> Sent:
    if weight(outbound.text) > LONGEST:
        raise SendError("permanent", TOO_LONG)
    content: dict[str, object] = {
        "text": outbound.text,
        "reply": {"in_reply_to_tweet_id": answered},
    }
    if pictures := await _pictures(api, outbound, "post"):
        content["media"] = {"media_ids": pictures}
    number = _created(await api.send("post", "POST", "/2/tweets", content)).id
    keys = (thread(place, person, number),) if person else ()
    # What is posted stands there for all to read: nothing further is told about it.
    return Sent(remote_id=post_id(number), adds_keys=keys, state="delivered")


def _account(person: str) -> str:
    """The number of an account; it becomes part of an address. Raises SendError."""
    if not (person.isascii() and person.isdigit()):
        raise SendError("permanent", NOBODY)
    return person


def _created(body: bytes) -> _Created:
    """What X made. An answer that we cannot read may hide something that is there all the same."""
    try:
        return msgspec.json.decode(body, type=_Answer).data
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise SendError("ambiguous", UNCLEAR) from error


async def _pictures(api: Api, outbound: Outbound, bucket: Bucket) -> list[str]:
    """The numbers of pictures that were uploaded for this message. Nobody sees them before the message is sent."""
    files = outbound.attachments
    if len(files) > MOST_PICTURES[bucket]:
        raise SendError("permanent", TOO_MANY)
    if any(file.content_type not in PICTURES or len(file.content) > PICTURE_BYTES for file in files):
        raise SendError("permanent", NO_PICTURE)
    category = "dm_image" if bucket == "send-direct" else "tweet_image"
    return [await _upload(api, file, category) for file in files]


async def _upload(api: Api, file: OutAttachment, category: str) -> str:
    content = {
        "media": base64.b64encode(file.content).decode(),
        "media_category": category,
        "media_type": file.content_type,
    }
    try:
        return _created(await api.send("media", "POST", "/2/media/upload", content)).id
    except SendError as error:
        # An upload that may have happened does no harm: the message has not left.
        kind = "temporary" if error.kind == "ambiguous" else error.kind
        raise SendError(kind, error.public, error.private, error.retry_after) from error


async def _delete(api: Api, outbound: Outbound) -> Sent:
    """Take back what we sent; what is not there any more is taken back already."""
    post, direct = number_of(outbound.target, "post"), number_of(outbound.target, "dm")
    if not (post or direct):
        raise SendError("permanent", NO_CHANGE)
    path = f"/2/tweets/{post}" if post else f"/2/dm_events/{direct}"
    try:
        await api.send("manage", "DELETE", path)
    except SendError as error:
        if not error.private.startswith("HTTP 404"):
            raise
    return Sent(state="delivered")
