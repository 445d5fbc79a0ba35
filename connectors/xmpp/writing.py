"""From what the hub sends to stanzas: messages, corrections, retractions, signs of presence, receipts, refusals.

Elements carry the names of a client's stream; :mod:`connectors.xmpp.stream` renames the core for a component.
"""

from __future__ import annotations

import hashlib
import xml.etree.ElementTree as ET  # nosec: only to build

import msgspec

from connectors.contract import Outbound
from connectors.xmpp.identity import sent_id_of
from connectors.xmpp.names import (
    CLIENT,
    FALLBACK,
    HINTS,
    MARKERS,
    OOB,
    RECEIPTS,
    REPLACE,
    REPLY,
    RETRACT,
    ROOM_USER,
    SIDS,
    STATES,
    XML_LANG,
)

TAKEN_BACK = "🗑"
"""What programs that know no retractions show; it needs no language."""


class Uploaded(msgspec.Struct, frozen=True, kw_only=True):
    """A file that the server keeps for the recipient to fetch."""

    url: str
    filename: str


def stanza_id(outbound: Outbound) -> str:
    """The id of a delivery's message: the same on every attempt, and not to be guessed from others."""
    parts = (
        outbound.inbox,
        outbound.delivery,
        outbound.part,
        outbound.message,
        outbound.created_at,
        outbound.token,
    )
    return f"hub-{hashlib.sha256('|'.join(map(str, parts)).encode()).hexdigest()[:26]}"


def last_id(outbound: Outbound) -> str:
    """The id of the last of a delivery's stanzas."""
    first, files = stanza_id(outbound), len(outbound.attachments)
    return f"{first}-{files}" if files > 1 or (files and outbound.text) else first


def notice_id(inbox: str, about: str) -> str:
    """The id of a few words of the hub about a message."""
    return f"hub-{hashlib.sha256(f'{inbox}|notice|{about}'.encode()).hexdigest()[:26]}"


def messages(outbound: Outbound, to: str, files: tuple[Uploaded, ...]) -> list[ET.Element]:
    """The stanzas of a delivery, in order: the text, then one for each file. Their ids begin with the first one's."""
    name = stanza_id(outbound)
    if outbound.operation == "delete":
        return [_retraction(outbound, to, name)]
    found = [_text(outbound, to, name)] if outbound.text else []
    found += [_file(to, f"{name}-{number}", file) for number, file in enumerate(files, start=1)]
    if found:
        found[0].set("id", name)
        _child(found[0], f"{SIDS}origin-id", id=name)
    for message in found[1:]:
        _child(message, f"{SIDS}origin-id", id=message.get("id", ""))
    return found


def _text(outbound: Outbound, to: str, name: str) -> ET.Element:
    message = _message(to, name)
    if outbound.language:
        message.set(XML_LANG, outbound.language)
    _child(message, f"{{{CLIENT}}}body", legal(outbound.text))
    if outbound.operation == "edit":
        _child(message, REPLACE, id=sent_id_of(outbound.target or ""))
    elif outbound.reply_to and (answered := _answered(outbound.reply_to)):
        _child(message, REPLY, to=to, id=answered)
    return _tracked(message)


def _answered(reply_to: str) -> str:
    """The id that the person's program gave the message answered: as it stands, or out of our name for it."""
    return sent_id_of(reply_to) if "/" in reply_to and "@" in reply_to.partition("/")[0] else reply_to


def _file(to: str, name: str, file: Uploaded) -> ET.Element:
    """Programs show a file where the text is its address (XEP-0066, as they all do it)."""
    message = _message(to, name)
    _child(message, f"{{{CLIENT}}}body", file.url)
    beside = _child(message, f"{OOB}x")
    _child(beside, f"{OOB}url", file.url)
    _child(beside, f"{OOB}desc", legal(file.filename))
    return _tracked(message)


def _retraction(outbound: Outbound, to: str, name: str) -> ET.Element:
    message = _message(to, name)
    _child(message, RETRACT, id=sent_id_of(outbound.target or ""))
    _child(message, f"{FALLBACK}fallback", **{"for": "urn:xmpp:message-retract:1"})
    _child(message, f"{{{CLIENT}}}body", TAKEN_BACK)
    _child(message, f"{HINTS}store")
    return message


def _tracked(message: ET.Element) -> ET.Element:
    """Ask to be told when it arrives and when it is read; writing ends with it."""
    _child(message, f"{STATES}active")
    _child(message, f"{RECEIPTS}request")
    _child(message, f"{MARKERS}markable")
    return message


def state(to: str, what: str) -> ET.Element:
    """A chat state: ``composing``, ``paused`` or ``active``. Nobody keeps it."""
    message = _message(to, "")
    _child(message, f"{STATES}{what}")
    _child(message, f"{HINTS}no-store")
    return message


def displayed(to: str, sent_id: str) -> ET.Element:
    """Somebody read it (XEP-0333)."""
    message = _message(to, "")
    _child(message, f"{MARKERS}displayed", id=sent_id)
    _child(message, f"{HINTS}store")
    return message


def received(to: str, sent_id: str, *, kind: str = "chat") -> ET.Element:
    """It is in the hub's store (XEP-0184). ``to`` may be a full address; the type is the message's own."""
    message = _message(to, "", kind)
    _child(message, f"{RECEIPTS}received", id=sent_id)
    _child(message, f"{HINTS}store")
    return message


def notice(to: str, text: str, language: str, name: str) -> ET.Element:
    """A few words of the hub itself."""
    message = _message(to, name)
    message.set(XML_LANG, language)
    _child(message, f"{{{CLIENT}}}body", legal(text))
    return message


def decline(room: str, to: str, reason: str) -> ET.Element:
    """No to an invitation that came through the room (XEP-0045, 7.8.2)."""
    message = ET.Element(f"{{{CLIENT}}}message", {"to": room})
    refusal = _child(_child(message, f"{ROOM_USER}x"), f"{ROOM_USER}decline", to=to)
    _child(refusal, f"{ROOM_USER}reason", legal(reason))
    return message


def legal(text: str) -> str:
    """``text`` without the characters that XML 1.0 cannot hold: one of them would end the stream for all."""
    if text.isprintable():
        return text
    return "".join(
        sign
        for sign in text
        if sign in "\t\n\r" or "\x20" <= sign <= "\ud7ff" or "\ue000" <= sign <= "\ufffd" or sign > "\uffff"
    )


def _message(to: str, name: str, kind: str = "chat") -> ET.Element:
    named = {"id": name} if name else {}
    return ET.Element(f"{{{CLIENT}}}message", {"to": to, "type": kind, **named})


def _child(parent: ET.Element, tag: str, text: str = "", **attributes: str) -> ET.Element:
    child = ET.SubElement(parent, tag, attributes)
    if text:
        child.text = text
    return child
