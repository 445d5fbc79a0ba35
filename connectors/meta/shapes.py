"""The JSON of direct messages on Messenger and Instagram as Meta documents it: only what is read, all of it optional.

By https://developers.facebook.com/documentation/business-messaging/messenger-platform/webhooks/webhook-events (pages of
2026-03 to 2026-06) and https://developers.facebook.com/documentation/instagram-platform/webhooks/examples (2025-11-24).
Numbers and texts stand for each other in ids, because the pages and the wire differ.
"""

from __future__ import annotations

import msgspec

Id = str | int


class Peer(msgspec.Struct, frozen=True):
    """Who; ``user_ref`` where a page's plug-in knows nobody yet."""

    id: Id = ""
    user_ref: str = ""


class Coordinates(msgspec.Struct, frozen=True):
    """Degrees."""

    lat: float
    long: float


class Element(msgspec.Struct, frozen=True):
    """A card of a template, or a product."""

    title: str | None = None
    subtitle: str | None = None
    url: str | None = None


class Payload(msgspec.Struct, frozen=True):
    """What an attachment holds."""

    url: str | None = None
    title: str | None = None
    sticker_id: Id | None = None
    text: str | None = None
    coordinates: Coordinates | None = None
    elements: tuple[Element, ...] | None = None


class File(msgspec.Struct, frozen=True):
    """An attachment; a link that was shared (``fallback``) has its address beside the payload."""

    type: str = ""
    payload: Payload | None = None
    url: str | None = None
    title: str | None = None


class QuickReply(msgspec.Struct, frozen=True):
    """The button that was pressed."""

    payload: str | None = None


class Story(msgspec.Struct, frozen=True):
    """An Instagram story; its address ends with it."""

    url: str | None = None
    id: Id = ""


class ReplyTo(msgspec.Struct, frozen=True):
    """What a message answers."""

    mid: str | None = None
    story: Story | None = None


class AdsContext(msgspec.Struct, frozen=True):
    """The advertisement that somebody came from."""

    ad_title: str | None = None


class Product(msgspec.Struct, frozen=True):
    """A product that somebody asks about."""

    id: Id = ""


class Referral(msgspec.Struct, frozen=True):
    """How somebody came here: a link with a reference of ours, an advertisement, a shop."""

    ref: str | None = None
    source: str | None = None
    type: str | None = None
    ad_id: Id | None = None
    ads_context_data: AdsContext | None = None
    product: Product | None = None


class Written(msgspec.Struct, frozen=True):
    """``message`` of an event."""

    mid: str = ""
    text: str | None = None
    attachments: tuple[File, ...] | None = None
    quick_reply: QuickReply | None = None
    reply_to: ReplyTo | None = None
    referral: Referral | None = None
    is_echo: bool = False
    is_deleted: bool = False
    is_unsupported: bool = False
    is_self: bool = False
    app_id: Id | None = None
    sticker_id: Id | None = None


class Postback(msgspec.Struct, frozen=True):
    """A button of a template, of the menu, or "get started"."""

    mid: str = ""
    title: str | None = None
    payload: str | None = None
    referral: Referral | None = None


class Reacted(msgspec.Struct, frozen=True):
    """A sign under a message, or taken back (``unreact``)."""

    mid: str = ""
    action: str = ""
    emoji: str | None = None
    reaction: str | None = None


class Delivered(msgspec.Struct, frozen=True):
    """Messages that arrived; ``watermark`` in milliseconds."""

    mids: tuple[str, ...] | None = None
    watermark: int = 0


class Seen(msgspec.Struct, frozen=True):
    """Up to where the person has read: Messenger gives a watermark, Instagram the last message."""

    watermark: int = 0
    mid: str = ""


class Edited(msgspec.Struct, frozen=True):
    """The new text of a message and how often it was changed."""

    mid: str = ""
    text: str | None = None
    num_edit: int = 0


class Happening(msgspec.Struct, frozen=True):
    """One event of ``messaging`` or ``standby``: exactly one of the last fields tells what it is about."""

    sender: Peer = Peer()
    recipient: Peer = Peer()
    timestamp: int = 0
    message: Written | None = None
    postback: Postback | None = None
    reaction: Reacted | None = None
    delivery: Delivered | None = None
    read: Seen | None = None
    message_edit: Edited | None = None
    referral: Referral | None = None
