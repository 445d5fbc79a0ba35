"""Folding and tokenising: the one form in which words of rules and words of messages meet.

Folding makes letters lower case and takes their diacritics off (``ł`` becomes ``l``, which Unicode's own
decomposition leaves alone), so that "ZASIŁEK", "zasiłek" and "zasilek" are the same word.
"""

from __future__ import annotations

import codecs
import re
import unicodedata
from typing import NamedTuple

_POLISH = tuple(zip("łąęóśżćńź", "laeoszcnz", strict=True))
_DROPPED = re.compile("[\u0300-\u036f\u00ad\u200b-\u200f\u2060\ufeff]")
_NO_GAP = re.compile(f"{_DROPPED.pattern}|[\ud800-\udfff]")
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


class Narrow(NamedTuple):
    """A text whose letters are those of Central Europe, and folding leaves plain ones of them.

    ``data`` is the text in Windows-1250, one byte a letter; ``flat`` is what :func:`fold` makes of it, in ASCII. In
    both a character that is no letter and no digit may have become a space: neither words nor the literals of
    expressions need more.
    """

    data: bytes
    flat: bytes


def narrow(text: str) -> Narrow | None:
    """``text`` as bytes, several times faster to work with; None where only :func:`fold` can tell, and where it holds
    half of a surrogate pair."""
    try:
        data = text.encode() if text.isascii() else text.encode("cp1250", errors="rules.gaps")
    except UnicodeEncodeError:
        return None
    flat = data.translate(_FLAT, _SOFT_HYPHEN)
    return Narrow(data, flat) if flat.isascii() else None


def plain(data: bytes) -> list[bytes]:
    """The words of :attr:`Narrow.data`, folded: its :func:`tokens` in ASCII."""
    return data.translate(_PLAIN, _SOFT_HYPHEN).split()


def written(data: bytes) -> list[bytes]:
    """The same words in lower case with their diacritics."""
    return data.translate(_LOWER, _SOFT_HYPHEN).split()


def _gap(error: UnicodeError) -> tuple[str, int]:
    """Spaces for what Windows-1250 lacks, if folding leaves neither letters nor nothing of it (as of an emoji)."""
    if isinstance(error, UnicodeEncodeError):
        lacking = error.object[error.start : error.end]
        if not _NO_GAP.search(lacking) and not any(map(str.isalnum, fold(lacking))):
            return " " * len(lacking), error.end
    raise error


codecs.register_error("rules.gaps", _gap)


def _flat_byte(code: int) -> int:
    """The byte that stands for a character of Windows-1250; one above 127 where only :func:`fold` can tell."""
    folded = fold(bytes([code]).decode("cp1250", errors="replace"))
    if len(folded) == 1 and folded.isascii():
        return ord(folded)
    return code if any(map(str.isalnum, folded)) else 32


def _lower_byte(code: int) -> int:
    """The small letter of a letter of Windows-1250; a space for what is none."""
    return bytes([code]).decode("cp1250").lower().encode("cp1250")[0] if chr(_FLAT[code]).isalnum() else 32


_FLAT = bytes(map(_flat_byte, range(256)))
_PLAIN = bytes(code if chr(code).isalnum() else 32 for code in _FLAT)
_LOWER = bytes(map(_lower_byte, range(256)))
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
