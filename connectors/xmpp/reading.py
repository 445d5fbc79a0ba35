"""From one stanza to what intake sees: texts, files, corrections, retractions, signs, receipts, refusals.

Nothing here does I/O or knows a connection; :mod:`connectors.xmpp.connector` says what is answered.
"""

from __future__ import annotations

import hashlib
import re
import xml.etree.ElementTree as ET  # nosec: only the type
from typing import Any

from connectors._i18n import N_
from connectors._text import one_line
from connectors.contract import (
    Automatic,
    Deletion,
    DeliveryReport,
    Edit,
    Inbound,
    Message,
    ParseContext,
    Party,
    Reaction,
    ThreadKey,
    Unknown,
)
from connectors.xmpp.envelope import Envelope, Place, opened
from connectors.xmpp.files import attachments, unusable
from connectors.xmpp.identity import bounded, event_id, target_id
from connectors.xmpp.names import (
    APPLY_TO,
    CALLS,
    CARBONS,
    EME,
    INVITATION,
    MAM,
    MARKERS,
    NICK,
    OLD_RETRACT,
    PUBSUB_EVENT,
    REACTIONS,
    RECEIPTS,
    REPLACE,
    REPLY,
    RETRACT,
    ROOM_USER,
    STANZAS,
    STATES,
    decode,
    every,
    text_of,
)
from connectors.xmpp.wording import body_of, language_of, whole, with_place, without_quote

OURS = re.compile(r"hub-[0-9a-f]{26}(?:-[0-9]{1,2})?")
"""The ids of our own messages; what carries one left through the hub."""

ENCRYPTED = N_("An encrypted message, which cannot be read here. Ask the person to write without encryption.")
"""What people see instead of the words, each in their own language."""

GROUP = N_("group chat")
CALL = N_("call")
FORGED = N_("forged copy of a message")
UNREADABLE = N_("message that could not be read")
"""What has no text: said in the office's language when it is committed; elements that nobody knows keep their names."""

_OMEMO = ("{eu.siacs.conversations.axolotl}", "{urn:xmpp:omemo:1}", "{urn:xmpp:omemo:2}")
_OMEMO_PARTS = frozenset(f"{namespace}encrypted" for namespace in _OMEMO)
_SEALED = _OMEMO_PARTS | {"{urn:xmpp:openpgp:0}openpgp", "{jabber:x:encrypted}x"}

_QUIET = re.compile(
    r"\{(?:http://jabber\.org/protocol/chatstates|urn:xmpp:hints|urn:xmpp:sid:0|urn:xmpp:delay|jabber:x:delay|"
    r"jabber:x:event|http://jabber\.org/protocol/(?:nick|caps|address)|urn:xmpp:receipts|urn:xmpp:chat-markers:0|"
    r"urn:xmpp:eme:0|urn:xmpp:fallback:0|urn:xmpp:reply:0|urn:xmpp:carbons:2|vcard-temp:x:update|urn:xmpp:ack|"
    r"urn:xmpp:mam:tmp|urn:xmpp:omemo:[12]|eu\.siacs\.conversations\.axolotl|urn:xmpp:jingle-message:0)\}.*"
)
"""Elements that say nothing to a person by themselves."""

_REASONS = {
    "item-not-found": N_("This address does not exist on its server."),
    "remote-server-not-found": N_("The server of this address does not exist."),
    "remote-server-timeout": N_("The server of this address does not answer."),
    "gone": N_("This address is not in use any more."),
    "recipient-unavailable": N_("The recipient is not connected, and the server does not keep messages."),
    "service-unavailable": N_("The recipient does not take messages now, and the server does not keep them."),
    "not-acceptable": N_("The recipient does not take messages from us."),
    "forbidden": N_("The recipient does not take messages from us."),
    "not-allowed": N_("The recipient does not take messages from us."),
    "policy-violation": N_("The recipient's server takes the message for spam, or as too large."),
    "resource-constraint": N_("The recipient's server has no room for the message."),
}
REFUSED = N_("The recipient's server refused the message.")


def parse(raw: bytes, context: ParseContext) -> list[Inbound]:
    """What intake would see of one stanza (a copy from the archive included); empty where no person said anything.

    Raises :class:`connectors.xmpp.names.BadStanza` for bytes that are no stanza.
    """
    return read(decode(raw), Place(inbox=context.inbox, now=context.now))


def read(stanza: ET.Element, place: Place) -> list[Inbound]:
    """The same for an element that was checked."""
    envelope = opened(stanza, place)
    if envelope is None or (envelope.outgoing and OURS.fullmatch(envelope.id)):
        return []
    if envelope.type == "error":
        return [] if envelope.outgoing else _failed(envelope, place)
    if envelope.outgoing:
        written = _content(envelope, place) if envelope.type != "groupchat" else None
        return [written] if written is not None else []
    said = _said(envelope, place)
    reports = _reports(envelope, place)
    return [*reports, said] if said is not None else reports


def stand_in(stanza: ET.Element, place: Place) -> list[Inbound]:
    """What people are shown of a message that cannot be read; its source is kept with it."""
    envelope = opened(stanza, place)
    if envelope is None or envelope.outgoing:
        return []
    name = envelope.id or envelope.archive_id
    return [
        Unknown(
            inbox=place.inbox,
            external_id=target_id(envelope.person, name) if name else None,
            received_at=place.now,
            sender=Party(kind="xmpp", address=envelope.person, verified=True),
            what=UNREADABLE,
            direct=True,
        )
    ]


def _failed(envelope: Envelope, place: Place) -> list[Inbound]:
    """Our message came back. Signs and receipts leave without an id, so that nobody hears of theirs."""
    if not envelope.id:
        return []
    error = envelope.parts.get("error")
    found = (
        [child.tag.removeprefix(STANZAS) for child in error if child.tag.startswith(STANZAS)]
        if error is not None
        else []
    )
    reason = next((_REASONS[name] for name in found if name in _REASONS), REFUSED)
    target = target_id(envelope.person, _delivery(envelope.id))
    return [
        DeliveryReport(
            inbox=place.inbox,
            external_id=bounded(f"failed {target}"),
            received_at=place.now,
            target=target,
            state="failed",
            reason=reason,
            at=envelope.sent_at,
        )
    ]


def _delivery(sent_id: str) -> str:
    """The id of the delivery that a message belongs to; its files are messages of their own."""
    return sent_id[:30] if OURS.fullmatch(sent_id) else sent_id


def _reports(envelope: Envelope, place: Place) -> list[Inbound]:
    """Receipts (XEP-0184) and markers (XEP-0333) name one message of ours; "displayed" speaks for those before too."""
    items: list[Inbound] = []
    parts = envelope.parts
    for name in (
        f"{RECEIPTS}received",
        f"{MARKERS}received",
        f"{MARKERS}displayed",
        f"{MARKERS}acknowledged",
    ):
        sent_id = parts[name].get("id", "") if name in parts else ""
        if not sent_id:
            continue
        read_by_person = not name.endswith("received")
        target = target_id(envelope.person, _delivery(sent_id))
        items.append(
            DeliveryReport(
                inbox=place.inbox,
                external_id=bounded(f"{'read' if read_by_person else 'delivered'} {target}"),
                received_at=place.now,
                target=target,
                state="read" if read_by_person else "delivered",
                at=envelope.sent_at,
                to=_party(envelope) if read_by_person else None,
            )
        )
    return items


def _said(envelope: Envelope, place: Place) -> Inbound | None:
    """What the person did, other than reporting."""
    parts = envelope.parts
    if envelope.type == "groupchat" or f"{ROOM_USER}x" in parts or INVITATION in parts:
        return _unknown(envelope, place, GROUP, body_of(envelope))
    if (target := _retracted(parts)) is not None:
        return Deletion(
            **_event(envelope, place), target=target_id(envelope.person, target), sender=_party(envelope)
        )
    if (signs := parts.get(f"{REACTIONS}reactions")) is not None:
        return _reaction(envelope, place, signs)
    if (sealed := _sealed(envelope)) is not None:
        # What stands in its body are a program's words on encryption, or the code itself: nobody wrote them.
        return _message(envelope, place, unreadable=ENCRYPTED) if sealed else None
    if f"{CALLS}propose" in parts:
        return _unknown(envelope, place, CALL, "")
    return _content(envelope, place) or _without_word(envelope, place)


def _retracted(parts: dict[str, ET.Element]) -> str | None:
    """The id of the message that is taken back, in the present form of XEP-0424 or the one before."""
    if (retract := parts.get(RETRACT)) is not None:
        return retract.get("id") or None
    if (apply := parts.get(APPLY_TO)) is not None and apply.find(OLD_RETRACT) is not None:
        return apply.get("id") or None
    return None


def _reaction(envelope: Envelope, place: Place, signs: ET.Element) -> Reaction:
    """XEP-0444 tells all signs that are left; none takes them back."""
    found = [one_line(text_of(sign))[:20] for sign in every(signs, f"{REACTIONS}reaction")]
    return Reaction(
        **_event(envelope, place),
        target=target_id(envelope.person, signs.get("id", "")),
        sender=_party(envelope),
        emoji="".join(dict.fromkeys(found[:10])),
    )


def _sealed(envelope: Envelope) -> bool | None:
    """Whether there are encrypted words; False for what only exchanges keys, None for a plain message."""
    if found := _SEALED & envelope.parts.keys():
        return any(
            name not in _OMEMO_PARTS or any(part.tag.endswith("}payload") for part in envelope.parts[name])
            for name in found
        )
    body = body_of(envelope)
    return True if body.startswith(("?OTR", "aesgcm://")) or (body and EME in envelope.parts) else None


def _content(envelope: Envelope, place: Place) -> Message | Edit | None:
    """A text, a file, a place on the map; None where there is nothing of it."""
    body, files = body_of(envelope), attachments(envelope)
    subject = one_line(text_of(envelope.parts.get("subject")))[:1000]
    replaced = envelope.parts.get(REPLACE)
    if replaced is not None and replaced.get("id") and not envelope.outgoing:
        target = target_id(envelope.person, replaced.get("id", ""))
        return Edit(**_event(envelope, place), target=target, sender=_party(envelope), text=body)
    text = "" if any(body == file.remote for file in files) else with_place(envelope, body)
    text = "\n".join(filter(None, (text, *(url for url in unusable(envelope) if url not in text))))
    if not (text or files or subject):
        return None
    return _message(
        envelope,
        place,
        subject=subject,
        text=without_quote(envelope, text),
        full_text=whole(envelope, text) if not files else text,
        attachments=files,
    )


def _message(envelope: Envelope, place: Place, **content: Any) -> Message:
    own_keys = [
        _key(place, target_id(envelope.person, sent)) for sent in (envelope.id, envelope.origin_id) if sent
    ]
    return Message(
        **_event(envelope, place),
        sender=_party(envelope),
        thread_keys=_threads(envelope, place),
        adds_keys=tuple(dict.fromkeys((*own_keys, *_thread(envelope, place)))),
        direct=True,
        sent_at=envelope.sent_at,
        automatic=_automatic(envelope),
        wire_id=envelope.id[:200] or None,
        ours=envelope.outgoing,
        **content,
    )


def _without_word(envelope: Envelope, place: Place) -> Unknown | None:
    """What nobody has a word for is kept and shown by its name; what programs tell each other is not."""
    parts = envelope.parts
    if PUBSUB_EVENT in parts or f"{MAM}result" in parts:
        return None
    if any(name.startswith(CARBONS) for name in parts):
        return _unknown(envelope, place, FORGED, "")
    strange = [name for name in parts if name.startswith("{") and not _QUIET.fullmatch(name)]
    return _unknown(envelope, place, strange[0].rpartition("}")[2][:60], "") if strange else None


def _unknown(envelope: Envelope, place: Place, what: str, text: str) -> Unknown:
    return Unknown(
        **_event(envelope, place),
        sender=_party(envelope),
        what=what,
        text=text,
        thread_keys=_threads(envelope, place),
        direct=True,
    )


# --- parts of them ------------------------------------------------------------------------------------------------


def _event(envelope: Envelope, place: Place) -> dict[str, Any]:
    """The fields of :class:`connectors.contract.Event`, but for ``target``."""
    name = event_id(
        envelope.person, envelope.id, archived=envelope.archive_id, unique=bool(envelope.origin_id)
    )
    if name is None and envelope.sent_at is not None:  # delayed by a server that gave it no id
        content = f"{envelope.sent_at} {body_of(envelope)}"
        name = bounded(f"{envelope.person}//{hashlib.sha256(content.encode()).hexdigest()[:32]}/")
    return {"inbox": place.inbox, "external_id": name, "received_at": place.now}


def _party(envelope: Envelope) -> Party:
    """The other side. Its server vouches for the address; a name is what the person says."""
    if envelope.outgoing:
        return Party(kind="xmpp", address=envelope.person, verified=True)
    return Party(
        kind="xmpp",
        address=envelope.person,
        name=one_line(text_of(envelope.parts.get(NICK)))[:200],
        language=language_of(envelope),
        verified=True,
    )


def _automatic(envelope: Envelope) -> Automatic:
    """Servers speak without a local part; headlines are sent to many and not to be answered."""
    if envelope.type == "headline":
        return "list"
    return "no" if "@" in envelope.person else "auto-reply"


def _threads(envelope: Envelope, place: Place) -> tuple[ThreadKey, ...]:
    """Where it belongs: the message that it answers, then the thread that its program names."""
    reply = envelope.parts.get(REPLY)
    answered = reply.get("id", "") if reply is not None else ""
    keys = [_key(place, target_id(envelope.person, answered))] if answered else []
    return (*keys, *_thread(envelope, place))


def _thread(envelope: Envelope, place: Place) -> tuple[ThreadKey, ...]:
    named = one_line(text_of(envelope.parts.get("thread")))
    return (_key(place, bounded(f"{envelope.person}///{named}")),) if named else ()


def _key(place: Place, name: str) -> ThreadKey:
    return thread_key(place.inbox, name)


def thread_key(inbox: str, name: str) -> ThreadKey:
    """The key under which an answer to the message ``name`` (see :mod:`connectors.xmpp.identity`) is found."""
    return ThreadKey(f"xmpp:{inbox}:{name}")


def presence(stanza: ET.Element, place: Place) -> tuple[str, str]:
    """Who writes just now (``typing``) or stopped (``paused``), as a bare address and the sign (XEP-0085).

    Empty for every other stanza, and where a text comes with it.
    """
    envelope = opened(stanza, place)
    if envelope is None or envelope.outgoing or envelope.copied or envelope.type in ("error", "groupchat"):
        return "", ""
    if f"{STATES}composing" in envelope.parts:
        return envelope.person, "typing"
    stopped = any(f"{STATES}{state}" in envelope.parts for state in ("paused", "inactive", "gone"))
    return (envelope.person, "paused") if stopped else ("", "")
