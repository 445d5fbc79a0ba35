"""Telephone numbers as people type them: read, judged, normalised to E.164 (by the metadata of libphonenumber)."""

from __future__ import annotations

import re

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumber, PhoneNumberType

from connectors._i18n import N_

_TYPED = re.compile(r"(?:tel[.:]?)?[\s+()\d./\-\u2010-\u2015\u00a0]+", re.IGNORECASE)
_SHORT = 6
"""Most digits of an emergency, harmonised or short number: 112, 19524, 116123."""

_SHORTEST = 3
"""Fewest digits of one; what has fewer is a number that somebody did not type to its end."""

_POLAND = 48

_ORDINARY = frozenset(
    {
        PhoneNumberType.FIXED_LINE,
        PhoneNumberType.MOBILE,
        PhoneNumberType.FIXED_LINE_OR_MOBILE,
        PhoneNumberType.VOIP,
        PhoneNumberType.PERSONAL_NUMBER,
    }
)


EMPTY = N_("Enter a telephone number, for example 600 700 800.")
NOT_DIGITS = N_("Enter digits only, without an extension, for example 600 700 800.")
TOO_SHORT = N_("The number is too short. Enter the whole number; a Polish number has nine digits.")
SHORT = N_("Emergency and short numbers (112, 19524) are not called back. Enter your own number.")
NO_SUCH = N_("There is no such telephone number. Check its digits; a Polish number has nine.")
PREMIUM = N_("Premium-rate and shared-cost numbers (70…, 80…) are not called back. Enter another number.")
UNUSUAL = N_("Numbers of this kind are not called back. Enter a mobile or landline number.")
ABROAD = N_("Numbers of this country are not called back. Enter another number or write to us.")

REASONS = (EMPTY, NOT_DIGITS, TOO_SHORT, SHORT, NO_SUCH, PREMIUM, UNUSUAL, ABROAD)
"""Why a number is not called, as the person who gave it is told."""


class BadNumber(ValueError):
    """The number cannot be used. ``reason`` is a msgid that says why and what to do."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def normalise(typed: str, country: str = "PL") -> str:
    """A number in E.164; ``country`` is where a number without a country code is from. Raises :class:`BadNumber`."""
    return phonenumbers.format_number(_read(typed, country), phonenumbers.PhoneNumberFormat.E164)


def to_call_back(typed: str, country: str = "PL", allowed: tuple[str, ...] = ()) -> str:
    """A number in E.164 that an office may call: an ordinary landline or mobile number, of one of the ``allowed``
    countries where any are named. Raises :class:`BadNumber`."""
    number = _read(typed, country)
    kind = phonenumbers.number_type(number)
    if kind in (PhoneNumberType.PREMIUM_RATE, PhoneNumberType.SHARED_COST):
        raise BadNumber(PREMIUM)
    if kind not in _ORDINARY:
        raise BadNumber(UNUSUAL)
    if allowed and phonenumbers.region_code_for_number(number) not in allowed:
        raise BadNumber(ABROAD)
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def _read(typed: str, country: str) -> PhoneNumber:
    text = typed.strip()
    if not text:
        raise BadNumber(EMPTY)
    if not _TYPED.fullmatch(text):
        raise BadNumber(NOT_DIGITS)
    try:
        number = phonenumbers.parse(re.sub(r"^tel[.:]?", "", text, flags=re.IGNORECASE), country)
    except NumberParseException as error:
        raise BadNumber(NO_SUCH) from error
    digits = len(str(number.national_number))
    if digits < _SHORTEST:
        raise BadNumber(TOO_SHORT)
    if digits <= _SHORT:
        raise BadNumber(SHORT)
    # libphonenumber takes an area code with a short number behind it (22 19524): a hotline, nobody's own.
    if not phonenumbers.is_valid_number(number) or (number.country_code == _POLAND and digits != 9):
        raise BadNumber(NO_SUCH)
    return number


def shown(number: str) -> str:
    """A number in E.164 as people write it: ``+48 600 700 800``."""
    try:
        parsed = phonenumbers.parse(number)
    except NumberParseException:
        return number
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.INTERNATIONAL)


def masked(number: str) -> str:
    """All but the last three digits hidden, so that its owner knows it and nobody else learns it."""
    return "••• ••• " + number[-3:]
