"""Direct messages of Messenger and Instagram on the way in: one documented event to what intake takes. Pure.

What the two platforms do alike stands here; the kind of the inbox is the kind of its addresses. An event that Meta adds
later is kept as unknown.
"""

from __future__ import annotations

import mimetypes
from collections.abc import Iterable
from pathlib import PurePosixPath
from urllib.parse import unquote, urlsplit

import msgspec

from connectors.contract import (
    Attachment,
    Deletion,
    DeliveryReport,
    Edit,
    FormField,
    Inbound,
    Message,
    Micros,
    Party,
    Reaction,
    ThreadKey,
    Unknown,
)
from connectors.meta.parts import Part, Place, event_id, kind_of, unknown
from connectors.meta.shapes import (
    Delivered,
    Edited,
    File,
    Happening,
    Postback,
    Reacted,
    Referral,
    Seen,
    Written,
)

_happening = msgspec.json.Decoder(Happening, strict=False)

MILLISECOND = 1000

LIKES = frozenset({"369239263222822", "369239343222814", "369239383222810"})
"""Stickers of the thumb in its three sizes."""

FILES = {
    "image": "image/jpeg",
    "video": "video/mp4",
    "audio": "audio/mp4",
    "file": "application/octet-stream",
}
"""Types of attachment that are files, and what they are where the address does not tell."""

_NAMED = {
    "love": "❤",
    "like": "👍",
    "dislike": "👎",
    "smile": "😀",
    "haha": "😆",
    "angry": "😠",
    "sad": "😢",
    "wow": "😮",
}
"""Signs that an old client names only by a word."""


def message_key(kind: str, inbox: str, mid: str) -> ThreadKey:
    """The key under which an answer to one of our messages finds its conversation."""
    key = f"{kind}:{inbox}:{mid}"
    return ThreadKey(key if len(key) <= 400 else event_id(f"{kind}:{inbox}", mid.encode()))


def direct_key(kind: str, account: str, address: str) -> ThreadKey:
    """The key of a person's messages to an account. It finds something only where we began: a private answer to a
    comment registers it, so that what the person answers continues that conversation."""
    return ThreadKey(f"direct:{kind}:{account}:{address}")


def moment(timestamp: int) -> Micros | None:
    """Meta's time, in seconds or milliseconds; None where there is none."""
    if timestamp <= 0:
        return None
    return Micros(timestamp * (MILLISECOND if timestamp > 100_000_000_000 else 1_000_000))


def read(part: Part, place: Place) -> list[Inbound]:
    """One event. Raises msgspec.DecodeError for JSON of another shape."""
    event = _happening.decode(part.raw)
    kind = kind_of(part)
    if (written := event.message) is not None:
        return _message(part, place, kind, event, written)
    if not (event.sender.id or event.sender.user_ref):
        return [unknown(part, place, _what(part))]
    person = _person(kind, event)
    if event.postback is not None:
        return [_postback(part, place, event, person, event.postback)]
    if event.reaction is not None:
        return [_reaction(place, event, person, event.reaction)]
    if event.delivery is not None:
        return _delivered(place, person, event.delivery)
    if event.read is not None:
        return [_seen(place, event, person, event.read)]
    if event.message_edit is not None:
        return [_edit(place, event, person, event.message_edit)]
    if event.referral is not None:
        return [_came(part, place, person, event.referral)]
    return [unknown(part, place, _what(part))]


def _what(part: Part) -> str:
    """What an unknown event calls itself: its first field beside who and when."""
    fields = msgspec.json.decode(part.raw, type=dict[str, msgspec.Raw])
    return next((name for name in fields if name not in ("sender", "recipient", "timestamp")), part.field)[
        :60
    ]


def _person(kind: str, event: Happening) -> Party:
    address = str(event.sender.id) or f"ref:{event.sender.user_ref}"
    return Party(kind=kind, address=address, verified=bool(event.sender.id))


# --- messages ---------------------------------------------------------------------------------------------------------


def _message(part: Part, place: Place, kind: str, event: Happening, written: Written) -> list[Inbound]:
    """A message of the person, or the echo of one of ours: by this app (then it is known) or written elsewhere."""
    ours = written.is_echo or (str(event.sender.id) == place.account and not written.is_self)
    if ours and place.app_id and str(written.app_id or "") == place.app_id:
        return []
    who = event.recipient if ours else event.sender
    if not written.mid or not (who.id or who.user_ref):
        return [unknown(part, place)]
    person = Party(kind=kind, address=str(who.id) or f"ref:{who.user_ref}", verified=bool(who.id))
    if written.is_deleted:
        return [_deletion(place, person, written.mid)]
    text, files = _content(written.text or "", written.attachments or (), written.sticker_id)
    if written.is_unsupported or not (text or files):
        return [_unsupported(place, person, written.mid)]
    answered = written.reply_to.mid if written.reply_to is not None else None
    return [
        Message(
            inbox=place.inbox,
            external_id=written.mid,
            received_at=place.now,
            sender=person,
            text=text,
            full_text=text,
            attachments=files,
            thread_keys=(
                *((message_key(kind, place.inbox, answered),) if answered else ()),
                direct_key(kind, place.account, person.address),
            ),
            direct=True,
            sent_at=moment(event.timestamp),
            fields=_fields(written),
            choice=(written.quick_reply.payload or "") if written.quick_reply is not None else "",
            ours=ours,
        )
    ]


def _deletion(place: Place, person: Party, mid: str) -> Deletion:
    return Deletion(
        inbox=place.inbox,
        external_id=_own_id("deleted", mid),
        target=mid,
        received_at=place.now,
        sender=person,
    )


def _unsupported(place: Place, person: Party, mid: str) -> Unknown:
    """Something that Meta does not pass on: a vanishing picture, a poll."""
    return Unknown(
        inbox=place.inbox,
        external_id=mid,
        received_at=place.now,
        sender=person,
        what="unsupported",
        direct=True,
    )


def _own_id(what: str, mid: str) -> str:
    """The identity of an event about a message."""
    name = f"{what}:{mid}"
    return name if len(name) <= 400 else event_id(what, mid.encode())


def _content(
    text: str, attachments: Iterable[File], sticker: str | int | None
) -> tuple[str, tuple[Attachment, ...]]:
    """The words of a message, with a line for what is no file, and its files."""
    lines = [text] if text else []
    files: list[Attachment] = []
    found = list(attachments)
    if any(file.type == "sticker" for file in found):
        # Until 30 August 2026 a sticker comes twice, the second time as an image (changelog of 2026-06-01).
        found = [file for file in found if not (file.type == "image" and _sticker(file))]
    for file in found:
        if file.type in FILES or file.type == "sticker":
            mark = _sticker(file) or (str(sticker or "") if file.type == "image" else "")
            if mark or file.type == "sticker":
                lines.append("👍" if mark in LIKES else "[sticker]")
            if mark not in LIKES:
                files += _file(file)
        else:
            lines.append(_line(file, text))
    return "\n".join(line for line in lines if line), tuple(files)


def _sticker(file: File) -> str:
    return str(file.payload.sticker_id or "") if file.payload is not None else ""


def _file(file: File) -> tuple[Attachment, ...]:
    """A file to fetch later. Its name is the last part of the address, which Meta makes up."""
    url = (file.payload.url if file.payload is not None else None) or file.url
    if not url:
        return ()
    kind = "image" if file.type == "sticker" else file.type
    name = PurePosixPath(unquote(urlsplit(url).path)).name[:100] or kind
    guessed = mimetypes.guess_type(name)[0] or FILES[kind]
    if "." not in name:
        name += mimetypes.guess_extension(guessed) or ""
    return (Attachment(filename=name, content_type=guessed, remote=url),)


def _line(file: File, text: str) -> str:
    """What is no file, in a line: a place, a shared link or post, a story that mentions us, a card; nothing of it that
    ``text`` says already.

    A story may not be kept (https://developers.facebook.com/docs/messenger-platform/instagram/features/story-mention),
    so that its address alone is shown.
    """
    payload = file.payload
    if file.type == "location" and payload is not None and payload.coordinates is not None:
        return f"📍 {payload.coordinates.lat},{payload.coordinates.long}"
    told = [file.title, payload.title if payload else None, payload.text if payload else None]
    for element in (payload.elements or ()) if payload is not None else ():
        told += [element.title, element.subtitle, element.url]
    told.append((payload.url if payload else None) or file.url)
    words = " · ".join(dict.fromkeys(word for word in told if word and word not in text))
    if file.type == "fallback" and (words or text):
        return words
    return f"[{file.type.replace('_', ' ') or 'attachment'}] {words}".rstrip()


def _fields(written: Written) -> tuple[FormField, ...]:
    """Where the person came from, and the story that they answer."""
    found = list(_referral(written.referral)) if written.referral is not None else []
    if written.reply_to is not None and written.reply_to.story is not None:
        story = written.reply_to.story
        found.append(FormField(name="story", label="story", value=story.url or str(story.id)))
    return tuple(found)


def _referral(referral: Referral) -> tuple[FormField, ...]:
    ad = referral.ads_context_data.ad_title if referral.ads_context_data is not None else None
    told = {
        "ref": referral.ref,
        "source": referral.source,
        "ad": ad or referral.ad_id,
        "product": referral.product.id if referral.product is not None else None,
    }
    return tuple(FormField(name=name, label=name, value=str(value)) for name, value in told.items() if value)


# --- everything else --------------------------------------------------------------------------------------------------


def _postback(part: Part, place: Place, event: Happening, person: Party, postback: Postback) -> Message:
    title = postback.title or postback.payload or ""
    return Message(
        inbox=place.inbox,
        external_id=postback.mid or event_id("postback", bytes(part.raw)),
        received_at=place.now,
        sender=person,
        text=title,
        full_text=title,
        direct=True,
        sent_at=moment(event.timestamp),
        fields=_referral(postback.referral) if postback.referral is not None else (),
        choice=postback.payload or title,
    )


def _reaction(place: Place, event: Happening, person: Party, reacted: Reacted) -> Reaction:
    gone = reacted.action == "unreact"
    emoji = "" if gone else reacted.emoji or _NAMED.get(reacted.reaction or "", "❔")
    return Reaction(
        inbox=place.inbox,
        external_id=_own_id(
            f"reaction:{person.address}:{event.timestamp}:{'-' if gone else '+'}", reacted.mid
        ),
        target=reacted.mid,
        received_at=place.now,
        sender=person,
        emoji=emoji,
        at=moment(event.timestamp),
    )


def _delivered(place: Place, person: Party, delivered: Delivered) -> list[Inbound]:
    """Each message that is named, or all up to the watermark."""
    at = moment(delivered.watermark)
    if not delivered.mids:
        return [_watermark(place, "delivered", person, at)]
    return [
        DeliveryReport(
            inbox=place.inbox,
            external_id=_own_id("delivered", mid),
            target=mid,
            received_at=place.now,
            state="delivered",
            at=at,
        )
        for mid in delivered.mids
    ]


def _watermark(place: Place, state: str, person: Party, at: Micros | None) -> DeliveryReport:
    return DeliveryReport(
        inbox=place.inbox,
        external_id=f"{state}:{person.address}:{at}",
        received_at=place.now,
        state="read" if state == "read" else "delivered",
        at=at,
        to=person,
        until=at,
    )


def _seen(place: Place, event: Happening, person: Party, seen: Seen) -> DeliveryReport:
    """Messenger tells up to when, Instagram up to which message."""
    if not seen.mid:
        return _watermark(place, "read", person, moment(seen.watermark or event.timestamp))
    return DeliveryReport(
        inbox=place.inbox,
        external_id=_own_id("read", seen.mid),
        target=seen.mid,
        received_at=place.now,
        state="read",
        at=moment(event.timestamp),
        to=person,
    )


def _edit(place: Place, event: Happening, person: Party, edited: Edited) -> Edit:
    """Several within a second are told apart by their number."""
    at = moment(event.timestamp)
    return Edit(
        inbox=place.inbox,
        external_id=_own_id(f"edited:{edited.num_edit}", edited.mid),
        target=edited.mid,
        received_at=place.now,
        sender=person,
        text=edited.text or "",
        at=Micros(at + edited.num_edit) if at is not None else None,
    )


def _came(part: Part, place: Place, person: Party, referral: Referral) -> Unknown:
    """Somebody opened the conversation anew from a link or an advertisement, and wrote nothing."""
    told = "; ".join(f"{field.name}: {field.value}" for field in _referral(referral))
    return Unknown(
        inbox=place.inbox,
        external_id=event_id("referral", bytes(part.raw)),
        received_at=place.now,
        sender=person,
        what="referral",
        text=told,
        direct=True,
    )
