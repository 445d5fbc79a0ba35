"""Visitors without an account: a random id, signed, and where a request carries it.

The page's script puts the token into a header, so that it stands in no address and no log; forms carry it in a field;
without script and cookie it stands in the address of the frame. Between visits it is kept in a cookie for the site that
frames the page (Partitioned), which no script of that site can read.
"""

from __future__ import annotations

import random

from connectors.contract import Request, SetCookie, Tokens

KIND = "chat"
"""Kind of a visitor's address, and the space of the tokens that name one."""

FILE = "chatfile"
"""Space of the tokens that name a file of a visitor's chat."""

ME = "me"
"""The field, and the parameter of an address, with the visitor's token."""

HEADER = "x-centrala-chat"
COOKIE = "centrala_chat"
_MONTH = 30 * 86_400


def new(random: random.Random) -> str:
    """An id that nobody can guess: 128 bits."""
    return f"{random.getrandbits(128):032x}"


def remembered(request: Request, tokens: Tokens) -> str | None:
    """The visitor of the cookie."""
    return tokens.verify(KIND, request.cookies.get(COOKIE, ""))


def named(request: Request, tokens: Tokens) -> str | None:
    """The visitor whom a request names: by its header or form, else its address, else the cookie.

    A page opened before the first message carries an id that is still unused; the cookie that another page set
    meanwhile then wins, so that they stay one visitor.
    """
    cookie = remembered(request, tokens)
    if cookie and "fresh" in request.fields:
        return cookie
    for given in (request.headers.get(HEADER, ""), request.fields.get(ME, ""), request.query.get(ME, "")):
        if visitor := tokens.verify(KIND, given):
            return visitor
    return cookie


def cookie(token: str, path: str) -> SetCookie:
    """Remember a visitor, in a frame for its site alone."""
    return SetCookie(name=COOKIE, value=token, max_age=_MONTH, path=path, framed=True)


def needs_token_in_address(request: Request) -> bool:
    """Whether the cookie may not come back: in a frame of another site, or where the browser does not say."""
    return request.headers.get("sec-fetch-dest") != "document"


def file_ticket(tokens: Tokens, visitor: str, file: int) -> str:
    """The last part of a file's address: it opens that file for whoever was given it, and nothing else."""
    return tokens.sign(FILE, f"{visitor}z{file}")


def read_ticket(tokens: Tokens, ticket: str) -> tuple[str, int] | None:
    """Visitor and file of a ticket."""
    visitor, _, file = (tokens.verify(FILE, ticket) or "").partition("z")
    return (visitor, int(file)) if visitor and file.isdecimal() else None
