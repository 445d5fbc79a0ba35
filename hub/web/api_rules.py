"""The API of rules: what is in force, versions, drafts, their checks, publication and the way back.

A token that grants ``rules`` acts as an administrator of its office in these calls alone; publication needs
``publish``.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from hub import ruleset
from hub.house import House
from hub.ruleset import Change, Proof
from hub.ruleset.drafts import LIVE
from hub.ruleset.proving import prove, prove_draft
from hub.scope import Scope
from hub.store.tx import Reader, Tx
from hub.web import api_rules_types as t
from hub.web.api_endpoint import Call, Endpoint, Later, routes
from hub.web.desk import Desk
from hub.web.forms import Unacceptable
from rules import RuleFileError, blocks, load
from rules.blocks import Refused as Unreadable
from rules.diff import diff, unified
from rules.dump import dump_entries
from rules.pieces import Key
from rules.write import write

LARGEST = 40_000_000
"""Bytes of a rule set in JSON: ten thousand rules have some five million."""


def _acting(scope: Scope) -> Scope:
    """The token's account, which is nobody's, as an administrator: its grant was asked for already."""
    return msgspec.structs.replace(scope, role="administrator")


def _model(source: str) -> t.Model | None:
    """A text as data: as :mod:`rules.write` gives it, while it has mistakes as it stands, None while it is no YAML."""
    try:
        return write(load(source))
    except RuleFileError:
        pass  # A draft may be unfinished; its data are those that are written there.
    try:
        found = blocks.plain(blocks.read(source).tree)
    except Unreadable:
        return None
    return found if isinstance(found, dict) else None


def _source(source: str | None, model: t.Model | None) -> str | None:
    if source is not None and model is not None:
        raise Unacceptable("send either source or model")
    return dump_entries(model) if model is not None else source


def _seen(revision: int | None, call: Call) -> int:
    found = revision if revision is not None else call.match
    if found is None:
        raise Unacceptable("say which revision you saw: `revision` in the body, or If-Match")
    return found


# --- reading ---------------------------------------------------------------------------------------------------


def _published(tx: Reader, house: House, scope: Scope, _: int, query: None) -> Later:
    return _version(tx, house, scope, ruleset.published_number(tx), query)


def _version(tx: Reader, house: House, scope: Scope, number: int, _: None) -> Later:
    found = ruleset.version(tx, _acting(scope), number)
    return lambda: t.RuleSet(
        version=t.version_of(found),
        source=found.source,
        model=_model(found.source) or {},
        proof=t.proof_of(found.proof),
    )


def _versions(tx: Reader, house: House, scope: Scope, _: int, query: t.VersionsQuery) -> t.Versions:
    found = ruleset.versions(tx, _acting(scope), before=query.before, limit=query.limit + 1)
    more = found[query.limit - 1].version if len(found) > query.limit else None
    return t.Versions(versions=[t.version_of(one) for one in found[: query.limit]], next=more)


def _version_diff(tx: Reader, house: House, scope: Scope, number: int, query: t.DiffQuery) -> Later:
    acting = _acting(scope)
    after = ruleset.version(tx, acting, number)
    against = query.against if query.against is not None else number - 1
    before = ruleset.version(tx, acting, against).source if against else ""
    return lambda: compared(before, after.source, (f"version {against}", f"version {number}"))


def _drafts(tx: Reader, house: House, scope: Scope, _: int, query: t.DraftsQuery) -> t.Drafts:
    states = LIVE if query.state == "live" else (*LIVE, "published", "discarded")
    return t.Drafts(drafts=[t.draft_of(one) for one in ruleset.drafts(tx, _acting(scope), states)])


def _draft(tx: Reader, house: House, scope: Scope, number: int, _: None) -> Later:
    found = ruleset.draft(tx, _acting(scope), number)
    stale = ruleset.is_stale(tx, found)
    return lambda: t.DraftText(
        draft=t.draft_of(found),
        stale=stale,
        source=found.source,
        model=_model(found.source),
    )


def _changes(tx: Reader, house: House, scope: Scope, number: int, _: None) -> t.Changes:
    ruleset.draft(tx, _acting(scope), number)
    return t.Changes(changes=[t.change_of(one) for one in ruleset.changes(tx, _acting(scope), number)])


def _draft_diff(tx: Reader, house: House, scope: Scope, number: int, query: t.DiffQuery) -> Later:
    acting = _acting(scope)
    found = ruleset.draft(tx, acting, number)
    against = query.against if query.against is not None else ruleset.published_number(tx)
    before = ruleset.version(tx, acting, against).source if against else ""
    return lambda: compared(before, found.source, (f"version {against}", f"draft {number}"))


def compared(before: str, after: str, names: tuple[str, str]) -> t.Diff:
    """Two texts compared; in words where both can be read."""
    try:
        told = [t.difference_of(one) for one in diff(load(before), load(after))] if before else None
    except RuleFileError:
        told = None
    return t.Diff(changes=told, unified=unified(before, after, names))


# --- changing --------------------------------------------------------------------------------------------------


def _open(tx: Tx, house: House, scope: Scope, _: int, body: t.OpenBody, call: Call) -> t.Draft:
    source = _source(body.source, body.model)
    return t.draft_of(ruleset.open_draft(tx, _acting(scope), body.base, source, body.note))


def _change(tx: Tx, house: House, scope: Scope, number: int, body: t.TextBody, call: Call) -> t.Draft:
    source = _source(body.source, body.model)
    if source is None:
        raise Unacceptable("send the text as source or model")
    seen, what = _seen(body.revision, call), Change(kind="text")
    return t.draft_of(ruleset.change(tx, _acting(scope), number, lambda _: source, what, seen))


def _undo(tx: Tx, house: House, scope: Scope, number: int, body: t.UndoBody, call: Call) -> t.Draft:
    return t.draft_of(ruleset.undo_change(tx, _acting(scope), number, body.change))


def _rebase(tx: Tx, house: House, scope: Scope, number: int, body: t.RebaseBody, call: Call) -> t.Draft:
    ours = {"draft": "ours", "published": "theirs"}
    choose: dict[Key, Any] = {Key(one.kind, one.name): ours[one.keep] for one in body.choices}
    return t.draft_of(ruleset.rebase(tx, _acting(scope), number, choose))


def _discard(tx: Tx, house: House, scope: Scope, number: int, body: t.Empty, call: Call) -> t.Draft:
    ruleset.discard(tx, _acting(scope), number)
    return t.draft_of(ruleset.draft(tx, _acting(scope), number))


async def _prove_draft(desk: Desk, scope: Scope, number: int, body: Any) -> Proof:
    """The checks of a draft as it is now, with what a replay of this revision said."""
    acting = _acting(scope)
    found = await desk.store.read(lambda tx: ruleset.draft(tx, acting, number))
    directory = desk.house().directory
    return (await prove_draft(desk.store, directory, found, desk.clock.now())).proof


async def _prove_version(desk: Desk, scope: Scope, number: int, body: Any) -> Proof:
    acting = _acting(scope)
    found = await desk.store.read(lambda tx: ruleset.version(tx, acting, number))
    directory = desk.house().directory
    return (await prove(desk.store, directory, found.source, f"version {number}", desk.clock.now())).proof


def _check(tx: Tx, house: House, scope: Scope, number: int, body: t.Empty, call: Call) -> t.Proof:
    ruleset.keep_proof(tx, _acting(scope), number, call.prepared)
    return t.proof_of(call.prepared)


def _submit(tx: Tx, house: House, scope: Scope, number: int, body: t.PublishBody, call: Call) -> t.Draft:
    seen = _seen(body.revision, call)
    return t.draft_of(ruleset.submit(tx, house, _acting(scope), number, seen, body.note, proof=call.prepared))


def _approve(tx: Tx, house: House, scope: Scope, number: int, body: t.RevisionBody, call: Call) -> t.Draft:
    return t.draft_of(ruleset.approve(tx, _acting(scope), number, _seen(body.revision, call)))


def _send_back(tx: Tx, house: House, scope: Scope, number: int, body: t.WhyBody, call: Call) -> t.Draft:
    return t.draft_of(ruleset.send_back(tx, _acting(scope), number, body.note))


def _publish(tx: Tx, house: House, scope: Scope, number: int, body: t.PublishBody, call: Call) -> t.Published:
    seen = _seen(body.revision, call)
    proof = call.prepared
    return t.Published(
        version=ruleset.publish(tx, house, _acting(scope), number, seen, body.note, proof=proof)
    )


def _schedule(tx: Tx, house: House, scope: Scope, number: int, body: t.ScheduleBody, call: Call) -> t.Draft:
    seen, at = _seen(body.revision, call), _moment(body.at)
    return t.draft_of(
        ruleset.schedule(tx, house, _acting(scope), number, seen, body.note, at, proof=call.prepared)
    )


def _unschedule(tx: Tx, house: House, scope: Scope, number: int, body: t.Empty, call: Call) -> t.Draft:
    return t.draft_of(ruleset.unschedule(tx, _acting(scope), number))


def _roll_back(tx: Tx, house: House, scope: Scope, number: int, body: t.WhyBody, call: Call) -> t.Published:
    return t.Published(version=ruleset.roll_back(tx, _acting(scope), number, body.note, proof=call.prepared))


def _moment(stated: str) -> int:
    try:
        found = datetime.fromisoformat(stated)
    except ValueError:
        found = None
    if found is None or found.tzinfo is None:
        raise Unacceptable("`at` is no time; write it like 2026-11-16T08:00:00Z")
    return round(found.timestamp()) * 1_000_000


def _revision(answer: t.DraftText) -> int:
    return answer.draft.revision


# --- the list --------------------------------------------------------------------------------------------------

_DRAFT = "/api/v1/rules/drafts/{id}"
_VERSION = "/api/v1/rules/versions/{id}"

ENDPOINTS = (
    Endpoint(
        method="GET",
        path="/api/v1/rules",
        summary="The rules in force, as YAML and as JSON",
        grant="rules",
        answer=t.RuleSet,
        read=_published,
    ),
    Endpoint(
        method="GET",
        path="/api/v1/rules/versions",
        summary="Published versions, the newest first",
        grant="rules",
        query=t.VersionsQuery,
        answer=t.Versions,
        read=_versions,
    ),
    Endpoint(
        method="GET",
        path=_VERSION,
        summary="One version with its rules",
        grant="rules",
        answer=t.RuleSet,
        read=_version,
    ),
    Endpoint(
        method="GET",
        path=f"{_VERSION}/diff",
        summary="What a version changed",
        grant="rules",
        query=t.DiffQuery,
        answer=t.Diff,
        read=_version_diff,
    ),
    Endpoint(
        method="POST",
        path=f"{_VERSION}/rollback",
        summary="Put an earlier version in force again, as a new one",
        grant="publish",
        body=t.WhyBody,
        answer=t.Published,
        prepare=_prove_version,
        change=_roll_back,
    ),
    Endpoint(
        method="GET",
        path="/api/v1/rules/drafts",
        summary="Drafts, the one changed last first",
        grant="rules",
        query=t.DraftsQuery,
        answer=t.Drafts,
        read=_drafts,
    ),
    Endpoint(
        method="POST",
        path="/api/v1/rules/drafts",
        summary="Open a draft",
        grant="rules",
        body=t.OpenBody,
        answer=t.Draft,
        change=_open,
        largest=LARGEST,
    ),
    Endpoint(
        method="GET",
        path=_DRAFT,
        summary="One draft with its text",
        grant="rules",
        answer=t.DraftText,
        read=_draft,
        etag=_revision,
    ),
    Endpoint(
        method="PUT",
        path=_DRAFT,
        summary="Change a draft's text; 409 with both texts where somebody changed the same",
        grant="rules",
        body=t.TextBody,
        answer=t.Draft,
        change=_change,
        largest=LARGEST,
    ),
    Endpoint(
        method="GET",
        path=f"{_DRAFT}/changes",
        summary="Every change of a draft",
        grant="rules",
        answer=t.Changes,
        read=_changes,
    ),
    Endpoint(
        method="GET",
        path=f"{_DRAFT}/diff",
        summary="What a draft would change",
        grant="rules",
        query=t.DiffQuery,
        answer=t.Diff,
        read=_draft_diff,
    ),
    Endpoint(
        method="POST",
        path=f"{_DRAFT}/undo",
        summary="Take one change back",
        grant="rules",
        body=t.UndoBody,
        answer=t.Draft,
        change=_undo,
    ),
    Endpoint(
        method="POST",
        path=f"{_DRAFT}/rebase",
        summary="Take over what was published meanwhile",
        grant="rules",
        body=t.RebaseBody,
        answer=t.Draft,
        change=_rebase,
    ),
    Endpoint(
        method="POST",
        path=f"{_DRAFT}/discard",
        summary="Throw a draft away",
        grant="rules",
        body=t.Empty,
        answer=t.Draft,
        change=_discard,
    ),
    Endpoint(
        method="POST",
        path=f"{_DRAFT}/check",
        summary="Run the checks that publication asks for",
        grant="rules",
        body=t.Empty,
        answer=t.Proof,
        prepare=_prove_draft,
        change=_check,
    ),
    Endpoint(
        method="POST",
        path=f"{_DRAFT}/submit",
        summary="Ask a second person for approval",
        grant="rules",
        body=t.PublishBody,
        answer=t.Draft,
        prepare=_prove_draft,
        change=_submit,
    ),
    Endpoint(
        method="POST",
        path=f"{_DRAFT}/approve",
        summary="Approve a draft that others made",
        grant="publish",
        body=t.RevisionBody,
        answer=t.Draft,
        change=_approve,
    ),
    Endpoint(
        method="POST",
        path=f"{_DRAFT}/send-back",
        summary="Open a submitted draft again",
        grant="rules",
        body=t.WhyBody,
        answer=t.Draft,
        change=_send_back,
    ),
    Endpoint(
        method="POST",
        path=f"{_DRAFT}/publish",
        summary="Publish a draft; 409 with the findings while a check fails",
        grant="publish",
        body=t.PublishBody,
        answer=t.Published,
        prepare=_prove_draft,
        change=_publish,
    ),
    Endpoint(
        method="POST",
        path=f"{_DRAFT}/schedule",
        summary="Publish a draft at a set time",
        grant="publish",
        body=t.ScheduleBody,
        answer=t.Draft,
        prepare=_prove_draft,
        change=_schedule,
    ),
    Endpoint(
        method="POST",
        path=f"{_DRAFT}/unschedule",
        summary="Call a publication at a set time off",
        grant="publish",
        body=t.Empty,
        answer=t.Draft,
        change=_unschedule,
    ),
)

ROUTES = routes(ENDPOINTS)
