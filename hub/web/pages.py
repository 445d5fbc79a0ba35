"""Pages that only read: who asks, what is there and the drawing of it in one go, in a thread.

Under load whatever comes back from a thread waits for its turn at the event loop, behind the calls that just arrived. A
page that asks for the session, then for its data, then is drawn, waits three times; these wait once.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from aiohttp import web

from hub.store.tx import Reader
from hub.web.desk import PLACE, desk_of
from hub.web.render import render

Draw = Callable[[], web.Response]
Page = Callable[[web.Request, Reader], Draw]
"""Reads what a page shows; what it returns is called after the transaction. Raises what handlers raise."""

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

_PAGES: dict[Any, Page] = {}


def shows(page: Page) -> Handler:
    """The handler of a GET that is such a page. :mod:`hub.web.guard` runs it together with the look at the session."""

    async def handler(request: web.Request) -> web.StreamResponse:
        return await show(request, partial(page, request))

    _PAGES[handler] = page
    return handler


def page_of(request: web.Request) -> Page | None:
    """The page that a request asks for, where it is one of these."""
    return _PAGES.get(request.match_info.handler)


async def show(request: web.Request, query: Callable[[Reader], Draw]) -> web.Response:
    """Find and draw. The page says from which place of the stream it wants to be told more: one that is not later than
    what it shows."""
    desk = desk_of(request)
    request[PLACE] = desk.stream.last
    return await desk.store.show(query)


def drawing(request: web.Request, template: str, **context: Any) -> Draw:
    """A page that will be drawn from what was found; ``context`` as :func:`render` takes it."""
    return partial(render, request, template, **context)
