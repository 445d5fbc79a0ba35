"""Bytes from outside to text that can be shown: the declared charset first, then what the bytes themselves say.

Declarations in mail are often wrong: UTF-8 sent as ISO-8859-1, Windows-1250 sent as ISO-8859-2, names that no
registry knows. Nothing here raises for any bytes or any name of a charset.
"""

from __future__ import annotations

import codecs
import re

import chardet

_GUESS_BYTES = 20_000
"""So much is looked at when a charset has to be guessed; more changes no verdict and costs time."""

_MOST_LINES = 10_000
"""A text of more lines has one charset."""

_ALIASES = {
    "ascii": "utf-8",
    "us-ascii": "utf-8",
    "ansi_x3.4-1968": "utf-8",
    "ansi_x3.110-1983": "cp1252",
    "utf8": "utf-8",
    "utf8mb4": "utf-8",
    "utf-8-sig": "utf-8",
    "unicode-1-1-utf-7": "utf-7",
    "unicode-1-1-utf-8": "utf-8",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "x-gbk": "gb18030",
    "gb_2312-80": "gb18030",
    "euc-kr": "cp949",
    "ks_c_5601-1987": "cp949",
    "ks_c_5601": "cp949",
    "ksc5601": "cp949",
    "shift_jis": "cp932",
    "shift-jis": "cp932",
    "sjis": "cp932",
    "x-sjis": "cp932",
    "iso-2022-jp": "iso2022_jp_ext",
    "big5": "big5hkscs",
    "x-big5": "big5hkscs",
    "iso-8859-8-i": "iso8859-8",
    "iso-8859-8-e": "iso8859-8",
    "x-mac-ce": "mac_latin2",
    "x-mac-romance": "mac_roman",
    "macintosh": "mac_roman",
    "x-mac-roman": "mac_roman",
    "x-mac-cyrillic": "mac_cyrillic",
    "latin-2": "iso8859-2",
    "dos-852": "cp852",
}
"""What software writes, to the codec that reads it (the superset where senders mix the two up)."""

_UNKNOWN = {
    "",
    "unknown",
    "unknown-8bit",
    "x-unknown",
    "default",
    "default_charset",
    "8bit",
    "7bit",
    "binary",
    "none",
}

_WINDOWS_SIBLING = {
    "iso8859-1": "cp1252",
    "iso8859-2": "cp1250",
    "iso8859-5": "cp1251",
    "iso8859-7": "cp1253",
    "iso8859-8": "cp1255",
    "iso8859-9": "cp1254",
    "iso8859-13": "cp1257",
    "iso8859-15": "cp1252",
}
"""ISO 8859 has no letters at 0x80-0x9F; text that uses them was written in the Windows code page beside it."""

_LIKELY = (
    "windows-1250",
    "iso-8859-2",
    "windows-1251",
    "koi8-r",
    "koi8-u",
    "windows-1252",
    "windows-1253",
    "windows-1254",
    "windows-1257",
    "windows-1258",
    "gb18030",
    "big5",
    "shift_jis",
    "euc-jp",
    "iso-2022-jp",
    "euc-kr",
)
"""Charsets that undeclared mail is really written in; museum pieces among the guesses only make guesses worse."""

_POLISH = frozenset("ąćęłńóśźżĄĆĘŁŃÓŚŹŻ\xa0§°„”–—…«»’‘“•€")
_SCRAMBLED = re.compile("[ÂÃÄÅÐÑâĂĹ][^\x00-\x7f]")
_C1 = re.compile(rb"[\x80-\x9f]")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_UTF8_MANY = re.compile(rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}")
_HIGH = re.compile(rb"[\x80-\xff]")


def decode(data: bytes, declared: str = "") -> str:
    """``data`` as text. ``declared`` is the charset as the sender wrote it, in any spelling, or empty."""
    text = _decoded(data, declared)
    return text if text.isascii() or not _SCRAMBLED.search(text) else unscrambled(text)


def unscrambled(text: str) -> str:
    """``text`` that was UTF-8, read by somebody as a one-byte charset and encoded again ("zasiÅ‚ek"), put right.

    Only where every letter that is not ASCII agrees, and the result is Polish or more than one letter.
    """
    for codec in ("cp1252", "cp1250", "latin-1"):
        try:
            right = text.encode(codec).decode("utf-8")
        except UnicodeError:
            continue
        letters = [letter for letter in right if letter > "\x7f"]
        if len(letters) > 1 or set(letters) <= _POLISH:
            return right
    return text


def _decoded(data: bytes, declared: str) -> str:
    codec = _codec(declared)
    if codec in ("utf-8", "") and data.isascii():
        return data.decode("ascii")
    if codec == "utf-16" or b"\x00" in data[:64]:
        return _wide(data, codec)
    if codec in ("", "utf-8"):
        return _utf8(data)
    if _is_single_byte(codec):
        return _single_byte(data, codec)
    try:
        return data.decode(codec)
    except (UnicodeError, LookupError, ValueError):
        return _mostly(data, codec)


def _codec(declared: str) -> str:
    """Python's name of a codec that decodes bytes to text; empty if none is known by that name."""
    name = declared.strip().strip("\"'").lower().partition("*")[0]
    if name in ("utf-8", "us-ascii", ""):
        return "utf-8" if name else ""
    if name in _UNKNOWN or len(name) > 40:
        return ""
    if name in _ALIASES:
        return _ALIASES[name]
    if numbered := re.fullmatch(
        r"(?:windows|win|cp|ms|x-cp|microsoft-cp)[-_ ]?(125\d|866|850|852|437|949|936|932|874)", name
    ):
        return {"936": "gb18030"}.get(numbered[1], f"cp{numbered[1]}")
    if numbered := re.fullmatch(r"(?:iso)?[-_ ]?8859[-_ ]?(\d{1,2})", name):
        name = f"iso8859-{numbered[1]}"
    try:
        info = codecs.lookup(name)
    except (LookupError, ValueError):
        return ""
    # `rot13`, `hex` and the like are codecs too, but not of charsets.
    return info.name if info._is_text_encoding and info.name not in _NO_CHARSETS else ""


_NO_CHARSETS = frozenset({"idna", "punycode", "undefined", "unicode-escape", "raw-unicode-escape"})
"""Codecs of text that are no charsets. Scripts that make mails write ``charset=undefined``; that codec only raises."""


def _is_single_byte(codec: str) -> bool:
    return codec.startswith(
        ("iso8859", "cp125", "cp85", "cp437", "cp866", "koi8", "mac", "latin", "tis", "cp874")
    )


def _single_byte(data: bytes, codec: str) -> str:
    if data.isascii():
        return data.decode("ascii")
    try:
        # Text in a one-byte charset is next to never valid UTF-8, so if it is, the declaration was wrong.
        return data.decode("utf-8")
    except UnicodeDecodeError:
        pass
    if codec in _WINDOWS_SIBLING and _C1.search(data):
        codec = _WINDOWS_SIBLING[codec]
    return data.decode(codec, "replace")


def _utf8(data: bytes) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return _mostly(data, "utf-8")


def _mostly(data: bytes, codec: str) -> str:
    """Bytes that are not what was declared: damaged text of that charset, or text of another."""
    if codec != "utf-8":
        text = data.decode(codec, "replace")
        return text if text.count("\ufffd") * 20 <= len(text) else _utf8(data)
    if data.count(b"\n") > _MOST_LINES:
        return data.decode(_damaged(data), "replace")
    # Line by line: a gateway's footer, or what was quoted, may be of another charset than what was written now.
    lines = data.split(b"\n")
    told = [_strictly(line) for line in lines]
    other = _damaged(b"\n".join(line for line, text in zip(lines, told, strict=True) if text is None))
    return "\n".join(
        line.decode(other, "replace") if text is None else text
        for line, text in zip(lines, told, strict=True)
    )


def _strictly(line: bytes) -> str | None:
    """A line of UTF-8, None if it is none."""
    try:
        return line.decode("utf-8")
    except UnicodeDecodeError:
        return None


def _damaged(data: bytes) -> str:
    """The codec of bytes that are no UTF-8: that all the same where most of it is, else the likeliest."""
    whole = sum(len(match) for match in _UTF8_MANY.findall(data[:_GUESS_BYTES]))
    high = len(_HIGH.findall(data[:_GUESS_BYTES]))
    return "utf-8" if whole * 4 >= high * 3 else _guess(data[:_GUESS_BYTES])


def _guess(sample: bytes) -> str:
    """The likeliest codec of undeclared bytes that are not UTF-8. Polish first: that is who writes here."""
    for codec in ("cp1250", "iso8859-2"):
        letters = {letter for letter in sample.decode(codec, "replace") if letter > "\x7f"}
        if letters <= _POLISH:
            return codec
    found = chardet.detect(sample, include_encodings=_LIKELY, no_match_encoding="cp1252")["encoding"]
    return _codec(found or "") or "cp1252"


def _wide(data: bytes, codec: str) -> str:
    """UTF-16 where the bytes support it; a declaration alone proves nothing."""
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return data.decode("utf-16", "replace")
    even, odd = data[0:2000:2].count(0), data[1:2000:2].count(0)
    half = len(data[:2000]) // 4
    if half and odd > half:
        return data.decode("utf-16-le", "replace")
    if half and even > half:
        return data.decode("utf-16-be", "replace")
    if codec == "utf-16" and b"\x00" in data:
        return data.decode("utf-16", "replace")
    return _decoded(data.replace(b"\x00", b""), "" if codec == "utf-16" else codec)


def tidy(text: str) -> str:
    """``text`` with one kind of line end (LF) and without control characters and a leading byte order mark."""
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    if _CONTROL.search(text):
        text = _CONTROL.sub("", text)
    return text.removeprefix("\ufeff")


def one_line(text: str) -> str:
    """``text`` with every run of white space and control characters as one space: safe in a header or a list."""
    if text.isprintable() and "  " not in text and not text.startswith(" ") and not text.endswith(" "):
        return text
    return " ".join(_CONTROL.sub(" ", text).split())
