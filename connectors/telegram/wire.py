"""The parts of the Bot API's JSON that we read, as typed structs: decoding them is checking them.

Field names and meanings are those of https://core.telegram.org/bots/api#available-types. What is not named here is
skipped by the decoder at next to no cost; what is named and has another shape makes the update a
:class:`Strange` one, which is kept and shown all the same.
"""

from __future__ import annotations

import contextlib
import json
from typing import Any

import msgspec

from connectors._json import mended
from connectors.contract import storable


class BadUpdate(ValueError):
    """The body is no update of the Bot API at all; the text quotes nothing of it."""


class _Part(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Base of everything here: trees without circles, which the collector of cycles need not follow."""


class User(_Part, frozen=True, kw_only=True, gc=False):
    id: int
    is_bot: bool = False
    first_name: str = ""
    last_name: str = ""
    username: str = ""
    language_code: str = ""


class Chat(_Part, frozen=True, kw_only=True, gc=False):
    """``type`` is ``private``, ``group``, ``supergroup`` or ``channel``."""

    id: int
    type: str = "private"
    title: str = ""
    username: str = ""
    first_name: str = ""
    last_name: str = ""


class Entity(_Part, frozen=True, kw_only=True, gc=False):
    """A stretch of a text that means something; ``offset`` and ``length`` in UTF-16 units."""

    type: str
    offset: int
    length: int
    url: str = ""


class File(_Part, frozen=True, kw_only=True, gc=False):
    """What photos, documents, audio, voice, video, video notes, animations and stickers have in common."""

    file_id: str
    file_name: str = ""
    mime_type: str = ""
    file_size: int = 0
    emoji: str = ""
    is_animated: bool = False
    is_video: bool = False


class Location(_Part, frozen=True, kw_only=True, gc=False):
    """``live_period`` while it moves, in seconds."""

    latitude: float
    longitude: float
    live_period: int = 0


class Venue(_Part, frozen=True, kw_only=True, gc=False):
    location: Location
    title: str = ""
    address: str = ""


class Contact(_Part, frozen=True, kw_only=True, gc=False):
    phone_number: str
    first_name: str = ""
    last_name: str = ""
    user_id: int = 0


class Dice(_Part, frozen=True, kw_only=True, gc=False):
    emoji: str
    value: int


class PollOption(_Part, frozen=True, kw_only=True, gc=False):
    text: str


class Poll(_Part, frozen=True, kw_only=True, gc=False):
    question: str
    options: tuple[PollOption, ...] = ()


class Quote(_Part, frozen=True, kw_only=True, gc=False):
    text: str


class Origin(_Part, frozen=True, kw_only=True, gc=False):
    """Who wrote first what was forwarded."""

    sender_user: User | None = None
    sender_user_name: str = ""
    sender_chat: Chat | None = None
    chat: Chat | None = None


class Button(_Part, frozen=True, kw_only=True, gc=False):
    text: str
    callback_data: str = ""


class Keyboard(_Part, frozen=True, kw_only=True, gc=False):
    inline_keyboard: tuple[tuple[Button, ...], ...] = ()


class Replied(_Part, frozen=True, kw_only=True, gc=False):
    """The message that another one answers, as far as we need it."""

    message_id: int
    text: str = ""
    caption: str = ""


class Message(_Part, frozen=True, kw_only=True, gc=False):
    """A message of any kind; ``date`` and ``edit_date`` in seconds. ``forward_from`` and its like are from before Bot
    API 7.0, which own servers may still be."""

    message_id: int
    chat: Chat
    date: int = 0
    edit_date: int = 0
    sender: User | None = msgspec.field(name="from", default=None)
    sender_chat: Chat | None = None
    business_connection_id: str = ""
    message_thread_id: int = 0
    is_topic_message: bool = False
    is_automatic_forward: bool = False
    forward_origin: Origin | None = None
    forward_from: User | None = None
    forward_from_chat: Chat | None = None
    forward_sender_name: str = ""
    reply_to_message: Replied | None = None
    quote: Quote | None = None
    text: str | None = None
    entities: tuple[Entity, ...] = ()
    caption: str = ""
    caption_entities: tuple[Entity, ...] = ()
    photo: tuple[File, ...] = ()
    document: File | None = None
    animation: File | None = None
    audio: File | None = None
    voice: File | None = None
    video: File | None = None
    video_note: File | None = None
    sticker: File | None = None
    location: Location | None = None
    venue: Venue | None = None
    contact: Contact | None = None
    dice: Dice | None = None
    poll: Poll | None = None
    reply_markup: Keyboard | None = None


class CallbackQuery(_Part, frozen=True, kw_only=True, gc=False):
    """A pressed button. ``message`` is missing for messages of inline mode, and a bare one (date 0) when it is old."""

    id: str
    sender: User = msgspec.field(name="from")
    message: Message | None = None
    data: str | None = None


class ReactionType(_Part, frozen=True, kw_only=True, gc=False):
    type: str
    emoji: str = ""


class Reactions(_Part, frozen=True, kw_only=True, gc=False):
    chat: Chat
    message_id: int
    date: int = 0
    user: User | None = None
    actor_chat: Chat | None = None
    new_reaction: tuple[ReactionType, ...] = ()


class Member(_Part, frozen=True, kw_only=True, gc=False):
    status: str


class Membership(_Part, frozen=True, kw_only=True, gc=False):
    """What became of the bot in a chat."""

    chat: Chat
    sender: User = msgspec.field(name="from")
    new_chat_member: Member


class Deleted(_Part, frozen=True, kw_only=True, gc=False):
    business_connection_id: str
    chat: Chat
    message_ids: tuple[int, ...] = ()


class Update(_Part, frozen=True, kw_only=True, gc=False):
    """One update; at most one of the optional fields is there."""

    update_id: int
    message: Message | None = None
    edited_message: Message | None = None
    channel_post: Message | None = None
    edited_channel_post: Message | None = None
    business_message: Message | None = None
    edited_business_message: Message | None = None
    deleted_business_messages: Deleted | None = None
    message_reaction: Reactions | None = None
    callback_query: CallbackQuery | None = None
    my_chat_member: Membership | None = None


KNOWN = tuple(name for name in Update.__struct_fields__ if name != "update_id")
"""The kinds of update that we have a word for, which are those that we ask Telegram for."""


class Strange(msgspec.Struct, frozen=True, kw_only=True):
    """An update of a kind or a shape that we have no word for. ``content`` is its JSON."""

    update_id: int
    what: str
    content: dict[str, Any]


class _Answer(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to ``getUpdates``."""

    result: tuple[msgspec.Raw, ...]


class _Place(_Part, frozen=True, kw_only=True, gc=False):
    """What all kinds of updates have in common; a pressed button tells the chat by its message."""

    chat: Chat | None = None
    message: _Place | None = None


_decode = msgspec.json.Decoder(Update).decode
_decode_answer = msgspec.json.Decoder(_Answer).decode
_decode_places = msgspec.json.Decoder(dict[str, _Place | int]).decode
_decode_list = msgspec.json.Decoder(tuple[msgspec.Raw, ...]).decode


_FAULTS = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)


def decode(body: bytes) -> Update | Strange:
    """One update. Raises :class:`BadUpdate`."""
    try:
        update = _decode(body)
    except msgspec.ValidationError:
        return strange(body)
    except _FAULTS:
        return _decode_again(body)
    return update if has_kind(update) else strange(body)


def _decode_again(body: bytes) -> Update | Strange:
    """Half a surrogate pair and bytes that are no UTF-8 are no reason to lose what somebody wrote."""
    try:
        value = json.loads(body.decode("utf-8", "replace"))
        clean = storable(json.dumps(value, ensure_ascii=False)).encode()
        update = _decode(clean)
    except (*_FAULTS, ValueError):
        return strange(body)
    return update if has_kind(update) else strange(clean)


def has_kind(update: Update) -> bool:
    """Whether it holds something that we have a word for."""
    return update.message is not None or any(getattr(update, name) is not None for name in KNOWN)


def strange(body: bytes) -> Strange:
    """An update read without expecting anything of it but its number. Raises :class:`BadUpdate`."""
    try:
        value = msgspec.json.decode(body)
    except _FAULTS:
        return Strange(update_id=number_of(body), what="unreadable", content={})
    number = value.get("update_id") if isinstance(value, dict) else None
    if not isinstance(number, int) or isinstance(number, bool):
        raise BadUpdate("The body is not an update of the Telegram Bot API: it has no update_id.")
    others = [name for name in value if name != "update_id"]
    what = next((name for name in KNOWN if name in value), others[0] if others else "nothing")
    content = value.get(what)
    return Strange(update_id=number, what=what[:60], content=content if isinstance(content, dict) else {})


class _Number(msgspec.Struct):
    update_id: int


_decode_number = msgspec.json.Decoder(_Number).decode


def number_of(body: bytes) -> int:
    """The number of an update, whatever else of it can be read. Raises :class:`BadUpdate`."""
    try:
        return _decode_number(body).update_id
    except _FAULTS:
        raise BadUpdate("The body is not JSON, or has no update_id.") from None


def chat_of(body: bytes) -> int | None:
    """The chat in which an update happened; None where it names none."""
    try:
        parts = _decode_places(body).values()
    except _FAULTS:
        return None
    for part in parts:
        if isinstance(part, _Place) and (place := part.message or part).chat is not None:
            return place.chat.id
    return None


def several(body: bytes) -> tuple[msgspec.Raw, ...] | None:
    """The updates of an answer to ``getUpdates``, or of a bare list; None where the body is neither.

    Half a surrogate pair in one of them must not keep the others from being read: they would be asked for in vain until
    Telegram forgets them.
    """
    with contextlib.suppress(*_FAULTS):
        return _decode_answer(body).result
    with contextlib.suppress(*_FAULTS, ValueError):
        return _decode_answer(mended(body)).result
    try:
        return _decode_list(body)
    except _FAULTS:
        return None
