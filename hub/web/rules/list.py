"""The rules in order: the published ones to read, a draft's to change. Moved, switched, copied and taken away here.

Every change is a revision of the draft (:mod:`hub.ruleset`), so that each can be undone and colleagues' changes stay.
The list works with plain forms; ``rules-list.js`` adds dragging, keys and the filter.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from aiohttp import web
from sqlalchemy import select

from hub.i18n import mark as N_
from hub.ruleset import (
    Change,
    Draft,
    Version,
    changes,
    drafts,
    open_draft,
    published,
    undo_change,
    undoable,
    versions,
)
from hub.ruleset.drafts import discard
from hub.ruleset.hits import hits
from hub.scope import Conflict, require
from hub.store import schema
from hub.store.tx import Reader, Tx
from hub.web.desk import desk_of, number_of, scope_of
from hub.web.forms import Form, read_form
from hub.web.render import is_fragment, redirect, render, text, toast_header
from hub.web.rules.editor import TAKEN
from hub.web.rules.pages import Edit, changed, draft_of, each_rule, listed, names_for, others_at
from hub.web.rules.terms import EVENT_NAMES, THEN_NAMES
from rules.editing.blocks import tree_of
from rules.editing.dump import dump_entries, dump_item
from rules.editing.edit import (
    Kind,
    Refused,
    block,
    fields_of,
    insert_rule,
    insert_section,
    move_rule,
    move_section,
    names,
    remove,
)
from rules.editing.patch import patch, set_field
from rules.files.yamltree import Scalar
from rules.text import Text

# --- reading -----------------------------------------------------------------------------------------------------


async def published_rules(request: web.Request) -> web.StreamResponse:
    """The rules that are in force, with how often each matched, and the drafts that are open."""
    desk, scope = desk_of(request), scope_of(request)
    require(scope, "administer")

    def query(tx: Reader) -> tuple[Version | None, list[Draft], Any, dict[int, str]]:
        found = drafts(tx, scope)
        return published(tx), found, hits(tx), _people(tx, found)

    version, waiting, counted, people = await desk.store.read(query)
    source = version.source if version else desk.house().rules.ruleset.source
    labels = await names_for(request, source)
    shown = await listed(request, source, labels)
    return render(
        request,
        "rules/published.html",
        version=version,
        drafts=waiting,
        people=people,
        **_shared(shown, counted),
    )


def _shared(shown: Any, counted: Any) -> dict[str, Any]:
    return {"list": shown, "hits": counted, "events": EVENT_NAMES, "thens": THEN_NAMES}


def _people(tx: Reader, found: Sequence[Draft]) -> dict[int, str]:
    ids = {number for row in found for number in (row.author, row.editor) if number is not None}
    user = schema.user.c
    return {row.id: row.name for row in tx.rows(select(user.id, user.name).where(user.id.in_(ids)))}


async def draft_list(request: web.Request) -> web.StreamResponse:
    """The drafts that are open, and those that lately became something."""
    desk, scope = desk_of(request), scope_of(request)

    def query(tx: Reader) -> tuple[list[Draft], list[Draft], dict[int, str], Version | None]:
        live, closed = drafts(tx, scope), drafts(tx, scope, ("published", "discarded"), 20)
        latest = versions(tx, scope)
        return live, closed, _people(tx, [*live, *closed]), latest[0] if latest else None

    live, closed, people, latest = await desk.store.read(query)
    return render(
        request, "rules/drafts.html", drafts=live, closed=closed, people=people, latest=latest, states=STATES
    )


STATES = {
    "open": N_("being worked on"),
    "submitted": N_("waits for approval"),
    "scheduled": N_("waits for its time"),
    "published": N_("published"),
    "discarded": N_("discarded"),
}


async def draft_rules(request: web.Request) -> web.StreamResponse:
    """A draft's rules, to be changed."""
    return await _draft_page(request, await draft_of(request))


async def _draft_page(request: web.Request, found: Draft) -> web.StreamResponse:
    desk, scope = desk_of(request), scope_of(request)

    def query(tx: Reader) -> tuple[Any, int | None]:
        return hits(tx), undoable(changes(tx, scope, found.id))

    counted, last = await desk.store.read(query)
    shown = await listed(request, found.source, await names_for(request, found.source))
    return render(
        request,
        "rules/list.html" if is_fragment(request) else "rules/draft.html",
        draft=found,
        here=others_at(request, found.id),
        undo=last,
        states=STATES,
        **_shared(shown, counted),
    )


async def who_is_here(request: web.Request) -> web.StreamResponse:
    """Who else has the draft open; asked every few seconds, which also says that the reader still has it open."""
    found = await draft_of(request)
    writing = "writing" in request.query
    return render(request, "rules/here.html", draft=found, here=others_at(request, found.id, writing=writing))


# --- drafts ------------------------------------------------------------------------------------------------------


class Opening(Form, frozen=True, kw_only=True):
    """``rule``: whose form to go to. ``base``: the version to begin with."""

    rule: str = ""
    base: int | None = None


async def opened(request: web.Request) -> web.StreamResponse:
    """A new draft."""
    desk, scope, form = desk_of(request), scope_of(request), await read_form(request, Opening)
    queues = desk.house().directory.config.queues

    def command(tx: Tx) -> Draft:
        bare = None if published(tx) else dump_entries({"rules": [], "default": {"queue": queues[0].id}})
        return open_draft(tx, scope, base=form.base, source=bare)

    found = await desk.store.write(command)
    home = f"/admin/rules/drafts/{found.id}"
    if form.rule and form.rule in names(found.source, "rule"):
        home = f"{home}/rules/{form.rule}"
    return redirect(request, home)


class Nothing(Form, frozen=True, kw_only=True):
    """No fields."""


async def discarded(request: web.Request) -> web.StreamResponse:
    """Throw a draft away."""
    desk, scope, number = desk_of(request), scope_of(request), number_of(request)
    await read_form(request, Nothing)
    await desk.store.write(lambda tx: discard(tx, scope, number))
    return redirect(request, "/admin/rules/drafts", N_("The draft is discarded."))


class Undone(Form, frozen=True, kw_only=True):
    """``change``: which revision to take back; without it the newest."""

    change: int | None = None


async def undone(request: web.Request) -> web.StreamResponse:
    """Take a change back."""
    desk, scope, number = desk_of(request), scope_of(request), number_of(request)
    form = await read_form(request, Undone)
    wanted = form.change
    if wanted is None and request.query.get("change", "").isdecimal():
        wanted = int(request.query["change"])
    found = await desk.store.write(lambda tx: undo_change(tx, scope, number, wanted))
    if is_fragment(request):
        return await _draft_page(request, found)
    return redirect(request, f"/admin/rules/drafts/{number}", N_("Undone."))


# --- changes of the list --------------------------------------------------------------------------------------------


AT_THE_END = N_("“{name}” cannot go any further in this direction.")


class Moved(Form, frozen=True, kw_only=True):
    """``to``: ``up``, ``down``, ``before NAME``, ``after NAME``, ``section NAME``. ``kind``: rule or section."""

    rule: str
    to: str
    revision: int
    kind: str = "rule"


async def moved(request: web.Request) -> web.StreamResponse:
    """Put a rule or section elsewhere."""
    form = await read_form(request, Moved)
    what = Change(kind="move", rule=form.rule)
    return await _changed(request, form.revision, what, lambda source: _move(source, form), N_("Moved."))


def _move(source: str, form: Moved) -> str:
    deed, _, other = form.to.partition(" ")
    step = {"up": -1, "down": 1}.get(deed)
    if step is not None:
        order = _order(source, form.kind)
        at = order.index(form.rule) + step if form.rule in order else -1
        if not 0 <= at < len(order):
            raise Refused(Text(AT_THE_END, {"name": form.rule}))
        deed, other = ("before" if step < 0 else "after"), order[at]
    if form.kind == "section":
        return move_section(source, form.rule, **{deed: other})
    if deed == "section":
        return move_rule(source, form.rule, section=other)
    return move_rule(source, form.rule, **{deed: other})


def _order(source: str, kind: str) -> list[str]:
    """Rules as they stand, or for sections the items of the file's own list."""
    if kind == "rule":
        return list(names(source, "rule"))
    top = [item.entries for item, section in each_rule(tree_of(source)) if not section]
    said = [entries.get("section", entries.get("id")) for entries in top]
    return [name.text for name in said if isinstance(name, Scalar)]


class Switched(Form, frozen=True, kw_only=True):
    """``enabled``: what it shall be."""

    rule: str
    revision: int
    enabled: bool
    kind: str = "rule"


async def switched(request: web.Request) -> web.StreamResponse:
    """Switch a rule or section on or off."""
    form = await read_form(request, Switched)
    value = None if form.enabled else False

    def edit(source: str) -> str:
        return set_field(source, form.rule, "enabled", value, _kind(form.kind))

    said = N_("Switched on: {rule}") if form.enabled else N_("Switched off: {rule}")
    return await _changed(request, form.revision, Change(kind="switch", rule=form.rule), edit, said)


def _kind(kind: str) -> Kind:
    return "section" if kind == "section" else "rule"


class Chosen(Form, frozen=True, kw_only=True):
    """One rule or section."""

    rule: str
    revision: int
    kind: str = "rule"


async def removed(request: web.Request) -> web.StreamResponse:
    """Take a rule away, or a section with its rules."""
    form = await read_form(request, Chosen)

    def edit(source: str) -> str:
        return remove(source, _kind(form.kind), form.rule)

    return await _changed(
        request, form.revision, Change(kind="remove", rule=form.rule), edit, N_("Deleted: {rule}")
    )


async def duplicated(request: web.Request) -> web.StreamResponse:
    """A copy of a rule below it, switched off, so that it does nothing before somebody looked at it."""
    form = await read_form(request, Chosen)

    def edit(source: str) -> str:
        copy = _free_name(source, form.rule)
        fields = fields_of(source, form.rule)
        if not isinstance(fields, dict):
            return source
        name = text(request, N_("Copy of: {name}"), name=fields.get("name") or form.rule)
        made = patch(block(source, "rule", form.rule), {**fields, "id": copy, "name": name})
        return set_field(insert_rule(source, made, after=form.rule), copy, "enabled", False)

    return await _changed(
        request, form.revision, Change(kind="add", rule=form.rule), edit, N_("Copied below: {rule}")
    )


def _free_name(source: str, name: str) -> str:
    """The name with the lowest number that is not taken."""
    taken = {*names(source, "rule"), *names(source, "section")}
    return next(made for n in range(2, 100_000) if (made := f"{name[:58]}-{n}") not in taken)


class Named(Form, frozen=True, kw_only=True):
    """A new section."""

    id: str
    name: str
    revision: int


async def section_added(request: web.Request) -> web.StreamResponse:
    """One more section, empty, at the end."""
    form = await read_form(request, Named)
    name = form.id.strip()
    made = dump_item({"section": name, "name": form.name.strip() or name, "rules": []})

    def edit(source: str) -> str:
        if name in (*names(source, "rule"), *names(source, "section")):
            raise Refused(Text(TAKEN, {"name": name}))
        return insert_section(source, made)

    return await _changed(request, form.revision, Change(kind="add", rule=name), edit, N_("Added: {rule}"))


async def _changed(
    request: web.Request, seen: int, what: Change, edit: Edit, said: str
) -> web.StreamResponse:
    """Change the draft and show its list again, with a way back."""
    number = number_of(request)
    try:
        found = await changed(request, edit, what, seen)
    except Refused as refused:
        raise Conflict(refused.text.said(lambda msgid: text(request, msgid))) from None
    undo = f"/admin/rules/drafts/{number}/undo?change={found.revision}" if found.revision != seen else ""
    if is_fragment(request):
        response = await _draft_page(request, found)
        response.headers.update(toast_header(text(request, said, rule=what.rule), undo=undo))
        return response
    return redirect(request, f"/admin/rules/drafts/{number}", said, undo=undo, rule=what.rule)


ROUTES = [
    web.get("/admin/rules", published_rules),
    web.get("/admin/rules/drafts", draft_list),
    web.post("/admin/rules/drafts", opened),
    web.get(r"/admin/rules/drafts/{id:\d+}", draft_rules),
    web.get(r"/admin/rules/drafts/{id:\d+}/here", who_is_here),
    web.post(r"/admin/rules/drafts/{id:\d+}/discard", discarded),
    web.post(r"/admin/rules/drafts/{id:\d+}/undo", undone),
    web.post(r"/admin/rules/drafts/{id:\d+}/move", moved),
    web.post(r"/admin/rules/drafts/{id:\d+}/switch", switched),
    web.post(r"/admin/rules/drafts/{id:\d+}/remove", removed),
    web.post(r"/admin/rules/drafts/{id:\d+}/duplicate", duplicated),
    web.post(r"/admin/rules/drafts/{id:\d+}/sections", section_added),
]
