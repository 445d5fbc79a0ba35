"""What stands around a message: copies (carbons, archive), who is on the other side, when it was sent."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET  # nosec: only the type
from datetime import UTC, datetime

import msgspec

from connectors.contract import InboxId, Micros
from connectors.xmpp.names import (
    CARBONS,
    DELAY,
    FORWARD,
    MAM,
    OLD_DELAY,
    SIDS,
    bare,
    children,
    core,
)

_SKEW = 300_000_000
"""Microseconds by which a stamp may lie in the future before it counts as wrong."""

_OLD_STAMP = re.compile(r"(\d{4})(\d{2})(\d{2})T(\d{2}:\d{2}:\d{2})")


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """Where a stanza is read: ``own`` is the inbox's address (empty: the one that the stanza was sent to).

    ``archived`` says that the server keeps an archive and vouches for its ids in live messages (XEP-0359), which the
    server of a component does not.
    """

    inbox: InboxId
    now: Micros
    own: str = ""
    archived: bool = True


class Envelope(msgspec.Struct, frozen=True, kw_only=True):
    """A message and what is known of its way. ``person`` is the bare address of the other side, ``resource`` with it
    the full one; ``outgoing`` says that the office wrote it, on another client. ``archive_id`` may be empty."""

    message: ET.Element
    parts: dict[str, ET.Element]
    person: str
    archive_id: str = ""
    outgoing: bool = False
    copied: bool = False
    sent_at: Micros | None = None

    @property
    def id(self) -> str:
        """The id that the sender's program gave it."""
        return self.message.get("id", "") or self.origin_id

    @property
    def origin_id(self) -> str:
        """The id that the program promises to use once."""
        origin = self.parts.get(f"{SIDS}origin-id")
        return origin.get("id", "") if origin is not None else ""

    @property
    def several(self) -> bool:
        """Whether some part stands there more than once (texts in several languages)."""
        return len(self.parts) < len(self.message)

    @property
    def type(self) -> str:
        """``chat``, ``normal``, ``groupchat``, ``headline`` or ``error``."""
        return self.message.get("type", "normal")


def opened(stanza: ET.Element, place: Place) -> Envelope | None:
    """The message of a stanza; None for presence, queries and what has no readable sender.

    Copies are opened only if our own server made them: anybody can send a message that looks like one (CVE-2017-5589).
    """
    if core(stanza.tag) != "message":
        return None
    own = bare(place.own) or bare(stanza.get("to"))
    parts = children(stanza)
    sender = bare(stanza.get("from"))
    if sender == own or (f"{MAM}result" in parts and not stanza.get("from")):
        for name in (f"{MAM}result", f"{CARBONS}sent", f"{CARBONS}received"):
            if name in parts:
                return _copied(parts[name], own, place)
    return _enveloped(stanza, parts, own, place, _archive_id(stanza, own) if place.archived else "")


def _copied(wrapper: ET.Element, own: str, place: Place) -> Envelope | None:
    forwarded = wrapper.find(FORWARD)
    message = (
        next((el for el in forwarded if core(el.tag) == "message"), None) if forwarded is not None else None
    )
    if forwarded is None or message is None:
        return None
    archive_id = wrapper.get("id", "") if wrapper.tag == f"{MAM}result" else _archive_id(message, own)
    found = _enveloped(message, children(message), own, place, archive_id)
    if found is None:
        return None
    stamp = _sent_at(children(forwarded), place.now)
    return msgspec.structs.replace(found, copied=True, sent_at=found.sent_at or stamp)


def _enveloped(
    message: ET.Element, parts: dict[str, ET.Element], own: str, place: Place, archive_id: str
) -> Envelope | None:
    sender = bare(message.get("from"))
    outgoing = bool(own) and sender == own
    person = bare(message.get("to")) if outgoing else sender
    if not person or (outgoing and person == own):
        return None
    return Envelope(
        message=message,
        parts=parts,
        person=person,
        archive_id=archive_id if len(archive_id) <= 200 else "",
        outgoing=outgoing,
        sent_at=_sent_at(parts, place.now),
    )


def _archive_id(message: ET.Element, own: str) -> str:
    """The id that our own server stamped; others may stamp what they like."""
    for stamp in message.iter(f"{SIDS}stanza-id"):
        if own and bare(stamp.get("by")) == own:
            return stamp.get("id", "")
    return ""


def _sent_at(parts: dict[str, ET.Element], now: Micros) -> Micros | None:
    """The moment of a delayed message (XEP-0203, before it XEP-0091); None for nonsense and for the future."""
    if (delay := parts.get(DELAY)) is not None:
        at = moment(delay.get("stamp", ""))
    elif (delay := parts.get(OLD_DELAY)) is not None:
        at = moment(_OLD_STAMP.sub(r"\1-\2-\3T\4Z", delay.get("stamp", "")))
    else:
        return None
    return at if at is not None and 0 < at <= now + _SKEW else None


def moment(stamp: str) -> Micros | None:
    """A stamp of XEP-0082 in microseconds UTC; None where it is none."""
    try:
        found = datetime.fromisoformat(stamp.strip())
        at = found if found.tzinfo is not None else found.replace(tzinfo=UTC)
        return Micros(int(at.timestamp() * 1_000_000))
    except (ValueError, OverflowError, OSError):
        return None


def stamp(at: Micros) -> str:
    """A moment as XEP-0082 writes it."""
    return datetime.fromtimestamp(at / 1_000_000, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
