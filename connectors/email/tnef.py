"""``winmail.dat``: what Outlook makes of a mail's text and files for programs of its own kind (MS-OXTNEF).

Read are the files, their names, and the text where it is plain or HTML. Text that is there as compressed RTF
(MS-OXRTFCP) alone is not; neither are mails, appointments and objects inside. Bounded, and never raising for any bytes.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator

import msgspec

from connectors._text import decode, one_line, tidy
from connectors.email.content import declared_in_html

MAX_ATTRIBUTES = 5_000
MAX_PROPERTIES = 5_000
MAX_VALUES = 1_000
MAX_FILES = 500

_SIGNATURE = b"\x78\x9f\x3e\x22"

# 2.1.3.2: attributes
_CLASS, _CODEPAGE, _PROPERTIES, _BODY = 0x00078008, 0x00069007, 0x00069003, 0x0002800C
_NEW_FILE, _FILE_DATA, _FILE_TITLE, _FILE_PROPERTIES = 0x00069002, 0x0006800F, 0x00018010, 0x00069005

# MS-OXPROPS
_TEXT, _HTML, _RTF = 0x1000, 0x1013, 0x1009
_DATA, _SHORT_NAME, _METHOD, _LONG_NAME, _MIME, _CONTENT_ID = 0x3701, 0x3704, 0x3705, 0x3707, 0x370E, 0x3712

_SIZES = {2: 4, 3: 4, 4: 4, 5: 8, 6: 8, 7: 8, 10: 4, 11: 4, 20: 8, 64: 8, 72: 16}
"""Bytes of the values of fixed size (MS-OXCDATA 2.11.1), filled up to four."""

_OBJECT, _STRING8, _UNICODE, _BINARY = 0x0D, 0x1E, 0x1F, 0x102
_BY_VALUE = 1
_TYPE = re.compile(r"[a-z0-9][a-z0-9.+_-]{0,60}/[a-z0-9][a-z0-9.+_-]{0,60}")


class File(msgspec.Struct, kw_only=True):
    """A file inside; ``content_type`` and ``content_id`` are empty where nothing is said."""

    filename: str = ""
    content_type: str = ""
    content_id: str = ""
    content: bytes | None = None


class Package(msgspec.Struct, kw_only=True):
    """All that could be read. ``charset`` is that of texts that are not Unicode; ``rtf``: the text is there as RTF;
    ``whole``: nothing else is inside."""

    files: list[File] = []
    text: str = ""
    html: str = ""
    charset: str = ""
    rtf: bool = False
    whole: bool = True


class _Odd(ValueError):
    """It is not what MS-OXTNEF says."""


def read(data: bytes) -> Package | None:
    """What is inside; None for anything else. Never raises."""
    if not data.startswith(_SIGNATURE):
        return None
    package = Package()
    try:
        for number, value in _attributes(data):
            _add(package, number, value)
    except (_Odd, struct.error):
        package.whole = False
    if any(file.content is None for file in package.files):
        package.whole = False
        package.files = [file for file in package.files if file.content is not None]
    return package


def _attributes(data: bytes) -> Iterator[tuple[int, bytes]]:
    """(id, value) of each attribute (2.1.3). Sums are not checked: what is cut short shows by its length."""
    place = len(_SIGNATURE) + 2
    for _ in range(MAX_ATTRIBUTES):
        if place >= len(data):
            return
        level, number, length = struct.unpack_from("<BII", data, place)
        place += 9
        if level not in (1, 2) or place + length + 2 > len(data):
            raise _Odd
        yield number, data[place : place + length]
        place += length + 2
    raise _Odd


def _add(package: Package, number: int, value: bytes) -> None:
    if number == _CODEPAGE:
        package.charset = _charset(value)
    elif number == _CLASS:
        # "IPM.Microsoft Mail.Note" is a letter; appointments, tasks and receipts are more than text and files.
        package.whole &= value.rstrip(b"\0").lower().endswith(b"note")
    elif number == _BODY:
        package.text = package.text or _text(value, package.charset)
    elif number == _NEW_FILE:
        if len(package.files) >= MAX_FILES:
            raise _Odd
        package.files.append(File())
    elif number == _FILE_DATA and package.files:
        package.files[-1].content = value
    elif number == _FILE_TITLE and package.files:
        package.files[-1].filename = package.files[-1].filename or one_line(_text(value, package.charset))
    elif number in (_PROPERTIES, _FILE_PROPERTIES):
        try:
            for name, kind, content in _properties(value):
                if number == _PROPERTIES:
                    _add_text(package, name, kind, content)
                elif package.files:
                    _add_to_file(package, package.files[-1], name, kind, content)
        except (_Odd, struct.error):
            package.whole = False  # the files behind it may be as they should


def _properties(data: bytes) -> Iterator[tuple[int, int, bytes]]:
    """(id, type, value) of each property (2.1.3.4); of several values in one the first."""
    (count,) = struct.unpack_from("<I", data, 0)
    if count > MAX_PROPERTIES:
        raise _Odd
    place = 4
    for _ in range(count):
        kind, number = struct.unpack_from("<HH", data, place)
        place += 4
        if number >= 0x8000:
            place = _after_name(data, place)
        several, kind = bool(kind & 0x1000), kind & ~0x1000
        values = 1
        if several or kind not in _SIZES:
            (values,) = struct.unpack_from("<I", data, place)
            place += 4
        if values > MAX_VALUES:
            raise _Odd
        first = b""
        for turn in range(values):
            size = _SIZES.get(kind)
            if size is None:
                if kind not in (_OBJECT, _STRING8, _UNICODE, _BINARY):
                    raise _Odd
                (size,) = struct.unpack_from("<I", data, place)
                place += 4
            if place + size > len(data):
                raise _Odd
            first = first if turn else data[place : place + size]
            place += -(-size // 4) * 4
        yield number, kind, first


def _after_name(data: bytes, place: int) -> int:
    """Behind the name of a property that has one."""
    kind, size = struct.unpack_from("<II", data, place + 16)
    return place + 24 + (-(-size // 4) * 4 if kind else 0)


def _add_text(package: Package, name: int, kind: int, content: bytes) -> None:
    if name == _TEXT:
        package.text = _string(package, kind, content)
    elif name == _HTML and kind == _BINARY:
        package.html = _text(content, declared_in_html(content))
    elif name == _HTML:
        package.html = _string(package, kind, content)
    elif name == _RTF:
        package.rtf = True


def _add_to_file(package: Package, file: File, name: int, kind: int, content: bytes) -> None:
    words = one_line(_string(package, kind, content)) if kind in (_STRING8, _UNICODE) else ""
    if name == _LONG_NAME or (name == _SHORT_NAME and not file.filename):
        file.filename = words or file.filename
    elif name == _MIME and _TYPE.fullmatch(words.lower()):
        file.content_type = words.lower()
    elif name == _CONTENT_ID:
        file.content_id = words.strip("<>")[:200]
    elif name == _METHOD and content[:4] != struct.pack("<I", _BY_VALUE):
        package.whole = False  # a mail or an object inside, or only the address of a file
    elif name == _DATA and kind == _BINARY:
        file.content = content


def _charset(value: bytes) -> str:
    (page,) = struct.unpack_from("<I", value, 0)
    if 28591 <= page <= 28605:
        return f"iso-8859-{page - 28590}"
    return {65001: "utf-8", 20127: "us-ascii", 20866: "koi8-r", 21866: "koi8-u"}.get(page, f"cp{page}")


def _string(package: Package, kind: int, value: bytes) -> str:
    if kind == _UNICODE:
        return tidy(value.decode("utf-16-le", "replace").rstrip("\0"))
    return _text(value, package.charset)


def _text(value: bytes, charset: str) -> str:
    return tidy(decode(value.rstrip(b"\0"), charset))
