"""The search page: conversations and people, with the found words marked."""

from __future__ import annotations

import asyncio

from aiohttp import web

from hub.search.find import search
from hub.search.marks import excerpt, marked
from hub.search.question import LONGEST, read_question
from hub.web.desk import desk_of, scope_of
from hub.web.forms import Form, read_query
from hub.web.render import is_fragment, render_aside
from hub.wordforms import search_forms


class Asked(Form, frozen=True, kw_only=True):
    q: str = ""


async def search_page(request: web.Request) -> web.StreamResponse:
    """What was found; without a question the page says what can be asked."""
    desk, scope = desk_of(request), scope_of(request)
    asked = read_query(request, Asked).q[:LONGEST]
    question = await asyncio.to_thread(read_question, asked, search_forms)
    limit = desk.house().directory.config.limits.search_results
    found = await desk.store.read(lambda tx: search(tx, scope, question, limit))
    template = "search/results.html" if is_fragment(request) else "search/search.html"
    return await render_aside(
        request,
        template,
        asked=asked,
        found=found,
        reached=question.phone or question.email or "",
        excerpt=lambda text: excerpt(text, question),
        marked=lambda text: marked(text, question),
    )


ROUTES = [web.get("/search", search_page)]
