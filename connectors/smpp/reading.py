"""From a ``deliver_sm`` to what it means: a message or a part of one, a delivery receipt, or something unknown."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator
from typing import Literal
from zoneinfo import ZoneInfo

import msgspec

from connectors import _gsm, _sms_in
from connectors._gsm import Place
from connectors._sms_in import party
from connectors._sms_inlet import Piece, grouped, joined
from connectors.contract import DeliveryReport, Inbound, InboxId, Micros, ParseContext, Unknown
from connectors.smpp import pdu as wire
from connectors.smpp.ids import canonical
from connectors.smpp.pdu import Address, BadPdu, Pdu, Short

State = Literal["accepted", "delivered", "failed"]

_RECEIPT = 0x04
_INTERMEDIATE = 0x20
_TYPE = 0x3C

_BY_WORD: dict[str, State] = {
    "DELIVRD": "delivered",
    "EXPIRED": "failed",
    "DELETED": "failed",
    "UNDELIV": "failed",
    "REJECTD": "failed",
    "ACCEPTD": "accepted",
    "ENROUTE": "accepted",
    "UNKNOWN": "accepted",
}
"""``stat:`` of a receipt (appendix B). What is not listed says no more than that the centre has it."""

_BY_NUMBER = {
    1: "ENROUTE",
    2: "DELIVRD",
    3: "EXPIRED",
    4: "DELETED",
    5: "UNDELIV",
    6: "ACCEPTD",
    8: "REJECTD",
}
"""message_state (5.2.28)."""

_FIELD = re.compile(r"\b(id|stat|err|done date):\s*([^\s:]+)", re.IGNORECASE)


class Receipt(msgspec.Struct, frozen=True, kw_only=True):
    """What a message centre says of a message of ours: its id as written there, and the word for its state."""

    id: str
    stat: str
    done: str = ""

    @property
    def state(self) -> State:
        """In the words of the contract."""
        return _BY_WORD.get(self.stat, "accepted")


def read(data: bytes, inbox: InboxId, now: Micros, alphabet: str = "gsm7") -> Piece | Receipt | Unknown:
    """What one PDU means. ``alphabet`` is what data_coding 0 stands for. Raises BadPdu for octets that are none."""
    found = wire.decode(data)
    if found.command not in (wire.DELIVER_SM, wire.DATA_SM):
        return _unknown(inbox, now, f"SMPP command {found.command:#010x}")
    return meaning(found, inbox, now, alphabet)


def meaning(found: Pdu, inbox: InboxId, now: Micros, alphabet: str = "gsm7") -> Piece | Receipt | Unknown:
    """The same of a ``deliver_sm`` or ``data_sm``; one whose body cannot be read is unknown, not an error."""
    try:
        short = wire.read_short(found)
    except BadPdu as error:
        return _unknown(inbox, now, f"unreadable SMS: {error}")
    if short.esm_class & _TYPE in (_RECEIPT, _INTERMEDIATE) or wire.RECEIPTED_MESSAGE_ID in short.options:
        return _receipt(short) or _unknown(inbox, now, "delivery receipt without an id", short)
    place, data = _place(short)
    text = _decoded(data, short.data_coding, alphabet)
    if text is None:
        return _unknown(inbox, now, "binary SMS", short)
    return Piece(
        sender=number_of(short.source),
        recipient=number_of(short.destination),
        text=text,
        at=now,
        raw=found.encoded().hex(),
        place=place,
        halves=_gsm.halves(data) if _coding(short.data_coding) == "ucs2" else (0, 0),
    )


def number_of(address: Address) -> str:
    """An address as people write it: international numbers with their plus."""
    if address.ton == wire.INTERNATIONAL and address.digits.isdigit():
        return f"+{address.digits}"
    return address.digits


def _unknown(inbox: InboxId, now: Micros, what: str, short: Short | None = None) -> Unknown:
    sender = party(number_of(short.source)) if short is not None else party("SMSC")
    return Unknown(inbox=inbox, received_at=now, sender=sender, what=what, direct=True)


def _place(short: Short) -> tuple[Place | None, bytes]:
    """Which part it is, by a header in the text or by optional parameters, and the text without the header."""
    if short.esm_class & wire.UDHI:
        return _gsm.read_header(short.message)
    reference, total, number = (
        int.from_bytes(short.options.get(tag, b""), "big")
        for tag in (wire.SAR_REFERENCE, wire.SAR_TOTAL, wire.SAR_NUMBER)
    )
    if not 1 <= number <= total or wire.SAR_REFERENCE not in short.options:
        return None, short.message
    return Place(reference=reference, total=total, number=number, wide=True), short.message


def _decoded(data: bytes, coding: int, alphabet: str) -> str | None:
    """The text by its data_coding (5.2.19, and the groups of TS 23.038 above 0x0F); None for 8-bit data."""
    if coding == 0 and alphabet == "latin1":
        return data.decode("latin-1")
    kind = _coding(coding)
    if kind == "gsm7":
        return _gsm.decode(data, "gsm7")
    if kind == "ucs2":
        return _gsm.decode(data, "ucs2")
    return data.decode(kind, "replace") if kind else None


_CODINGS = {
    0x00: "gsm7",
    0x01: "ascii",
    0x03: "latin-1",
    0x05: "shift_jis",
    0x06: "iso8859-5",
    0x07: "iso8859-8",
    0x08: "ucs2",
    0x0D: "euc_jp",
    0x0E: "euc_kr",
}


def _coding(coding: int) -> str:
    if coding < 0x10:
        return _CODINGS.get(coding, "")
    if coding >= 0xF0:
        return "" if coding & 0x04 else "gsm7"
    if coding >= 0xC0:
        return "ucs2" if coding >= 0xE0 else "gsm7"
    return ("gsm7", "", "ucs2", "gsm7")[coding >> 2 & 0x03]


def _receipt(short: Short) -> Receipt | None:
    """The id and the state, from the text (appendix B) and from the optional parameters, which count more."""
    text = short.message.decode("latin-1").replace("\x00", "")
    fields = {name.lower(): value for name, value in reversed(_FIELD.findall(text))}
    known = short.options.get(wire.RECEIPTED_MESSAGE_ID, b"").split(b"\x00")[0].decode("latin-1").strip()
    state = int.from_bytes(short.options.get(wire.MESSAGE_STATE, b""), "big")
    name, stat = known or fields.get("id", ""), _BY_NUMBER.get(state, "") or fields.get("stat", "").upper()
    return Receipt(id=name, stat=stat, done=fields.get("done date", "")) if name else None


def report(receipt: Receipt, target: str, inbox: InboxId, now: Micros, zone: str) -> DeliveryReport:
    """The event of a receipt; ``target`` is the id as a send returned it."""
    return DeliveryReport(
        inbox=inbox,
        external_id=f"smpp-report:{target}:{receipt.stat}:{receipt.done}"[:512],
        target=target,
        received_at=now,
        state=receipt.state,
        reason=_sms_in.why_failed(receipt.stat) if receipt.state == "failed" else "",
        at=_moment(receipt.done, zone),
    )


def _moment(done: str, zone: str) -> Micros | None:
    """``done date`` is YYMMDDhhmm, of some centres with seconds, in the centre's own time."""
    try:
        form = {10: "%y%m%d%H%M", 12: "%y%m%d%H%M%S"}[len(done)]
        at = dt.datetime.strptime(done, form).replace(tzinfo=ZoneInfo(zone))
    except (KeyError, ValueError):
        return None
    return Micros(int(at.timestamp()) * 1_000_000)


def parse(raw: bytes, context: ParseContext) -> list[Inbound]:
    """PDUs in hexadecimal, one a line or one after another as on the wire; parts of one message among them are put
    together. Raises BadPdu."""
    events: list[Inbound] = []
    pieces: list[Piece] = []
    for data in _pdus(raw.decode("ascii", "replace")):
        match read(data, context.inbox, context.now):
            case Piece() as piece:
                pieces.append(piece)
            case Receipt() as receipt:
                target = canonical(receipt.id)
                events.append(report(receipt, target, context.inbox, context.now, context.zone))
            case Unknown() as unknown:
                events.append(unknown)
    return [*events, *(joined(group, context.inbox, "PL", _sms_in.WORDS) for group in grouped(pieces))]


def _pdus(text: str) -> Iterator[bytes]:
    for line in text.splitlines():
        try:
            data = bytes.fromhex(line)
        except ValueError as error:
            raise BadPdu("a PDU is written in hexadecimal") from error
        while data:
            length = wire.announced(data) if len(data) >= wire.HEADER else len(data)
            yield data[:length]
            data = data[length:]
