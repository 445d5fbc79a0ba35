"""Folding and tokenising: the one form in which words of rules and words of messages meet.

Folding makes letters lower case and takes their diacritics off (``ł`` becomes ``l``, which Unicode's own
decomposition leaves alone), so that "ZASIŁEK", "zasiłek" and "zasilek" are the same word.
"""

from __future__ import annotations

import re
import unicodedata

_POLISH = tuple(zip("łąęóśżćńź", "laeoszcnz", strict=True))
_DROPPED = re.compile("[\u0300-\u036f\u00ad\u200b-\u200f\u2060\ufeff]")
_TOKEN = re.compile(r"[^\W_]+")
_ASCII_GAPS = {code: " " for code in range(128) if not chr(code).isalnum()}


def fold(text: str) -> str:
    """``text`` in lower case, without diacritics, soft hyphens and zero-width characters.

    Compatibility forms (full-width letters, ligatures) become ordinary ones (Unicode NFKD, UAX #15). Polish is
    done by plain replacement first, because that is several times faster than decomposing.
    """
    text = text.lower()
    if text.isascii():
        return text
    for letter, plain in _POLISH:
        text = text.replace(letter, plain)
    if text.isascii():
        return text
    folded = _DROPPED.sub("", unicodedata.normalize("NFKD", text)).lower()
    return folded.replace("ł", "l")


def tokens(folded: str) -> list[str]:
    """The words of a folded text in order: runs of letters and digits."""
    if folded.isascii():
        # Several times faster than the expression, and nearly every folded Polish text is ASCII.
        return folded.translate(_ASCII_GAPS).split()
    return _TOKEN.findall(folded)


def split_words(text: str) -> list[str]:
    """The words of a rule's word or phrase, with their letters as written (so that PUP stays an abbreviation)."""
    written, folded = _TOKEN.findall(text), tokens(fold(text))
    return written if len(written) == len(folded) else folded
