"""The octets of SMPP 3.4: headers, binds, ``submit_sm``, ``deliver_sm``, ``data_sm``, optional parameters.

Reading is lenient where message centres are careless (statuses of their own, missing bodies, absent terminators at the
end) and never trusts a length. Chapters are those of the specification.
"""

from __future__ import annotations

import struct
from typing import Final

import msgspec

HEADER = 16
LONGEST = 70_000
"""No PDU is longer: a message_payload has at most 65,535 octets."""

VERSION = 0x34

RESPONSE: Final = 0x80000000
GENERIC_NACK = 0x80000000
SUBMIT_SM = 0x00000004
DELIVER_SM = 0x00000005
UNBIND = 0x00000006
BIND_TRANSCEIVER = 0x00000009
ENQUIRE_LINK = 0x00000015
DATA_SM = 0x00000103
ALERT_NOTIFICATION = 0x00000102

OK = 0x00
INVALID_COMMAND = 0x03
SYSTEM_ERROR = 0x08
INVALID_SOURCE = 0x0A
INVALID_DESTINATION = 0x0B
BIND_FAILED = 0x0D
INVALID_PASSWORD = 0x0E
INVALID_SYSTEM_ID = 0x0F
QUEUE_FULL = 0x14
THROTTLED = 0x58
TRY_AGAIN = 0x64
"""ESME_RX_T_APPN: a temporary error of the receiving application; the message centre keeps the message."""

MESSAGE_PAYLOAD = 0x0424
SAR_REFERENCE = 0x020C
SAR_TOTAL = 0x020E
SAR_NUMBER = 0x020F
RECEIPTED_MESSAGE_ID = 0x001E
MESSAGE_STATE = 0x0427

UDHI = 0x40
"""Bit of esm_class: the user data begin with a header (5.2.12)."""


class BadPdu(ValueError):
    """Octets that are no PDU; the text says what is wrong and quotes none of them."""


class Pdu(msgspec.Struct, frozen=True, kw_only=True):
    """One PDU with its body still unread."""

    command: int
    status: int = OK
    sequence: int = 0
    body: bytes = b""

    @property
    def is_response(self) -> bool:
        """Whether it answers one of ours."""
        return bool(self.command & RESPONSE)

    def encoded(self) -> bytes:
        """As octets on the wire (3.2)."""
        return _HEADER.pack(HEADER + len(self.body), self.command, self.status, self.sequence) + self.body

    def answer(self, status: int = OK) -> Pdu:
        """The response to it. That to a message names an id, which stays empty (4.6.2)."""
        body = b"\x00" if self.command in (DELIVER_SM, DATA_SM) else b""
        return Pdu(command=self.command | RESPONSE, status=status, sequence=self.sequence, body=body)


_HEADER = struct.Struct("!IIII")


def decode(data: bytes) -> Pdu:
    """One whole PDU. Raises BadPdu."""
    if len(data) < HEADER:
        raise BadPdu(f"a PDU has at least {HEADER} octets; there are {len(data)}")
    length, command, status, sequence = _HEADER.unpack_from(data)
    if length != len(data):
        raise BadPdu(f"the PDU says that it has {length} octets; there are {len(data)}")
    return Pdu(command=command, status=status, sequence=sequence, body=data[HEADER:])


def announced(head: bytes) -> int:
    """The length of the PDU that begins with these octets, at least 16. Raises BadPdu for one that cannot be."""
    length: int = _HEADER.unpack_from(head)[0]
    if not HEADER <= length <= LONGEST:
        raise BadPdu(f"a PDU of {length} octets cannot be")
    return length


class Address(msgspec.Struct, frozen=True, kw_only=True):
    """A number with its type (5.2.5) and numbering plan (5.2.6)."""

    digits: str
    ton: int = 0
    npi: int = 0


INTERNATIONAL = 1
ALPHANUMERIC = 5
_ISDN = 1


def address_of(number: str) -> Address:
    """A number in E.164, a short number, or a sender's name."""
    if number.startswith("+"):
        return Address(digits=number[1:], ton=INTERNATIONAL, npi=_ISDN)
    if number.isdigit() or not number:
        return Address(digits=number, npi=_ISDN if number else 0)
    return Address(digits=number, ton=ALPHANUMERIC)


class Short(msgspec.Struct, frozen=True, kw_only=True):
    """What ``deliver_sm``, ``data_sm`` and ``submit_sm`` have in common; ``message`` is the text as octets, from
    ``short_message`` or ``message_payload``."""

    source: Address
    destination: Address
    esm_class: int = 0
    protocol_id: int = 0
    data_coding: int = 0
    registered_delivery: int = 0
    validity: str = ""
    service_type: str = ""
    message: bytes = b""
    options: dict[int, bytes] = {}


class _Reader:
    """Takes fields off the front of a body."""

    def __init__(self, body: bytes) -> None:
        self._body = body
        self._at = 0

    def text(self) -> str:
        end = self._body.find(b"\x00", self._at)
        if end < 0:
            raise BadPdu("a text without its end")
        found, self._at = self._body[self._at : end], end + 1
        return found.decode("latin-1")

    def octet(self) -> int:
        if self._at >= len(self._body):
            raise BadPdu("the body ends too early")
        self._at += 1
        return self._body[self._at - 1]

    def octets(self, count: int) -> bytes:
        if self._at + count > len(self._body):
            raise BadPdu("the text is shorter than its length says")
        self._at += count
        return self._body[self._at - count : self._at]

    def address(self) -> Address:
        ton, npi = self.octet(), self.octet()
        return Address(digits=self.text(), ton=ton, npi=npi)

    def options(self) -> dict[int, bytes]:
        """Optional parameters (5.3); what is cut off at the end is left out."""
        found: dict[int, bytes] = {}
        while self._at + 4 <= len(self._body):
            tag, length = struct.unpack_from("!HH", self._body, self._at)
            value = self._body[self._at + 4 : self._at + 4 + length]
            self._at += 4 + length
            if len(value) == length:
                found.setdefault(tag, value)
        return found


def read_short(pdu: Pdu) -> Short:
    """The body of a ``deliver_sm`` or ``submit_sm`` (4.4.1, 4.6.1), or of a ``data_sm`` (4.7.1). Raises BadPdu."""
    reader = _Reader(pdu.body)
    service, source, destination = reader.text(), reader.address(), reader.address()
    esm_class = reader.octet()
    protocol, validity, message = 0, "", b""
    if pdu.command & ~RESPONSE == DATA_SM:
        registered, coding = reader.octet(), reader.octet()
    else:
        protocol, _priority, _schedule = reader.octet(), reader.octet(), reader.text()
        validity, registered, _replace = reader.text(), reader.octet(), reader.octet()
        coding, _canned = reader.octet(), reader.octet()
        message = reader.octets(reader.octet())
    options = reader.options()
    return Short(
        source=source,
        destination=destination,
        esm_class=esm_class,
        protocol_id=protocol,
        data_coding=coding,
        registered_delivery=registered,
        validity=validity,
        service_type=service,
        message=message or options.get(MESSAGE_PAYLOAD, b""),
        options=options,
    )


def write_short(short: Short) -> bytes:
    """The body of a ``submit_sm`` or ``deliver_sm``; a message of more than 254 octets becomes a message_payload."""
    in_body = short.message if len(short.message) <= 254 and MESSAGE_PAYLOAD not in short.options else b""
    options = dict(short.options)
    if short.message and not in_body:
        options[MESSAGE_PAYLOAD] = short.message
    return b"".join(
        (
            _text(short.service_type),
            _address(short.source),
            _address(short.destination),
            bytes((short.esm_class, short.protocol_id, 0)),
            _text(""),
            _text(short.validity),
            bytes((short.registered_delivery, 0, short.data_coding, 0, len(in_body))),
            in_body,
            *(struct.pack("!HH", tag, len(value)) + value for tag, value in options.items()),
        )
    )


def write_bind(system_id: str, password: str, system_type: str, address_range: str) -> bytes:
    """The body of a bind (4.1.1)."""
    rest = bytes((VERSION, 0, 0)) + _text(address_range)
    return _text(system_id) + _text(password) + _text(system_type) + rest


def message_id(pdu: Pdu) -> str:
    """What a ``submit_sm_resp`` calls the message; empty where it names none (4.4.2)."""
    return pdu.body.partition(b"\x00")[0].decode("latin-1").strip()


def _text(value: str) -> bytes:
    return value.encode("latin-1", "replace") + b"\x00"


def _address(address: Address) -> bytes:
    return bytes((address.ton, address.npi)) + _text(address.digits)
