"""Numbers that SMS come from and go to: made one with another, judged by what an office allows (libphonenumber)."""

from __future__ import annotations

import contextlib
import functools
import re
from collections.abc import Mapping, Sequence
from typing import TypeVar

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumberType

from connectors._i18n import N_

T = TypeVar("T")

NO_NUMBER = N_("This is not a telephone number that SMS can be sent to.")
PREMIUM = N_("SMS are not sent to premium-rate numbers (70…, 80…).")
ABROAD = N_("SMS are not sent to numbers of this country; an administrator can allow them.")
SHORT = N_("SMS are not sent to short numbers; an administrator can allow single ones.")
DENIED = N_("SMS are not sent to this number; an administrator has forbidden it.")

_FORMATTING = re.compile(r"[\s\-()./]+")
_E164 = re.compile(r"\+[1-9][0-9]{6,14}")
_POLISH = re.compile(r"(?:\+|00)?48([1-9][0-9]{8})")
_SHORT_NUMBER = re.compile(r"[0-9]{3,6}")
_COSTLY = frozenset({PhoneNumberType.PREMIUM_RATE, PhoneNumberType.SHARED_COST, PhoneNumberType.UAN})


def normalised(address: str, country: str = "PL") -> str:
    """A number as the wire wrote it (``+48 600 700 800``, ``0048…``, ``48…``, ``600700800``) in E.164; a short number
    or a sender's name as it is, without spaces around."""
    found = _POLISH.fullmatch(address)
    return f"+48{found[1]}" if found else _normalised(address, country)


@functools.lru_cache(4096)
def _normalised(address: str, country: str) -> str:
    compact = _FORMATTING.sub("", address)
    if compact.startswith("00"):
        compact = f"+{compact[2:]}"
    if _E164.fullmatch(compact):
        return compact
    if not compact.isascii() or not compact.isdigit() or len(compact) <= 6:
        return address.strip()
    for candidate, region in ((compact, country), (f"+{compact}", None)):
        with contextlib.suppress(NumberParseException):
            number = phonenumbers.parse(candidate, region)
            if phonenumbers.is_valid_number(number):
                return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    return address.strip()


def refusal(number: str, countries: tuple[str, ...], allow: Sequence[str], deny: Sequence[str]) -> str:
    """Why a number (as :func:`normalised` writes it) is not written to, as a msgid; empty: it is.

    ``allow`` and ``deny`` hold numbers, or beginnings of numbers followed by ``*``; ``deny`` is stronger.
    """
    if _listed(number, deny):
        return DENIED
    return "" if _listed(number, allow) else _judged(number, countries)


def _listed(number: str, entries: Sequence[str]) -> bool:
    return any(number.startswith(entry[:-1]) if entry.endswith("*") else number == entry for entry in entries)


@functools.lru_cache(4096)
def _judged(number: str, countries: tuple[str, ...]) -> str:
    if _SHORT_NUMBER.fullmatch(number):
        return SHORT
    if not _E164.fullmatch(number):
        return NO_NUMBER
    try:
        parsed = phonenumbers.parse(number)
    except NumberParseException:
        return NO_NUMBER
    if not phonenumbers.is_possible_number(parsed):
        return NO_NUMBER
    if phonenumbers.number_type(parsed) in _COSTLY:
        return PREMIUM
    region = phonenumbers.region_code_for_number(parsed)
    region = region or phonenumbers.region_code_for_country_code(parsed.country_code or 0)
    if countries and region not in countries:
        return ABROAD
    return "" if phonenumbers.is_valid_number(parsed) else NO_NUMBER


def is_number(address: str) -> bool:
    """Whether it is a number in E.164, which can be answered; not so a short number or a sender's name."""
    return _E164.fullmatch(address) is not None


def by_prefix(number: str, table: Mapping[str, T], default: T) -> T:
    """The entry of the longest prefix that the number begins with."""
    fitting = [prefix for prefix in table if number.startswith(prefix)]
    return table[max(fitting, key=len)] if fitting else default
