"""The strip of an agent's chats: who waits, who is there, where something is unread."""

from __future__ import annotations

from aiohttp import web

from hub.chats.desk import chats_of
from hub.web.desk import desk_of, scope_of
from hub.web.forms import Form, read_query
from hub.web.render import render_aside


class Open(Form, frozen=True, kw_only=True):
    current: int | None = None


async def strip(request: web.Request) -> web.StreamResponse:
    """The strip as it is now, to be morphed into an open page."""
    desk, scope, asked = desk_of(request), scope_of(request), read_query(request, Open)
    house = desk.house()
    chats = await desk.store.read(lambda tx: chats_of(tx, house, scope))
    return await render_aside(request, "inbox/chats.html", chats=chats, current=asked.current)


ROUTES = [web.get("/chats", strip)]
