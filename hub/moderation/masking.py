"""Masking what no reader may see: PESEL and phone numbers, bank accounts, e-mail addresses.

The finding is the rules engine's (:mod:`rules.detect`); here the text is first brought into a form of the same length
in which digits of other scripts, invisible characters and unusual separators cannot hide a number from it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

import msgspec

from connectors.contract import CommentPlace, Message
from rules import detect

_LOOSE_PESEL = re.compile(r"(?<!\d)(?=((?:\d\W{0,3}){10}\d)(?!\d))")
"""Overlapping on purpose: digits before a PESEL must not swallow its beginning."""

_SEPARATORS = str.maketrans(
    dict.fromkeys("\u00a0\u2007\u2009\u202f\t\n\r", " ")
    | dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2212/_", "-")
)


def _shadow(text: str) -> str:
    """``text`` with every decimal digit as ASCII and odd separators as plain ones; each character keeps its place."""
    plain = text.translate(_SEPARATORS)
    if plain.isascii():
        return plain
    return "".join(char if char < "\x80" else _plain(char) for char in plain)


def _plain(char: str) -> str:
    digit = unicodedata.decimal(char, None)
    if digit is not None:
        return str(digit)
    return " " if unicodedata.category(char) == "Cf" else char


def _loose_pesels(shadow: str) -> Iterator[tuple[int, int]]:
    for found in _LOOSE_PESEL.finditer(shadow):
        digits = re.sub(r"\D", "", found[1])
        if detect.valid_pesel(digits):
            yield found.span(1)


def has_pesel(text: str) -> bool:
    """Whether a valid PESEL stands in ``text``, however it is written."""
    shadow = _shadow(text)
    return next(detect.pesel_spans(shadow), None) is not None or next(_loose_pesels(shadow), None) is not None


def mask(text: str) -> str:
    """``text`` as readers may see it: ``44051401359`` becomes ``440••••••••``, ``jan@example.pl`` ``j•••@•••``.

    Masking twice changes nothing more. Invalid PESEL numbers stay: they are other numbers, of a case or a form.
    """
    shadow = _shadow(text)
    numbers = [
        *_loose_pesels(shadow),
        *detect.pesel_spans(shadow),
        *detect.account_spans(shadow),
        *detect.phone_spans(shadow),
    ]
    spans = [(start, end, detect.mask(shadow[start:end])) for start, end in numbers]
    spans += [(start, end, f"{text[start]}•••@•••") for start, end in detect.email_spans(text)]
    return _replaced(text, spans) if spans else text


def _replaced(text: str, spans: list[tuple[int, int, str]]) -> str:
    """``text`` with spans replaced; of overlapping ones the longest at the earliest place stands for all of them."""
    out: list[str] = []
    done = 0
    for start, end, shown in sorted(spans, key=lambda span: (span[0], -span[1])):
        if start >= done:
            out += [text[done:start], shown]
        done = max(done, end)
    return "".join([*out, text[done:]])


def masked_message(message: Message) -> Message:
    """A comment as it is stored: every text of it masked. Its raw form keeps what was written.

    The rules must have seen the message before; what they see is never shown.
    """
    place = message.comment
    sender = msgspec.structs.replace(message.sender, name=mask(message.sender.name))
    return msgspec.structs.replace(
        message,
        sender=sender,
        subject=mask(message.subject),
        text=mask(message.text),
        full_text=mask(message.full_text),
        html="",
        comment=place and masked_place(place),
    )


def masked_place(place: CommentPlace) -> CommentPlace:
    """An article as it is stored: its title comes through a form, too."""
    return msgspec.structs.replace(place, title=mask(place.title), section=mask(place.section))
