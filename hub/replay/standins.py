"""Numbers that stand in for masked ones, so that rules see in a stored comment what kinds of numbers stood in it.

A comment is decided on as it was written and kept masked. Where the mask left ``440••••••••``, a rule that asks for a
PESEL must hold today as it did then. What is put there is made up: it begins with the digits that the mask left and
passes the check of its kind; the rest is zeros. Masking it again gives what was stored.
"""

from __future__ import annotations

import re

from rules import valid_pesel
from rules.detect import DOT

_MASKED = re.compile(rf"(\d{{3}})({DOT}{{5,31}})(?!{DOT})|([\w.%+-]){DOT}{{3}}@{DOT}{{3}}(?!{DOT})")

EMAIL = "@example.org"
"""What follows the first letter of a masked address; a domain that belongs to nobody (RFC 2606)."""

PESEL = 11
"""Digits of a PESEL, and of a Polish phone number with its 48."""

LONGEST_PHONE = 15
"""Digits of the longest phone number (ITU-T E.164); what is longer is a bank account."""

THIS_CENTURY = "3"
"""Tens of a year up to which a person of this century may be born: behind it 2 and 3 are no months."""

_AREAS = {"1": "12", "2": "22", "3": "32", "4": "42", "9": "91"}
"""First digits of which no Polish number goes on with a zero, with an area that there is."""


def unmask(text: str) -> str:
    """``text`` with a stand-in of the same kind for each masked number: PESEL, phone, bank account, e-mail address.

    Only the kind is right: an expression that asks for certain digits behind the third cannot be answered any more.
    """
    return _MASKED.sub(_stand_in, text) if DOT in text else text


def _stand_in(found: re.Match[str]) -> str:
    if found[3]:
        return found[3] + EMAIL
    start, digits = found[1], 3 + len(found[2])
    if digits > LONGEST_PHONE:
        return make_account(start)
    if digits == PESEL and (pesel := make_pesel(start)) is not None:
        return pesel
    return make_phone(start, digits)


def make_pesel(start: str) -> str | None:
    """A valid PESEL that begins with three digits; None where no living person's does.

    The third digit is the tens of the month: 0 and 1 in the last century, 2 and 3 in this one (Dz.U. 2015 poz. 1984).
    ``481`` is more often a phone number of the south than a birth in the autumn of 1948.
    """
    if start[2] not in "0123" or start == "481" or (start[2] in "23" and start[0] > THIS_CENTURY):
        return None
    day = start + ("1" if start[2] in "02" else "0") + "01000"
    return next(day + f"{last:02}" for last in range(10) if valid_pesel(day + f"{last:02}"))


def make_phone(start: str, digits: int) -> str:
    """A phone number of so many digits: of nine a Polish one, of eleven that begin with 48 too, else a foreign one."""
    zeros = "0" * (digits - 3)
    if digits == 9:
        return start + zeros
    if digits == PESEL and start.startswith("48"):
        return "+48" + _AREAS.get(start[2], start[2] + "0") + "0" * 7
    return start + zeros if start.startswith("00") else f"+{start}{zeros}"


def make_account(start: str) -> str:
    """A Polish account number that begins with three digits and passes ISO 13616; the last two see to that."""
    check, rest = start[:2], start[2:] + "0" * 21
    last = next(n for n in range(100) if int(f"{rest}{n:02}2521{check}") % 97 == 1)
    return f"{check}{rest}{last:02}"
