"""Drafts of the rule set: opened, changed rule by rule by several people at once, every change kept and undoable.

A change is made to the text that its author saw and merged into the newest one (:mod:`rules.editing.merge`): who
changes another rule than a colleague never notices; who changes the same gets :class:`Clashes` with both texts, and
nothing is stored.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import msgspec
from sqlalchemy import and_, select, update

from hub.audit import record
from hub.i18n import mark as N_
from hub.ruleset.proof import Proof
from hub.ruleset.versions import MOST, published, source_of
from hub.scope import Conflict, Denied, NotFound, Scope, require
from hub.store import schema
from hub.store.tx import Reader, Tx
from hub.timers import cancel_timer
from rules.editing.merge import Choice, Clash, merge
from rules.editing.pieces import Key
from rules.files.yamltree import MAX_BYTES

rule_draft = schema.rule_draft
rule_draft_change = schema.rule_draft_change

TIMER = "rules-publish"
"""Kind of the timer of a draft that is published at a set time; its subject is the draft."""

State = Literal["open", "submitted", "scheduled", "published", "discarded"]
LIVE: tuple[State, ...] = ("open", "submitted", "scheduled")

CLASH = N_("A colleague changed the same place meanwhile. Compare both texts; nothing was overwritten.")
CLOSED = N_("This draft is closed: it was published or discarded. Open a new one.")
SCHEDULED = N_("This draft waits for its time. Call the publication off first, then change it.")
TOO_LONG = N_("The rule set has become too long.")
UNSTORABLE = N_("The text holds a character that no database keeps, such as U+0000: remove it.")
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
NOTHING_TO_UNDO = N_("There is no change that could be undone.")
CHANGED = N_("The draft was changed meanwhile. Look at it again.")

Kind = Literal[
    "open", "add", "change", "move", "remove", "switch", "list", "test", "text", "undo", "merge", "file"
]


_TAKEN_OVER: tuple[Kind, ...] = ("open", "merge", "file")
"""What nobody wrote into the draft: taken back, it would undo what others published."""


class Change(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a revision changed: ``rule`` names the rule, section, list or test; ``undoes`` the revision taken back.

    ``text``: the YAML of the whole file was edited. ``merge``: what was published meanwhile was taken over.
    ``file``: the rule file changed on disk.
    """

    kind: Kind
    rule: str = ""
    undoes: int = 0


class Draft(msgspec.Struct, frozen=True, kw_only=True):
    """A rule set in the making. ``base`` is the version it was made from, ``author`` who opened it, ``editor`` who
    changed it last (None: the hub itself, or the command line). An approval holds for ``approved_revision`` alone.
    ``proof`` is what the checks said last; it may be about an earlier revision."""

    id: int
    state: State
    base: int | None
    source: str
    revision: int
    author: int | None
    editor: int | None
    note: str
    created_at: int
    updated_at: int
    submitted_by: int | None
    approver: int | None
    approved_revision: int | None
    publish_at: int | None
    version: int | None
    proof: Proof = Proof()

    @property
    def approved(self) -> bool:
        """Whether somebody approved the text as it is."""
        return self.approver is not None and self.approved_revision == self.revision


class Revision(msgspec.Struct, frozen=True, kw_only=True):
    """One change of a draft."""

    revision: int
    author: int | None
    at: int
    what: Change


class Clashes(Conflict):
    """Two people changed the same place. ``clashes`` hold the text before, the stored one (``ours``) and the refused
    one (``theirs``) of each place; ``wanted`` is the whole text that was refused."""

    def __init__(self, clashes: tuple[Clash, ...], wanted: str) -> None:
        super().__init__(CLASH)
        self.clashes = clashes
        self.wanted = wanted


def require_rules(scope: Scope) -> None:
    """Raises Denied unless the actor may change rules: they are those of all offices, so only the front office does."""
    require(scope, "administer")
    if not scope.front:
        raise Denied("administer")


# --- read ------------------------------------------------------------------------------------------------------


def draft(tx: Reader, scope: Scope, draft_id: int) -> Draft:
    """One draft. Raises Denied, NotFound."""
    require(scope, "administer")
    row = tx.execute(select(rule_draft).where(rule_draft.c.id == draft_id)).mappings().first()
    if row is None:
        raise NotFound("draft")
    return _draft(row)


def drafts(tx: Reader, scope: Scope, states: tuple[State, ...] = LIVE, limit: int = 100) -> list[Draft]:
    """Drafts in some states, without their texts, the one that was changed last first. Raises Denied."""
    require(scope, "administer")
    columns = [column for column in rule_draft.c if column.name != "source"]
    statement = select(*columns).where(rule_draft.c.state.in_(states))
    newest = statement.order_by(rule_draft.c.updated_at.desc(), rule_draft.c.id.desc()).limit(limit)
    return [_draft({**row, "source": ""}) for row in tx.execute(newest).mappings()]


def notes(tx: Reader, wanted: Sequence[int]) -> dict[int, str]:
    """What people call drafts, by id; those without a name are left out."""
    if not wanted:
        return {}
    named = and_(rule_draft.c.id.in_(wanted), rule_draft.c.note != "")
    return {row.id: row.note for row in tx.rows(select(rule_draft.c.id, rule_draft.c.note).where(named))}


def changes(tx: Reader, scope: Scope, draft_id: int) -> list[Revision]:
    """Every change of a draft, the newest first. Raises Denied."""
    require(scope, "administer")
    c = rule_draft_change.c
    statement = select(c.revision, c.author, c.at, c.what).where(c.draft == draft_id)
    return [
        Revision(
            revision=row.revision,
            author=row.author,
            at=row.at,
            what=msgspec.json.decode(row.what, type=Change),
        )
        for row in tx.rows(statement.order_by(c.revision.desc()))
    ]


def source_at(tx: Reader, draft_id: int, revision: int) -> str:
    """The text of a live draft as it was. Raises NotFound."""
    c = rule_draft_change.c
    known = select(c.source).where(c.draft == draft_id, c.revision == revision)
    found = tx.scalar(known) if abs(revision) <= MOST else None
    if found is None:
        raise NotFound("revision")
    return str(found)


def undoable(made: list[Revision]) -> int | None:
    """Of changes, newest first: the newest one that is not undone yet. What was only taken over cannot be undone."""
    undone = {change.what.undoes for change in made}
    for change in made:
        if change.revision not in undone and change.what.kind not in ("undo", *_TAKEN_OVER):
            return change.revision if change.revision > 1 else None
    return None


# --- change ----------------------------------------------------------------------------------------------------


def open_draft(
    tx: Tx,
    scope: Scope,
    base: int | None = None,
    source: str | None = None,
    note: str = "",
    *,
    kind: Kind | None = None,
) -> Draft:
    """A new draft of the published version, or of version ``base``; ``source`` puts a text of its own in, which comes
    from where ``kind`` says.

    Raises Denied, NotFound (no such version), Conflict (too long, or with characters that no database keeps).
    """
    require_rules(scope)
    current = published(tx)
    if base is None and current is not None:
        base = current.version
    text = source if source is not None else (source_of(tx, base) if base is not None else "")
    if text is None:
        raise NotFound("version")
    _check_text(text)
    number = tx.new_id()
    row = {
        "id": number,
        "state": "open",
        "base": base,
        "source": text,
        "revision": 1,
        "author": scope.user,
        "editor": scope.user,
        "note": note.strip(),
        "created_at": tx.now,
        "updated_at": tx.now,
    }
    tx.add(rule_draft, row)
    what = Change(kind=kind or ("open" if source is None else "text"))
    _note_change(tx, scope, number, 1, what, text)
    record(tx, scope.user, "rules-draft-opened", f"rule-draft:{number}", {"base": base})
    return draft(tx, scope, number)


def change(
    tx: Tx,
    scope: Scope,
    draft_id: int,
    edit: Callable[[str], str],
    what: Change,
    seen: int | None = None,
) -> Draft:
    """Change a draft. ``edit`` gets a text and returns the new one; what it raises goes through.

    ``seen`` is the revision that the editor looked at: ``edit`` runs on that text, and what others changed since is
    kept beside it. Without it ``edit`` runs on the newest text. Raises Denied, NotFound, Conflict (a closed draft),
    Clashes.
    """
    require_rules(scope)
    row = locked(tx, draft_id)
    if seen is None or seen == row.revision:
        return store(tx, scope, row, edit(row.source), what)
    then = source_at(tx, draft_id, seen)
    return store(tx, scope, row, merged(then, row.source, edit(then)), what)


def merged(base: str, ours: str, theirs: str, choose: Mapping[Key, Choice] | None = None) -> str:
    """Both changes put together. Raises Clashes."""
    found = merge(base, ours, theirs, choose)
    if found.clashes:
        raise Clashes(found.clashes, theirs)
    return found.text


def undo_change(tx: Tx, scope: Scope, draft_id: int, revision: int | None = None) -> Draft:
    """Take back one change, whoever made it, and keep what came after; without ``revision`` the newest not undone yet.

    It is a change of its own, so that it can be undone too. Raises Denied, NotFound, Conflict (nothing to undo, a
    closed draft), Clashes (the same place was changed again later).
    """
    require_rules(scope)
    row = locked(tx, draft_id)
    made = changes(tx, scope, draft_id)
    wanted = undoable(made) if revision is None else revision
    taken_over = {one.revision for one in made if one.what.kind in _TAKEN_OVER}
    if wanted is None or wanted <= 1 or wanted in taken_over:
        raise Conflict(NOTHING_TO_UNDO)
    after, before = source_at(tx, draft_id, wanted), source_at(tx, draft_id, wanted - 1)
    return store(tx, scope, row, merged(after, row.source, before), Change(kind="undo", undoes=wanted))


def set_note(tx: Tx, scope: Scope, draft_id: int, note: str) -> Draft:
    """Write down what a draft is for. Raises Denied, NotFound, Conflict (a closed draft)."""
    require_rules(scope)
    locked(tx, draft_id)
    tx.change(rule_draft, draft_id, note=note.strip())
    return draft(tx, scope, draft_id)


def discard(tx: Tx, scope: Scope, draft_id: int) -> None:
    """Throw a draft away; its row stays for the record. Raises Denied, NotFound, Conflict (a closed draft)."""
    require_rules(scope)
    locked(tx, draft_id, scheduled=True)
    close(tx, draft_id, state="discarded")
    record(tx, scope.user, "rules-draft-discarded", f"rule-draft:{draft_id}")


# --- shared with hub.ruleset.lifecycle ----------------------------------------------------------------------------


def locked(tx: Tx, draft_id: int, *, scheduled: bool = False) -> Draft:
    """A draft that may be changed, locked. Raises NotFound, Conflict (closed; or waiting for its time, unless
    ``scheduled`` allows that)."""
    row = (
        tx.execute(select(rule_draft).where(rule_draft.c.id == draft_id).with_for_update()).mappings().first()
    )
    if row is None:
        raise NotFound("draft")
    found = _draft(row)
    if found.state not in LIVE:
        raise Conflict(CLOSED)
    if found.state == "scheduled" and not scheduled:
        raise Conflict(SCHEDULED)
    return found


def store(
    tx: Tx,
    scope: Scope,
    before: Draft,
    source: str,
    what: Change,
    *,
    base: int | None = None,
) -> Draft:
    """The next revision of a locked draft; what was asked and approved of the former text ends with it."""
    if source == before.source and base in (None, before.base):
        return before
    _check_text(source)
    revision = before.revision + 1
    values: dict[str, Any] = {
        "source": source,
        "revision": revision,
        "editor": scope.user,
        "updated_at": tx.now,
        "state": "open",
        "submitted_by": None,
        "approver": None,
        "approved_revision": None,
    }
    if base is not None:
        values["base"] = base
    tx.change(rule_draft, before.id, **values)
    _note_change(tx, scope, before.id, revision, what, source)
    detail = {"revision": revision, **msgspec.to_builtins(what)}
    record(tx, scope.user, "rules-draft-changed", f"rule-draft:{before.id}", detail)
    return draft(tx, scope, before.id)


def close(tx: Tx, draft_id: int, **values: Any) -> None:
    """End a draft. Who changed what stays known; the texts in between are let go, they would only fill the store."""
    tx.change(rule_draft, draft_id, updated_at=tx.now, publish_at=None, **values)
    c = rule_draft_change.c
    tx.execute(update(rule_draft_change).where(c.draft == draft_id).values(source=""))
    cancel_timer(tx, TIMER, draft_id)


def _note_change(tx: Tx, scope: Scope, draft_id: int, revision: int, what: Change, source: str) -> None:
    row = {
        "draft": draft_id,
        "revision": revision,
        "author": scope.user,
        "at": tx.now,
        "what": msgspec.json.encode(what).decode(),
        "source": source,
    }
    tx.execute(rule_draft_change.insert().values(row))


def _check_text(source: str) -> None:
    if len(source) > MAX_BYTES:
        raise Conflict(TOO_LONG)
    if _UNSTORABLE.search(source):
        raise Conflict(UNSTORABLE)


def _draft(row: Mapping[Any, Any]) -> Draft:
    return Draft(**{**row, "proof": msgspec.json.decode(row["proof"], type=Proof)})
