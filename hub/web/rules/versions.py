"""Versions of the rules on the screen: what was in force when, what each changed, and the way back."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Annotated, Any, Literal

import msgspec
from aiohttp import web

from hub.i18n import mark as N_
from hub.people import users
from hub.ruleset import Version, published_number, roll_back, version, versions
from hub.ruleset.proof import Proof
from hub.ruleset.proving import prove
from hub.scope import Conflict, require
from hub.store.tx import Reader
from hub.web.desk import desk_of, number_of, scope_of
from hub.web.forms import Form, read_form, read_query
from hub.web.render import redirect, refusal, render, render_aside, text
from hub.web.verdict_words import teller
from rules import RuleFileError, load
from rules.diff import Change, diff, unified

PAGE = 50

ORIGINS: Mapping[str, str] = {
    "file": N_("from the rule file"),
    "console": N_("published in the console or by the API"),
    "rollback": N_("taken back"),
}
ABOUT: Mapping[str, str] = {
    "rule": N_("Rule"),
    "section": N_("Section"),
    "words": N_("Word list"),
    "condition": N_("Condition"),
    "schedule": N_("Schedule"),
    "default": N_("Default"),
    "test": N_("Test"),
}
KINDS: Mapping[str, tuple[str, str]] = {
    "added": ("plus", N_("added")),
    "removed": ("close", N_("removed")),
    "moved": ("right", N_("moved")),
    "changed": ("edit", N_("changed")),
}


class Line(msgspec.Struct, frozen=True):
    """A line of a unified diff: ``kind`` is add, cut, same or head."""

    kind: str
    text: str


class Compared(msgspec.Struct, frozen=True, kw_only=True):
    """Two texts: ``changes`` in words (None: one of them cannot be read), ``lines`` of the unified diff."""

    changes: tuple[Change, ...] | None
    lines: tuple[Line, ...]


MOST_LINES = 3_000
"""Lines of a unified diff that a page shows."""


def compare(before: str, after: str, names: tuple[str, str]) -> Compared:
    """What a page says of two texts. Takes seconds for very large ones: call it in a thread."""
    try:
        changes = diff(load(before), load(after)) if before else ()
    except RuleFileError:
        changes = None
    lines = unified(before, after, names).splitlines()[:MOST_LINES]
    return Compared(changes=changes, lines=tuple(Line(_kind(line), line) for line in lines))


def _kind(line: str) -> str:
    if line.startswith(("+++", "---", "@@")):
        return "head"
    return {"+": "add", "-": "cut"}.get(line[:1], "same")


def words_of(request: web.Request) -> dict[str, Any]:
    """What the templates about versions and publication use besides."""
    return {"translated": teller(request), "origins": ORIGINS, "about": ABOUT, "kinds": KINDS}


class ListQuery(Form, frozen=True, kw_only=True):
    before: int | None = None


async def version_list(request: web.Request) -> web.StreamResponse:
    """Every version, the newest first."""
    desk, scope, asked = desk_of(request), scope_of(request), read_query(request, ListQuery)
    require(scope, "administer")

    def query(tx: Reader) -> tuple[list[Version], dict[int, str]]:
        found = versions(tx, scope, before=asked.before, limit=PAGE + 1)
        return found, users.names(tx, [p for one in found for p in (one.author, one.approver)])

    found, named = await desk.store.read(query)
    return render(
        request,
        "rules/versions.html",
        versions=found[:PAGE],
        older=found[PAGE - 1].version if len(found) > PAGE else None,
        people=named,
        running=desk.house().rules_version,
        cautions=[caution for caution in desk.cautions() if caution.key.startswith("rules")],
        **words_of(request),
    )


class VersionQuery(Form, frozen=True, kw_only=True):
    against: int | None = None
    view: Literal["words", "yaml"] = "words"


async def version_page(request: web.Request) -> web.StreamResponse:
    """One version: its story, its proof, what it changed against any other."""
    desk, scope, number = desk_of(request), scope_of(request), number_of(request)
    asked = read_query(request, VersionQuery)

    def query(tx: Reader) -> tuple[Version, Version | None, list[Version], dict[int, str]]:
        found = version(tx, scope, number)
        against = number - 1 if asked.against is None else asked.against
        other = version(tx, scope, against) if against else None
        return found, other, versions(tx, scope), users.names(tx, [found.author, found.approver])

    found, other, every, named = await desk.store.read(query)
    names = (_name(request, other.version if other else 0), _name(request, number))
    compared = await asyncio.to_thread(compare, other.source if other else "", found.source, names)
    return await render_aside(
        request,
        "rules/version.html",
        version=found,
        other=other,
        versions=every,
        people=named,
        proof=found.proof,
        compared=compared,
        view=asked.view,
        **words_of(request),
    )


def _name(request: web.Request, number: int) -> str:
    return text(request, N_("version {n}"), n=number)


async def version_file(request: web.Request) -> web.StreamResponse:
    """The text of a version as a file."""
    desk, scope, number = desk_of(request), scope_of(request), number_of(request)
    found = await desk.store.read(lambda tx: version(tx, scope, number))
    named = f'attachment; filename="rules-{number}.yaml"'
    return web.Response(
        text=found.source, content_type="application/yaml", headers={"Content-Disposition": named}
    )


async def roll_back_page(request: web.Request) -> web.StreamResponse:
    """What going back to a version would change, to be confirmed."""
    return await _confirm(request)


async def _confirm(
    request: web.Request, *, error: str = "", status: int = 200, note: str = ""
) -> web.Response:
    desk, scope, number = desk_of(request), scope_of(request), number_of(request)

    def query(tx: Reader) -> tuple[Version, Version]:
        return version(tx, scope, number), version(tx, scope, published_number(tx))

    old, current = await desk.store.read(query)
    proof = await _proved(request, old)
    names = (_name(request, current.version), _name(request, number))
    compared = await asyncio.to_thread(compare, current.source, old.source, names)
    return render(
        request,
        "rules/rollback.html",
        status=status,
        version=old,
        current=current,
        compared=compared,
        proof=proof,
        usable=proof.loads,
        error=error,
        note=note,
        view="words",
        **words_of(request),
    )


async def _proved(request: web.Request, old: Version) -> Proof:
    desk = desk_of(request)
    directory = desk.house().directory
    name = f"version {old.version}"
    return (await prove(desk.store, directory, old.source, name, desk.clock.now())).proof


class RollBack(Form, frozen=True, kw_only=True):
    """``seen``: the version in force, as the page showed it."""

    note: Annotated[str, msgspec.Meta(max_length=4_000)] = ""
    seen: int | None = None


async def rolled_back(request: web.Request) -> web.StreamResponse:
    """Put an earlier version in force again."""
    desk, scope, number = desk_of(request), scope_of(request), number_of(request)
    form = await read_form(request, RollBack)
    old = await desk.store.read(lambda tx: version(tx, scope, number))
    proof = await _proved(request, old)
    try:
        new = await desk.store.write(
            lambda tx: roll_back(tx, scope, number, form.note, proof=proof, seen=form.seen)
        )
    except Conflict as refused:
        return await _confirm(request, error=refusal(request, refused), status=409, note=form.note)
    said = N_("Version {old} is in force again, as version {new}.")
    return redirect(request, f"/admin/rules/versions/{new}", said, old=number, new=new)


ROUTES = [
    web.get("/admin/rules/versions", version_list),
    web.get("/admin/rules/versions/{id}", version_page),
    web.get("/admin/rules/versions/{id}/yaml", version_file),
    web.get("/admin/rules/versions/{id}/rollback", roll_back_page),
    web.post("/admin/rules/versions/{id}/rollback", rolled_back),
]
