"""Topic and outcome, asked once when a conversation is resolved: one field, the last used first."""

from __future__ import annotations

from functools import cache

from sqlalchemy import ColumnElement, and_, func, literal_column, select, true

from hub.scope import Scope, require
from hub.store.kept import Answers, Engine, Inquiry, Kept, Question, engine_of, keep, learn, value, word
from hub.store.schema import LISTED, conversation
from hub.store.tx import Reader

SEPARATOR = " · "

LOOK_BACK = 300
"""Resolved conversations that are looked at for what was used last."""

MOST = 40


def used(tx: Reader, scope: Scope) -> list[str]:
    """What was used last, the actor's own first, as the field takes it. Raises Denied."""
    return learn(tx, about_used(tx, scope))


def about_used(tx: Reader, scope: Scope) -> Inquiry[list[str]]:
    """What :func:`used` tells. Raises Denied."""
    require(scope, "answer")
    engine = engine_of(tx)
    near = (
        Question(_everywhere(engine), {})
        if scope.front
        else Question(_of_office(engine), {"at": scope.office})
    )
    return Inquiry([Question(_own(engine), {"me": scope.user or 0}), near], _used)


def _used(answers: Answers) -> list[str]:
    found = (shown(row.topic, row.outcome) for rows in answers for row in rows)
    return list(dict.fromkeys(found))[:MOST]


@cache
def _own(engine: Engine) -> Kept:
    return _lately(engine, conversation.c.assignee == value("me"))


@cache
def _of_office(engine: Engine) -> Kept:
    return _lately(engine, conversation.c.office == word("at"))


@cache
def _everywhere(engine: Engine) -> Kept:
    return _lately(engine, true())


def _lately(engine: Engine, whose: ColumnElement[bool]) -> Kept:
    c = conversation.c
    closed = and_(whose, c.status == "resolved", literal_column(f"({LISTED})"))
    lately = select(c.topic, c.outcome, c.activity_at).where(closed).order_by(c.activity_at.desc())
    last = lately.limit(LOOK_BACK).subquery().c
    each = select(last.topic, last.outcome).where(func.coalesce(last.topic, "") != "")
    return keep(engine, each.group_by(last.topic, last.outcome).order_by(func.max(last.activity_at).desc()))


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
