"""The words of a message: which of several texts, without quotations, with a place that was sent."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET  # nosec: only the type

from connectors._text import tidy
from connectors.xmpp.envelope import Envelope
from connectors.xmpp.names import FALLBACK, GEO, XML_LANG, every, text_of

_LANGUAGE = re.compile(r"[a-z]{2,3}")


def body_of(envelope: Envelope) -> str:
    """The text of the message."""
    body = _chosen(envelope)
    return tidy(body.text or "") if body is not None else ""


def _chosen(envelope: Envelope) -> ET.Element | None:
    """Of several languages the text without a name, else the Polish one, else the first."""
    if not envelope.several:
        return envelope.parts.get("body")
    bodies = [body for body in every(envelope.message, "body") if body.text]
    plain = [body for body in bodies if XML_LANG not in body.attrib]
    polish = [body for body in bodies if body.get(XML_LANG, "").lower().startswith("pl")]
    return next(iter(plain or polish or bodies), None)


def language_of(envelope: Envelope) -> str:
    """What the first text itself says of its language; that of the whole stanza is often only a program's default."""
    first = envelope.parts.get("body")
    said = _LANGUAGE.match(first.get(XML_LANG, "").lower()) if first is not None else None
    return said[0] if said else ""


def whole(envelope: Envelope, text: str) -> str:
    """The text, and below it what was written beside it in other languages."""
    if "body" not in envelope.parts or not envelope.several:
        return text
    others = [tidy(body.text or "") for body in every(envelope.message, "body")]
    return "\n\n".join(dict.fromkeys([text, *(other for other in others if other and other not in text)]))


def with_place(envelope: Envelope, body: str) -> str:
    """A place that was sent (XEP-0080) in the words of the text, where it is not there already."""
    geo = envelope.parts.get(f"{GEO}geoloc")
    if geo is None:
        return body
    where = ",".join(text_of(geo.find(f"{GEO}{axis}")).strip()[:20] for axis in ("lat", "lon"))
    return body if len(where) < 3 or where in body else f"{body}\n📍 {where}".strip()


def without_quote(envelope: Envelope, text: str) -> str:
    """A reply without the words that its program quoted for programs that know no replies (XEP-0428)."""
    if f"{FALLBACK}fallback" not in envelope.parts:
        return text
    for fallback in every(envelope.message, f"{FALLBACK}fallback"):
        quote = fallback.find(f"{FALLBACK}body")
        if fallback.get("for") != "urn:xmpp:reply:0" or quote is None:
            continue
        start, end = _count(quote.get("start", "0")), _count(quote.get("end", "0"))
        if start < end:
            return (text[:start] + text[end:]).strip() or text
    return text


def _count(number: str) -> int:
    """A number of characters; 0 for what is none."""
    return int(number) if number.isascii() and number.isdigit() and len(number) < 8 else 0
