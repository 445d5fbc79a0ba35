"""How a text travels as SMS: the GSM 7-bit alphabet or UCS-2, cut into segments, with the header that joins them.

Sources: 3GPP TS 23.038 (alphabets; GSM 03.38 before), TS 23.040 chapter 9.2.3.24 (user data header). Septets are kept
one to an octet, as SMPP and Kannel carry them; packing is the SMSC's work. National shift tables are not used: a
handset that does not know them shows wrong letters and tells nobody.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from typing import Literal

import msgspec

Encoding = Literal["gsm7", "ucs2"]

BASIC = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ\x1bÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
"""The default alphabet in the order of its codes; 0x1B leads to :data:`EXTENSION`."""

EXTENSION = {
    0x0A: "\f",
    0x14: "^",
    0x28: "{",
    0x29: "}",
    0x2F: "\\",
    0x3C: "[",
    0x3D: "~",
    0x3E: "]",
    0x40: "|",
    0x65: "€",
}
"""Characters that cost two septets."""

ESCAPE = 0x1B

_CODES = {char: bytes((code,)) for code, char in enumerate(BASIC) if code != ESCAPE} | {
    char: bytes((ESCAPE, code)) for code, char in EXTENSION.items()
}
_DOUBLE = frozenset(EXTENSION.values())
_KNOWN = frozenset(_CODES)

SINGLE: dict[Encoding, int] = {"gsm7": 160, "ucs2": 70}
"""Units (septets, UTF-16 units) of a message of one segment."""

_HEADERS = {False: {"gsm7": 153, "ucs2": 67}, True: {"gsm7": 152, "ucs2": 66}}
"""Units of a segment beside a header with a reference of 8 bits (False) or 16 bits (True)."""

MOST_SEGMENTS = 255
"""As many as the one octet of the header counts."""


class Segments(msgspec.Struct, frozen=True, kw_only=True):
    """A text as it will be sent and paid for. ``units`` in all and ``left`` in the last segment are septets (``gsm7``)
    or UTF-16 units (``ucs2``); ``parts`` together are the text."""

    encoding: Encoding
    parts: tuple[str, ...]
    units: int
    left: int

    @property
    def count(self) -> int:
        """How many segments; each is paid for."""
        return len(self.parts)


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """Which segment of which message: ``number`` of ``total``, from 1. ``wide``: the reference has 16 bits."""

    reference: int
    total: int
    number: int
    wide: bool = False


def is_gsm7(text: str) -> bool:
    """Whether every character is in the default alphabet or its extension."""
    return _KNOWN.issuperset(text)


def segment(text: str, *, wide: bool = False, fits: Callable[[str], bool] = is_gsm7) -> Segments:
    """Cut a text into segments; no character is ever divided between two, be it escaped or a surrogate pair.

    ``wide`` for a header with a reference of 16 bits, which takes one unit more of each segment. ``fits`` says whether
    a text can go in the short alphabet, where a channel cannot carry all of it.
    """
    encoding: Encoding = "gsm7" if fits(text) else "ucs2"
    width = _septets if encoding == "gsm7" else _units
    units = sum(map(width, text))
    if units <= SINGLE[encoding]:
        return Segments(encoding=encoding, parts=(text,), units=units, left=SINGLE[encoding] - units)
    room = _HEADERS[wide][encoding]
    parts, last = _fill(text, width, room)
    return Segments(encoding=encoding, parts=parts, units=units, left=room - last)


def _septets(char: str) -> int:
    return 2 if char in _DOUBLE else 1


def _units(char: str) -> int:
    return 2 if char > "\uffff" else 1


def _fill(text: str, width: Callable[[str], int], room: int) -> tuple[tuple[str, ...], int]:
    """Parts of at most ``room`` units, and how many units the last one has."""
    parts, start, used = [], 0, 0
    for at, char in enumerate(text):
        size = width(char)
        if used + size > room:
            parts.append(text[start:at])
            start, used = at, 0
        used += size
    parts.append(text[start:])
    return tuple(parts), used


def encode(text: str, encoding: Encoding) -> bytes:
    """The octets of a segment: one a septet, or UTF-16 in network order. Raises ValueError for what does not fit."""
    if encoding == "ucs2":
        return text.encode("utf-16-be")
    try:
        return b"".join([_CODES[char] for char in text])
    except KeyError as error:
        raise ValueError(f"U+{ord(error.args[0]):04X} is not in the GSM 7-bit alphabet") from error


def decode(data: bytes, encoding: Encoding) -> str:
    """The text of octets, never raising: what has no meaning becomes U+FFFD.

    An escaped code without a meaning is the character of the default alphabet, as TS 23.038 6.2.1.1 asks of receivers.
    """
    if encoding == "ucs2":
        return data.decode("utf-16-be", "replace")
    if ESCAPE not in data and (not data or max(data) < 0x80):
        return "".join([BASIC[code] for code in data])
    return "".join(_decoded(data))


def halves(data: bytes) -> tuple[int, int]:
    """The low half of a character with which octets in UCS-2 begin, and the high half with which they end; 0 for none.

    Some handsets cut a long text by units, through the middle of an emoji; :func:`decode` knows no letter for a half.
    """
    first, last = (int.from_bytes(unit, "big") for unit in (data[:2], data[-2:]))
    return (first if 0xDC00 <= first < 0xE000 else 0), (last if 0xD800 <= last < 0xDC00 else 0)


def _decoded(data: bytes) -> list[str]:
    found, escaped = [], False
    for code in data:
        if code == ESCAPE and not escaped:
            escaped = True
            continue
        plain = BASIC[code] if code < 0x80 else "\N{REPLACEMENT CHARACTER}"
        found.append(EXTENSION.get(code, " " if code == ESCAPE else plain) if escaped else plain)
        escaped = False
    return found


def header(place: Place) -> bytes:
    """The user data header of a segment, with its length in front. Raises ValueError for what no header can say."""
    if not (1 <= place.number <= place.total <= MOST_SEGMENTS):
        raise ValueError(f"segment {place.number} of {place.total}: at most {MOST_SEGMENTS} can be numbered")
    if place.wide:
        return bytes(
            (6, 8, 4, place.reference >> 8 & 0xFF, place.reference & 0xFF, place.total, place.number)
        )
    return bytes((5, 0, 3, place.reference & 0xFF, place.total, place.number))


def read_header(data: bytes) -> tuple[Place | None, bytes]:
    """User data that begins with a header: where the segment belongs, and what follows the header.

    None where the header says nothing (sensible) of concatenation: 3GPP asks to take such a segment as a message of its
    own. A header longer than the data leaves the data as they are.
    """
    if not data or data[0] + 1 > len(data):
        return None, data
    end = data[0] + 1
    place, at = None, 1
    while at + 2 <= end:
        kind, length = data[at], data[at + 1]
        value = data[at + 2 : min(at + 2 + length, end)]
        place = _place(kind, value) or place
        at += 2 + length
    return place, data[end:]


def _place(kind: int, value: bytes) -> Place | None:
    """An element of a header, if it is one of concatenation that makes sense."""
    if (kind, len(value)) == (0, 3):
        reference, wide = value[0], False
    elif (kind, len(value)) == (8, 4):
        reference, wide = int.from_bytes(value[:2], "big"), True
    else:
        return None
    total, number = value[-2], value[-1]
    if not 1 <= number <= total:
        return None
    return Place(reference=reference, total=total, number=number, wide=wide)


_LIKE = str.maketrans(
    {
        **dict.fromkeys("„”“‟«»″", '"'),
        **dict.fromkeys("‘’‚‛`´′‹›", "'"),
        **dict.fromkeys("‐‑‒–—―−", "-"),
        **dict.fromkeys(
            "\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\t",
            " ",
        ),
        **dict.fromkeys("\u00ad\u200b\u200c\u200e\u200f\u2060\ufeff", ""),
        **dict.fromkeys("\u2028\u2029\x0b\x85", "\n"),
        **{"…": "...", "•": "-", "·": ".", "⁄": "/", "×": "x", "№": "No", "©": "(c)", "®": "(r)", "™": "TM"},
        **{"ł": "l", "Ł": "L", "đ": "d", "Đ": "D", "ð": "d", "Ð": "D", "þ": "th", "Þ": "Th", "ı": "i"},
        **{"œ": "oe", "Œ": "OE", "ẞ": "SS", "ħ": "h", "Ħ": "H", "ŧ": "t", "Ŧ": "T"},
    }
)


def fold(text: str) -> str:
    """The text with every character that the GSM alphabet lacks replaced by what looks alike and is in it.

    ``Zażółć „gęślą” – jaźń…`` becomes ``Zazolc "gesla" - jazn...``. Letters that the alphabet has (é, ö, ñ) stay,
    and so does what has no likeness (Cyrillic, emoji): the caller sees by :func:`is_gsm7` whether it helped.
    """
    if is_gsm7(text):
        return text
    return "".join([char if char in _KNOWN else _like(char) for char in unicodedata.normalize("NFC", text)])


def _like(char: str) -> str:
    plain = char.translate(_LIKE)
    if is_gsm7(plain):
        return plain
    apart = [part for part in unicodedata.normalize("NFKD", char) if not unicodedata.combining(part)]
    plain = "".join(apart).translate(_LIKE)
    return plain if is_gsm7(plain) else char
