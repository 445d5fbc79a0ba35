"""What a Telegram message says: its text, its files, and words for what has neither (a place, a contact, a sticker).

Files stay with Telegram until the hub fetches them by their ``file_id``. Signs stand where words would have to be
translated.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import msgspec

from connectors import _phone
from connectors.contract import Attachment, Party
from connectors.telegram.entities import to_html
from connectors.telegram.wire import Contact, File, Location, Message, User

KIND = "telegram"
"""The space of our addresses."""

HANDED_OUT = 20_000_000
"""Bytes of the largest file that the Bot API hands out."""

_MEDIA_TYPE = re.compile(r"[A-Za-z0-9][\w.+-]{0,60}/[A-Za-z0-9][\w.+-]{0,60}", re.ASCII)
_NAME = 200
"""Characters of a file name that are kept."""

_MEDIA = (
    ("animation", "mp4", "video/mp4"),  # before the document, which stands beside it
    ("document", "bin", "application/octet-stream"),
    ("video", "mp4", "video/mp4"),
    ("video_note", "mp4", "video/mp4"),
    ("voice", "ogg", "audio/ogg"),
    ("audio", "mp3", "audio/mpeg"),
)


class Content(msgspec.Struct, frozen=True, kw_only=True):
    """``also`` are further addresses of the sender that the message proves or claims."""

    text: str = ""
    html: str = ""
    attachments: tuple[Attachment, ...] = ()
    also: tuple[Party, ...] = ()


def content(message: Message) -> Content | None:
    """None for a message of a kind that we have no word for."""
    if message.text is not None:
        return Content(text=message.text, html=to_html(message.text, message.entities))
    files = _files(message)
    if files:
        sticker = _sticker(message.sticker) if message.sticker else ""
        caption = message.caption
        return Content(
            text=caption or sticker, html=to_html(caption, message.caption_entities), attachments=files
        )
    if message.contact is not None:
        return _contact(message.contact, message.sender)
    words = _in_words(message)
    return Content(text=words) if words else None


def _in_words(message: Message) -> str:
    if message.venue is not None:
        lines = (message.venue.title, message.venue.address, place(message.venue.location))
        return "\N{ROUND PUSHPIN} " + "\n".join(line for line in lines if line)
    if message.location is not None:
        return f"\N{ROUND PUSHPIN} {place(message.location)}"
    if message.dice is not None:
        return f"{message.dice.emoji} {message.dice.value}"
    if message.poll is not None:
        options = (f"\N{BULLET} {option.text}" for option in message.poll.options)
        return "\n".join((f"\N{BAR CHART} {message.poll.question}", *options))
    return ""


def place(location: Location) -> str:
    """Latitude and longitude in degrees, as they came."""
    return f"{location.latitude},{location.longitude}"


def _sticker(sticker: File) -> str:
    return f"[sticker] {sticker.emoji}".rstrip()


def _contact(contact: Contact, sender: User | None) -> Content:
    """A contact card. The sender's own number becomes an address of theirs; somebody else's stays text."""
    name = f"{contact.first_name} {contact.last_name}".strip()
    text = f"\N{BUST IN SILHOUETTE} {name}\n{contact.phone_number}"
    if sender is None or contact.user_id != sender.id:
        return Content(text=text)
    try:
        # Telegram writes numbers with their country code, with or without the plus sign.
        number = _phone.normalise(f"+{contact.phone_number.lstrip('+')}")
    except _phone.BadNumber:
        return Content(text=text)
    return Content(text=text, also=(Party(kind="phone", address=number, name=name),))


def _files(message: Message) -> tuple[Attachment, ...]:
    number = message.message_id
    if message.photo:
        largest = max(message.photo, key=lambda size: size.file_size)
        # Sizes come from small to large; some servers leave out how large.
        return (
            _file(largest if largest.file_size else message.photo[-1], f"photo-{number}.jpg", "image/jpeg"),
        )
    for name, ending, kind in _MEDIA:
        file: File | None = getattr(message, name)
        if file is not None:
            return (_file(file, f"{name.replace('_', '-')}-{number}.{ending}", kind),)
    if message.sticker is not None:
        return (_sticker_file(message.sticker, number),)
    return ()


def _sticker_file(sticker: File, number: int) -> Attachment:
    if sticker.is_animated:
        return _file(sticker, f"sticker-{number}.tgs", "application/x-tgsticker")
    if sticker.is_video:
        return _file(sticker, f"sticker-{number}.webm", "video/webm")
    return _file(sticker, f"sticker-{number}.webp", "image/webp")


def _file(file: File, name: str, kind: str) -> Attachment:
    return Attachment(
        filename=_one_line(file.file_name)[-_NAME:] or name,
        content_type=file.mime_type if _MEDIA_TYPE.fullmatch(file.mime_type) else kind,
        size=max(0, file.file_size),
        remote=file.file_id,
    )


def _one_line(text: str) -> str:
    """Without control characters, which have no place in a name or a header."""
    return text if text.isprintable() else "".join(char for char in text if char.isprintable())


def quoted(lines: str) -> str:
    """A text as it stands in front of its answer."""
    return "\n".join(f"> {line}" for line in lines.split("\n"))


def names(people: Sequence[str]) -> str:
    """The first that is not empty."""
    return next((name for name in people if name), "")
