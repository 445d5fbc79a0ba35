"""What the hub itself answers on the wire: receipts, a word on encryption and on group chats, subscriptions."""

from __future__ import annotations

import hashlib
import xml.etree.ElementTree as ET  # nosec: only to build
from typing import TypeGuard

from connectors._i18n import N_
from connectors.contract import Env, Inbound, Message, Unknown
from connectors.xmpp import writing
from connectors.xmpp.envelope import Envelope, Place, opened
from connectors.xmpp.intake import Taken
from connectors.xmpp.names import CLIENT, INVITATION, RECEIPTS, ROOM_USER, STANZAS, full
from connectors.xmpp.reading import GROUP

NO_ENCRYPTION = N_(
    "We cannot read encrypted messages. Please switch off the encryption (OMEMO) of this chat in your program "
    "and send the message again."
)
NO_GROUPS = N_("We do not take part in group chats. Please write to {address} directly.")

FRESH = 86_400_000_000
"""Microseconds for which an answer by itself makes sense; what the archive brings later is left to people."""


def receipt(taken: Taken, place: Place) -> ET.Element | None:
    """The receipt that the sender asked for (XEP-0184); None where they did not, or got one."""
    envelope = opened(taken.stanza, place)
    if envelope is None or envelope.outgoing or not envelope.message.get("id"):
        return None
    if f"{RECEIPTS}request" not in envelope.parts or envelope.type in ("error", "groupchat"):
        return None
    if envelope.copied and (taken.live or all(one.duplicate for one in taken.receipts)):
        return None
    to = full(envelope.message.get("from"))
    kind = "normal" if envelope.type == "normal" else "chat"
    return writing.received(to, envelope.message.get("id", ""), kind=kind)


async def notices(taken: Taken, place: Place, env: Env, address: str) -> list[ET.Element]:
    """What is told to somebody who wrote encrypted, or wants us in a group: once a day for one person."""
    item = next((item for item in taken.items if asks_for_notice(item)), None)
    envelope = opened(taken.stanza, place)
    if item is None or envelope is None or envelope.outgoing or "@" not in envelope.person:
        return []
    if envelope.sent_at is not None and envelope.sent_at < place.now - FRESH:
        return []
    if all(one.duplicate for one in taken.receipts) or not await _first_today(env, item):
        return []
    text = NO_ENCRYPTION if isinstance(item, Message) else NO_GROUPS
    return _refusals(envelope, item, env, _in_both(env, text, address))


def asks_for_notice(item: Inbound) -> TypeGuard[Message | Unknown]:
    """Whether it is something that we cannot take part in, so that somebody is told how to reach us."""
    return bool(item.unreadable) if isinstance(item, Message) else _of_group(item)


def _of_group(item: Inbound) -> bool:
    return isinstance(item, Unknown) and item.what == GROUP


async def _first_today(env: Env, item: Message | Unknown) -> bool:
    """Counted in the store, so that neither a restart nor another node tells it again."""
    person = hashlib.sha256(item.sender.address.encode()).hexdigest()[:16]
    what = "group" if _of_group(item) else "encrypted"
    return await env.budget.spend(f"notice:{what}:{person}", 1, 1, zone=env.office.zone) is not None


def _refusals(envelope: Envelope, item: Message | Unknown, env: Env, said: str) -> list[ET.Element]:
    name = writing.notice_id(env.inbox, item.external_id or "")
    invited = envelope.parts.get(f"{ROOM_USER}x")
    if invited is not None and (invite := invited.find(f"{ROOM_USER}invite")) is not None:
        return [writing.decline(envelope.person, invite.get("from", ""), said)]
    if envelope.type == "groupchat":
        return []  # we are not in the room, so nobody there would get it
    in_room = _of_group(item) and INVITATION not in envelope.parts
    to = full(envelope.message.get("from")) if in_room else envelope.person
    return [writing.notice(to, said, env.office.language, name)]


def _in_both(env: Env, text: str, address: str) -> str:
    """The office's language, then English: nobody knows which one the person reads."""
    ours, english = (
        env.translate(language, text, address=address) for language in (env.office.language, "en")
    )
    return ours if ours == english else f"{ours}\n\n{english}"


def nobody(stanza: ET.Element) -> ET.Element:
    """The error for a message to an address of the component's domain that does not exist."""
    named = {"to": stanza.get("from", ""), "from": stanza.get("to", ""), "type": "error"}
    answer = ET.Element(f"{{{CLIENT}}}message", {**named, "id": stanza.get("id", "")})
    error = ET.SubElement(answer, f"{{{CLIENT}}}error", {"type": "cancel"})
    ET.SubElement(error, f"{STANZAS}item-not-found")
    return answer


def subscription(presence: ET.Element, policy: str, sender: str) -> list[ET.Element]:
    """What answers a presence: a subscription is accepted where the office wants it; ``sender`` is set by a component,
    whose server does not tell for it who is there."""
    kind, asker = presence.get("type", ""), full(presence.get("from"))
    if policy != "accept" or not asker or kind not in ("subscribe", "probe"):
        return []
    named = {"from": sender} if sender else {}
    here = ET.Element(f"{{{CLIENT}}}presence", {"to": asker, **named})
    if kind == "probe":
        return [here] if sender else []
    bare_asker = asker.partition("/")[0]
    accepted = ET.Element(f"{{{CLIENT}}}presence", {"to": bare_asker, "type": "subscribed", **named})
    return [accepted, here] if sender else [accepted]
