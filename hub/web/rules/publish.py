"""The last step of a draft: what it changes, what the checks say, and publication, by two persons or at a set time."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Awaitable, Callable
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

import msgspec
from aiohttp import web

from hub import ruleset
from hub.i18n import mark as N_
from hub.people import users
from hub.ruleset import (
    Draft,
    Proof,
    approve,
    draft,
    is_stale,
    may_approve,
    publish,
    published,
    rebase,
    schedule,
    send_back,
    submit,
    unschedule,
)
from hub.ruleset.drafts import LIVE
from hub.ruleset.lifecycle import Behind, SentBack
from hub.ruleset.proving import prove_draft
from hub.scope import Conflict
from hub.store.tx import Reader, Tx
from hub.web.desk import desk_of, number_of, scope_of
from hub.web.forms import Form, Unacceptable, read_form
from hub.web.render import redirect, refusal, render, render_aside, text
from hub.web.rules.versions import compare, words_of
from hub.web.words import moment
from rules.editing.merge import Choice
from rules.editing.pieces import Key

STATES = {
    "open": N_("being worked on"),
    "submitted": N_("waits for approval"),
    "scheduled": N_("waits for its time"),
    "published": N_("published"),
    "discarded": N_("discarded"),
}
PLACES = {
    "head": N_("the beginning of the file"),
    "top": N_("the entry"),
    "words": N_("the word list"),
    "conditions": N_("the condition"),
    "schedules": N_("the schedule"),
    "section": N_("the section"),
    "section-end": N_("the end of the section"),
    "rule": N_("the rule"),
    "test": N_("the test"),
    "file": N_("the whole file"),
}
Note = Annotated[str, msgspec.Meta(max_length=4_000)]

NO_TIME = N_("Say when: choose a day and a time.")


class _Found(msgspec.Struct, frozen=True, kw_only=True):
    """What the page is about. ``base`` is the text in force, ``version`` its number."""

    draft: Draft
    stale: bool
    base: str
    version: int
    approver: bool
    people: dict[int, str]
    sent_back: SentBack | None


async def publish_page(request: web.Request) -> web.StreamResponse:
    """The diff, the checks, and what can be done now."""
    return await _page(request)


async def _page(
    request: web.Request, *, error: str = "", status: int = 200, note: str | None = None
) -> web.Response:
    desk, scope, number = desk_of(request), scope_of(request), number_of(request)
    config = desk.house().directory.config

    def query(tx: Reader) -> _Found:
        row, current = draft(tx, scope, number), published(tx)
        returned = ruleset.sent_back(tx, row)
        by = returned.by if returned is not None else None
        hands = (row.author, row.editor, row.submitted_by, row.approver, by)
        return _Found(
            draft=row,
            stale=is_stale(tx, row),
            base=current.source if current is not None else "",
            version=current.version if current is not None else 0,
            approver=may_approve(tx, scope, row),
            people=users.names(tx, hands),
            sent_back=returned,
        )

    found = await desk.store.read(query)
    row, live = found.draft, found.draft.state in LIVE
    proof = await _proved(request, row) if live else row.proof
    names = (text(request, N_("version {n}"), n=found.version), text(request, N_("draft {n}"), n=number))
    compared = await asyncio.to_thread(compare, found.base, row.source, names) if live else None
    return await render_aside(
        request,
        "rules/publish.html",
        status=status,
        draft=row,
        found=found,
        proof=proof,
        compared=compared,
        live=live,
        asks_approval=config.rules.approval,
        states=STATES,
        error=error,
        note=row.note if note is None else note,
        soonest=_local(desk.clock.now(), _zone(request)),
        view="words",
        **words_of(request),
    )


async def _proved(request: web.Request, row: Draft) -> Proof:
    desk = desk_of(request)
    directory = desk.house().directory
    return (await prove_draft(desk.store, directory, row, desk.clock.now())).proof


def _zone(request: web.Request) -> str:
    return desk_of(request).house().directory.zone(scope_of(request).office)


def _local(at: int, zone: str) -> str:
    return moment(at, zone).strftime("%Y-%m-%dT%H:%M")


class Publish(Form, frozen=True, kw_only=True):
    revision: int
    act: Literal["publish", "submit", "schedule"]
    note: Note = ""
    at: str = ""


async def published_draft(request: web.Request) -> web.StreamResponse:
    """Publish now, ask for approval, or set a time."""
    desk, scope, number = desk_of(request), scope_of(request), number_of(request)
    form = await read_form(request, Publish)
    house = desk.house()
    try:
        at = _moment(form.at, _zone(request)) if form.act == "schedule" else 0
        row = await desk.store.read(lambda tx: draft(tx, scope, number))
        proof = await _proved(request, row)

        def command(tx: Tx) -> int | None:
            if form.act == "publish":
                return publish(tx, house, scope, number, form.revision, form.note, proof=proof)
            if form.act == "submit":
                submit(tx, house, scope, number, form.revision, form.note, proof=proof)
            else:
                schedule(tx, house, scope, number, form.revision, form.note, at, proof=proof)
            return None

        new = await desk.store.write(command)
    except Conflict as refused:
        return await _page(request, error=refusal(request, refused), status=409, note=form.note)
    if new is not None:
        said = N_("Version {n} is in force.")
        return redirect(request, f"/admin/rules/versions/{new}", said, n=new)
    said = N_("A second person is asked for approval.") if form.act == "submit" else N_("The time is set.")
    return redirect(request, _home(number), said)


def _home(number: int) -> str:
    return f"/admin/rules/drafts/{number}/publish"


def _moment(stated: str, zone: str) -> int:
    """A time of a form, on the wall clock of the person's office. Raises Conflict."""
    try:
        local = dt.datetime.fromisoformat(stated).replace(tzinfo=ZoneInfo(zone))
        return int(local.timestamp()) * 1_000_000
    except (ValueError, OverflowError):
        raise Conflict(NO_TIME) from None


class Seen(Form, frozen=True, kw_only=True):
    revision: int


class Why(Form, frozen=True, kw_only=True):
    note: Note = ""


class Empty(Form, frozen=True, kw_only=True):
    """A button alone."""


async def _step(request: web.Request, command: Callable[[Tx], object], said: str) -> web.StreamResponse:
    """Carry out one step and go back to the page, or say there why not."""
    try:
        await desk_of(request).store.write(command)
    except Behind:
        raise
    except Conflict as refused:
        return await _page(request, error=refusal(request, refused), status=409)
    return redirect(request, _home(number_of(request)), said)


async def approved(request: web.Request) -> web.StreamResponse:
    """Approve what others made."""
    scope, number, form = scope_of(request), number_of(request), await read_form(request, Seen)
    return await _step(
        request, lambda tx: approve(tx, scope, number, form.revision), N_("The draft is approved.")
    )


async def sent_back(request: web.Request) -> web.StreamResponse:
    """Do not approve, or take the request back."""
    scope, number, form = scope_of(request), number_of(request), await read_form(request, Why)
    return await _step(
        request, lambda tx: send_back(tx, scope, number, form.note), N_("The draft is open again.")
    )


async def called_off(request: web.Request) -> web.StreamResponse:
    """No publication at the set time."""
    scope, number = scope_of(request), number_of(request)
    await read_form(request, Empty)
    return await _step(
        request, lambda tx: unschedule(tx, scope, number), N_("The publication is called off.")
    )


# --- what was published meanwhile ---------------------------------------------------------------------------------


class Rebase(Form, frozen=True, kw_only=True):
    """``keep``: for each clash ``ours:kind:name`` (the draft's text) or ``theirs:kind:name``; ``revision`` of the draft
    and ``version``: whose texts were seen."""

    keep: tuple[str, ...] = ()
    revision: int | None = None
    version: int | None = None


async def rebased(request: web.Request) -> web.StreamResponse:
    """Take over what was published meanwhile; where both changed the same, ask whose text is kept."""
    scope, number, form = scope_of(request), number_of(request), await read_form(request, Rebase)
    chosen = dict(map(_choice, form.keep))
    try:
        return await _step(
            request,
            lambda tx: rebase(tx, scope, number, chosen, revision=form.revision, seen=form.version),
            N_("What was published meanwhile is in the draft now."),
        )
    except Behind as behind:
        return await _ask(request, behind, chosen)


def _choice(stated: str) -> tuple[Key, Choice]:
    side, _, place = stated.partition(":")
    kind, _, name = place.partition(":")
    if side == "ours":
        return Key(kind, name), "ours"
    if side == "theirs":
        return Key(kind, name), "theirs"
    raise Unacceptable("the field keep is none of the choices")


async def _ask(request: web.Request, behind: Behind, chosen: dict[Key, Choice]) -> web.StreamResponse:
    desk, scope, number = desk_of(request), scope_of(request), number_of(request)
    row = await desk.store.read(lambda tx: draft(tx, scope, number))
    kept = [f"{side}:{key.kind}:{key.name}" for key, side in chosen.items()]
    return render(
        request,
        "rules/clashes.html",
        status=409,
        draft=row,
        clashes=behind.clashes,
        seen=behind,
        kept=kept,
        places=PLACES,
        **words_of(request),
    )


Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
_STEPS: tuple[tuple[str, Handler], ...] = (
    ("publish", published_draft),
    ("approve", approved),
    ("send-back", sent_back),
    ("call-off", called_off),
    ("rebase", rebased),
)

ROUTES = [
    web.get("/admin/rules/drafts/{id}/publish", publish_page),
    *(web.post(f"/admin/rules/drafts/{{id}}/{step}", handler) for step, handler in _STEPS),
]
