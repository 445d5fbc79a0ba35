"""The page of canned texts: everybody reads them, supervisors write them."""

from __future__ import annotations

from aiohttp import web

from hub.config import Language
from hub.desk import canned
from hub.i18n import mark as N_
from hub.web.desk import desk_of, number_of, scope_of
from hub.web.forms import Form, read_form
from hub.web.render import redirect, render


class TextForm(Form, frozen=True, kw_only=True):
    shortcut: str
    title: str
    text: str
    language: Language = "pl"


async def texts(request: web.Request) -> web.StreamResponse:
    """All texts of the actor's office; for a supervisor with a form for a new one."""
    desk, scope = desk_of(request), scope_of(request)
    rows = await desk.store.read(lambda tx: canned.texts(tx, scope))
    return render(request, "inbox/texts.html", rows=rows, placeholders=canned.PLACEHOLDERS)


async def save(request: web.Request) -> web.StreamResponse:
    """Add a text, or change the one of the address."""
    desk, scope, form = desk_of(request), scope_of(request), await read_form(request, TextForm)
    wanted = number_of(request) if "id" in request.match_info else None
    made = canned.Text(shortcut=form.shortcut, title=form.title, text=form.text, language=form.language)
    await desk.store.write(lambda tx: canned.save_text(tx, scope, made, wanted))
    return redirect(request, "/texts", N_("Saved."))


async def delete(request: web.Request) -> web.StreamResponse:
    """Take a text away."""
    desk, scope, number = desk_of(request), scope_of(request), number_of(request)
    await desk.store.write(lambda tx: canned.delete_text(tx, scope, number))
    return redirect(request, "/texts", N_("Deleted."))


ROUTES = [
    web.get("/texts", texts),
    web.post("/texts", save),
    web.post("/texts/{id}", save),
    web.post("/texts/{id}/delete", delete),
]
