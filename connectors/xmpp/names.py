"""The names that XMPP extensions give their elements, and the forms in which we look at a stanza.

Elements are :class:`xml.etree.ElementTree.Element`; a tag is ``{namespace}name``. The names of the core (``message``,
``body``) stand without a namespace, because client, component and server streams each use another one for the same.
"""

from __future__ import annotations

import functools
import re
import xml.etree.ElementTree as ET  # nosec: only the type; what comes in goes through `decode`
from collections.abc import Iterator

from slixmpp.jid import JID, InvalidJID

CLIENT = "jabber:client"
COMPONENT = "jabber:component:accept"
_CORE = frozenset(("", CLIENT, COMPONENT, "jabber:server"))

XML_LANG = "{http://www.w3.org/XML/1998/namespace}lang"
STANZAS = "{urn:ietf:params:xml:ns:xmpp-stanzas}"

RECEIPTS = "{urn:xmpp:receipts}"
MARKERS = "{urn:xmpp:chat-markers:0}"
STATES = "{http://jabber.org/protocol/chatstates}"
REPLACE = "{urn:xmpp:message-correct:0}replace"
RETRACT = "{urn:xmpp:message-retract:1}retract"
OLD_RETRACT = "{urn:xmpp:message-retract:0}retract"
APPLY_TO = "{urn:xmpp:fasten:0}apply-to"
REACTIONS = "{urn:xmpp:reactions:0}"
REPLY = "{urn:xmpp:reply:0}reply"
FALLBACK = "{urn:xmpp:fallback:0}"
SIDS = "{urn:xmpp:sid:0}"
DELAY = "{urn:xmpp:delay}delay"
OLD_DELAY = "{jabber:x:delay}x"
FORWARD = "{urn:xmpp:forward:0}forwarded"
CARBONS = "{urn:xmpp:carbons:2}"
MAM = "{urn:xmpp:mam:2}"
RSM = "{http://jabber.org/protocol/rsm}"
FORM = "{jabber:x:data}"
OOB = "{jabber:x:oob}"
FILES = "{urn:xmpp:sfs:0}"
FILE = "{urn:xmpp:file:metadata:0}"
URL_DATA = "{http://jabber.org/protocol/url-data}"
NICK = "{http://jabber.org/protocol/nick}nick"
GEO = "{http://jabber.org/protocol/geoloc}"
PUBSUB_EVENT = "{http://jabber.org/protocol/pubsub#event}event"
ROOM_USER = "{http://jabber.org/protocol/muc#user}"
INVITATION = "{jabber:x:conference}x"
UPLOAD = "{urn:xmpp:http:upload:0}"
DISCO_INFO = "{http://jabber.org/protocol/disco#info}"
DISCO_ITEMS = "{http://jabber.org/protocol/disco#items}"
ROSTER = "{jabber:iq:roster}query"
PING = "{urn:xmpp:ping}ping"
HINTS = "{urn:xmpp:hints}"
EME = "{urn:xmpp:eme:0}encryption"
CALLS = "{urn:xmpp:jingle-message:0}"

MAX_BYTES = 1_000_000
"""Largest stanza that is taken; servers draw their own line at a quarter of it."""

MAX_DEPTH = 60
MAX_ELEMENTS = 5_000

# Only the root element may follow: a document type, which alone can define entities, has to come before it, and a
# comment or instruction there is forbidden in XMPP anyway (RFC 6120, 11.1).
_BEGINS = re.compile(r"\ufeff?\s*(?:<\?xml[^<>]*\?>\s*)?(?=<[^!?\s])")


class BadStanza(ValueError):
    """These bytes are no stanza that may be read; the message says why and quotes nothing."""


def decode(data: bytes) -> ET.Element:
    """The one element of ``data``. Raises :class:`BadStanza` for what is no XML, holds a document type (entities), is
    not UTF-8, or is larger or deeper than a stanza may be."""
    if len(data) > MAX_BYTES:
        raise BadStanza(f"a stanza has at most {MAX_BYTES} bytes")
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        raise BadStanza("a stanza is UTF-8") from error
    begins = _BEGINS.match(text)
    if begins is None:
        raise BadStanza(
            "a stanza begins with its element: no document type, comment or instruction before it"
        )
    try:
        element = ET.fromstring(text[begins.end() :])  # noqa: S314 - without a document type there are no entities
    except (ET.ParseError, ValueError, RecursionError) as error:
        raise BadStanza("not well-formed XML") from error
    check(element)
    return element


def check(element: ET.Element) -> None:
    """Raises :class:`BadStanza` for an element that is deeper or has more parts than a stanza needs."""
    level, depth, count = [element], 0, 0
    while level:
        depth, count = depth + 1, count + len(level)
        if depth > MAX_DEPTH or count > MAX_ELEMENTS:
            raise BadStanza(f"a stanza has at most {MAX_DEPTH} levels and {MAX_ELEMENTS} elements")
        level = [child for parent in level for child in parent]


@functools.lru_cache(maxsize=2_048)
def core(tag: str) -> str:
    """The name of a core element (``message``, ``body``), whatever its stream; other tags as they are."""
    namespace, _, name = tag.removeprefix("{").rpartition("}")
    return name if namespace in _CORE else tag


def children(element: ET.Element) -> dict[str, ET.Element]:
    """The first child of each name, core names without their namespace."""
    found: dict[str, ET.Element] = {}
    for child in element:
        found.setdefault(core(child.tag), child)
    return found


def every(element: ET.Element, name: str) -> Iterator[ET.Element]:
    """Children of one name, core names without their namespace."""
    return (child for child in element if core(child.tag) == name)


def text_of(element: ET.Element | None) -> str:
    """The text of an element; empty for None."""
    return (element.text or "") if element is not None else ""


def bare(address: str | None) -> str:
    """An address without its resource, prepared for comparison (RFC 7622); empty where it is none."""
    if not address:
        return ""
    try:
        return str(JID(address).bare)
    except InvalidJID:
        return ""


def full(address: str | None) -> str:
    """An address with its resource, prepared for comparison; empty where it is none."""
    try:
        return str(JID(address).full) if address else ""
    except InvalidJID:
        return ""
