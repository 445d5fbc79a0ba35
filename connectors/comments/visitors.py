"""Readers without an account: a random id, signed, that a form carries and a first-party cookie remembers."""

from __future__ import annotations

import hashlib
import ipaddress
import random

from connectors.contract import Request, SetCookie, Tokens

COOKIE = "centrala_visitor"
FIELD = "me"
_YEAR = 365 * 86_400


def known(request: Request, tokens: Tokens) -> str | None:
    """The visitor whom a request names: by the form, else the address, else the cookie; None for a new one.

    The form goes first: it is what the person saw when they wrote. In a page opened before their first comment the
    form still carries a fresh id; the cookie set meanwhile then wins, so that they stay one author.
    """
    cookie = tokens.verify("visitor", request.cookies.get(COOKIE, ""))
    if cookie and "fresh" in request.fields:
        return cookie
    for token in (request.fields.get(FIELD, ""), request.query.get(FIELD, "")):
        if visitor := tokens.verify("visitor", token):
            return visitor
    return cookie


def new(random: random.Random) -> str:
    """An id that nobody can guess: 128 bits."""
    return f"{random.getrandbits(128):032x}"


def cookie(visitor: str, tokens: Tokens, path: str) -> SetCookie:
    """Remember the visitor on this host, for this section alone."""
    return SetCookie(name=COOKIE, value=tokens.sign("visitor", visitor), max_age=_YEAR, path=path)


def needs_token_in_address(request: Request) -> bool:
    """Whether the cookie may not come back: in a frame of another site, or where the browser does not say."""
    return request.headers.get("sec-fetch-dest") != "document"


def origin_of(remote: str, post: str, tokens: Tokens) -> str:
    """A keyed hash of the network address that reports a comment; different for every comment, so it follows nobody.

    An IPv6 customer has a /64 to choose from, which counts as one (RFC 6177).
    """
    try:
        address = ipaddress.ip_address(remote)
    except ValueError:
        return ""
    if address.version == 6:
        address = ipaddress.ip_network((address, 64), strict=False).network_address
    digest = hashlib.sha256(f"{address}|{post}".encode()).hexdigest()[:40]
    return tokens.sign("reporter", digest)[-16:]
