"""What the calls about rules do; :mod:`hub.web.api.rules` lists them.

A token that grants them acts as an administrator of its office in these calls alone.
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
from hub.web.api import rules_types as t
from hub.web.api.endpoint import Call, Later
from hub.web.desk import Desk
from hub.web.forms import Unacceptable
from rules import RuleFileError, load
from rules.diff import diff, unified
from rules.editing import blocks
from rules.editing.blocks import Refused as Unreadable
from rules.editing.dump import dump_entries
from rules.editing.pieces import Key
from rules.files.write import write


def _acting(scope: Scope) -> Scope:
    """The token's account, which is nobody's, as an administrator: its grant was asked for already."""
    return msgspec.structs.replace(scope, role="administrator")


def _model(source: str) -> t.Model | None:
    """A text as data: as :mod:`rules.files.write` gives it, while it has mistakes as it stands, None while it is no
    YAML."""
    try:
        return write(load(source))
    except RuleFileError:
        pass  # A draft may be unfinished; its data are those that are written there.
    try:
        found = blocks.plain(blocks.read(source).tree, str)
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


def published(tx: Reader, house: House, scope: Scope, _: int, query: None) -> Later:
    """The version in force with its rules. Raises NotFound before the first start."""
    return version(tx, house, scope, ruleset.published_number(tx), query)


def version(tx: Reader, house: House, scope: Scope, number: int, _: None) -> Later:
    """One version with its rules."""
    found = ruleset.version(tx, _acting(scope), number)
    return lambda: t.RuleSet(
        version=t.version_of(found),
        source=found.source,
        model=_model(found.source) or {},
        proof=t.proof_of(found.proof),
    )


def versions(tx: Reader, house: House, scope: Scope, _: int, query: t.VersionsQuery) -> t.Versions:
    """Versions page by page, the newest first."""
    found = ruleset.versions(tx, _acting(scope), before=query.before, limit=query.limit + 1)
    more = found[query.limit - 1].version if len(found) > query.limit else None
    return t.Versions(versions=[t.version_of(one) for one in found[: query.limit]], next=more)


def version_diff(tx: Reader, house: House, scope: Scope, number: int, query: t.DiffQuery) -> Later:
    """What a version changed against the one before, or any other."""
    acting = _acting(scope)
    after = ruleset.version(tx, acting, number)
    against = query.against if query.against is not None else number - 1
    before = ruleset.version(tx, acting, against).source if against else ""
    return lambda: compared(before, after.source, (f"version {against}", f"version {number}"))


def drafts(tx: Reader, house: House, scope: Scope, _: int, query: t.DraftsQuery) -> t.Drafts:
    """Drafts that are worked on, or all."""
    states = LIVE if query.state == "live" else (*LIVE, "published", "discarded")
    return t.Drafts(drafts=[t.draft_of(one) for one in ruleset.drafts(tx, _acting(scope), states)])


def draft(tx: Reader, house: House, scope: Scope, number: int, _: None) -> Later:
    """One draft with its text."""
    found = ruleset.draft(tx, _acting(scope), number)
    stale = ruleset.is_stale(tx, found)
    return lambda: t.DraftText(
        draft=t.draft_of(found),
        stale=stale,
        source=found.source,
        model=_model(found.source),
    )


def changes(tx: Reader, house: House, scope: Scope, number: int, _: None) -> t.Changes:
    """Every change of a draft."""
    ruleset.draft(tx, _acting(scope), number)
    return t.Changes(changes=[t.change_of(one) for one in ruleset.changes(tx, _acting(scope), number)])


def draft_diff(tx: Reader, house: House, scope: Scope, number: int, query: t.DiffQuery) -> Later:
    """What a draft would change."""
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


def open_draft(tx: Tx, house: House, scope: Scope, _: int, body: t.OpenBody, call: Call) -> t.Draft:
    """A new draft."""
    source = _source(body.source, body.model)
    return t.draft_of(ruleset.open_draft(tx, _acting(scope), body.base, source, body.note))


def change(tx: Tx, house: House, scope: Scope, number: int, body: t.TextBody, call: Call) -> t.Draft:
    """Another text of a draft, merged with what others changed since it was seen."""
    source = _source(body.source, body.model)
    if source is None:
        raise Unacceptable("send the text as source or model")
    seen, what = _seen(body.revision, call), Change(kind="text")
    return t.draft_of(ruleset.change(tx, _acting(scope), number, lambda _: source, what, seen))


def undo(tx: Tx, house: House, scope: Scope, number: int, body: t.UndoBody, call: Call) -> t.Draft:
    """Take one change back."""
    return t.draft_of(ruleset.undo_change(tx, _acting(scope), number, body.change))


def rebase(tx: Tx, house: House, scope: Scope, number: int, body: t.RebaseBody, call: Call) -> t.Draft:
    """Take over what was published meanwhile."""
    ours = {"draft": "ours", "published": "theirs"}
    choose: dict[Key, Any] = {Key(one.kind, one.name): ours[one.keep] for one in body.choices}
    return t.draft_of(
        ruleset.rebase(tx, _acting(scope), number, choose, revision=body.revision, seen=body.version)
    )


def discard(tx: Tx, house: House, scope: Scope, number: int, body: t.Empty, call: Call) -> t.Draft:
    """Throw a draft away."""
    ruleset.discard(tx, _acting(scope), number)
    return t.draft_of(ruleset.draft(tx, _acting(scope), number))


async def proof_of_draft(desk: Desk, scope: Scope, number: int, body: Any) -> Proof:
    """The checks of a draft as it is now, with what a replay of this revision said."""
    acting = _acting(scope)
    found = await desk.store.read(lambda tx: ruleset.draft(tx, acting, number))
    directory = desk.house().directory
    return (await prove_draft(desk.store, directory, found, desk.clock.now())).proof


async def proof_of_version(desk: Desk, scope: Scope, number: int, body: Any) -> Proof:
    """The checks of a version as they come out today."""
    acting = _acting(scope)
    found = await desk.store.read(lambda tx: ruleset.version(tx, acting, number))
    directory = desk.house().directory
    return (await prove(desk.store, directory, found.source, f"version {number}", desk.clock.now())).proof


def check(tx: Tx, house: House, scope: Scope, number: int, body: t.Empty, call: Call) -> t.Proof:
    """Keep what the checks said, and say it."""
    ruleset.keep_proof(tx, _acting(scope), number, call.prepared)
    return t.proof_of(call.prepared)


def submit(tx: Tx, house: House, scope: Scope, number: int, body: t.PublishBody, call: Call) -> t.Draft:
    """Ask for approval."""
    seen = _seen(body.revision, call)
    return t.draft_of(ruleset.submit(tx, house, _acting(scope), number, seen, body.note, proof=call.prepared))


def approve(tx: Tx, house: House, scope: Scope, number: int, body: t.RevisionBody, call: Call) -> t.Draft:
    """Approve what others made."""
    return t.draft_of(ruleset.approve(tx, _acting(scope), number, _seen(body.revision, call)))


def send_back(tx: Tx, house: House, scope: Scope, number: int, body: t.WhyBody, call: Call) -> t.Draft:
    """Open a submitted draft again."""
    return t.draft_of(ruleset.send_back(tx, _acting(scope), number, body.note))


def publish(tx: Tx, house: House, scope: Scope, number: int, body: t.PublishBody, call: Call) -> t.Published:
    """Publish a draft."""
    seen = _seen(body.revision, call)
    proof = call.prepared
    return t.Published(
        version=ruleset.publish(tx, house, _acting(scope), number, seen, body.note, proof=proof)
    )


def schedule(tx: Tx, house: House, scope: Scope, number: int, body: t.ScheduleBody, call: Call) -> t.Draft:
    """Publish a draft at a set time."""
    seen, at = _seen(body.revision, call), _moment(body.at)
    return t.draft_of(
        ruleset.schedule(tx, house, _acting(scope), number, seen, body.note, at, proof=call.prepared)
    )


def unschedule(tx: Tx, house: House, scope: Scope, number: int, body: t.Empty, call: Call) -> t.Draft:
    """No publication at the set time."""
    return t.draft_of(ruleset.unschedule(tx, _acting(scope), number))


def roll_back(
    tx: Tx, house: House, scope: Scope, number: int, body: t.RollBackBody, call: Call
) -> t.Published:
    """Put an earlier version in force again."""
    proof, seen = call.prepared, body.version
    return t.Published(
        version=ruleset.roll_back(tx, _acting(scope), number, body.note, proof=proof, seen=seen)
    )


def _moment(stated: str) -> int:
    try:
        found = datetime.fromisoformat(stated)
    except ValueError:
        found = None
    if found is None or found.tzinfo is None:
        raise Unacceptable("`at` is no time; write it like 2026-11-16T08:00:00Z")
    return round(found.timestamp()) * 1_000_000


def revision(answer: t.DraftText) -> int:
    """What ``If-Match`` of a later change names."""
    return answer.draft.revision
