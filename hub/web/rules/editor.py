"""The form of one rule (section, condition, default) with its text beside it: both ways, checked while it is typed.

The text of the block is what is kept; the form changes it. Without a script every button is a round trip that shows the
page again with all that was typed; ``rules-form.js`` makes the same trips in place. Saving goes through
:func:`hub.ruleset.change`, which keeps what colleagues changed elsewhere and refuses where they changed the same.
"""

from __future__ import annotations

import asyncio
import re
from textwrap import dedent
from typing import Any, cast
from urllib.parse import quote

import msgspec
from aiohttp import web
from multidict import MultiMapping

from hub.i18n import mark as N_
from hub.ruleset import Change, Draft
from hub.ruleset.drafts import Clashes
from hub.scope import Conflict, NotFound
from hub.web.forms import Unacceptable
from hub.web.render import redirect, refusal, render, rendered, text, wants_json
from hub.web.rules import terms
from hub.web.rules.buttons import acted, name_of, path_of
from hub.web.rules.form import Opened, RuleForm, opened, posted_form, text_with
from hub.web.rules.pages import changed, draft_of, names_for, others_at, readable, said_problems
from hub.web.rules.parts import Part, fresh
from hub.web.rules.said import Names
from rules import RuleFileError, load
from rules.editing.blocks import Kind, Refused, block, names
from rules.editing.blocks import name_of as name_in
from rules.editing.edit import dump_rule, insert_rule, replace
from rules.editing.excerpt import alone, as_typed
from rules.editing.merge import Clash
from rules.errors import Problem
from rules.language import ACTIONS, PREDICATES
from rules.text import Text

KINDS: dict[str, Kind] = {
    "rules": "rule",
    "sections": "section",
    "conditions": "condition",
    "schedules": "schedule",
    "default": "default",
}

PAGES: dict[Kind, str] = {kind: page for page, kind in KINDS.items()}

_OTHERS: tuple[Kind, ...] = ("section", "condition", "schedule")

_ABOUT = ("csrf", "revision", "before", "text", "after", "next", "act")
_RULE = ("id", "section", "name", "note", "enabled", "from", "until", "on", "then")
FIELDS = frozenset((*_ABOUT, *_RULE))
_PART = re.compile(r"[wd](-\d{1,4})*[:.][a-z_]{1,20}")
"""Names of fields of a part, such as ``w-0-2.low`` or ``d:n``."""

TAKEN = N_("“{name}” is taken by another rule. Choose another id.")
RENAMED = N_(
    "A colleague has added a rule with the id “{name}” meanwhile. Yours is called “{other}” now: save it again."
)


class Typed(msgspec.Struct, frozen=True, kw_only=True):
    """What stands in the browser: the draft as stored, the block's ``name`` in it ("" for a new one), the text and the
    form as typed, ``before`` the text when both were last in step, the revision that was ``seen``.

    ``after`` and ``section`` say where a new rule goes. ``refused``: why the text is no block; the form then shows what
    it last could. ``focus``: the part that should have it after a button.
    """

    draft: Draft
    kind: Kind
    name: str
    text: str
    form: RuleForm
    seen: int
    before: str = ""
    after: str = ""
    section: str = ""
    refused: str = ""
    problems: tuple[Problem, ...] = ()
    offset: int = 0
    clash: Clash | None = None
    focus: str = ""


# --- showing -----------------------------------------------------------------------------------------------------


async def form_page(request: web.Request) -> web.StreamResponse:
    """The form of a block of the draft."""
    draft, kind, name = await draft_of(request), _kind(request), request.match_info["name"]
    known = ("default",) if kind == "default" else await asyncio.to_thread(names, draft.source, kind)
    if name not in known:
        for other in _OTHERS if kind == "rule" else ():
            if name in names(draft.source, other):
                return redirect(request, _address(draft, other, name))  # what checks find has no kind
        raise NotFound("rule")
    source = await asyncio.to_thread(block, draft.source, kind, name)
    return await _page(request, _typed(draft, kind, name, opened(source, kind)))


async def new_page(request: web.Request) -> web.StreamResponse:
    """The form of a rule that is not there yet."""
    draft = await draft_of(request)
    start = dump_rule(
        {"id": _free(draft.source, "nowa"), "name": text(request, N_("New rule")), "do": {"tags": []}}
    )
    typed = _typed(draft, "rule", "", opened(start, "rule"))
    wanted = {key: request.query.get(key, "") for key in ("after", "section")}
    # What a rule lacks is told from the first change on, not to whoever has yet to begin.
    return await _page(request, msgspec.structs.replace(typed, **wanted), check=False)


def _typed(draft: Draft, kind: Kind, name: str, found: Opened) -> Typed:
    text = found.text
    return Typed(
        draft=draft, kind=kind, name=name, text=text, before=text, form=found.form, seen=draft.revision
    )


def _address(draft: Draft, kind: Kind, name: str) -> str:
    return f"/admin/rules/drafts/{draft.id}/{PAGES[kind]}/{quote(name, safe='')}"


def _free(source: str, start: str) -> str:
    taken = {*names(source, "rule"), *names(source, "section")}
    return next(made for n in range(1, 100_000) if (made := f"{start}-{n}") not in taken)


def _kind(request: web.Request) -> Kind:
    return KINDS.get(request.match_info.get("kind", "rules"), "rule")


async def _page(
    request: web.Request, typed: Typed, status: int = 200, *, check: bool = True
) -> web.StreamResponse:
    checked = await asyncio.to_thread(with_problems, typed) if check else typed
    found = await names_for(request, typed.draft.source)
    shown = _context(request, checked, found)
    return render(request, "rules/form.html", status=status, **shown, checked=check)


def _context(request: web.Request, typed: Typed, found: Names) -> dict[str, Any]:
    draft = typed.draft
    home = f"/admin/rules/drafts/{draft.id}"
    new = not typed.name and typed.kind == "rule"
    here = f"{home}/new-rule" if new else _address(draft, typed.kind, typed.name)
    return {
        "draft": draft,
        "step": "/names" if typed.kind in ("condition", "schedule") else "",
        "typed": typed,
        "form": typed.form,
        "names": found,
        "home": home,
        "address": here,
        "terms": terms,
        "predicates": PREDICATES,
        "actions": ACTIONS,
        "fresh": fresh,
        "sections": names(draft.source, "section") if new else (),
        "problems": said_problems(typed.problems, found, typed.offset),
        "here": others_at(request, draft.id, writing=True),
    }


def with_problems(typed: Typed) -> Typed:
    """What the rule file's reader has to say about the text as typed."""
    if typed.refused:
        return typed
    try:
        source, offset = _checked_source(typed)
        load(source)
    except RuleFileError as error:
        return msgspec.structs.replace(typed, problems=_own(error.problems, offset, typed), offset=offset)
    except Refused:
        return typed
    return typed


def _checked_source(typed: Typed) -> tuple[str, int]:
    if typed.kind in ("rule", "section"):
        return alone(typed.draft.source, typed.text)
    made = as_typed(typed.draft.source, typed.kind, typed.name, typed.text)
    own = block(made, typed.kind, name_in(typed.text, typed.kind))
    return made, made[: made.find(own.split("\n")[0])].count("\n")


def _own(problems: tuple[Problem, ...], offset: int, typed: Typed) -> tuple[Problem, ...]:
    """Problems of the block itself, not of the lists beside it."""
    end = offset + typed.text.count("\n") + 1
    return tuple(problem for problem in problems if offset < problem.line <= end)


# --- while it is typed ---------------------------------------------------------------------------------------------


async def read_typed(request: web.Request) -> tuple[Typed, MultiMapping[Any]]:
    """What was posted. Raises NotFound, Unacceptable."""
    draft, kind = await draft_of(request), _kind(request)
    posted = await request.post()
    if any(not isinstance(value, str) for value in posted.values()):
        raise Unacceptable("files are not accepted here")
    for name in posted:
        if name not in FIELDS and not _PART.fullmatch(name):
            raise Unacceptable("the form has no such field")
    fields = cast("MultiMapping[str]", posted)
    seen = fields.get("revision", "")
    if not (seen.isascii() and seen.isdigit() and len(seen) < 10):
        raise Unacceptable("the field revision must be a number")
    typed = Typed(
        draft=draft,
        kind=kind,
        name=request.match_info.get("name", ""),
        text=fields.get("text", "").replace("\r\n", "\n"),
        form=RuleForm(),
        seen=int(seen),
        before=fields.get("before", "").replace("\r\n", "\n"),
        after=fields.get("after", ""),
        section=fields.get("section", ""),
    )
    return _read(request, typed, fields), fields


def _read(request: web.Request, typed: Typed, fields: MultiMapping[str]) -> Typed:
    """The text and the form put in step; a text that was changed by hand leads."""

    def say(msgid: str) -> str:
        return text(request, msgid)

    by_hand = typed.text != typed.before
    try:
        was = opened(typed.text, typed.kind)
    except Refused as refused:
        was = _nothing(typed.kind)
        form = posted_form(fields, typed.kind, was.form)
        return msgspec.structs.replace(typed, form=form, refused=refused.text.said(say))
    if by_hand:
        return msgspec.structs.replace(typed, form=was.form, before=typed.text)
    form, focus = _after_button(posted_form(fields, typed.kind, was.form), fields.get("act", ""), fields)
    try:
        made = text_with(was, form, typed.kind)
        return msgspec.structs.replace(typed, form=form, text=made, before=made, focus=focus)
    except Refused as refused:
        return msgspec.structs.replace(typed, form=form, refused=refused.text.said(say))


def _nothing(kind: Kind) -> Opened:
    start = {"rule": "- id: x\n", "section": "- section: x\n"}.get(kind, "x: {}\n")
    return opened(start, kind)


def _after_button(form: RuleForm, act: str, fields: MultiMapping[str]) -> tuple[RuleForm, str]:
    """The form after a button was pressed, and which part should have the focus then."""
    deed, _, name = act.partition(" ")
    if not deed:
        return form, ""
    if name.startswith("d"):
        do, at = _action_button(form.do, deed, path_of(name), fields.get("d:new", ""))
        return msgspec.structs.replace(form, do=do), f"d-{at}" if at is not None else "d"
    kind = fields.get(f"{name}:new", "")
    when, path = acted(
        form.when, deed, path_of(name), kind if kind in (*PREDICATES, "all", "any", "not") else ""
    )
    return msgspec.structs.replace(form, when=when), name_of("w", path)


def _action_button(
    do: tuple[Part, ...], deed: str, path: tuple[int, ...], kind: str
) -> tuple[tuple[Part, ...], int | None]:
    if deed == "add" and kind in ACTIONS and kind not in [part.kind for part in do]:
        return (*do, fresh(kind, action=True)), len(do)
    at = path[0] if path and path[0] < len(do) else None
    if deed == "remove" and at is not None:
        return do[:at] + do[at + 1 :], max(at - 1, 0) if len(do) > 1 else None
    return do, at


async def in_step(request: web.Request) -> web.StreamResponse:
    """The other side of what was typed: for the script as JSON, else the page again."""
    typed, _ = await read_typed(request)
    if not wants_json(request):
        return await _page(request, typed)
    checked = await asyncio.to_thread(with_problems, typed)
    shown = _context(request, checked, await names_for(request, typed.draft.source))
    body = {
        "text": checked.text,
        "fields": rendered(request, "rules/fields.html", **shown),
        "problems": rendered(request, "rules/problems.html", **shown, checked=True),
        "head": _head(checked.form) if checked.kind in ("rule", "section") else {},
        "focus": checked.focus,
        "refused": bool(checked.refused),
    }
    return web.json_response(body, dumps=lambda value: msgspec.json.encode(value).decode())


def _head(form: RuleForm) -> dict[str, str | bool | list[str]]:
    """The fields that stand outside the conditions and actions, by their names on the page."""
    return {
        "id": form.id,
        "name": form.name,
        "enabled": form.enabled,
        "note": form.note,
        "on": list(form.on),
        "from": form.first,
        "until": form.last,
    }


# --- saving ------------------------------------------------------------------------------------------------------


async def saved(request: web.Request) -> web.StreamResponse:
    """Put what was typed into the draft."""
    typed, fields = await read_typed(request)
    if typed.refused:
        return await _page(request, typed, status=422)
    draft = typed.draft
    what = Change(kind="change" if typed.name else "add", rule=name_in(typed.text, typed.kind))
    try:
        stored = await changed(request, lambda source: put(source, typed), what, typed.seen)
    except Refused as refused:
        said = refused.text.said(lambda msgid: text(request, msgid))
        return await _page(request, msgspec.structs.replace(typed, refused=said), status=422)
    except Clashes as clashes:
        return await _clashed(request, typed, clashes)
    except Conflict as refused:
        said = refusal(request, refused)
        return await _page(request, msgspec.structs.replace(typed, refused=said), status=409)
    home = f"/admin/rules/drafts/{draft.id}"
    undo = f"{home}/undo?change={stored.revision}" if stored.revision != typed.seen else ""
    return redirect(
        request, _next(home, fields.get("next", ""), typed), N_("Saved: {rule}"), undo=undo, rule=what.rule
    )


def _next(home: str, wanted: str, typed: Typed) -> str:
    if wanted == "publish":
        return f"{home}/publish"
    return f"{home}/names" if typed.kind in ("condition", "schedule") else home


def put(source: str, typed: Typed) -> str:
    """The source with the block as typed. Raises :class:`Refused`."""
    name = name_in(typed.text, typed.kind)
    taken = (
        {*names(source, "rule"), *names(source, "section")} if typed.kind in ("rule", "section") else set()
    )
    if name != typed.name and name in taken:
        raise Refused(Text(TAKEN, {"name": name}))
    if typed.name or typed.kind != "rule":
        return replace(source, typed.kind, typed.name, typed.text)
    if typed.after in taken:
        return insert_rule(source, typed.text, after=typed.after)
    section = typed.section if typed.section in names(source, "section") else None
    return insert_rule(source, typed.text, section=section)


async def _clashed(request: web.Request, typed: Typed, clashes: Clashes) -> web.StreamResponse:
    """Both texts side by side; what was typed stays in the form, and can be saved now that the other was seen."""
    draft = await draft_of(request)
    if not typed.name and (name := name_in(typed.text, typed.kind)) in names(draft.source, "rule"):
        return await _renamed(request, msgspec.structs.replace(typed, draft=draft), name)
    if not any(clash.key.name == typed.name for clash in clashes.clashes):
        raise Conflict(str(clashes))
    found = next(clash for clash in clashes.clashes if clash.key.name == typed.name)
    clash = msgspec.structs.replace(found, ours=dedent(found.ours), theirs=dedent(found.theirs))
    again = msgspec.structs.replace(typed, draft=draft, seen=draft.revision, clash=clash)
    return await _page(request, again, status=409)


async def _renamed(request: web.Request, typed: Typed, name: str) -> web.StreamResponse:
    """A new rule whose id a colleague has used meanwhile, as both were offered the same one: with another id."""
    was = opened(typed.text, typed.kind)
    form = msgspec.structs.replace(was.form, id=_free(typed.draft.source, "nowa"))
    made = text_with(was, form, typed.kind)
    again = msgspec.structs.replace(typed, seen=typed.draft.revision, form=form, text=made, before=made)
    said = text(request, RENAMED, name=name, other=form.id)
    return await _page(request, msgspec.structs.replace(again, refused=said), status=409)


ROUTES = [
    web.get(r"/admin/rules/drafts/{id:\d+}/new-rule", readable(new_page)),
    web.post(r"/admin/rules/drafts/{id:\d+}/new-rule", readable(saved)),
    web.post(r"/admin/rules/drafts/{id:\d+}/new-rule/form", readable(in_step)),
    web.get(
        r"/admin/rules/drafts/{id:\d+}/{kind:rules|sections|conditions|schedules|default}/{name}",
        readable(form_page),
    ),
    web.post(
        r"/admin/rules/drafts/{id:\d+}/{kind:rules|sections|conditions|schedules|default}/{name}", saved
    ),
    web.post(
        r"/admin/rules/drafts/{id:\d+}/{kind:rules|sections|conditions|schedules|default}/{name}/form",
        in_step,
    ),
]
