"""What comes in about a comment that is already here: edits, deletions, reports, appeals.

Intake calls these inside its transaction, after it has recognised duplicates. None of them raises for something that a
reader may do wrong (too late, not theirs, gone): the receipt's ``post_state`` is then empty and the page says so.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row, func, select

from connectors.contract import Appeal, Deletion, Edit, Party, PostReport, Receipt
from hub.deciding.existing import decide
from hub.house import House
from hub.moderation.erasing import erase
from hub.moderation.masking import mask
from hub.moderation.placing import hold_reasons, way
from hub.moderation.reports import Reported, weigh
from hub.moderation.rows import article_of, change, identity_of, onto_bench
from hub.moderation.states import after
from hub.store import schema
from hub.store.tx import Tx
from rules import Actions

post, report, appeal, message = schema.post, schema.report, schema.appeal, schema.message

MINUTE = 60_000_000

CommentEvent = Edit | Deletion | PostReport | Appeal
"""Kinds of Inbound that name a comment by its post id."""


def is_about_comment(tx: Tx, event: Edit | Deletion) -> bool:
    """Whether an edit or a deletion is about a comment on our own pages, as opposed to a message elsewhere."""
    return _target(tx, event) is not None


def apply(tx: Tx, house: House, event: CommentEvent) -> Receipt:
    """Carry out one event; ``post_state`` of the receipt says where the comment is now.

    For an edit that is ``published`` (readers see it) or ``held`` (it waits).
    """
    row = _target(tx, event)
    if row is None or row.state == "erased":
        return Receipt()
    if isinstance(event, PostReport):
        state = _reported(tx, house, row, event)
    elif row.author is None or row.author != identity_of(tx, event.sender.kind, event.sender.address):
        state = ""
    elif isinstance(event, Edit):
        state = _edited(tx, house, row, event)
    elif isinstance(event, Appeal):
        state = _appealed(tx, row, event)
    else:
        state = erase(tx, row)
    return Receipt(conversation=row.conversation, message=row.id, post_state=state)


def _target(tx: Tx, event: CommentEvent) -> Row[Any] | None:
    text = event.target or ""
    if not (text.isascii() and text.isdigit() and len(text) <= 16):
        return None
    row = tx.locked(post, int(text))
    return row if row is not None and row.inbox == event.inbox else None


# --- the author changes or deletes -------------------------------------------------------------------------------


def editable(house: House, row: Row[Any], now: int) -> bool:
    """Whether the author may change the text still."""
    window = int(house.directory.config.desk.edit_minutes * MINUTE)
    return row.state in ("held", "published") and now < row.created_at + window


def _edited(tx: Tx, house: House, row: Row[Any], event: Edit) -> str:
    if not editable(house, row, tx.now) or not event.text.strip():
        return ""
    place = article_of(tx, row)
    actions = decide(tx, house, row.conversation, "edit", message=row.id, text=event.text) or Actions()
    reasons = hold_reasons(
        way=way(place.moderation, place.site),
        text=event.text,
        hold=actions.hold or ("spam" if actions.spam else None),
        distress=actions.distress is not None,
        blocked=False,
    )
    text = mask(event.text)
    tx.change(message, row.id, text=text, full_text=None, html=None, edited_at=tx.now)
    urgent = row.urgent or actions.distress is not None
    if row.state == "held":
        waits = onto_bench(tx, row, *reasons)
        change(tx, row, text=text, version=row.version + 1, edited_at=tx.now, urgent=urgent, **waits)
        return "held"
    if not reasons:
        change(tx, row, text=text, pending_text=None, version=row.version + 1, edited_at=tx.now)
        return "published"
    # The old text stays in sight until a moderator has seen the new one.
    waits = onto_bench(tx, row, "edited", *(reason for reason in reasons if reason != "approval"))
    change(tx, row, pending_text=text, urgent=urgent, **waits)
    return "held"


# --- readers report, authors appeal ------------------------------------------------------------------------------


def _reported(tx: Tx, house: House, row: Row[Any], event: PostReport) -> str:
    reporter = _reader(tx, event.sender)
    if reporter == row.author or _known_report(tx, row.id, event.version, reporter):
        return str(row.state)
    tx.add(
        report,
        {
            "post": row.id,
            "version": event.version,
            "reporter": reporter,
            "origin": event.origin,
            "reason": event.reason,
            "text": mask(event.text),
            "at": tx.now,
        },
    )
    if event.version != row.version or row.state != "published":
        return str(row.state)
    return _weighed(tx, house, row)


def _weighed(tx: Tx, house: House, row: Row[Any]) -> str:
    """Act on all reports of the version that is public now."""
    desk = house.directory.config.desk
    reports = [
        Reported(who=found.origin or str(found.reporter), reason=found.reason, outcome=found.outcome)
        for found in tx.rows(select(report).where(report.c.post == row.id, report.c.version == row.version))
    ]
    waiting = sum(found.outcome is None for found in reports)
    verdict = weigh(reports, hides=desk.report_hides, again=desk.report_again)
    if verdict == "silent":
        tx.change(post, row.id, reports=waiting)
        return "published"
    reasons = [
        "reported",
        *sorted({f"reported-{found.reason}" for found in reports if found.outcome is None}),
    ]
    values = {"reports": waiting, **onto_bench(tx, row, *reasons)}
    if verdict == "hide":
        change(tx, row, state=after(row.state, "hide"), urgent=True, decided_by=None, **values)
        return "hidden"
    change(tx, row, **values)
    return "published"


def _known_report(tx: Tx, number: int, version: int, reporter: int) -> bool:
    statement = select(func.count()).where(
        report.c.post == number, report.c.version == version, report.c.reporter == reporter
    )
    return bool(tx.scalar(statement))


def _reader(tx: Tx, sender: Party) -> int:
    """The identity of somebody who reports, made where they have never written."""
    found = identity_of(tx, sender.kind, sender.address)
    if found is not None:
        return found
    contact = tx.add(schema.contact, {"name": "", "created_at": tx.now})
    return tx.add(
        schema.identity,
        {
            "kind": sender.kind,
            "address": sender.address,
            "contact": contact,
            "name": "",
            "verified": False,
            "created_at": tx.now,
        },
    )


def _appealed(tx: Tx, row: Row[Any], event: Appeal) -> str:
    if not appealable(tx, row):
        return ""
    values = {"post": row.id, "version": row.version, "text": mask(event.text), "at": tx.now}
    tx.add(appeal, values)
    change(tx, row, **onto_bench(tx, row, "appeal"))
    return str(row.state)


def appealable(tx: Tx, row: Row[Any]) -> bool:
    """Whether a moderator decided against this version and its author has not appealed yet."""
    if row.state not in ("rejected", "hidden") or row.decided_by is None:
        return False
    statement = select(func.count()).where(appeal.c.post == row.id, appeal.c.version == row.version)
    return not tx.scalar(statement)
