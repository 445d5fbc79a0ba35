"""The words, the files and the facts of a WhatsApp message. Pure."""

from __future__ import annotations

import base64
import binascii
import mimetypes

import msgspec

from connectors._text import one_line
from connectors.contract import Attachment, FormField
from connectors.meta.whatsapp_shapes import Card, Flow, Interactive, Location, Media, Order, Written

_form = msgspec.json.Decoder(dict[str, msgspec.Raw])

MEDIA_REF = "whatsapp-media:"
"""Begins the reference of a file: ``whatsapp-media:ID/SHA256``, the hash in hexadecimal or empty."""

_EXTENSIONS = {"audio/ogg": ".ogg", "image/webp": ".webp", "audio/amr": ".amr", "audio/aac": ".aac"}
"""Where the machine's own table says nothing, or something unusual."""


def text_of(written: Written) -> str:
    """The words of a message; what has none gets a line that says what it is."""
    lines: list[str] = []
    if written.text is not None:
        lines.append(written.text.body or "")
    if written.location is not None:
        lines.append(_place_line(written.location))
    lines += [_card_line(card) for card in written.contacts or ()]
    if written.interactive is not None:
        lines.append(_answer(written.interactive))
    if written.button is not None:
        lines.append(written.button.text or written.button.payload or "")
    if written.order is not None:
        lines += _order_lines(written.order)
    if written.sticker is not None:
        lines.append("[sticker]")
    lines += [media.caption for media in _media(written).values() if media.caption]
    return "\n".join(line for line in lines if line)


def _place_line(location: Location) -> str:
    told = (f"📍 {location.latitude},{location.longitude}", location.name, location.address, location.url)
    return " · ".join(word for word in told if word)


def _card_line(card: Card) -> str:
    name = card.name.formatted_name if card.name is not None else None
    lines = [line.phone or line.email for line in (*(card.phones or ()), *(card.emails or ()))]
    return "👤 " + ", ".join(word for word in (name, *lines) if word)


def _answer(interactive: Interactive) -> str:
    reply = interactive.button_reply or interactive.list_reply
    if reply is not None:
        return reply.title or reply.id
    if interactive.nfm_reply is not None:
        return interactive.nfm_reply.body or interactive.nfm_reply.name or ""
    return f"[{interactive.type or 'interactive'}]"


def _order_lines(order: Order) -> list[str]:
    lines = [
        f"{line.quantity} × {line.product_retailer_id} {line.item_price} {line.currency}".rstrip()
        for line in order.product_items
    ]
    return [f"[order] {order.text or ''}".rstrip(), *lines]


def choice_of(written: Written) -> str:
    """What the pressed button or the chosen line is called by whoever sent it."""
    if written.button is not None:
        return written.button.payload or written.button.text or ""
    if written.interactive is not None:
        reply = written.interactive.button_reply or written.interactive.list_reply
        return reply.id if reply is not None else ""
    return ""


def fields_of(written: Written) -> tuple[FormField, ...]:
    """Where the person came from, what a question is about, what a form holds."""
    told: dict[str, str | None] = {}
    if (came := written.referral) is not None:
        ad = came.headline or came.body or came.source_id
        told |= {"ad": ad, "source": came.source_type, "url": came.source_url}
    if (context := written.context) is not None:
        if context.referred_product is not None:
            told["product"] = context.referred_product.product_retailer_id
        if context.forwarded or context.frequently_forwarded:
            told["forwarded"] = "yes"
    if written.interactive is not None and written.interactive.nfm_reply is not None:
        told |= _form_fields(written.interactive.nfm_reply)
    return tuple(FormField(name=name, label=name, value=value) for name, value in told.items() if value)


def _form_fields(flow: Flow) -> dict[str, str | None]:
    """The answers of a form; its token says nothing to people."""
    try:
        answers = _form.decode(flow.response_json or "{}")
    except msgspec.DecodeError:
        return {"form": flow.response_json}
    return {name[:100]: _plain(raw) for name, raw in answers.items() if name != "flow_token"}


def _plain(raw: msgspec.Raw) -> str:
    value = msgspec.json.decode(raw)
    return value if isinstance(value, str) else bytes(raw).decode("utf-8", "replace")


# --- files ------------------------------------------------------------------------------------------------------------


def _media(written: Written) -> dict[str, Media]:
    """The files by what WhatsApp calls them."""
    found = {
        "image": written.image,
        "video": written.video,
        "audio": written.audio,
        "voice": written.voice,
        "document": written.document,
        "sticker": written.sticker,
    }
    return {kind: media for kind, media in found.items() if media is not None}


def files_of(written: Written) -> tuple[Attachment, ...]:
    """Its files, to be fetched later."""
    return tuple(_file(kind, media) for kind, media in _media(written).items() if media.id)


def _file(kind: str, media: Media) -> Attachment:
    """Something to fetch later; its hash goes along, so that what comes can be compared."""
    content_type = (media.mime_type or "application/octet-stream").partition(";")[0].strip().lower()
    digest = _hexadecimal(media.sha256 or "")
    extension = _EXTENSIONS.get(content_type) or mimetypes.guess_extension(content_type) or ""
    name = one_line(media.filename or "") or ("voice" if media.voice else kind) + extension
    return Attachment(
        filename=name, content_type=content_type, sha256=digest, remote=f"{MEDIA_REF}{media.id}/{digest}"
    )


def _hexadecimal(digest: str) -> str:
    """A SHA-256 as webhooks give it (base64), or as the media endpoint does (hexadecimal); empty for anything else."""
    if len(digest) == 64 and all(char in "0123456789abcdefABCDEF" for char in digest):
        return digest.lower()
    try:
        content = base64.b64decode(digest + "=" * (-len(digest) % 4), validate=True)
    except (binascii.Error, ValueError):
        return ""
    return content.hex() if len(content) == 32 else ""
