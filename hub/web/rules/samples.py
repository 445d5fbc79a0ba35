"""The tests of a draft: each is a message with what must come of it, in a form of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from aiohttp import web

from hub.i18n import mark as N_
from hub.ruleset import Change, Draft
from hub.scope import Conflict, NotFound
from hub.web.desk import number_of
from hub.web.forms import Form, read_form
from hub.web.render import render
from hub.web.rules.names import TAKEN, lines_of, saved_and_back, told
from hub.web.rules.pages import draft_of, names_for, others_at, readable
from rules.editing.blocks import Refused, block, fields_of, names
from rules.editing.dump import Data, dump_item
from rules.editing.edit import insert, replace
from rules.editing.merge import Clash
from rules.editing.patch import patch
from rules.text import Text

MESSAGE = ("channel", "inbox", "sender", "subject", "text", "language", "at")
EXPECT = ("queue", "priority", "tags", "rule", "office", "tier")
"""Fields of a test that have a field of their own; what else it has is kept."""


async def tests_page(request: web.Request) -> web.StreamResponse:
    """The tests of the draft, and how they come out."""
    draft = await draft_of(request)
    return render(
        request,
        "rules/tests.html",
        draft=draft,
        tests=names(draft.source, "sample"),
        here=others_at(request, draft.id),
    )


async def test_page(request: web.Request) -> web.StreamResponse:
    """One test."""
    draft, name = await draft_of(request), request.query.get("name", "")
    if name and name not in names(draft.source, "sample"):
        raise NotFound("test")
    return await _test(request, draft, name)


async def _test(
    request: web.Request,
    draft: Draft,
    was: str,
    *,
    form: Tested | None = None,
    error: str = "",
    clashes: Sequence[Clash] = (),
    status: int = 200,
) -> web.Response:
    """The page of a test, called ``was`` in the draft; where it was refused, with what the ``form`` said."""
    said = fields_of(draft.source, was, "sample") if was in names(draft.source, "sample") else {}
    fields = said if isinstance(said, Mapping) else {}
    message, expect = (_part(fields, key) for key in ("message", "expect"))
    if form is not None:
        message, expect = _filled(form, message, MESSAGE), _filled(form, expect, EXPECT)
    return render(
        request,
        "rules/test.html",
        status=status,
        error=error,
        clashes=clashes,
        draft=draft,
        step="/tests",
        was=was,
        name=form.name if form is not None else was,
        message={key: _shown(value) for key, value in message.items()},
        expect={key: _shown(value) for key, value in expect.items()},
        others=[*_others(message, MESSAGE), *_others(expect, EXPECT)],
        names=await names_for(request, draft.source),
        rules=names(draft.source, "rule"),
        here=others_at(request, draft.id, writing=True),
    )


def _part(fields: Mapping[str, Data], key: str) -> Mapping[str, Any]:
    part = fields.get(key)
    return part if isinstance(part, Mapping) else {}


def _others(fields: Mapping[str, Any], shown: tuple[str, ...]) -> list[str]:
    """What the form does not show; ``null``, which says that nobody may ask for it, is nothing that can be chosen."""
    return [key for key, value in fields.items() if key not in shown or value is None]


def _shown(value: Any) -> str:
    """A value as its field shows it."""
    if isinstance(value, list):
        return ", ".join(map(_shown, value))
    return "" if value is None else str(value)


class Tested(Form, frozen=True, kw_only=True):
    """A test as its form shows it; ``was`` is its name before ("" for a new one)."""

    revision: int
    was: str = ""
    name: str
    channel: str = ""
    inbox: str = ""
    sender: str = ""
    subject: str = ""
    text: str = ""
    language: str = ""
    at: str = ""
    queue: str = ""
    priority: str = ""
    tags: str = ""
    rule: str = ""
    office: str = ""
    tier: str = ""


async def test_saved(request: web.Request) -> web.StreamResponse:
    """Change or add a test."""
    form = await read_form(request, Tested)
    name = form.name.strip()

    def edit(source: str) -> str:
        if name != form.was and name in names(source, "sample"):
            raise Refused(Text(TAKEN, {"name": name}))
        said = fields_of(source, form.was, "sample") if form.was else {}
        fields = said if isinstance(said, Mapping) else {}
        wanted = {
            **fields,
            "name": name,
            "message": _filled(form, _part(fields, "message"), MESSAGE),
            "expect": _filled(form, _part(fields, "expect"), EXPECT),
        }
        if not form.was:
            return insert(source, "sample", dump_item(wanted))
        return replace(source, "sample", form.was, patch(block(source, "sample", form.was), wanted, "sample"))

    to = f"/admin/rules/drafts/{number_of(request)}/tests"
    try:
        if not name:
            raise Conflict(N_("A test needs a name."))
        what = Change(kind="test", rule=name)
        return await saved_and_back(request, form.revision, what, edit, N_("Saved: {rule}"), to)
    except Conflict as refused:
        error, clashes = told(request, refused)
        newest = await draft_of(request)
        return await _test(request, newest, form.was, form=form, error=error, clashes=clashes, status=409)


def _filled(form: Tested, fields: Mapping[str, Any], keys: tuple[str, ...]) -> dict[str, Data]:
    """The fields with what the form says: what it shows unchanged stays as it is, what was emptied is not asked for."""
    made = dict(fields)
    for key in keys:
        said: Any = getattr(form, key).strip()
        if said == _shown(made.get(key)).strip():
            continue
        if key == "tags":
            said = lines_of(said.replace(",", "\n"))
        elif key == "tier" and said.isdecimal():
            said = int(said)
        if said:
            made[key] = said
        else:
            made.pop(key, None)
    return made


_DRAFT = r"/admin/rules/drafts/{id:\d+}"

ROUTES = [
    web.get(f"{_DRAFT}/tests", readable(tests_page)),
    web.get(f"{_DRAFT}/test", readable(test_page)),
    web.post(f"{_DRAFT}/test", test_saved),
]
