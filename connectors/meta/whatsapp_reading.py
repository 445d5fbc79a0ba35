"""WhatsApp messages on the way in: one change of a call to what intake takes. Pure.

A message that cannot be read is kept as unknown beside its neighbours. People are known by their telephone number in
E.164; where WhatsApp withholds it, by the id that it gives them for this business (kind ``whatsapp``).
"""

from __future__ import annotations

import base64
import binascii
import mimetypes
from collections.abc import Iterable, Mapping

import msgspec

from connectors._text import one_line
from connectors.contract import (
    Attachment,
    Deletion,
    DeliveryReport,
    Edit,
    FormField,
    Inbound,
    Message,
    Party,
    Reaction,
    Unknown,
)
from connectors.meta.direct import message_key, moment
from connectors.meta.errors import REFUSED, meaning
from connectors.meta.parts import SHOWN, Part, Place, event_id, unknown
from connectors.meta.whatsapp_shapes import (
    Card,
    Contact,
    Edited,
    Flow,
    Interactive,
    Location,
    Media,
    Names,
    Order,
    Status,
    System,
    Value,
    Written,
)

KIND = "whatsapp"

_value = msgspec.json.Decoder(Value, strict=False)
_written = msgspec.json.Decoder(Written, strict=False)
_form = msgspec.json.Decoder(dict[str, msgspec.Raw])

STATES = {"sent": "accepted", "delivered": "delivered", "read": "read", "played": "read", "failed": "failed"}

MEDIA_REF = "whatsapp-media:"
"""Begins the reference of a file: ``whatsapp-media:ID/SHA256``, the hash in hexadecimal or empty."""

_EXTENSIONS = {"audio/ogg": ".ogg", "image/webp": ".webp", "audio/amr": ".amr", "audio/aac": ".aac"}
"""Where the machine's own table says nothing, or something unusual."""


def read(part: Part, place: Place) -> list[Inbound]:
    """One change. Raises msgspec.DecodeError for JSON of another shape."""
    value = _value.decode(part.raw)
    items: list[Inbound] = []
    if value.messages:
        people = _people(value.contacts or ())
        items += [_one(raw, place, people, ours=False) for raw in value.messages]
    if value.message_echoes:
        people = _people(value.contacts or ())
        items += [_one(raw, place, people, ours=True) for raw in value.message_echoes]
    if value.statuses:
        items += [_status(place, status) for status in value.statuses]
    if value.errors:
        items += [_account_error(place, raw) for raw in value.errors]
    return items or [unknown(part, place)]


def _people(contacts: Iterable[Contact]) -> Mapping[str, Contact]:
    """The people of a call by number and by id."""
    return {key: contact for contact in contacts for key in (contact.wa_id, contact.user_id) if key}


def _one(raw: msgspec.Raw, place: Place, people: Mapping[str, Contact], *, ours: bool) -> Inbound:
    """One message; whatever is wrong with it, it is kept."""
    try:
        written = _written.decode(raw)
        person, also = _person(written, people, ours=ours)
        return _event(written, raw, place, person, also, ours=ours)
    except (msgspec.DecodeError, ValueError):
        part = Part("whatsapp_business_account", place.account, "message", raw, 0)
        found = unknown(part, place, "message")
        number = _number_in(raw)
        return msgspec.structs.replace(found, sender=Party(kind="phone", address=number)) if number else found


class _From(msgspec.Struct, frozen=True, rename={"sender": "from"}):
    sender: str = ""


_from = msgspec.json.Decoder(_From)


def _number_in(raw: msgspec.Raw) -> str:
    """The number of whoever sent something that cannot be read, if at least that can."""
    try:
        number = _from.decode(raw).sender
    except msgspec.DecodeError:
        return ""
    return f"+{number}" if number.isascii() and number.isdigit() else ""


def _person(
    written: Written, people: Mapping[str, Contact], *, ours: bool
) -> tuple[Party, tuple[Party, ...]]:
    """The other side: by number with the id as a further address, or by the id alone. Raises ValueError without one."""
    number, user = (written.to, written.to_user_id) if ours else (written.sender, written.from_user_id)
    contact = people.get(number or "") or people.get(user or "") or Contact()
    user = user or contact.user_id
    name = _name(contact.profile)
    digits = (number or contact.wa_id or "").lstrip("+")
    by_id = Party(kind=KIND, address=user, name=name, verified=True) if user else None
    if digits.isascii() and digits.isdigit() and 6 <= len(digits) <= 15:
        return Party(kind="phone", address=f"+{digits}", name=name, verified=True), (by_id,) if by_id else ()
    if by_id is None:
        raise ValueError("a message of nobody")
    return by_id, ()


def _name(profile: Names | None) -> str:
    if profile is None:
        return ""
    return one_line(profile.name or (f"@{profile.username}" if profile.username else ""))[:200]


# --- one message ------------------------------------------------------------------------------------------------------


def _event(
    written: Written, raw: msgspec.Raw, place: Place, person: Party, also: tuple[Party, ...], *, ours: bool
) -> Inbound:
    if not written.id:
        raise ValueError("a message without an id")
    if written.group_id:
        return _unknown(place, written, person, "group", _shown(raw))
    if written.reaction is not None:
        return Reaction(
            inbox=place.inbox,
            external_id=written.id,
            target=written.reaction.message_id,
            received_at=place.now,
            sender=person,
            emoji=written.reaction.emoji or "",
        )
    if written.edit is not None:
        return _edit(written, written.edit, place, person)
    if written.revoke is not None:
        target = written.revoke.original_message_id
        return Deletion(
            inbox=place.inbox, external_id=written.id, target=target, received_at=place.now, sender=person
        )
    if written.type == "system" and written.system is not None:
        return _system(written, place, person, written.system)
    if written.type == "unsupported" or (written.errors and not _is_known(written)):
        return _unknown(place, written, person, "unsupported", _why(written))
    if not _is_known(written):
        return _unknown(place, written, person, written.type or "message", _shown(raw))
    return _message(written, place, person, also, ours=ours)


def _is_known(written: Written) -> bool:
    content = (
        *(
            written.text,
            written.location,
            written.contacts,
            written.interactive,
            written.button,
            written.order,
        ),
        *(written.image, written.video, written.audio, written.voice, written.document, written.sticker),
    )
    return any(part is not None for part in content)


def _message(
    written: Written, place: Place, person: Party, also: tuple[Party, ...], *, ours: bool
) -> Message:
    text, files = _text(written), _files(written)
    answered = written.context.id if written.context is not None else None
    return Message(
        inbox=place.inbox,
        external_id=written.id,
        received_at=place.now,
        sender=person,
        also=also,
        text=text,
        full_text=text,
        attachments=files,
        thread_keys=(message_key(KIND, place.inbox, answered),) if answered else (),
        direct=True,
        sent_at=moment(written.timestamp),
        fields=_fields(written),
        choice=_choice(written),
        ours=ours,
    )


def _text(written: Written) -> str:
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


def _choice(written: Written) -> str:
    if written.button is not None:
        return written.button.payload or written.button.text or ""
    if written.interactive is not None:
        reply = written.interactive.button_reply or written.interactive.list_reply
        return reply.id if reply is not None else ""
    return ""


def _fields(written: Written) -> tuple[FormField, ...]:
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


def _files(written: Written) -> tuple[Attachment, ...]:
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


# --- what is no message -----------------------------------------------------------------------------------------------


def _edit(written: Written, edited: Edited, place: Place, person: Party) -> Edit:
    return Edit(
        inbox=place.inbox,
        external_id=written.id,
        target=edited.original_message_id,
        received_at=place.now,
        sender=person,
        text=_text(edited.message) if edited.message is not None else "",
    )


def _system(written: Written, place: Place, person: Party, system: System) -> Message:
    """The person has another number now: both are theirs, and the conversation says so."""
    number = (system.new_wa_id or system.wa_id or "").lstrip("+")
    new = Party(kind="phone", address=f"+{number}", name=person.name) if number.isdigit() else None
    text = system.body or f"[{system.type or 'system'}]"
    return Message(
        inbox=place.inbox,
        external_id=written.id,
        received_at=place.now,
        sender=person,
        also=(new,) if new is not None and new.address != person.address else (),
        text=text,
        full_text=text,
        direct=True,
        automatic="report",
        sent_at=moment(written.timestamp),
    )


def _unknown(place: Place, written: Written, person: Party, what: str, text: str) -> Unknown:
    return Unknown(
        inbox=place.inbox,
        external_id=written.id,
        received_at=place.now,
        sender=person,
        what=what[:60],
        text=text,
        direct=True,
    )


def _why(written: Written) -> str:
    """What WhatsApp says of something that it does not pass on."""
    kind = written.unsupported.type if written.unsupported is not None else None
    codes = [str(problem.code) for problem in written.errors or ()]
    return " ".join(word for word in (kind, *codes) if word)


def _shown(raw: msgspec.Raw) -> str:
    return bytes(raw)[: SHOWN * 4].decode("utf-8", "replace")[:SHOWN]


def _status(place: Place, status: Status) -> Inbound:
    state = STATES.get(status.status)
    if state is None or not status.id:
        part = Part(
            "whatsapp_business_account", place.account, "status", msgspec.Raw(msgspec.json.encode(status)), 0
        )
        return unknown(part, place, f"status {status.status}".rstrip())
    return DeliveryReport(
        inbox=place.inbox,
        external_id=f"{status.status}:{status.id}",
        target=status.id,
        received_at=place.now,
        state=state,  # type: ignore[arg-type]
        reason=_reason(status) if state == "failed" else "",
        at=moment(status.timestamp),
    )


def _reason(status: Status) -> str:
    """A sentence for agents; the last error is the most exact one."""
    return meaning(status.errors[-1]).text if status.errors else REFUSED


def _account_error(place: Place, raw: msgspec.Raw) -> Unknown:
    """Something is wrong with the account as a whole."""
    part = Part("whatsapp_business_account", place.account, "error", raw, 0)
    found = unknown(part, place, "error")
    return msgspec.structs.replace(found, external_id=event_id("error", bytes(raw)))
