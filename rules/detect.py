"""Finding personal numbers, links and postcodes in a text, and masking the numbers.

Every search here takes time proportional to the text: patterns have bounded repetition, or run on RE2.
"""

from __future__ import annotations

import operator
import re
import unicodedata
from collections.abc import Iterator
from typing import Any

import re2

DOT = "\N{BULLET}"

# Expressions begin with what they look for and look back afterwards: a leading look-behind is tried at every
# character, a leading digit is searched for.
# The rest of a PESEL is only looked ahead at, so that a digit standing before one cannot swallow its beginning.
_PESEL = re.compile(r"\d(?<!\d\d)(?=((?:[ .-]{0,3}\d){10})(?!\d))")
_PESEL_WEIGHTS = (1, 3, 7, 9, 1, 3, 7, 9, 1, 3, 1)
_PESEL_CENTURIES = (19, 20, 21, 22, 18)
_PHONE_PL = re.compile(
    r"(?<![\d+])(?<!\d[ .-])(?:(?:\+|00)?48[ .-]?)?"
    r"(\(?\d{2}\)?[ .-]?\d{3}[ .-]?\d{2}[ .-]?\d{2}|\d{3}[ .-]?\d{3}[ .-]?\d{3}|\d{3}[ .-]?\d{2}[ .-]?\d{2}[ .-]?\d{2})"
    r"(?![ .-]?\d)"
)
_PHONE_ABROAD = re.compile(r"(?<![\d+])(?:\+|00)(?!48)[1-9](?:[ .()-]{0,2}\d){7,13}(?!\d)")
_NOT_PHONE = re.compile(r"(?:regon|nip|krs|nr (?:sprawy|wniosku))\W{0,3}$", re.IGNORECASE)
_AREAS = frozenset(
    {*range(12, 19), *range(22, 26), 29, *range(32, 35), 39, *range(41, 49), *range(50, 64)}
) | {
    # The first two digits in the Polish numbering plan (UKE): towns, mobiles, 39 (VoIP), 70x and 80x.
    *(65, 66, 67, 68, 69, *range(70, 80), *range(80, 90), 91, 94, 95)
}
_ACCOUNT = re.compile(r"(?<![0-9A-Za-z])(?:PL ?)?\d{2}(?:[ -]?\d{4}){6}(?!\d)", re.IGNORECASE)
_IBAN = re.compile(r"(?<![0-9A-Za-z])[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?(?![0-9A-Za-z])")
_EMAIL: Any = re2.compile(r"[\pL\pN._%+-]+@(?:[\pL\pN-]+\.)+\pL\pL+")
_LINK: Any = re2.compile(
    r"(?i)(?:https?://|www\.)[^\s<>\"]+"
    r"|\b(?:[a-z0-9-]+\.)+(?:pl|eu|com|net|org|info|biz|ru|ua|io|ly|me|xyz|top|shop|online|site)/[^\s<>\"]+"
)
_POSTCODE = re.compile(r"-(?<=\d\d-)(?<![\d-]\d\d-)(\d{3})(?![\d-])")
_NO_DIGIT = re.compile(r"[^0-9]+")
_ODD_DIGIT = re.compile(r"[^\x00-\x7f](?<=\d)")
_SEPARATORS = str.maketrans(
    dict.fromkeys("\u00a0\u00ad\u2007\u2009\u200b\u200c\u200d\u202f\u2060\ufeff\t\r\n", " ")
    | dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2212/_", "-")
)
_MANY_DIGITS = re.compile(r"\d(?:\D{0,3}\d){7}")


def valid_pesel(digits: str) -> bool:
    """Whether eleven digits are a PESEL: the check digit and a date that exists (Dz.U. 2015 poz. 1984)."""
    if len(digits) != 11 or not (digits.isascii() and digits.isdigit()):
        return False
    century, month = divmod(int(digits[2:4]), 20)
    if not 1 <= month <= 12:
        return False
    if sum(map(operator.mul, map(int, digits), _PESEL_WEIGHTS)) % 10:
        return False
    return 1 <= int(digits[4:6]) <= _days(_PESEL_CENTURIES[century] * 100 + int(digits[:2]), month)


def _days(year: int, month: int) -> int:
    if month == 2:
        return 29 if year % 4 == 0 and (year % 100 != 0 or year % 400 == 0) else 28
    return 30 if month in (4, 6, 9, 11) else 31


def _valid_iban(iban: str) -> bool:
    """The check of ISO 13616: first four characters to the end, letters as 10 to 35, remainder 1."""
    moved = iban[4:] + iban[:4]
    return int("".join(str(int(char, 36)) for char in moved)) % 97 == 1


def plain(text: str) -> str:
    """``text`` with digits of every script as ASCII ones and unusual separators as spaces and hyphens, so that they
    hide no number. Every character keeps its place."""
    text = text.translate(_SEPARATORS)
    if text.isascii():
        return text
    return _ODD_DIGIT.sub(lambda found: str(unicodedata.decimal(found[0])), text)


def _digits(text: str) -> str:
    return _NO_DIGIT.sub("", text)


def pesel_spans(text: str) -> Iterator[tuple[int, int]]:
    """Where valid PESEL numbers stand, also written with spaces, dots or hyphens."""
    for found in _PESEL.finditer(plain(text)) if _MANY_DIGITS.search(text) else ():
        if valid_pesel(found[0] + _digits(found[1])):
            yield found.start(), found.end(1)


def phone_spans(text: str) -> Iterator[tuple[int, int]]:
    """Where phone numbers stand: Polish ones in any usual grouping, foreign ones with their + or 00."""
    if not _MANY_DIGITS.search(text):
        return
    text = plain(text)
    for found in _PHONE_PL.finditer(text):
        before = text[max(0, found.start() - 16) : found.start()]
        if int(_digits(found[1])[:2]) in _AREAS and not _NOT_PHONE.search(before):
            yield found.span()
    for found in _PHONE_ABROAD.finditer(text):
        yield found.span()


def account_spans(text: str) -> Iterator[tuple[int, int]]:
    """Where bank account numbers stand: Polish ones with or without PL, and other IBANs, with valid check digits."""
    if not _MANY_DIGITS.search(text):
        return
    text = plain(text)
    for found in _ACCOUNT.finditer(text):
        if _valid_iban("PL" + _digits(found[0])):
            yield found.span()
    for found in _IBAN.finditer(text):
        compact = found[0].replace(" ", "")
        if not compact.startswith("PL") and 15 <= len(compact) <= 34 and _valid_iban(compact):
            yield found.span()


def email_spans(text: str) -> Iterator[tuple[int, int]]:
    """Where e-mail addresses stand."""
    if "@" in text:
        for found in _EMAIL.finditer(text):
            yield found.span()


def link_spans(text: str) -> Iterator[tuple[int, int]]:
    """Where links stand: with a scheme, with www., or a host of a common domain followed by a path."""
    if "/" in text or "www." in text or "WWW." in text:
        for found in _LINK.finditer(text):
            yield found.span()


def postcodes(text: str) -> list[str]:
    """The Polish postcodes in a text, as ``NN-NNN``, in order."""
    text = text.replace("\N{EN DASH}", "-")
    return [f"{text[found.start() - 2 : found.start()]}{found[0]}" for found in _POSTCODE.finditer(text)]


def mask(number: str) -> str:
    """``number`` with all but its first three digits as dots: ``440••••••••``."""
    digits = _digits(plain(number))
    return digits[:3] + DOT * (len(digits) - 3)


def mask_numbers(text: str) -> str:
    """``text`` with every PESEL, bank account and phone number masked."""
    if not _MANY_DIGITS.search(text):
        return text
    spans = sorted(
        [*pesel_spans(text), *account_spans(text), *phone_spans(text)],
        key=lambda span: (span[0], -span[1]),
    )
    out, done = [], 0
    for start, end in spans:
        if start >= done:
            out += [text[done:start], mask(text[start:end])]
            done = end
    return "".join([*out, text[done:]])
