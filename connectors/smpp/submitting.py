"""From a planned SMS to the ``submit_sm`` of its segments, and from a status to what it means for the delivery."""

from __future__ import annotations

from connectors import _gsm
from connectors._gsm import Place
from connectors._i18n import N_
from connectors._sms import Plan
from connectors.contract import SendError
from connectors.smpp import pdu as wire
from connectors.smpp.pdu import Short, address_of
from connectors.smpp.settings import Settings

RECEIPT, FAILURE_ONLY = 0x01, 0x02
"""registered_delivery (5.2.17)."""

_CODINGS = {"gsm7": 0x00, "ucs2": 0x08}

REFUSED = N_("The message centre refused the SMS.")
BAD_NUMBER = N_("The message centre does not know this number.")
LATER = N_("The message centre cannot take it at the moment.")
PARTLY = N_("Only a part of the long message left. The person may have got a piece of it.")

_NEVER = frozenset(
    {
        0x01,
        0x06,
        0x07,
        0x0A,
        0x0C,
        0x15,
        0x33,
        0x34,
        0x40,
        0x42,
        0x43,
        0x44,
        0x48,
        0x49,
        0x50,
        0x51,
        0x53,
        0x54,
    }
    | {0x55, 0x61, 0x62, 0x65, 0x66, 0x67, 0xC0, 0xC1, 0xC2, 0xC3, 0xC4}
)
"""Statuses (5.1.3) about the message itself: it will never be taken as it is. All others are tried again."""


def fits_latin1(text: str) -> bool:
    """Whether a text can go to a centre whose default alphabet is Latin-1: in that and in the handset's alphabet."""
    return _gsm.is_gsm7(text) and (text.isascii() or max(text) <= "\xff")


def refusal(status: int) -> SendError:
    """What a refusing status of ``submit_sm_resp`` means."""
    private = f"status {status:#06x}"
    if status == wire.INVALID_DESTINATION:
        return SendError("permanent", BAD_NUMBER, private)
    if status in _NEVER:
        return SendError("permanent", REFUSED, private)
    return SendError("temporary", LATER, private)


def shorts(plan: Plan, settings: Settings, reference: int) -> list[Short]:
    """One for each segment, or one with all of it. Reports are asked of the last part, and of the others only failures:
    the message has arrived when its last part has."""
    if settings.long_messages == "payload" and plan.segments.count > 1:
        return [_short(plan, settings, _octets(plan.text, plan, settings), {wire.MESSAGE_PAYLOAD: b""})]
    total = plan.segments.count
    found = []
    for number, part in enumerate(plan.segments.parts, 1):
        place = Place(reference=reference, total=total, number=number, wide=settings.long_messages == "udh16")
        found.append(_part(plan, settings, _octets(part, plan, settings), place))
    return found


def _part(plan: Plan, settings: Settings, octets: bytes, place: Place) -> Short:
    if place.total == 1:
        return _short(plan, settings, octets)
    last = place.number == place.total
    if settings.long_messages == "sar":
        options = {
            wire.SAR_REFERENCE: place.reference.to_bytes(2, "big"),
            wire.SAR_TOTAL: bytes((place.total,)),
            wire.SAR_NUMBER: bytes((place.number,)),
        }
        return _short(plan, settings, octets, options, last=last)
    return _short(plan, settings, _gsm.header(place) + octets, esm_class=wire.UDHI, last=last)


def _short(
    plan: Plan,
    settings: Settings,
    octets: bytes,
    options: dict[int, bytes] | None = None,
    *,
    esm_class: int = 0,
    last: bool = True,
) -> Short:
    registered = RECEIPT if last else FAILURE_ONLY
    return Short(
        source=address_of(plan.sender),
        destination=address_of(plan.to),
        esm_class=esm_class,
        data_coding=_CODINGS[plan.segments.encoding],
        registered_delivery=registered if settings.reports else 0,
        validity=_validity(settings.validity_minutes),
        service_type=settings.service_type,
        message=octets,
        options=options or {},
    )


def _octets(text: str, plan: Plan, settings: Settings) -> bytes:
    if settings.default_alphabet == "latin1" and plan.segments.encoding == "gsm7":
        return text.encode("latin-1")
    return _gsm.encode(text, plan.segments.encoding)


def _validity(minutes: int) -> str:
    """A time from now, ``YYMMDDhhmmsstnnR`` (7.1.1); empty for the centre's own."""
    if not minutes:
        return ""
    hours, rest = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    return f"0000{days:02d}{hours:02d}{rest:02d}00000R"
