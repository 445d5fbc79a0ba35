"""What a moderator decides about a comment: claim, publish, reject, hide, mask; one by one or many at once.

A decision names the revision that its maker saw. It is refused when somebody else decided meanwhile, or holds
the claim. What was decided is remembered for ``u``, audited, and told to the author when it can no longer be undone.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import Row, select, update

from hub.audit import record
from hub.desk.undoing import remember
from hub.house import House
from hub.i18n import mark as N_
from hub.moderation import platform
from hub.moderation.masking import mask
from hub.moderation.placing import decode_reasons
from hub.moderation.platform import Deed
from hub.moderation.reasons import REFUSALS
from hub.moderation.rows import OFF_BENCH, article_of, change, workable
from hub.moderation.states import Step, after
from hub.moderation.telling import tell_author
from hub.scope import Conflict, Denied, NotFound, Scope, require
from hub.store import schema
from hub.store.tx import Tx

post, report, appeal, message = schema.post, schema.report, schema.appeal, schema.message

CLAIM = 300_000_000
"""Microseconds that a claim holds without being renewed."""

LONGEST_WORDS = 2000
"""Characters of a moderator's own explanation."""

MANY = 200
"""Most comments of one bulk decision."""

STALE = N_("The comment changed meanwhile. Please look at it again.")
CLAIMED = N_("Another moderator is looking at this comment.")
NOT_TWICE = N_("Another moderator than the one who decided has to answer this appeal.")
NO_REASON = N_("Please choose a reason.")
NOTHING_TO_DO = N_("The comment is in another state by now.")
GONE = N_("This comment is no longer here.")
MAY_NOT = N_("You may not do this.")
NOT_OURS = N_("A comment on our own pages is rejected, not deleted.")

UNDONE = "moderation"
"""The kind under which a decision is remembered for undoing."""


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """One comment of a decision, and the revision that its maker saw (None: whatever it is)."""

    post: int
    revision: int | None = None


class Bulk(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a decision about several comments: those done, and those not, each with a msgid that says why."""

    done: tuple[int, ...]
    failed: tuple[tuple[int, str], ...]
    undo: int | None


def claim(tx: Tx, scope: Scope, number: int) -> None:
    """Keep other moderators from deciding while this one looks. Raises Conflict when another holds it."""
    require(scope, "moderate")
    row = workable(tx, scope, number)
    _check_claim(tx, scope, row)
    tx.change(post, number, claimed_by=scope.user, claimed_until=tx.now + CLAIM)
    if row.claimed_by != scope.user:
        _announce(tx, row, scope)


def release(tx: Tx, scope: Scope, number: int) -> None:
    """Let others decide again; no error when the claim is not this actor's."""
    require(scope, "moderate")
    row = workable(tx, scope, number)
    if row.claimed_by is not None and row.claimed_by == scope.user:
        tx.change(post, number, claimed_by=None, claimed_until=None)
        _announce(tx, row, scope)


def _announce(tx: Tx, row: Row[Any], scope: Scope) -> None:
    place = {"office": row.office, "conversation": row.conversation, "message": row.id}
    tx.emit("post", actor=scope.user, version=row.revision, **place)


def decide(
    tx: Tx,
    house: House,
    scope: Scope,
    deed: Deed,
    choices: Sequence[Choice],
    *,
    reason: str = "",
    words: str = "",
) -> Bulk:
    """Carry out one decision on one or many comments; each stands for itself.

    ``publish`` also approves a changed text, keeps a reported comment and grants an appeal; ``reject`` also drops a
    changed text and refuses an appeal. ``reason`` is a key of ``REFUSALS``, needed to reject; ``words`` replace its
    polite text. ``delete`` rejects a comment on a platform and deletes it there, for good. Raises Conflict for a
    missing reason or too many comments, Denied for other roles.
    """
    require(scope, "moderate")
    if len(choices) > MANY:
        raise Conflict(N_("Please choose fewer comments."))
    if deed in ("reject", "delete") and reason not in REFUSALS:
        raise Conflict(NO_REASON)
    done: list[dict[str, Any]] = []
    failed: list[tuple[int, str]] = []
    for choice in choices:
        try:
            with tx.savepoint() as inner:
                done.append(
                    _decide_one(inner, house, scope, deed, choice, reason, mask(words[:LONGEST_WORDS]))
                )
        except Conflict as conflict:
            failed.append((choice.post, str(conflict)))
        except NotFound:
            failed.append((choice.post, GONE))
        except Denied:
            failed.append((choice.post, MAY_NOT))
    undo = remember(tx, scope, UNDONE, {"posts": done}) if done else None
    return Bulk(done=tuple(item["post"] for item in done), failed=tuple(failed), undo=undo)


def _decide_one(
    tx: Tx, house: House, scope: Scope, deed: Deed, choice: Choice, reason: str, words: str
) -> dict[str, Any]:
    """Decide about one comment; returns what undoing needs."""
    row = workable(tx, scope, choice.post)
    if choice.revision is not None and choice.revision != row.revision:
        raise Conflict(STALE)
    _check_claim(tx, scope, row)
    if row.standing is not None:
        return _decide_elsewhere(tx, house, scope, deed, row, reason, words)
    if deed == "delete":
        raise Conflict(NOT_OURS)
    appealed = "appeal" in decode_reasons(row.hold_reasons)
    if appealed and row.decided_by == scope.user:
        raise Conflict(NOT_TWICE)
    values = _outcome(tx, row, deed, appealed, reason, words)
    outcome = {"publish": "kept", "hide": "hidden", "reject": "rejected"}[deed]
    reports = _settle_reports(tx, row, outcome)
    if appealed:
        _settle_appeal(tx, scope, row, "granted" if deed == "publish" else "refused")
    revision = change(tx, row, scope.user, **OFF_BENCH, **({"decided_by": scope.user} | values))
    detail = {"deed": deed, "reason": reason, "version": row.version, "before": row.state}
    record(tx, scope.user, f"comment-{deed}", f"post:{row.id}", detail)
    notice = _tell(tx, house, row, deed, values, appealed, revision)
    return {
        "post": row.id,
        "revision": revision,
        "before": {name: getattr(row, name) for name in REMEMBERED},
        "reports": reports,
        "appeal": appealed,
        "notice": notice,
    }


def _decide_elsewhere(
    tx: Tx, house: House, scope: Scope, deed: Deed, row: Row[Any], reason: str, words: str
) -> dict[str, Any]:
    """Decide about one comment on a platform: here at once, there by a delivery. Its author hears nothing from us."""
    can = platform.capabilities(house, row.inbox)
    operation = platform.operation_for(can, deed)
    values = platform.outcome(row, deed, reason, words)
    platform.order(tx, house, row, operation)
    revision = change(tx, row, scope.user, **OFF_BENCH, decided_by=scope.user, **values)
    detail = {"deed": deed, "operation": operation, "reason": reason, "version": row.version}
    record(tx, scope.user, f"comment-{deed}", f"post:{row.id}", {**detail, "before": row.state})
    before = {name: getattr(row, name) for name in REMEMBERED}
    return {"post": row.id, "revision": revision, "before": before}


REMEMBERED = (
    *(
        "state",
        "version",
        "text",
        "pending_text",
        "hold_reasons",
        "waiting_at",
        "reason",
        "reason_text",
        "urgent",
    ),
    *("decided_by", "published_at", "reports"),
)
"""Columns that a decision may change and undoing puts back. Texts in it are masked, as everywhere."""


def _check_claim(tx: Tx, scope: Scope, row: Row[Any]) -> None:
    if row.claimed_by not in (None, scope.user) and (row.claimed_until or 0) > tx.now:
        raise Conflict(CLAIMED)


def _outcome(tx: Tx, row: Row[Any], deed: Deed, appealed: bool, reason: str, words: str) -> dict[str, Any]:
    """The values that a decision gives a comment. Raises Conflict where its state does not allow it."""
    if deed == "publish":
        return {**_published(tx, row, appealed), "reason": None, "reason_text": None, "reports": 0}
    if appealed and row.state in ("rejected", "hidden"):
        # The decision stays; so do its reason and who made it, unless this moderator gives better words.
        return {"reports": 0, "decided_by": row.decided_by} | ({"reason_text": words} if words else {})
    why: dict[str, Any] = {"reason": reason or None, "reason_text": words or None, "reports": 0}
    if deed == "reject" and row.pending_text is not None and row.state == "published":
        return {"pending_text": None, "reports": 0}
    if deed == "hide" and row.state == "hidden" and row.waiting_at is not None:
        return why
    step: Step = "hide" if deed == "hide" else "reject"
    return {**why, "state": after(row.state, step), "pending_text": None}


def _published(tx: Tx, row: Row[Any], appealed: bool) -> dict[str, Any]:
    published: dict[str, Any] = {"state": "published", "published_at": row.published_at or tx.now}
    if row.pending_text is not None:
        published |= {"text": row.pending_text, "pending_text": None, "version": row.version + 1}
        published["edited_at"] = tx.now
    if row.state == "published":
        if row.waiting_at is None:
            raise Conflict(NOTHING_TO_DO)
        return published
    step: Step = "reinstate" if appealed and row.state == "rejected" else "publish"
    return {**published, "state": after(row.state, step)}


def _settle_reports(tx: Tx, row: Row[Any], outcome: str) -> list[int]:
    """Give the open reports of the version that readers saw their outcome; returns their ids."""
    waiting = (report.c.post == row.id, report.c.version == row.version, report.c.outcome.is_(None))
    ids = [found.id for found in tx.rows(select(report.c.id).where(*waiting))]
    if ids:
        tx.execute(update(report).where(report.c.id.in_(ids)).values(outcome=outcome, decided_at=tx.now))
    return ids


def _settle_appeal(tx: Tx, scope: Scope, row: Row[Any], outcome: str) -> None:
    mine = (appeal.c.post == row.id, appeal.c.version == row.version)
    values = {"outcome": outcome, "decided_by": scope.user, "decided_at": tx.now}
    tx.execute(update(appeal).where(*mine).values(values))


def _tell(
    tx: Tx,
    house: House,
    row: Row[Any],
    deed: Deed,
    values: dict[str, Any],
    appealed: bool,
    revision: int,
) -> str | None:
    """Order the notice that a decision calls for; returns its key. Publishing is told by the page alone."""
    template = {"reject": "comment-rejected", "hide": "comment-hidden", "publish": None}[deed]
    if appealed:
        template = "comment-reinstated" if deed == "publish" else "comment-appeal-refused"
    if template is None:
        return None
    key = f"comment:{row.id}:{revision}"
    undo = int(house.directory.config.outbox.undo_seconds * 1_000_000)
    tell_author(
        tx,
        house,
        row,
        article_of(tx, row),
        template,
        reason=values.get("reason", row.reason),
        words=values.get("reason_text", row.reason_text),
        key=key,
        due_at=tx.now + undo,
    )
    return key


_DIGITS = re.compile(r"\d(?:[ .\-/]{0,2}\d){3,}")
"""Any number of at least four digits, in any grouping."""


def mask_numbers(tx: Tx, scope: Scope, number: int, *, part: str = "", revision: int | None = None) -> int:
    """Mask ``part`` of a comment, or every number of four and more digits in it; returns the new revision.

    For what the automatic masking leaves alone, such as a case number or a surname. It cannot be undone: nothing but
    the raw bytes keeps what stood there. Raises Conflict when there is nothing to mask.
    """
    require(scope, "moderate")
    row = workable(tx, scope, number)
    if revision is not None and revision != row.revision:
        raise Conflict(STALE)
    if row.standing is not None:
        raise Conflict(platform.NO_MASKING)
    _check_claim(tx, scope, row)

    def masked(text: str) -> str:
        return text.replace(part, "•" * len(part)) if part.strip() else _DIGITS.sub(_dots, text)

    kept = tx.row(select(message.c.text).where(message.c.id == row.id))
    text, name = masked(row.text), masked(row.author_name)
    pending = None if row.pending_text is None else masked(row.pending_text)
    if (text, name, pending) == (row.text, row.author_name, row.pending_text):
        raise Conflict(N_("There is no number to mask in this comment."))
    tx.change(message, row.id, text=masked(kept.text if kept else ""), full_text=None)
    tx.execute(
        update(schema.search_doc)
        .where(schema.search_doc.c.message == row.id)
        .values(words=" ".join(re.findall(r"\w+", text.lower())))
    )
    record(tx, scope.user, "comment-mask", f"post:{row.id}", {"version": row.version})
    values = {"text": text, "author_name": name, "pending_text": pending, "version": row.version + 1}
    return change(tx, row, scope.user, **values)


def _dots(found: re.Match[str]) -> str:
    return "•" * sum(char.isdigit() for char in found[0])
