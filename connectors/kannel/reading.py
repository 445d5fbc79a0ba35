"""Kannel's calls on the way in: an SMS, a part of one, or a delivery report, as a query string.

The names of the fields are those of the ``get-url`` and ``dlr-url`` in docs/channels/kannel.md. Kannel fills them in
percent-encoded, byte by byte: the text is in the charset that it names (UTF-8 for the short alphabet, UTF-16BE for
``coding=2``), so nothing may decode it before that is known.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Literal
from urllib.parse import parse_qsl, unquote, urlencode

import msgspec

from connectors import _gsm, _sms_in
from connectors._sms_in import party
from connectors._sms_inlet import Piece, grouped, joined
from connectors._text import decode as decode_text
from connectors.contract import (
    DeliveryReport,
    Inbound,
    InboxId,
    Micros,
    ParseContext,
    Unknown,
)

_BINARY = "1"
_REFUSED = "16"

State = Literal["accepted", "delivered", "failed"]

STATES: dict[str, State] = {
    "1": "delivered",
    "2": "failed",  # the network could not deliver it
    "4": "accepted",  # buffered at the SMSC
    "8": "accepted",  # taken by the SMSC
    _REFUSED: "failed",  # refused by the SMSC
    "32": "accepted",  # an intermediate notification
}
"""Values of ``%d``: the bits of ``dlr-mask``."""


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """One call of Kannel. Every field is as it came, in Latin-1: one character for each byte."""

    id: str = ""
    sender: str = ""
    recipient: str = ""
    text: str = ""
    coding: str = ""
    charset: str = ""
    udh: str = ""
    at: str = ""
    type: str = ""
    delivery: str = ""
    reply: str = ""
    secret: str = ""
    raw: str = ""


_NAMES = {
    "id": "id",
    "from": "sender",
    "to": "recipient",
    "text": "text",
    "coding": "coding",
    "charset": "charset",
    "udh": "udh",
    "at": "at",
    "type": "type",
    "delivery": "delivery",
    "reply": "reply",
    "secret": "secret",
}
"""The names that docs/channels/kannel.md gives to the fields."""

_OTHERS = {
    **dict.fromkeys(("smsid", "msgid", "message_id"), "id"),
    **dict.fromkeys(("sender", "source", "phone", "msisdn"), "sender"),
    **dict.fromkeys(("receiver", "recipient", "dest", "destination"), "recipient"),
    **dict.fromkeys(("msg", "message", "content"), "text"),
    **dict.fromkeys(("time", "ts", "timestamp"), "at"),
    **dict.fromkeys(("status", "dlr", "dlr-type"), "type"),
    **dict.fromkeys(("dlr-id", "dlrid"), "delivery"),
    **dict.fromkeys(("answer", "dlr-reply"), "reply"),
}
"""Names that people give them who configured a Kannel before; ours count more."""


def read_query(query: str) -> Call:
    """A query string as it stands on the wire. Fields that nobody knows are not read but kept in ``raw``, where the
    secret is left out."""
    found: dict[str, str] = {}
    kept = []
    for pair in query.split("&"):
        name, _, value = pair.partition("=")
        value = value.replace("+", " ")
        if name in _NAMES:
            found[_NAMES[name]] = unquote(value, "latin-1") if "%" in value else value
        elif name in _OTHERS:
            found.setdefault(_OTHERS[name], unquote(value, "latin-1"))
        if name != "secret":
            kept.append(pair)
    return Call(**found, raw="&".join(kept))


_HEADERS = {
    "x-kannel-from": "from",
    "x-kannel-to": "to",
    "x-kannel-coding": "coding",
    "x-kannel-time": "at",
}


def read_post(query: str, headers: Mapping[str, str], body: bytes) -> Call:
    """A ``post-url`` call: Kannel puts facts into headers (the UDH percent-encoded) and the text into the body. What
    the address itself says (``secret``, ``id``, ``from``) counts more."""
    told = [(name, headers.get(header, "")) for header, name in _HEADERS.items()]
    told.append(("udh", unquote(headers.get("x-kannel-udh", ""), "latin-1")))
    told.append(
        ("charset", headers.get("content-type", "").partition("charset=")[2].split(";")[0].strip(' "'))
    )
    told.append(("text", body.decode("latin-1")))
    named = parse_qsl(query, encoding="latin-1")
    return read_query(urlencode(dict(told) | dict(named), encoding="latin-1", errors="replace"))


def is_report(call: Call) -> bool:
    """Whether it tells of something that we sent."""
    return bool(call.delivery and call.type)


def report_of(call: Call, inbox: InboxId, now: Micros) -> DeliveryReport:
    """What became of a sending. A type that nobody knows says no more than that Kannel has it."""
    state = STATES.get(call.type, "accepted")
    why = _sms_in.REFUSED if call.type == _REFUSED else _sms_in.why_failed(_stat(call.reply))
    return DeliveryReport(
        inbox=inbox,
        external_id=f"kannel-report:{call.delivery}:{call.type}:{call.at}"[:512],
        target=remote_id(call.delivery),
        received_at=now,
        state=state,
        reason=why if state == "failed" else "",
        at=_moment(call.at),
    )


def remote_id(delivery: str) -> str:
    """What reports call a sending; Kannel gives it no name when it takes it, so it is ours."""
    return f"kannel:{delivery}"[:400]


def _stat(reply: str) -> str:
    """The ``stat:`` of a receipt (SMPP 3.4, appendix B) within what the SMSC replied."""
    return reply.partition("stat:")[2][:10].split(" ")[0]


def piece_of(call: Call, inbox: InboxId, now: Micros) -> Piece | Unknown:
    """An SMS, or a part of one; binary messages (ring tones, contacts) are shown as unknown."""
    place, _ = _gsm.read_header(call.udh.encode("latin-1", "replace"))
    if call.coding == _BINARY:
        return Unknown(
            inbox=inbox, received_at=now, sender=party(call.sender), what="binary SMS", direct=True
        )
    data = call.text.encode("latin-1", "replace")
    wide = _is_wide(call, data)
    return Piece(
        sender=call.sender.strip(),
        recipient=call.recipient.strip(),
        text=_gsm.decode(data, "ucs2") if wide else _text(call, data),
        halves=_gsm.halves(data) if wide else (0, 0),
        at=now,
        raw=call.raw,
        place=place,
        external_id=_identity(call),
        sent_at=_moment(call.at),
    )


def _identity(call: Call) -> str | None:
    """Kannel's own id of the message, the same when it calls again."""
    return f"kannel:{call.id}"[:400] if call.id else None


def _charset(call: Call) -> str:
    return call.charset.lower().replace("utf16", "utf-16").replace("_", "-")


def _is_wide(call: Call, data: bytes) -> bool:
    """Whether the bytes of the text are UTF-16."""
    charset = _charset(call)
    return charset in ("utf-16be", "utf-16-be") or (call.coding == "2" and not charset and _looks_wide(data))


def _text(call: Call, data: bytes) -> str:
    charset = _charset(call)
    try:
        return data.decode("utf-8" if charset in ("", "utf-8", "binary") else charset)
    except (UnicodeDecodeError, LookupError):
        return decode_text(data, charset)


def _looks_wide(data: bytes) -> bool:
    """Whether bytes without a named charset are UTF-16: a Kannel with ``alt-charset`` may have made UTF-8 of them."""
    if len(data) % 2:
        return False
    try:
        return "\x00" in data.decode() or (bool(data) and max(data[::2]) < 0x09)
    except UnicodeDecodeError:
        return True


def _moment(text: str) -> Micros | None:
    """``%T`` (seconds since 1970) or ``%t`` (``YYYY-MM-DD HH:MM[:SS]``, UTC)."""
    text = text.strip()
    if text.isascii() and text.isdigit() and len(text) <= 11:
        return Micros(int(text) * 1_000_000)
    try:
        return Micros(int(dt.datetime.fromisoformat(text).replace(tzinfo=dt.UTC).timestamp() * 1e6))
    except ValueError:
        return None


def parse(raw: bytes, context: ParseContext) -> list[Inbound]:
    """The query strings of calls, one a line; parts of one message among them are put together."""
    events: list[Inbound] = []
    pieces: list[Piece] = []
    for line in raw.decode("latin-1").splitlines():
        if not line.strip():
            continue
        call = read_query(line.strip().removeprefix("?"))
        found = (
            report_of(call, context.inbox, context.now)
            if is_report(call)
            else piece_of(call, context.inbox, context.now)
        )
        if isinstance(found, Piece):
            pieces.append(found)
        else:
            events.append(found)
    events += [joined(group, context.inbox, "PL", _sms_in.WORDS) for group in grouped(pieces)]
    return events
