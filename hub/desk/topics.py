"""Topic and outcome, asked once when a conversation is resolved: one field, the last used first."""

from __future__ import annotations

from sqlalchemy import ColumnElement, and_, literal_column, select, true

from hub.scope import Scope, require
from hub.store.schema import LISTED, conversation
from hub.store.tx import Reader

SEPARATOR = " · "

LOOK_BACK = 300
"""Resolved conversations that are looked at for what was used last."""

MOST = 40


def used(tx: Reader, scope: Scope) -> list[str]:
    """What was used last, the actor's own first, as the field takes it. Raises Denied."""
    require(scope, "answer")
    near = true() if scope.front else conversation.c.office == scope.office
    mine = _lately(tx, conversation.c.assignee == scope.user)
    others = _lately(tx, near)
    return list(dict.fromkeys([*mine, *others]))[:MOST]


def _lately(tx: Reader, whose: ColumnElement[bool]) -> list[str]:
    closed = and_(whose, conversation.c.status == "resolved", literal_column(f"({LISTED})"))
    lately = select(conversation.c.topic, conversation.c.outcome).where(closed)
    rows = tx.rows(lately.order_by(conversation.c.activity_at.desc()).limit(LOOK_BACK))
    return [shown(row.topic, row.outcome) for row in rows if row.topic]


def shown(topic: str | None, outcome: str | None) -> str:
    """Both in one field."""
    return SEPARATOR.join(part for part in (topic, outcome) if part)


def read(text: str) -> tuple[str | None, str | None]:
    """Topic and outcome of the field; the outcome is what stands behind ``·`` or ``/``."""
    for separator in ("·", "/"):
        topic, found, outcome = text.partition(separator)
        if found:
            return topic.strip() or None, outcome.strip() or None
    return text.strip() or None, None
