"""Header fields and MIME parts of outbound mails, written byte for byte.

Not Python's ``email`` generator: it turns long Message-IDs in ``References`` into encoded words, which breaks
threading, and lets line breaks through in places (CVE-2024-6923). Here every field goes through :func:`field`, which
refuses control characters.

Source: RFC 5322 (format, folding), RFC 2045 to 2047 (MIME, encoded words), RFC 2231 (file names), RFC 6532 (UTF-8).
"""

from __future__ import annotations

import base64
import quopri
import re
from collections.abc import Sequence
from email.header import Header
from urllib.parse import quote

LINE = 76
"""Lines of header fields are folded at this length where a space allows."""

LONGEST_LINE = 998
"""RFC 5322 section 2.1.1, without the line break."""

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_ATOM = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~ -]*")
_CONTENT_TYPE = re.compile(r"[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}/[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}")


class BadField(ValueError):
    """A header field that would not stay one: it holds a line break or another control character."""


def field(name: str, text: str) -> bytes:
    """One header field, folded at its spaces. Raises :class:`BadField`."""
    _check(name, text)
    lines, line = [], f"{name}:"
    for word in text.split(" "):
        if word and len(line) + 1 + len(word) > LINE and not line.endswith(":"):
            lines.append(line)
            line = ""
        line += f" {word}"
    return "\r\n".join([*lines, line]).encode() + b"\r\n"


def _check(name: str, text: str) -> None:
    if _CONTROL.search(text):
        raise BadField(f"the header field {name} would hold a line break or control character")


def encoded(name: str, text: str) -> str:
    """Free text (a subject) for :func:`field`: as it is in ASCII, else as encoded words."""
    _check(name, text)
    # What looks like an encoded word would be decoded by the reader, so it is encoded itself.
    if text.isascii() and "=?" not in text and text == text.strip() and max(map(len, text.split(" "))) < LINE:
        return text
    return Header(text, charset="utf-8", maxlinelen=LINE).encode(linesep="\n").replace("\n", "")


def mailbox(name: str, display: str, address: str) -> str:
    """``Jan Kowalski <jan@example.org>`` for an address field. Raises :class:`BadField`."""
    _check(name, display)
    if not display:
        return address
    if not display.isascii() or "=?" in display:
        return f"{encoded(name, display)} <{address}>"
    if not _ATOM.fullmatch(display):
        display = '"' + display.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return f"{display} <{address}>"


def text_part(subtype: str, text: str) -> bytes:
    """A part of text in UTF-8, in the encoding that is smallest and safe."""
    content = re.sub(r"\r\n?|\n", "\r\n", text).encode("utf-8", "replace")
    if not content.endswith(b"\r\n"):
        content += b"\r\n"
    name, body = _encoded_text(content)
    return (
        field("Content-Type", f"text/{subtype}; charset=utf-8")
        + field("Content-Transfer-Encoding", name)
        + b"\r\n"
        + body
    )


def _encoded_text(content: bytes) -> tuple[str, bytes]:
    """What could be a boundary of ours never stays as it is: a letter that is passed on could end its part with one,
    and go on as parts of our own mail."""
    plain = content.isascii() and b"\x00" not in content and b"=_" not in content
    if plain and max(map(len, content.split(b"\r\n"))) <= LINE:
        return "7bit", content
    printable = quopri.encodestring(content.replace(b"\r\n", b"\n")).replace(b"\n", b"\r\n")
    compact = _base64(content)
    return ("quoted-printable", printable) if len(printable) <= len(compact) else ("base64", compact)


def _base64(content: bytes) -> bytes:
    return base64.encodebytes(content).replace(b"\n", b"\r\n")


def file_part(filename: str, content_type: str, content: bytes) -> bytes:
    """An attachment. Types that may not be encoded (RFC 2046 section 5) are sent as plain bytes."""
    kind = content_type.lower()
    if not _CONTENT_TYPE.fullmatch(kind) or kind.startswith(("multipart/", "message/")):
        kind = "application/octet-stream"
    return (
        field("Content-Type", kind)
        + field("Content-Disposition", "; ".join(["attachment", *_filename(filename)]))
        + field("Content-Transfer-Encoding", "base64")
        + b"\r\n"
        + _base64(content)
    )


def _filename(filename: str) -> list[str]:
    """The parameter that names a file, by RFC 2231 where it is not a short plain word."""
    _check("Content-Disposition", filename)
    name = filename.replace("\\", "/").rpartition("/")[2] or "file"
    if re.fullmatch(r"[A-Za-z0-9 ._+-]{1,50}", name):
        return [f'filename="{name}"']
    coded = quote(name, safe="", errors="replace")
    pieces = re.findall(r"(?:%[0-9A-F]{2}|[^%]){1,40}", coded) if len(coded) > 40 else []
    if not pieces:
        return [f"filename*=UTF-8''{coded}"]
    return [f"filename*{n}*={'' if n else f'UTF-8{2 * chr(39)}'}{piece}" for n, piece in enumerate(pieces)]


def multipart(subtype: str, boundary: str, parts: Sequence[bytes]) -> bytes:
    """Several parts as one; a boundary that begins with ``=_`` stands in no encoded text (RFC 2045 section 6.7)."""
    head = field("Content-Type", f'multipart/{subtype}; boundary="{boundary}"') + b"\r\n"
    mark = f"--{boundary}".encode()
    return head + b"".join(mark + b"\r\n" + part + b"\r\n" for part in parts) + mark + b"--\r\n"
