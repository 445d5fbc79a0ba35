"""What each error code of SMSAPI means for a message (section 19 of https://www.smsapi.pl/docs/).

``temporary`` is what somebody can put right (the account, its sender, its money): the message is fine and goes then.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from connectors import _sms
from connectors._i18n import N_
from connectors._sms_numbers import ABROAD, NO_NUMBER
from connectors.contract import SendError

Kind = Literal["temporary", "permanent", "throttled"]

CREDENTIALS = N_("SMSAPI refused our token or address; an administrator has to correct them.")
ACCOUNT = N_("SMSAPI does not let this account send; an administrator has to look at it there.")
MONEY = N_("The account at SMSAPI has no points left; an administrator has to buy some.")
SENDER = N_("SMSAPI does not accept the sender; an administrator has to register it or choose another.")
NOTIFY = N_("SMSAPI does not accept the address for reports; an administrator has to correct callback_url.")
TEXT = N_("SMSAPI refused the text.")
LINKS = N_("SMSAPI does not let this account send links.")
LISTED = N_("The number is on the black list of the account at SMSAPI.")
OPTED_OUT = N_("The person has opted out of messages at SMSAPI.")
REQUEST = N_("SMSAPI refused the message.")
HOURS = N_("The account at SMSAPI sends only at certain hours; the message waits for them.")
BUSY = N_("SMSAPI asks us to slow down.")
DOWN = N_("SMSAPI cannot take it at the moment.")

ALREADY_SENT = 53
"""A message with this ``idx`` was taken before: the answer to it was lost."""

CODES: Mapping[int, tuple[Kind, str]] = {
    7: ("permanent", LINKS),
    8: ("permanent", REQUEST),
    11: ("permanent", TEXT),
    12: ("permanent", _sms.TOO_LONG),
    13: ("permanent", NO_NUMBER),
    14: ("temporary", SENDER),
    17: ("permanent", TEXT),
    18: ("permanent", REQUEST),
    19: ("throttled", BUSY),
    20: ("permanent", REQUEST),
    25: ("permanent", REQUEST),
    26: ("permanent", REQUEST),
    27: ("permanent", REQUEST),
    28: ("permanent", REQUEST),
    30: ("permanent", REQUEST),
    32: ("permanent", ABROAD),
    33: ("permanent", NO_NUMBER),
    36: ("permanent", REQUEST),
    40: ("permanent", REQUEST),
    41: ("permanent", REQUEST),
    50: ("permanent", REQUEST),
    52: ("throttled", BUSY),
    54: ("permanent", REQUEST),
    56: ("permanent", REQUEST),
    57: ("permanent", LISTED),
    59: ("permanent", OPTED_OUT),
    70: ("temporary", NOTIFY),
    72: ("temporary", NOTIFY),
    74: ("throttled", HOURS),
    76: ("permanent", REQUEST),
    93: ("permanent", REQUEST),
    94: ("permanent", LINKS),
    98: ("temporary", ACCOUNT),
    101: ("temporary", CREDENTIALS),
    102: ("temporary", CREDENTIALS),
    103: ("temporary", MONEY),
    104: ("permanent", REQUEST),
    105: ("temporary", CREDENTIALS),
    106: ("permanent", LINKS),
    110: ("temporary", ACCOUNT),
    112: ("permanent", ABROAD),
    200: ("temporary", DOWN),
    201: ("temporary", DOWN),
    202: ("throttled", BUSY),
    203: ("throttled", BUSY),
    401: ("temporary", CREDENTIALS),
    997: ("temporary", CREDENTIALS),
    998: ("temporary", DOWN),
    999: ("temporary", DOWN),
    1000: ("temporary", ACCOUNT),
}
"""Every code that ``sms.do`` can give. One that is not here is temporary: nobody knows that it is final."""

WAITS: Mapping[int, float] = {52: 60.0, 74: 1800.0, 202: 5.0, 203: 30.0}
"""Seconds until it is tried again, where slowing down is asked for."""

ABOUT_ACCOUNT = frozenset(
    code for code, (_, text) in CODES.items() if text in (CREDENTIALS, ACCOUNT, MONEY, SENDER)
)


def error_of(code: int) -> SendError:
    """What a code of an answer means for the delivery; :data:`ALREADY_SENT` is no error and never asked for."""
    kind, text = CODES.get(code, ("temporary", DOWN))
    wait = WAITS.get(code, 30.0) if kind == "throttled" else None
    return SendError(kind, text, f"SMSAPI error {code}", wait)
