"""Header fields as people and programs mean them: text, parameters, dates and Message-IDs, for any bytes.

RFC 5322 and RFC 2047 (encoded words), RFC 2231 (parameters), and what software writes instead of them. Addresses have
a module of their own. Nothing here raises; a line end inside a decoded value becomes a space, so that a header made of
it cannot grow a second line.
"""

from __future__ import annotations

import binascii
import email.utils
import hashlib
import re
from datetime import UTC, datetime
from urllib.parse import unquote_to_bytes

from connectors._text import decode, one_line
from connectors.contract import MAX_KEY, Micros, ThreadKey

MAX_VALUE = 64_000
"""Of a longer value only the beginning is read."""

Parameters = dict[str, str]

_FOLD = re.compile(rb"\r?\n[ \t]*|\r")
_WORD = re.compile(rb"=\?([\w.:+-]{1,60}(?:\*[\w-]{0,40})?)\?([bBqQ])\?", re.ASCII)
_HEX_FOLLOWS = re.compile(rb"[0-9A-Fa-f]{2}(?:[^\s]|$)")
_PARAMETER_NAME = re.compile(r"([a-z0-9_.!#$%&+^`{}~-]{1,60})(\*\d{1,3})?(\*)?", re.IGNORECASE)
_MESSAGE_ID = re.compile(r"<\s*([^<>\s](?:[^<>]{0,900}[^<>\s])?)\s*>")
_BARE_ID = re.compile(r"[^\s<>,;()]{1,500}@[^\s<>,;()]{1,250}")


def unfold(value: bytes) -> bytes:
    """A field's value on one line (RFC 5322, 2.2.3), at most :data:`MAX_VALUE` bytes of it."""
    value = value[:MAX_VALUE]
    if b"\n" in value or b"\r" in value:
        value = _FOLD.sub(b" ", value)
    return value.strip()


def text(value: bytes) -> str:
    """An unstructured field (a subject) as text on one line, encoded words decoded."""
    return one_line(words(value))


def words(value: bytes) -> str:
    """``value`` with its encoded words decoded; what cannot be decoded stays as it is.

    Tolerates what RFC 2047 forbids: words inside quotes, glued to other text, with spaces inside, with unencoded
    bytes around them, and characters cut in two between adjacent words of one charset.
    """
    if b"=?" not in value:
        return value.decode("ascii") if value.isascii() else decode(value)
    out: list[str] = []
    pending = b""
    pending_charset = ""
    place = 0
    while word := _WORD.search(value, place):
        end = _end_of_word(value, word.end(), quoted=word[2] in b"qQ")
        if end < 0:
            break
        between = value[place : word.start()]
        charset = word[1].decode("ascii").partition("*")[0].lower()
        if between.strip() or not place or charset != pending_charset:
            out.append(decode(pending, pending_charset))
            pending = b""
            if between.strip() or not place:
                out.append(decode(between))
        pending_charset = charset
        pending += _word_bytes(value[word.end() : end], quoted=word[2] in b"qQ")
        place = end + 2
    out.append(decode(pending, pending_charset))
    out.append(decode(value[place:]))
    return "".join(out)


def _end_of_word(value: bytes, place: int, *, quoted: bool) -> int:
    """Where the ``?=`` that ends a word begins, -1 if it never ends. A bare ``?`` before ``=20`` does not end it."""
    end = value.find(b"?=", place)
    while quoted and end >= 0 and _HEX_FOLLOWS.match(value, end + 2):
        later = value.find(b"?=", end + 2)
        start = value.find(b"=?", end + 2)
        if later < 0 or 0 <= start < later:
            break
        end = later
    return end


def _word_bytes(content: bytes, *, quoted: bool) -> bytes:
    if quoted:
        return binascii.a2b_qp(content, header=True)
    clean = re.sub(rb"[^A-Za-z0-9+/]", b"", content)
    return binascii.a2b_base64(clean[: len(clean) - (len(clean) % 4 == 1)] + b"==")


def parameters(value: bytes) -> tuple[str, Parameters]:
    """The word of a structured field in lower case, and its parameters with lower-case names.

    RFC 2231 continuations and charsets are put together, encoded words in values (forbidden and common) decoded.
    The first of two parameters of one name counts.
    """
    if b";" not in value:
        return _first_word(value), {}
    pieces = _split(value)
    plain: Parameters = {}
    extended: dict[str, list[tuple[int, bool, bytes]]] = {}
    for piece in pieces[1:]:
        name, equals, content = piece.partition(b"=")
        match = _PARAMETER_NAME.fullmatch(name.strip().decode("ascii", "replace"))
        if not equals or not match:
            continue
        content = _unquoted(content.strip())
        if match[2] or match[3]:
            number = int(match[2][1:]) if match[2] else 0
            extended.setdefault(match[1].lower(), []).append((number, bool(match[3]), content))
        else:
            plain.setdefault(match[1].lower(), one_line(words(content)))
    for known, chunks in extended.items():
        plain[known] = one_line(_joined(chunks))
    return _first_word(pieces[0]), plain


def _first_word(value: bytes) -> str:
    found = value.split(None, 1)
    return found[0].decode("ascii", "replace").lower().strip("\"'") if found else ""


def _split(value: bytes) -> list[bytes]:
    """``value`` at its semicolons, those in quoted strings aside."""
    if b'"' not in value:
        return value.split(b";")
    pieces: list[bytes] = []
    begin = place = 0
    in_quotes = False
    for mark in re.finditer(rb'[;"]|\\.', value, re.DOTALL):
        if mark[0] == b'"':
            in_quotes = not in_quotes
        elif mark[0] == b";" and not in_quotes:
            pieces.append(value[begin : mark.start()])
            begin = mark.end()
        place = mark.end()
    if in_quotes and b";" in value[begin:place]:
        # A quotation mark that is never closed: better cut at every semicolon than swallow the rest.
        return pieces + value[begin:].split(b";")
    return [*pieces, value[begin:]]


def _unquoted(value: bytes) -> bytes:
    if not value.startswith(b'"'):
        return value.strip(b"'") if value.startswith(b"'") and value.endswith(b"'") else value
    end = len(value)
    for mark in re.finditer(rb'\\.|"', value[1:], re.DOTALL):
        if mark[0] == b'"':
            end = mark.start() + 1
            break
    return re.sub(rb'\\(["\\])', rb"\1", value[1:end])


def _joined(chunks: list[tuple[int, bool, bytes]]) -> str:
    """RFC 2231: numbered pieces in order; the first may name a charset, those with a star are percent-encoded."""
    chunks = sorted(chunks, key=lambda chunk: chunk[0])
    charset = ""
    data = b""
    for position, (_, encoded, content) in enumerate(chunks):
        if encoded and position == 0 and content.count(b"'") >= 2:
            name, _, rest = content.partition(b"'")
            charset, content = name.decode("ascii", "replace"), rest.partition(b"'")[2]
        data += unquote_to_bytes(content) if encoded else content
    return words(data) if b"=?" in data else decode(data, charset)


def date(value: bytes) -> Micros | None:
    """A Date field in microseconds UTC; None if it says nothing or a year nobody mails from.

    A date without a zone is taken as UTC (RFC 5322, 3.3: ``-0000``).
    """
    try:
        fields = email.utils.parsedate_tz(decode(value[:200]))
        if fields is None or not 1970 <= fields[0] <= 2200:
            return None
        year, month, day, hour, minute, second = fields[:6]
        moment = datetime(year, month, day, hour, minute, min(second, 59), tzinfo=UTC)  # 60 is a leap second
        return Micros((int(moment.timestamp()) - (fields[9] or 0)) * 1_000_000)
    except (ValueError, OverflowError, IndexError, TypeError):
        return None


def message_ids(value: bytes) -> list[str]:
    """The Message-IDs of a field, without angle brackets, in its order, each once."""
    line = decode(value)
    found = [match[1] for match in _MESSAGE_ID.finditer(line)]
    if not found:
        found = _BARE_ID.findall(line)
    return list(dict.fromkeys("".join(item.split()) for item in found))


def message_key(message_id: str) -> ThreadKey:
    """The thread key of a Message-ID, with or without its angle brackets."""
    name = message_id.strip().removeprefix("<").removesuffix(">")
    if len(name) + 4 > MAX_KEY:
        name = "sha256:" + hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()
    return ThreadKey(f"mid:{name}")
