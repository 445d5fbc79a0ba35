"""Taking back what a moderator decided, as long as nobody changed the comment since."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row, update

from hub.audit import record
from hub.desk.undoing import CHANGED
from hub.house import House
from hub.i18n import mark as N_
from hub.moderation import platform
from hub.moderation.rows import change, workable
from hub.notices import withdraw_notice
from hub.scope import Conflict, NotFound, Scope, require
from hub.store import schema
from hub.store.tx import Tx

report, appeal = schema.report, schema.appeal

NOT_BACK = N_("The platform has done it already, and there it cannot be undone.")


def undo_decision(tx: Tx, house: House, scope: Scope, data: dict[str, Any]) -> None:
    """Put each comment of a decision back that nobody touched since. Raises Conflict when none is left."""
    require(scope, "moderate")
    restored = 0
    gone = False
    for item in data["posts"]:
        try:
            restored += _restore(tx, house, scope, item)
        except GoneThere:
            gone = True
    if not restored:
        raise Conflict(NOT_BACK if gone else CHANGED)


class GoneThere(Exception):
    """What a platform did cannot be undone there."""


def _restore(tx: Tx, house: House, scope: Scope, item: dict[str, Any]) -> bool:
    try:
        row = workable(tx, scope, item["post"])
    except NotFound:
        return False
    if row.revision != item["revision"]:
        return False
    if row.standing is not None and not _taken_back(tx, house, row, item):
        raise GoneThere
    change(tx, row, scope.user, **item["before"])
    if item.get("reports"):
        waiting = report.c.id.in_(item["reports"])
        tx.execute(update(report).where(waiting).values(outcome=None, decided_at=None))
    if item.get("appeal"):
        mine = (appeal.c.post == row.id, appeal.c.version == item["before"]["version"])
        tx.execute(update(appeal).where(*mine).values(outcome=None, decided_by=None, decided_at=None))
    if item.get("notice"):
        withdraw_notice(tx, item["notice"])
    # Else the log would say for good that a comment is rejected which is there for all to see.
    detail = {"version": row.version, "before": row.state, "answer": bool(item.get("answer"))}
    record(tx, scope.user, "comment-taken-back", f"post:{row.id}", detail)
    return True


def _taken_back(tx: Tx, house: House, row: Row[Any], item: dict[str, Any]) -> bool:
    if item.get("answer"):
        return platform.take_back_answer(tx, house, row)
    return platform.take_back(tx, house, row, item["before"]["state"])
