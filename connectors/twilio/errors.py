"""What each error code of Twilio means: of an answer to our request, and of a message that failed later.

https://www.twilio.com/docs/api/errors (each code has a page below it). ``temporary`` is what somebody can put right:
the message is fine and goes then.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from connectors import _sms, _sms_in
from connectors._http import retry_after, status_error
from connectors._i18n import N_
from connectors._sms_numbers import ABROAD, NO_NUMBER
from connectors.contract import SendError

Kind = Literal["temporary", "permanent", "throttled"]

CREDENTIALS = N_("Twilio refused our account or token; an administrator has to correct them.")
ACCOUNT = N_("Twilio does not let this account send; an administrator has to look at it there.")
SENDER = N_("Twilio does not accept the sender; an administrator has to choose one that can send SMS.")
SERVICE = N_("Twilio does not accept the Messaging Service; an administrator has to correct it.")
CALLBACK = N_("Twilio does not accept the address for reports; an administrator has to correct callback_url.")
TRIAL = N_("A trial account at Twilio sends to confirmed numbers only.")
OPTED_OUT = N_("The person has opted out of messages at Twilio.")
LANDLINE = N_("The number is a landline or cannot receive SMS.")
REFUSED = N_("Twilio refused the message.")
BUSY = N_("Twilio asks us to slow down.")
UNREACHABLE = N_("The telephone could not be reached.")
BLOCKED = N_("The receiver or their network blocks such messages.")
FILTERED = N_("The network took the message for spam.")

CODES: Mapping[int, tuple[Kind, str]] = {
    20003: ("temporary", CREDENTIALS),
    20005: ("temporary", ACCOUNT),
    20006: ("temporary", CREDENTIALS),
    20008: ("temporary", CREDENTIALS),
    20104: ("temporary", CREDENTIALS),
    20404: ("temporary", CREDENTIALS),
    20429: ("throttled", BUSY),
    21211: ("permanent", NO_NUMBER),
    21212: ("temporary", SENDER),
    21214: ("permanent", UNREACHABLE),
    21217: ("permanent", NO_NUMBER),
    21219: ("permanent", TRIAL),
    21408: ("permanent", ABROAD),
    21601: ("temporary", SENDER),
    21602: ("permanent", _sms.NO_TEXT),
    21603: ("temporary", SENDER),
    21604: ("permanent", NO_NUMBER),
    21605: ("permanent", _sms.TOO_LONG),
    21606: ("temporary", SENDER),
    21607: ("temporary", SENDER),
    21608: ("permanent", TRIAL),
    21609: ("temporary", CALLBACK),
    21610: ("permanent", OPTED_OUT),
    21611: ("throttled", BUSY),
    21612: ("permanent", UNREACHABLE),
    21614: ("permanent", LANDLINE),
    21617: ("permanent", _sms.TOO_LONG),
    21619: ("permanent", _sms.NO_TEXT),
    21635: ("permanent", LANDLINE),
    21659: ("temporary", SENDER),
    21660: ("temporary", SENDER),
    21661: ("temporary", SENDER),
    21701: ("temporary", SERVICE),
    21702: ("temporary", SERVICE),
    21703: ("temporary", SERVICE),
    21704: ("temporary", SERVICE),
    21705: ("temporary", SERVICE),
    30001: ("throttled", BUSY),
    30002: ("temporary", ACCOUNT),
    30003: ("permanent", UNREACHABLE),
    30004: ("permanent", BLOCKED),
    30005: ("permanent", NO_NUMBER),
    30006: ("permanent", LANDLINE),
    30007: ("permanent", FILTERED),
    30008: ("permanent", _sms_in.NOT_DELIVERED),
    30009: ("permanent", _sms_in.NOT_DELIVERED),
    30010: ("permanent", _sms.TOO_DEAR),
    30011: ("permanent", REFUSED),
    30017: ("permanent", _sms_in.NOT_DELIVERED),
    30019: ("permanent", REFUSED),
    30022: ("throttled", BUSY),
    30023: ("throttled", BUSY),
    30024: ("permanent", SENDER),
    30032: ("permanent", SENDER),
    30034: ("permanent", SENDER),
    30036: ("permanent", _sms_in.NOT_IN_TIME),
    30044: ("permanent", _sms.TOO_LONG),
    30410: ("permanent", UNREACHABLE),
    30450: ("permanent", FILTERED),
    30453: ("permanent", FILTERED),
    30454: ("permanent", BLOCKED),
    30485: ("permanent", BLOCKED),
    30500: ("permanent", _sms_in.NOT_DELIVERED),
    63038: ("throttled", BUSY),
}
"""Codes that a message can meet. One that is not here goes by the HTTP status, or is just told as not delivered."""

WAITS: Mapping[int, float] = {20429: 10.0, 21611: 60.0, 63038: 3600.0}


def error_of(code: int | None, status: int, headers: Mapping[str, str]) -> SendError:
    """What a refusing answer means for the delivery."""
    if code is None or code not in CODES:
        return status_error(status, headers, f"Twilio error {code}" if code else "")
    kind, text = CODES[code]
    wait = (retry_after(headers) or WAITS.get(code, 30.0)) if kind == "throttled" else None
    return SendError(kind, text, f"Twilio error {code}", wait)


def why_failed(code: str) -> str:
    """What people are told of a message that failed after it was taken (a msgid)."""
    known = CODES.get(int(code)) if code.isascii() and code.isdigit() and len(code) < 8 else None
    return known[1] if known else _sms_in.NOT_DELIVERED


ABOUT_ACCOUNT = frozenset({CREDENTIALS, ACCOUNT, SENDER, SERVICE, CALLBACK})
"""Texts of errors that an administrator has to see to."""
