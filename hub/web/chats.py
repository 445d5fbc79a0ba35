"""The strip of an agent's chats: who waits, who is there, where something is unread."""

from __future__ import annotations

from aiohttp import web

from hub.chats.desk import chats_of
from hub.store.tx import Reader
from hub.web.desk import desk_of, scope_of
from hub.web.forms import Form, read_query
from hub.web.pages import Draw, drawing, shows


class Open(Form, frozen=True, kw_only=True):
    current: int | None = None


def strip(request: web.Request, tx: Reader) -> Draw:
    """The strip as it is now, to be morphed into an open page."""
    chats = chats_of(tx, desk_of(request).house(), scope_of(request))
    return drawing(request, "inbox/chats.html", chats=chats, current=read_query(request, Open).current)


ROUTES = [web.get("/chats", shows(strip))]
