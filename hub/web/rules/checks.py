"""What lint and the tests say of a draft, beside the editor; and a test made of a real message.

The editor asks with every pause in typing: it posts the text of the block as it is now, which is put into the draft
without being stored. Answers are fragments; work that takes time is done in a thread.
"""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Sequence
from pathlib import Path

import msgspec
from aiohttp import web

from hub.calendar import at_wall_clock
from hub.configfile import ConfigError
from hub.i18n import mark as N_
from hub.rulefile import compile_source
from hub.ruleset import Change, Draft, change, drafts, open_draft
from hub.ruleset.checks import item_of, known
from hub.ruleset.checks import names_of as unknown_names
from hub.ruleset.lint import duty, idle
from hub.ruleset.proof import Item
from hub.ruleset.samples import (
    Decided,
    Unmaskable,
    appended,
    decisions,
    make,
    names_of,
    text_of,
    title_of,
)
from hub.scope import Conflict, NotFound, require
from hub.store.tx import Reader, Tx
from hub.web.desk import desk_of, number_of, scope_of
from hub.web.forms import Form, Unacceptable, read_form, read_query
from hub.web.render import redirect, render
from hub.web.rules.pages import draft_of
from hub.web.verdict_words import teller
from hub.wordforms import FILE, WordForms
from rules import Compiled, RuleFileError, RuleSet, load
from rules.editing.blocks import Kind, Refused
from rules.editing.blocks import name_of as name_in
from rules.editing.edit import insert, replace
from rules.lint import lint
from rules.lint.finding import Finding, with_names
from rules.samples import Verdict, check, verdict
from rules.text import Text

LIVE_RULES = 1_000
"""Rules up to which tests are run while somebody types; with more of them, on the page of the tests."""

SHOWN = 200
"""Most findings in one fragment."""

_LEVELS = ("error", "warning", "hint")

BLOCKS: dict[str, Kind] = {
    "rule": "rule",
    "section": "section",
    "condition": "condition",
    "default": "default",
    "sample": "sample",
    "words": "words",
    "schedule": "schedule",
}

ADDED = N_("The test stands in the draft.")
UNREADABLE = N_("The test cannot be read yet: {problem}")


class Typed(Form, frozen=True, kw_only=True):
    """A block of the draft as it stands in the editor; ``rule`` is its name in the draft, "" for a new one."""

    text: str
    rule: str = ""
    kind: str = "rule"


def _with_block(source: str, typed: Typed) -> str:
    """The draft's text with the block as typed. Raises Refused."""
    kind = BLOCKS.get(typed.kind)
    if kind is None:
        raise Unacceptable("the field kind names no kind of block")
    return replace(source, kind, typed.rule, typed.text) if typed.rule else insert(source, kind, typed.text)


# --- lint --------------------------------------------------------------------------------------------------------


@functools.lru_cache(maxsize=8)
def linted(source: str, today: str, data_dir: str) -> tuple[RuleSet, tuple[Finding, ...]]:
    """A text, read, with what lint says of it by the forms of its words. Raises RuleFileError.

    Forms are taken from the data folder; those of new words are looked up by a child process and kept there.
    """
    ruleset, forms = load(source), WordForms(Path(data_dir) / FILE)
    found = lint(ruleset, today=today, expand=forms.expand)
    if forms.missing:
        forms.look_up()
        found = lint(ruleset, today=today, expand=forms.expand)
    return ruleset, found


def _today(request: web.Request) -> tuple[str, str]:
    """The date at the office, and the data folder: what lint goes by."""
    desk = desk_of(request)
    hub = desk.house().directory.config.hub
    return at_wall_clock(hub.zone, desk.clock.now()).date().isoformat(), hub.data_dir


async def findings(request: web.Request) -> web.StreamResponse:
    """All that lint says of the draft, with what the office knows of its queues and of rules that nobody needed."""
    desk, draft = desk_of(request), await draft_of(request)
    try:
        ruleset, found = await asyncio.to_thread(linted, draft.source, *_today(request))
    except RuleFileError:
        return _findings(request, draft, None)
    directory = desk.house().directory

    def query(tx: Reader) -> tuple[list[Item], list[Finding]]:
        unknown = [*unknown_names(ruleset, known(tx, directory.config))]
        return unknown, [*with_names(ruleset, [*duty(tx, directory, ruleset), *idle(tx, ruleset)])]

    unknown, of_office = await desk.store.read(query)
    every = [*unknown, *map(item_of, [*found, *of_office])]
    return _findings(request, draft, sorted(every, key=lambda item: _LEVELS.index(item.level)))


async def findings_live(request: web.Request) -> web.StreamResponse:
    """What is wrong with the names in the block that is being edited, what lint says of it, and what lint would newly
    say of others."""
    desk, draft = desk_of(request), await draft_of(request)
    typed = await read_form(request, Typed)
    try:
        name, ruleset, found, before = await asyncio.to_thread(_live, draft.source, typed, *_today(request))
    except (RuleFileError, Refused):
        return _findings(request, draft, None)
    config = desk.house().directory.config
    names = await desk.store.read(lambda tx: known(tx, config))
    # A new block has no name in the draft, and what is about no rule is not about it.
    own = {name, typed.rule} - {""}
    unknown = [one for one in unknown_names(ruleset, names) if one.rule in own]
    told = {(one.code, one.rule) for one in before}
    mine = [one for one in found if one.rule in own]
    new = [one for one in found if one not in mine and (one.code, one.rule) not in told]
    others = len(found) - len(mine) - len(new)
    return _findings(request, draft, [*unknown, *map(item_of, [*mine, *new])], others)


def _live(
    source: str, typed: Typed, today: str, data_dir: str
) -> tuple[str, RuleSet, Sequence[Finding], Sequence[Finding]]:
    """The block's name, the rules with the block as typed and what lint says of them, what it said before. Raises
    RuleFileError, Refused."""
    kind = BLOCKS.get(typed.kind, "rule")
    ruleset, found = linted(_with_block(source, typed), today, data_dir)
    try:
        _, before = linted(source, today, data_dir)
    except RuleFileError:
        before = found
    return "default" if kind == "default" else name_in(typed.text, kind), ruleset, found, before


def _findings(
    request: web.Request, draft: Draft, found: Sequence[Item] | None, others: int = 0
) -> web.StreamResponse:
    items = None if found is None else found[:SHOWN]
    return render(
        request,
        "rules/_findings.html",
        draft=draft,
        items=items,
        others=others + max(0, len(found or ()) - SHOWN),
        translated=teller(request),
    )


# --- tests -------------------------------------------------------------------------------------------------------


async def samples(request: web.Request) -> web.StreamResponse:
    """How every test of the draft comes out."""
    draft = await draft_of(request)
    return await _samples(request, draft, draft.source, live=False)


async def samples_live(request: web.Request) -> web.StreamResponse:
    """How the tests come out with the block that is being edited."""
    draft, typed = await draft_of(request), await read_form(request, Typed)
    try:
        source = await asyncio.to_thread(_with_block, draft.source, typed)
    except Refused:
        return _verdicts(request, draft, None)
    return await _samples(request, draft, source, live=True)


async def _samples(request: web.Request, draft: Draft, source: str, live: bool) -> web.StreamResponse:
    config = desk_of(request).house().directory.config
    try:
        count = await asyncio.to_thread(lambda: len(load(source).rules)) if live else 0
        if count > LIVE_RULES:
            return _verdicts(request, draft, (), many=True)
        compiled = await asyncio.to_thread(compile_source, config, source, f"draft {draft.id}")
    except (RuleFileError, ConfigError):
        return _verdicts(request, draft, None)
    return _verdicts(request, draft, await asyncio.to_thread(check, compiled), live=live)


def _verdicts(
    request: web.Request,
    draft: Draft,
    verdicts: Sequence[Verdict] | None,
    *,
    live: bool = False,
    many: bool = False,
) -> web.StreamResponse:
    return render(
        request,
        "rules/_samples.html",
        draft=draft,
        verdicts=verdicts,
        live=live,
        many=many,
        translated=teller(request),
    )


# --- a test of a real message ------------------------------------------------------------------------------------


class Wanted(Form, frozen=True, kw_only=True):
    """Which decision a test is made of (none: the newest); the queue that it should have chosen ("": its own)."""

    decision: int | None = None
    queue: str = ""


class Made(Form, frozen=True, kw_only=True):
    """The test as its maker left it. ``draft`` 0 opens a new one."""

    text: str
    draft: int = 0
    decision: int | None = None
    queue: str = ""


class Prepared(msgspec.Struct, frozen=True, kw_only=True):
    """What the page shows: the decisions, the one chosen, the test's text or why there is none."""

    found: list[Decided]
    chosen: Decided
    decided: str = ""
    text: str = ""
    verdict: Verdict | None = None
    refused: Text | None = None


async def make_page(request: web.Request) -> web.StreamResponse:
    """A test made of a decision about a conversation, to be read, corrected and put into a draft."""
    return await _make_page(request, read_query(request, Wanted))


async def _make_page(
    request: web.Request, wanted: Wanted, typed: str = "", problem: str = "", chosen: int = 0
) -> web.StreamResponse:
    desk, scope, number = desk_of(request), scope_of(request), number_of(request)
    require(scope, "administer")

    def query(tx: Reader) -> tuple[list[Decided], list[Draft]]:
        return decisions(tx, scope, number), drafts(tx, scope, ("open",))

    found, open_drafts = await desk.store.read(query)
    if not found:
        raise NotFound("decision")
    prepared = await asyncio.to_thread(_prepared, desk.house().rules, found, wanted)
    return render(
        request,
        "rules/make_test.html",
        status=422 if problem else 200,
        number=number,
        prepared=prepared,
        typed=typed or prepared.text,
        problem=problem,
        drafts=open_drafts,
        chosen_draft=chosen or (open_drafts[0].id if open_drafts else 0),
        wanted=wanted,
        queues=desk.house().directory.config.queues,
        translated=teller(request),
    )


def _prepared(compiled: Compiled, found: list[Decided], wanted: Wanted) -> Prepared:
    chosen = next((one for one in found if one.decision.id == wanted.decision), found[0])
    if not chosen.decision.readable:
        return Prepared(found=found, chosen=chosen, refused=Text(GONE))
    facts = chosen.decision.facts
    taken = {sample.name for sample in compiled.ruleset.samples}
    try:
        made = make(compiled, facts, "", wanted.queue)
    except Unmaskable as error:
        return Prepared(found=found, chosen=chosen, refused=error.text)
    sample = msgspec.structs.replace(made, name=names_of(taken, title_of(made.facts)))
    outcome = verdict(compiled, sample)
    return Prepared(
        found=found,
        chosen=chosen,
        decided=outcome.decision.actions.queue or "",
        text=text_of(sample),
        verdict=outcome,
    )


GONE = N_("The text of this message was changed or deleted since; no test can be made of it.")


async def make_test(request: web.Request) -> web.StreamResponse:
    """Put the test into a draft, a new one if none was chosen."""
    desk, scope = desk_of(request), scope_of(request)
    require(scope, "administer")
    form = await read_form(request, Made)
    wanted = Wanted(decision=form.decision, queue=form.queue)
    try:
        name = name_in(form.text, "sample")
    except Refused as refused:
        problem = teller(request)(refused.text)
        return await _make_page(request, wanted, form.text, problem, form.draft)

    def command(tx: Tx) -> Draft:
        number = form.draft or open_draft(tx, scope).id
        return change(tx, scope, number, lambda source: _added(request, source, form.text), _what(name))

    try:
        draft = await desk.store.write(command)
    except _Wrong as wrong:
        return await _make_page(request, wanted, form.text, str(wrong), form.draft)
    return redirect(request, f"/admin/rules/drafts/{draft.id}/tests", ADDED)


def _what(name: str) -> Change:
    return Change(kind="test", rule=name)


class _Wrong(Conflict):
    """The test does not fit into the draft; the text is for the person who made it."""


def _added(request: web.Request, source: str, added: str) -> str:
    """The draft with the test, which must be readable. Raises _Wrong."""
    say = teller(request)
    try:
        made = appended(source, added)
        load(made)
    except Refused as refused:
        raise _Wrong(say(refused.text)) from None
    except RuleFileError as error:
        told = error.problems[0]
        if not told.key.startswith("tests"):
            return made
        raise _Wrong(say(Text(UNREADABLE, {"problem": told.text}))) from None
    return made


_DRAFT = r"/admin/rules/drafts/{id:\d+}"

ROUTES = [
    web.get(f"{_DRAFT}/findings", findings),
    web.post(f"{_DRAFT}/findings", findings_live),
    web.get(f"{_DRAFT}/samples", samples),
    web.post(f"{_DRAFT}/samples", samples_live),
    web.get(r"/conversations/{id:\d+}/test", make_page),
    web.post(r"/conversations/{id:\d+}/test", make_test),
]
