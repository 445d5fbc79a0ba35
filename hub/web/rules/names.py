"""What rules of a draft share: word lists, conditions, schedules; each added, changed and taken away, as tests are.

Conditions and schedules have the form of :mod:`hub.web.rules.editor`, tests that of :mod:`hub.web.rules.samples`; a
word list is its words, one on a line.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple
from urllib.parse import quote

import msgspec
from aiohttp import web
from markupsafe import Markup

from hub.i18n import mark as N_
from hub.ruleset import Change, Clashes, Draft
from hub.scope import Conflict, NotFound
from hub.web.desk import number_of
from hub.web.forms import Form, read_form
from hub.web.render import redirect, refusal, render, text
from hub.web.rules.form import form_of
from hub.web.rules.pages import changed, draft_of, names_for, others_at, readable
from hub.web.rules.said import Names, condition_said
from rules.editing.blocks import Kind, Refused, block, fields_of, names, tree_of
from rules.editing.dump import Data, dump_entries
from rules.editing.edit import insert, remove, replace
from rules.editing.merge import Clash
from rules.editing.patch import patch
from rules.files.yamltree import Mapping as MappingNode
from rules.files.yamltree import Node, Scalar
from rules.files.yamltree import Sequence as SequenceNode
from rules.text import Text

MOST_SHOWN = 40
USES: Mapping[Kind, str] = {"words": "list", "condition": "condition", "schedule": "schedule"}
"""Under which key rules name it."""

IN_USE = N_("“{name}” is used by {rule}. Take it out there first.")
TAKEN = N_("“{name}” exists already. Choose another name.")
NO_NAME = N_("A name is needed, and at least one word.")


class User(NamedTuple):
    """What uses a named thing: a rule, section or condition. ``page`` is where such are changed."""

    page: str
    name: str


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """A named thing: what it says in short, how many rules use it."""

    name: str
    said: Markup
    uses: int


async def names_page(request: web.Request) -> web.StreamResponse:
    """All that rules share."""
    draft = await draft_of(request)
    found = await names_for(request, draft.source)
    tree = await asyncio.to_thread(tree_of, draft.source)
    entries = tree.entries if isinstance(tree, MappingNode) else {}
    shared = {
        kind: [_entry(kind, name, node, tree, found) for name, node in _named(entries, key)]
        for kind, key in (("words", "words"), ("condition", "conditions"), ("schedule", "schedules"))
    }
    return render(request, "rules/names.html", draft=draft, shared=shared, here=others_at(request, draft.id))


def _named(entries: Mapping[str, Node], key: str) -> list[tuple[str, Node]]:
    node = entries.get(key)
    return list(node.entries.items()) if isinstance(node, MappingNode) else []


def _entry(kind: Any, name: str, node: Node, tree: Node, found: Names) -> Entry:
    if kind == "words":
        items = node.items if isinstance(node, SequenceNode) else [node]
        words = [item.text for item in items if isinstance(item, Scalar)]
        cut = ", …" if len(words) > MOST_SHOWN else ""
        said = Markup("{}").format(", ".join(words[:MOST_SHOWN]) + cut)
    else:
        said = condition_said(form_of(node, kind).when, found)
    return Entry(name=name, said=said, uses=len(users_of(tree, kind, name)))


def users_of(tree: Node, kind: Kind, name: str) -> list[User]:
    """What uses a list, condition or schedule."""
    places = _places(tree) if isinstance(tree, MappingNode) else []
    return [user for user, node in places if _uses(node, USES[kind], name)]


def _places(tree: MappingNode) -> list[tuple[User, Node]]:
    top = tree.entries.get("rules")
    rules = list(top.items) if isinstance(top, SequenceNode) else []
    for item in list(rules):
        inner = item.entries.get("rules") if isinstance(item, MappingNode) else None
        rules += inner.items if isinstance(inner, SequenceNode) else []
    found: list[tuple[User, Node]] = []
    for rule in rules:
        if isinstance(rule, MappingNode) and "when" in rule.entries:
            page, key = ("sections", "section") if "section" in rule.entries else ("rules", "id")
            said = rule.entries.get(key)
            user = User(page, said.text if isinstance(said, Scalar) else "")
            found.append((user, rule.entries["when"]))
    return found + [(User("conditions", name), node) for name, node in _named(tree.entries, "conditions")]


def _uses(node: Node, key: str, name: str) -> bool:
    if isinstance(node, SequenceNode):
        return any(_uses(item, key, name) for item in node.items)
    if not isinstance(node, MappingNode):
        return False
    said = node.entries.get(key)
    values = said.items if isinstance(said, SequenceNode) else [said]
    here = any(isinstance(value, Scalar) and value.text == name for value in values)
    return here or any(_uses(item, key, name) for item in node.entries.values())


# --- word lists -------------------------------------------------------------------------------------------------


async def words_page(request: web.Request) -> web.StreamResponse:
    """A word list, one word on a line."""
    draft, name = await draft_of(request), request.match_info["name"]
    if name not in names(draft.source, "words"):
        raise NotFound("words")
    said = fields_of(draft.source, name, "words")
    return _words(request, draft, name, said if isinstance(said, list) else [said])


def _words(
    request: web.Request,
    draft: Draft,
    name: str,
    words: Sequence[Data],
    *,
    error: str = "",
    clashes: Sequence[Clash] = (),
    status: int = 200,
) -> web.Response:
    """The page of a list; where it was refused, with the words as they were typed."""
    return render(
        request,
        "rules/words.html",
        status=status,
        error=error,
        clashes=clashes,
        draft=draft,
        step="/names",
        name=name,
        words=[str(word) for word in words],
        users=users_of(tree_of(draft.source), "words", name),
        here=others_at(request, draft.id, writing=True),
    )


class Words(Form, frozen=True, kw_only=True):
    """``words``, one on a line."""

    words: str
    revision: int


async def words_saved(request: web.Request) -> web.StreamResponse:
    """Change a word list."""
    form, name = await read_form(request, Words), request.match_info["name"]
    words = lines_of(form.words)

    def edit(source: str) -> str:
        return replace(source, "words", name, patch(block(source, "words", name), words, "words"))

    try:
        if not words:
            raise Conflict(NO_NAME)
        what = Change(kind="list", rule=name)
        return await saved_and_back(request, form.revision, what, edit, N_("Saved: {rule}"))
    except Conflict as refused:
        error, clashes = told(request, refused)
        newest = await draft_of(request)
        return _words(request, newest, name, words, error=error, clashes=clashes, status=409)


def told(request: web.Request, refused: Conflict) -> tuple[str, Sequence[Clash]]:
    """Why something was not saved, and the colleague's text beside which it is shown."""
    return ("", refused.clashes) if isinstance(refused, Clashes) else (refusal(request, refused), ())


def lines_of(said: str) -> list[Data]:
    return list(dict.fromkeys(line.strip() for line in said.split("\n") if line.strip()))


# --- adding and taking away ----------------------------------------------------------------------------------------


class Added(Form, frozen=True, kw_only=True):
    """``kind``: words, condition or schedule; ``words`` of a new list."""

    kind: Any
    name: str
    revision: int
    words: str = ""


_FIRST: Mapping[Kind, Data] = {
    "condition": {"channel": "email"},
    "schedule": [{"days": "mon-fri", "hours": "08:00-16:00"}],
}


async def added(request: web.Request) -> web.StreamResponse:
    """One more list, condition or schedule."""
    form = await read_form(request, Added)
    if form.kind not in USES:
        raise NotFound("kind")
    kind: Kind = form.kind
    name, value = form.name.strip(), _FIRST.get(kind) or lines_of(form.words)
    if not name or not value:
        raise Conflict(NO_NAME)

    def edit(source: str) -> str:
        if name in names(source, kind):
            raise Refused(Text(TAKEN, {"name": name}))
        return insert(source, kind, dump_entries({name: value}))

    number = number_of(request)
    page = {"words": "names", "condition": f"conditions/{quote(name, safe='')}"}.get(
        kind, f"schedules/{quote(name, safe='')}"
    )
    to = f"/admin/rules/drafts/{number}/{page}"
    return await saved_and_back(
        request, form.revision, Change(kind="add", rule=name), edit, N_("Added: {rule}"), to
    )


class Gone(Form, frozen=True, kw_only=True):
    """What to take away."""

    kind: Any
    name: str
    revision: int


async def taken_away(request: web.Request) -> web.StreamResponse:
    """Remove a list, condition or schedule that nothing uses, or a test."""
    form = await read_form(request, Gone)
    if form.kind not in (*USES, "sample"):
        raise NotFound("kind")
    kind: Kind = form.kind

    def edit(source: str) -> str:
        users = users_of(tree_of(source), kind, form.name) if kind in USES else []
        if users:
            raise Refused(Text(IN_USE, {"name": form.name, "rule": users[0].name}))
        return remove(source, kind, form.name)

    page = "tests" if kind == "sample" else "names"
    to = f"/admin/rules/drafts/{number_of(request)}/{page}"
    what = Change(kind="remove", rule=form.name)
    return await saved_and_back(request, form.revision, what, edit, N_("Deleted: {rule}"), to)


async def saved_and_back(
    request: web.Request, seen: int, what: Change, edit: Any, said: str, to: str = ""
) -> web.StreamResponse:
    """Change the draft and go on to a page, with a way back. Raises Conflict, Clashes."""
    number = number_of(request)
    try:
        found = await changed(request, edit, what, seen)
    except Refused as refused:
        raise Conflict(refused.text.said(lambda msgid: text(request, msgid))) from None
    home = f"/admin/rules/drafts/{number}"
    undo = f"{home}/undo?change={found.revision}" if found.revision != seen else ""
    return redirect(request, to or f"{home}/names", said, undo=undo, rule=what.rule)


_DRAFT = r"/admin/rules/drafts/{id:\d+}"

ROUTES = [
    web.get(f"{_DRAFT}/names", readable(names_page)),
    web.post(f"{_DRAFT}/names", added),
    web.post(f"{_DRAFT}/names/remove", taken_away),
    web.get(f"{_DRAFT}/words/{{name}}", readable(words_page)),
    web.post(f"{_DRAFT}/words/{{name}}", words_saved),
]
