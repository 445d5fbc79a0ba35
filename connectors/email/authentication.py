"""What the receiving mail server found out about a sender's domain, as it stamped it on the mail (RFC 8601).

A From field is whatever its writer likes. The server that took the mail from the internet checks SPF, DKIM and DMARC
and says so in Authentication-Results under its own name; only fields of that name are believed here, and the server has
to take such fields away from mails that come from outside (RFC 8601, section 5).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

import msgspec

METHODS = ("dmarc", "dkim", "spf")

FAILED = frozenset({"fail", "hardfail", "softfail", "permerror"})
"""Results that say the sender is not who the mail says, or that its proof is broken."""

MOST_FIELDS = 20
MOST_BYTES = 10_000

_NAMED_BY = {
    "dmarc": ("header.from",),
    "dkim": ("header.d", "header.i"),
    "spf": ("smtp.mailfrom",),
}
"""The properties that tell for which domain a method has passed (RFC 8601, 2.7; RFC 7489, 11.1)."""

_RESULT = re.compile(r"\s*([a-z0-9-]+)\s*(?:/\s*[0-9]+\s*)?=\s*([a-z]+)", re.IGNORECASE)
_PROPERTY = re.compile(r'([a-z]+\s*\.\s*[\w-]+)\s*=\s*("(?:[^"\\]|\\.)*"|[^\s;]+)', re.IGNORECASE)


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """One method's finding: ``dkim``, ``pass``, and the domain that it is about (empty: not told)."""

    method: str
    result: str
    domain: str


def proven(fields: Iterable[bytes], server: str, domain: str) -> bool | None:
    """Whether the server called ``server`` found that a mail is really from ``domain``, that of its From field.

    True: nothing failed, and at least one method passed for that domain or one above or below it. False: something
    failed, nothing passed, or the server says nothing. None: no server is named, so nobody checked.
    """
    if not server:
        return None
    found = [result for value in list(fields)[:MOST_FIELDS] for result in read(value, server)]
    if any(result.result in FAILED for result in found):
        return False
    return any(result.result == "pass" and aligned(result.domain, domain) for result in found)


def aligned(proved: str, claimed: str) -> bool:
    """Whether a proof for one domain counts for another: the same, or one of them below the other.

    Whoever holds a domain holds what is below it; so no list of public suffixes is needed.
    """
    proved, claimed = proved.lower().strip("."), claimed.lower().strip(".")
    if "." not in proved or not claimed:
        return False
    return proved == claimed or claimed.endswith(f".{proved}") or proved.endswith(f".{claimed}")


def read(value: bytes, server: str) -> Iterator[Result]:
    """The findings of one field, if ``server`` wrote it. Nothing that is malformed raises."""
    head, *pieces = _pieces(value[:MOST_BYTES].decode("utf-8", "replace"))
    names = head.split()
    if not names or names[0].lower() != server.lower():
        return
    for piece in pieces:
        match = _RESULT.match(piece)
        if match and match[1].lower() in METHODS:
            method = match[1].lower()
            yield Result(method=method, result=match[2].lower(), domain=_domain(method, piece[match.end() :]))


def _domain(method: str, text: str) -> str:
    found = {re.sub(r"\s", "", match[1]).lower(): match[2].strip('"') for match in _PROPERTY.finditer(text)}
    value = next((found[name] for name in _NAMED_BY[method] if found.get(name)), "")
    return value.rpartition("@")[2].strip("<>").lower()


def _pieces(text: str) -> list[str]:
    """What semicolons part, where they are not inside quotes; comments in parentheses, which nest, are left out."""
    pieces: list[list[str]] = [[]]
    depth, quoted, escaped = 0, False, False
    for character in text:
        plain = not (quoted or depth or escaped)
        if plain and character == ";":
            pieces.append([])
        elif not depth and not (plain and character == "("):
            pieces[-1].append(character)
        if escaped:
            escaped = False
        elif character == "\\":
            escaped = True
        elif character == '"' and not depth:
            quoted = not quoted
        elif not quoted:
            depth = max(0, depth + {"(": 1, ")": -1}.get(character, 0))
    return ["".join(piece) for piece in pieces]
