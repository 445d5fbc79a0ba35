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
_GAPS = bytes(code if chr(code).isalnum() else 32 for code in range(128)) + bytes(128)


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


def flat(text: str) -> str:
    """``text`` as :func:`fold` makes it, except that a character that is no letter and no digit may become a space.

    That is all that words and the literals of expressions need, and half the work for a text in the alphabets of
    Central Europe (Windows-1250), where every letter is one byte.
    """
    try:
        data = text.encode("cp1250").translate(_FLAT, _SOFT_HYPHEN)
    except UnicodeEncodeError:
        return fold(text)
    return data.decode("ascii") if data.isascii() else fold(text)


def _flat_byte(code: int) -> int:
    """The byte that stands for a character of Windows-1250; one above 127 where only :func:`fold` can tell."""
    folded = fold(bytes([code]).decode("cp1250", errors="replace"))
    if len(folded) == 1 and folded.isascii():
        return ord(folded)
    return code if any(map(str.isalnum, folded)) else 32


_FLAT = bytes(map(_flat_byte, range(256)))
_SOFT_HYPHEN = b"\xad"


def tokens(folded: str) -> list[str]:
    """The words of a folded text in order: runs of letters and digits."""
    if folded.isascii():
        # Several times faster than the expression, and nearly every folded Polish text is ASCII.
        return folded.encode().translate(_GAPS).decode().split()
    return _TOKEN.findall(folded)


def split_words(text: str) -> list[str]:
    """The words of a rule's word or phrase, with their letters as written (so that PUP stays an abbreviation)."""
    written, folded = _TOKEN.findall(text), tokens(fold(text))
    return written if len(written) == len(folded) else folded
