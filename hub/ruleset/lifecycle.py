"""From a draft to a version: submitted, approved by a second person, published now or at a set time. Every step is
one transaction and one row of the audit log.

The checks run before (:mod:`hub.ruleset.checks`), because they may take seconds; a publication names their proof and is
refused unless it is about this very text.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import msgspec
from sqlalchemy import Row, and_, or_, select

from hub.audit import record
from hub.config import Config
from hub.desk.notify import tell
from hub.directory import Directory
from hub.i18n import mark as N_
from hub.ruleset.drafts import (
    CHANGED,
    TIMER,
    Change,
    Clashes,
    Draft,
    changes,
    close,
    draft,
    locked,
    merged,
    require_rules,
    rule_draft,
    store,
)
from hub.ruleset.proof import Proof
from hub.ruleset.versions import Wanted, add_version, lock, published, published_number, source_of
from hub.scope import SYSTEM, Conflict, Scope
from hub.store import schema
from hub.store.tx import Reader, Tx
from hub.timers import cancel_timer, set_timer
from rules.editing.merge import Choice
from rules.editing.pieces import Key
from rules.files.load import version_of

STALE_BASE = N_(
    "Another version was published meanwhile. Take its changes over first, then look at the draft again."
)
NOTHING_NEW = N_("The draft says the same as the published version: there is nothing to publish.")
NOT_PROVED = N_("The draft was changed while it was checked. Check it again.")
NOT_PASSED = N_(
    "The draft cannot be published yet: the checks found mistakes. They are listed with what to do."
)
NEEDS_APPROVAL = N_("A second person must approve this draft before it is published.")
OWN_APPROVAL = N_("You changed or submitted this draft yourself; somebody else must approve it.")
NOT_SUBMITTED = N_("Nobody has asked for an approval of this draft.")
NO_APPROVAL_ASKED = N_("Approvals are switched off in the configuration; publish the draft.")
IN_THE_PAST = N_("That time has passed. Choose a later one.")
NOT_SCHEDULED = N_("This draft does not wait for a time.")


class Housed(Protocol):
    """What publication needs of a House; a command that works on a store without a hub has no more."""

    @property
    def directory(self) -> Directory:
        """The configuration, looked up."""
        ...


class Refused(Conflict):
    """The checks found mistakes; ``proof`` lists them."""

    def __init__(self, proof: Proof, why: str = NOT_PASSED) -> None:
        super().__init__(why)
        self.proof = proof


class Behind(Clashes):
    """A draft and what was published meanwhile changed the same place: the texts are those of this ``revision`` of the
    draft and of this ``version``."""

    def __init__(self, found: Clashes, revision: int, version: int) -> None:
        super().__init__(found.clashes, found.wanted)
        self.revision = revision
        self.version = version


# --- what was published meanwhile ---------------------------------------------------------------------------------


def is_stale(tx: Reader, row: Draft) -> bool:
    """Whether another version was published since this draft was made or last brought up to date."""
    return published_number(tx) not in (0, row.base)


def rebase(
    tx: Tx,
    scope: Scope,
    draft_id: int,
    choose: Mapping[Key, Choice] | None = None,
    *,
    revision: int | None = None,
    seen: int | None = None,
) -> Draft:
    """Take over what was published since the draft's base, rule by rule.

    ``choose`` settles clashes: ``ours`` is the draft's text, as it was seen at ``revision``, ``theirs`` that of the
    version ``seen``. Raises Denied, NotFound, Conflict (closed, changed, another version in force than that), Behind.
    """
    require_rules(scope)
    row = locked(tx, draft_id)
    if revision is not None:
        _require_revision(row, revision)
    current = published(tx)
    if seen is not None and (current is None or current.version != seen):
        raise Conflict(STALE_BASE)
    if current is None or current.version == row.base:
        return row
    base = source_of(tx, row.base) if row.base is not None else None
    try:
        text = merged(base or "", row.source, current.source, choose)
    except Clashes as found:
        raise Behind(found, row.revision, current.version) from found
    return store(tx, scope, row, text, Change(kind="merge"), base=current.version)


# --- approval -----------------------------------------------------------------------------------------------------


def keep_proof(tx: Tx, scope: Scope, draft_id: int, proof: Proof) -> None:
    """Remember what the checks said of a draft. Raises Denied, NotFound, Conflict (a closed draft)."""
    require_rules(scope)
    locked(tx, draft_id, scheduled=True)
    tx.change(rule_draft, draft_id, proof=msgspec.json.encode(proof).decode())


def submit(
    tx: Tx, house: Housed, scope: Scope, draft_id: int, revision: int, note: str, *, proof: Proof
) -> Draft:
    """Ask a second person for their approval. Raises Denied, NotFound, Conflict, Refused."""
    require_rules(scope)
    if not house.directory.config.rules.approval:
        raise Conflict(NO_APPROVAL_ASKED)
    row = _ready(tx, locked(tx, draft_id), revision, proof)
    ended = {"approver": None, "approved_revision": None}
    asked = {"state": "submitted", "submitted_by": scope.user, "note": note.strip() or row.note}
    tx.change(rule_draft, draft_id, updated_at=tx.now, **asked, **ended)
    record(tx, scope.user, "rules-draft-submitted", f"rule-draft:{draft_id}", {"revision": revision})
    for person in _administrators(tx, house):
        if person not in _hands(tx, row, scope.user):
            tell(tx, person, "rules-approval")
    return draft(tx, scope, draft_id)


def may_approve(tx: Reader, scope: Scope, row: Draft) -> bool:
    """Whether this actor could approve a submitted draft now."""
    waits = row.state == "submitted" and not row.approved
    return waits and scope.front and scope.user not in _hands(tx, row, row.submitted_by)


def approve(tx: Tx, scope: Scope, draft_id: int, revision: int) -> Draft:
    """Approve the text as it is at ``revision``. Whoever changed or submitted it may not.

    Raises Denied, NotFound, Conflict.
    """
    require_rules(scope)
    row = locked(tx, draft_id)
    if row.state != "submitted":
        raise Conflict(NOT_SUBMITTED)
    _require_revision(row, revision)
    if scope.user in _hands(tx, row, row.submitted_by):
        raise Conflict(OWN_APPROVAL)
    tx.change(rule_draft, draft_id, approver=scope.user, approved_revision=revision, updated_at=tx.now)
    record(tx, scope.user, "rules-draft-approved", f"rule-draft:{draft_id}", {"revision": revision})
    if row.submitted_by is not None:
        tell(tx, row.submitted_by, "rules-approved")
    return draft(tx, scope, draft_id)


def send_back(tx: Tx, scope: Scope, draft_id: int, why: str = "") -> Draft:
    """Do not approve, or take the request back: the draft is open again. Raises Denied, NotFound, Conflict."""
    require_rules(scope)
    row = locked(tx, draft_id)
    if row.state != "submitted":
        raise Conflict(NOT_SUBMITTED)
    ended = {"state": "open", "submitted_by": None, "approver": None, "approved_revision": None}
    tx.change(rule_draft, draft_id, updated_at=tx.now, **ended)
    detail = {"revision": row.revision, "why": why.strip()}
    record(tx, scope.user, "rules-draft-sent-back", f"rule-draft:{draft_id}", detail)
    if row.submitted_by is not None and row.submitted_by != scope.user:
        tell(tx, row.submitted_by, "rules-sent-back")
    return draft(tx, scope, draft_id)


class SentBack(msgspec.Struct, frozen=True, kw_only=True):
    """Who did not approve a draft, and what should be changed in it."""

    by: int | None
    why: str


def sent_back(tx: Reader, row: Draft) -> SentBack | None:
    """Why an open draft came back when its approval was asked for last; None where nobody said so."""
    audit = schema.audit.c
    asked = audit.action.in_(("rules-draft-submitted", "rules-draft-approved", "rules-draft-sent-back"))
    # The log has no index by subject; what is about a draft came after it.
    mine = and_(audit.id > row.id, audit.subject == f"rule-draft:{row.id}", asked)
    last = tx.row(select(audit.actor, audit.detail).where(mine).order_by(audit.id.desc()).limit(1))
    why = msgspec.json.decode(last.detail).get("why", "") if last is not None and row.state == "open" else ""
    return SentBack(by=last.actor, why=why) if last is not None and why else None


# --- publication --------------------------------------------------------------------------------------------------


def publish(
    tx: Tx, house: Housed, scope: Scope, draft_id: int, revision: int, note: str, *, proof: Proof
) -> int:
    """Make a draft the published version; returns its number. ``proof`` is that of its text, made just before.

    Raises Denied, NotFound, Conflict (changed, stale, unapproved, nothing new), Refused (the checks found mistakes).
    """
    require_rules(scope)
    lock(tx)
    row = _ready(tx, locked(tx, draft_id, scheduled=True), revision, proof)
    _require_approval(house.directory.config, row)
    return _made(tx, scope.user, row, note, proof)


def _made(tx: Tx, by: int | None, row: Draft, note: str, proof: Proof) -> int:
    approver = row.approver if row.approved else None
    # Two people stand behind an approved version, also where the second one publishes it.
    author = row.editor if by in (None, approver) else by
    wanted = Wanted(
        source=row.source,
        author=by if author is None else author,
        approver=approver,
        note=note.strip() or row.note,
        origin="console",
        base=row.base,
        proof=proof,
    )
    number = add_version(tx, wanted)
    tx.change(rule_draft, row.id, proof=msgspec.json.encode(proof).decode())
    close(tx, row.id, state="published", version=number)
    detail = {"draft": row.id, "revision": row.revision, "approver": wanted.approver}
    record(tx, by, "rules-published", f"rules:{number}", detail)
    return number


# --- at a set time ------------------------------------------------------------------------------------------------


def schedule(
    tx: Tx, house: Housed, scope: Scope, draft_id: int, revision: int, note: str, at: int, *, proof: Proof
) -> Draft:
    """Have a draft published at ``at`` (microseconds UTC), provided that it passes its checks then too, and that no
    other version is published before: nothing goes into force that nobody has seen.

    Raises Denied, NotFound, Conflict, Refused.
    """
    require_rules(scope)
    if at <= tx.now:
        raise Conflict(IN_THE_PAST)
    row = _ready(tx, locked(tx, draft_id), revision, proof)
    _require_approval(house.directory.config, row)
    keep_proof(tx, scope, draft_id, proof)
    values = {"state": "scheduled", "publish_at": at, "submitted_by": scope.user}
    tx.change(rule_draft, draft_id, updated_at=tx.now, note=note.strip() or row.note, **values)
    set_timer(tx, TIMER, draft_id, at)
    record(
        tx, scope.user, "rules-publish-scheduled", f"rule-draft:{draft_id}", {"revision": revision, "at": at}
    )
    return draft(tx, scope, draft_id)


def unschedule(tx: Tx, scope: Scope, draft_id: int) -> Draft:
    """Call a publication at a set time off; the draft is open again. Raises Denied, NotFound, Conflict."""
    require_rules(scope)
    row = locked(tx, draft_id, scheduled=True)
    if row.state != "scheduled":
        raise Conflict(NOT_SCHEDULED)
    _reopen(tx, row)
    record(tx, scope.user, "rules-publish-called-off", f"rule-draft:{draft_id}")
    return draft(tx, scope, draft_id)


def on_timer(tx: Tx, house: Housed, row: Row[Any]) -> None:
    """The time has come: wake the loop that checks and publishes, which no transaction could wait for."""
    tx.ring("rules")


def due(tx: Reader) -> list[Draft]:
    """Drafts that wait no longer, with their texts: their time has come, or another version was published."""
    c, number = rule_draft.c, published_number(tx)
    ends = c.publish_at <= tx.now
    if number:
        ends = or_(ends, c.base.is_distinct_from(number))
    statement = select(c.id).where(c.state == "scheduled", ends).order_by(c.publish_at)
    return [draft(tx, SYSTEM, row.id) for row in tx.rows(statement)]


def publish_due(tx: Tx, house: Housed, draft_id: int, revision: int, proof: Proof) -> int | None:
    """Publish a draft at its time; None where it may not be, which its author and all administrators are told.

    Where another version was published since, they are told at once, while there is time to look at both together.
    Nothing happens to a draft that another process published or somebody called off.
    """
    lock(tx)
    row = draft(tx, SYSTEM, draft_id)
    if row.state != "scheduled" or row.revision != revision:
        return None
    if (row.publish_at or 0) > tx.now and not is_stale(tx, row):
        return None
    try:
        with tx.savepoint() as inner:
            ready = _ready(inner, row, revision, proof)
            _require_approval(house.directory.config, ready)
            return _made(inner, row.submitted_by, ready, row.note, proof)
    except Conflict as refused:
        keep_proof(tx, SYSTEM, draft_id, proof)
        _reopen(tx, row)
        detail = {"revision": row.revision, "why": str(refused)}
        record(tx, None, "rules-publish-refused", f"rule-draft:{draft_id}", detail)
        for person in {*_administrators(tx, house), *filter(None, (row.author, row.submitted_by))}:
            tell(tx, person, "rules-refused")
        return None


def _reopen(tx: Tx, row: Draft) -> None:
    """Back from its set time; what was approved stays approved."""
    state = "submitted" if row.approved else "open"
    asked = row.submitted_by if row.approved else None
    tx.change(rule_draft, row.id, state=state, submitted_by=asked, publish_at=None, updated_at=tx.now)
    cancel_timer(tx, TIMER, row.id)


# --- conditions ---------------------------------------------------------------------------------------------------


def _require_revision(row: Draft, revision: int) -> None:
    if row.revision != revision:
        raise Conflict(CHANGED)


def _ready(tx: Reader, row: Draft, revision: int, proof: Proof) -> Draft:
    """Whether a draft may go on to approval or publication."""
    _require_revision(row, revision)
    current = published(tx)
    if current is not None and current.version != row.base:
        raise Conflict(STALE_BASE)
    if current is not None and current.source == row.source:
        raise Conflict(NOTHING_NEW)
    if proof.digest != version_of(row.source):
        raise Conflict(NOT_PROVED)
    if not proof.passed:
        raise Refused(proof)
    return row


def _require_approval(config: Config, row: Draft) -> None:
    if config.rules.approval and not row.approved:
        raise Conflict(NEEDS_APPROVAL)


def _hands(tx: Reader, row: Draft, submitted_by: int | None) -> set[int | None]:
    """Everybody who had a hand in the text: who opened it, changed it, or asks for the approval."""
    return {row.author, submitted_by, *(change.author for change in changes(tx, SYSTEM, row.id))}


def _administrators(tx: Reader, house: Housed) -> list[int]:
    """Those of the front office: they may change rules."""
    user = schema.user.c
    offices = sorted(house.directory.front)
    wanted = and_(user.role == "administrator", user.active.is_(True), user.office.in_(offices))
    return [int(row.id) for row in tx.rows(select(user.id).where(wanted).order_by(user.id))]
