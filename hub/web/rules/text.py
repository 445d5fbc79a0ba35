"""A draft as one text: line numbers, what is wrong by line, and a colleague's changes put together with one's own."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
from aiohttp import web

from hub.i18n import mark as N_
from hub.ruleset import Change, Draft
from hub.ruleset.drafts import Clashes
from hub.scope import Conflict
from hub.web.forms import Form, read_form
from hub.web.render import redirect, refusal, render, rendered
from hub.web.rules.pages import changed, draft_of, names_for, others_at, said_problems
from rules import RuleFileError, load
from rules.editing.places import newline_of
from rules.errors import Problem


class File(Form, frozen=True, kw_only=True):
    """The whole text."""

    text: str
    revision: int
    next: str = ""


class Checked(Form, frozen=True, kw_only=True):
    """The whole text, to be looked at."""

    text: str


async def text_page(request: web.Request) -> web.StreamResponse:
    """The draft as a file."""
    draft = await draft_of(request)
    return await _page(request, draft, draft.source)


async def _page(
    request: web.Request, draft: Draft, source: str, clashes: Any = (), error: str = "", status: int = 200
) -> web.StreamResponse:
    shown = await _problems(request, draft, source)
    return render(
        request,
        "rules/text.html",
        status=status,
        draft=draft,
        source=source,
        clashes=clashes,
        error=error,
        problems=shown,
        here=others_at(request, draft.id, writing=True),
    )


async def _problems(request: web.Request, draft: Draft, source: str) -> list[Any]:
    found = await asyncio.to_thread(problems_of, source)
    return said_problems(found, await names_for(request, draft.source))


def problems_of(source: str) -> tuple[Problem, ...]:
    """What keeps a text from being a rule file."""
    try:
        load(source)
    except RuleFileError as error:
        return error.problems
    return ()


async def text_checked(request: web.Request) -> web.StreamResponse:
    """What is wrong with a text, while it is typed."""
    draft, form = await draft_of(request), await read_form(request, Checked)
    problems = await _problems(request, draft, form.text)
    body = {
        "problems": rendered(request, "rules/text_problems.html", problems=problems),
        "lines": [problem["line"] for problem in problems],
    }
    return web.json_response(body, dumps=lambda value: msgspec.json.encode(value).decode())


async def text_saved(request: web.Request) -> web.StreamResponse:
    """Put a whole text into the draft; a text with mistakes is kept too, it cannot be published."""
    draft, form = await draft_of(request), await read_form(request, File)
    made = (
        form.text if newline_of(draft.source) == "\n" else form.text.replace("\n", newline_of(draft.source))
    )
    try:
        stored = await changed(request, lambda _: made, Change(kind="text"), form.revision)
    except Clashes as clashes:
        newest = await draft_of(request)
        return await _page(request, newest, form.text, clashes.clashes, status=409)
    except Conflict as refused:
        return await _page(request, draft, form.text, error=refusal(request, refused), status=409)
    home = f"/admin/rules/drafts/{draft.id}"
    undo = f"{home}/undo?change={stored.revision}" if stored.revision != form.revision else ""
    if form.next == "publish":
        return redirect(request, f"{home}/publish", N_("The text is saved."), undo=undo)
    return redirect(request, f"{home}/yaml", N_("The text is saved."), undo=undo)


ROUTES = [
    web.get(r"/admin/rules/drafts/{id:\d+}/yaml", text_page),
    web.post(r"/admin/rules/drafts/{id:\d+}/yaml", text_saved),
    web.post(r"/admin/rules/drafts/{id:\d+}/yaml/check", text_checked),
]
