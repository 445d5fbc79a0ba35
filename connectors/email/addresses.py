"""Addresses of a mail: From, To and Cc read strictly (RFC 5322, 3.4), so that nobody can pass for somebody else.

The rule after CVE-2023-27043: text that could be read as two different addresses is read as none. Names may hold
anything; an address is taken only from angle brackets, or from a mailbox that is nothing but an address and comments.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import idna

from connectors._text import one_line
from connectors.email.headers import MAX_VALUE, words

MAX_MAILBOXES = 1_000
"""Mailboxes of one field that are read."""

_PIECE = re.compile(
    rb"(?P<word>=\?[^?\s]{1,60}\?[bBqQ]\?[^?]{0,500}\?=)"  # an encoded word: commas and brackets in it are letters
    rb'|"(?P<quoted>(?:[^"\\]|\\.){0,300}+)"'
    rb"|\((?P<comment>(?:[^()\\]|\\.|\((?:[^()\\]|\\.){0,200}+\)){0,300}+)\)"  # comments nest at most once here
    rb"|<(?P<angle>[^<>]{0,1000})>"
    rb"|(?P<end>[,;:])"
    rb'|(?P<text>[^"(<,;:=]+|.)',
    re.DOTALL,
)
_LOCAL = re.compile(
    r"[^\s\x00-\x20\"(),:;<>@\[\\\]\x7f]{1,256}|\"(?:[^\"\\\x00-\x1f\x7f]|\\[^\x00-\x1f\x7f]){0,256}\""
)
_DOMAIN = re.compile(r"[\w-]{1,63}(?:\.[\w-]{1,63}){0,20}\.?|\[[0-9a-fA-F.:IPv]{2,60}\]")
_OTHERWISE = "ßς"
"""What the two editions of IDNA read differently (UTS 46, 7); joiners stand in no domain that is read here."""

_ESCAPED = re.compile(rb"\\(.)", re.DOTALL)


class Mailbox(NamedTuple):
    """Somebody a mail names. ``address`` is lower case with an ASCII domain, empty if none could be read safely."""

    name: str
    address: str


def mailboxes(value: bytes) -> list[Mailbox]:
    """The mailboxes of an unfolded address field in order; groups are opened, empty ones leave nothing."""
    found: list[Mailbox] = []
    pieces: list[tuple[str, bytes]] = []
    for match in _PIECE.finditer(value):
        kind = match.lastgroup or "text"
        if kind != "end":
            pieces.append((kind, match[kind]))
        elif match["end"] == b":" and "angle" not in [known for known, _ in pieces]:
            # The name of a group; one that holds an address could be read as either.
            doubtful = any(b"@" in content for kind, content in pieces if kind == "text")
            pieces = [*pieces, ("text", b" ")] if doubtful else []
        elif len(found) < MAX_MAILBOXES:
            found.append(_mailbox(pieces))
            pieces = []
    found.append(_mailbox(pieces))
    return [mailbox for mailbox in found if mailbox.name or mailbox.address]


def all_mailboxes(fields: Iterable[bytes]) -> Iterator[Mailbox]:
    """The mailboxes of several fields of one name, as far as they are no longer together than one may be."""
    left = MAX_VALUE
    for value in fields:
        left -= len(value)
        if left < 0:
            return
        yield from mailboxes(value)


def address(text: str) -> str:
    """``text`` in the form that addresses are compared by, or empty if it is not exactly one address."""
    local, _, domain = text.strip().rpartition("@")
    if not (_LOCAL.fullmatch(local) and _DOMAIN.fullmatch(domain)):
        return ""
    if not domain.isascii():
        try:
            domain = ascii_domain(domain)
        except UnicodeError:
            return ""
    return f"{local}@{domain.rstrip('.')}".lower()


def ascii_domain(domain: str) -> str:
    """A domain as the name service knows it, by IDNA 2008. Raises UnicodeError.

    IDNA 2003, which Python has built in, makes ``fass.de`` of ``faß.de``, and that is somebody else's. It is asked only
    for what the later one has no name for (underscores).
    """
    try:
        return idna.encode(domain, uts46=True).decode("ascii")
    except idna.IDNAError:
        if any(sign in domain.lower() for sign in _OTHERWISE):
            raise
        return domain.encode("idna").decode("ascii")


def _mailbox(pieces: list[tuple[str, bytes]]) -> Mailbox:
    angles = [content for kind, content in pieces if kind == "angle"]
    if not angles:
        return _bare(pieces)
    after = pieces[[kind for kind, _ in pieces].index("angle") + 1 :]
    doubtful = len(angles) > 1 or any(b"@" in content for kind, content in after if kind != "comment")
    known = "" if doubtful else address(words(angles[0].strip().removeprefix(b"mailto:")))
    return Mailbox(_name(pieces), known)


def _bare(pieces: list[tuple[str, bytes]]) -> Mailbox:
    """A mailbox without angle brackets: an address, its name in a comment; or a name alone."""
    spelled = b"".join(
        b'"%s"' % content if kind == "quoted" else content for kind, content in pieces if kind != "comment"
    )
    known = address(words(spelled))
    if known:
        return Mailbox(_clean(_comment(pieces)), known)
    return Mailbox(_name(pieces), "")


def _name(pieces: list[tuple[str, bytes]]) -> str:
    """The display name: words and quoted strings, else a comment."""
    spelled = [
        _ESCAPED.sub(rb"\1", content) if kind == "quoted" else content
        for kind, content in pieces
        if kind in ("text", "word", "quoted")
    ]
    return _clean(b"".join(spelled)) or _clean(_comment(pieces))


def _comment(pieces: list[tuple[str, bytes]]) -> bytes:
    return b" ".join(content for kind, content in pieces if kind == "comment")


def _clean(value: bytes) -> str:
    name = one_line(words(value)).strip("\"' ")
    return name if len(name) <= 300 else name[:300]
