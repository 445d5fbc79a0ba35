"""WhatsApp messages on the way in: one change of a call to what intake takes. Pure.

A message that cannot be read is kept as unknown beside its neighbours. People are known by their telephone number in
E.164; where WhatsApp withholds it, by the id that it gives them for this business (kind ``whatsapp``).
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from connectors._text import one_line
from connectors.contract import (
    Deletion,
    DeliveryReport,
    Edit,
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
    Contact,
    Edited,
    Names,
    Status,
    System,
    Value,
    Written,
)
from connectors.meta.whatsapp_words import choice_of, fields_of, files_of, text_of

KIND = "whatsapp"

_value = msgspec.json.Decoder(Value, strict=False)
_written = msgspec.json.Decoder(Written, strict=False)
_contacts = msgspec.json.Decoder(tuple[Contact, ...] | None, strict=False)
_state = msgspec.json.Decoder(Status, strict=False)

STATES = {"sent": "accepted", "delivered": "delivered", "read": "read", "played": "read", "failed": "failed"}


def read(part: Part, place: Place) -> list[Inbound]:
    """One change. Raises msgspec.DecodeError for JSON of another shape."""
    value = _value.decode(part.raw)
    items: list[Inbound] = []
    people = _people(value.contacts) if value.messages or value.message_echoes else {}
    if value.messages:
        items += [_one(raw, place, people, ours=False) for raw in value.messages]
    if value.message_echoes:
        items += [_one(raw, place, people, ours=True) for raw in value.message_echoes]
    if value.statuses:
        items += [_status(place, raw) for raw in value.statuses]
    if value.errors:
        items += [_account_error(place, raw) for raw in value.errors]
    return items or [unknown(part, place)]


def _people(raw: msgspec.Raw) -> Mapping[str, Contact]:
    """The people of a call by number and by id; names that cannot be read are no reason to lose what they wrote."""
    try:
        contacts = _contacts.decode(raw) or ()
    except msgspec.DecodeError:
        return {}
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
            at=moment(written.timestamp),
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
    text, files = text_of(written), files_of(written)
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
        fields=fields_of(written),
        choice=choice_of(written),
        ours=ours,
    )


# --- what is no message -----------------------------------------------------------------------------------------------


def _edit(written: Written, edited: Edited, place: Place, person: Party) -> Edit:
    return Edit(
        inbox=place.inbox,
        external_id=written.id,
        target=edited.original_message_id,
        received_at=place.now,
        sender=person,
        text=text_of(edited.message) if edited.message is not None else "",
        at=moment(written.timestamp),
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


def _status(place: Place, raw: msgspec.Raw) -> Inbound:
    try:
        status = _state.decode(raw)
    except msgspec.DecodeError:
        status = Status()
    state = STATES.get(status.status)
    if state is None or not status.id:
        part = Part("whatsapp_business_account", place.account, "status", raw, 0)
        return unknown(part, place, f"status {status.status}"[:60].rstrip())
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
