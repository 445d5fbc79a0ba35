"""Figures of surveys for supervisors and the API: how many were asked, how many answered, and what they said.

A survey counts in the period in which its question went out, so that a period's rate is about the same people.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import msgspec
from sqlalchemy import ColumnElement, Row, and_, case, func, select, true

from hub.scope import Scope, require, visible
from hub.store.schema import conversation, survey, user
from hub.store.tx import Reader
from hub.surveys.record import SCORES

By = Literal["queue", "agent"]

GOOD = 4
"""From this score on somebody counts as content."""

LATEST = 50
"""Answers with a comment that are listed."""


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """``of``: a queue's id or an agent's, None for none and for the whole. ``scores``: how many gave 1, 2, … 5."""

    of: str | None
    name: str = ""
    asked: int = 0
    scores: tuple[int, ...] = (0,) * len(SCORES)

    @property
    def answered(self) -> int:
        """How many gave a score."""
        return sum(self.scores)

    @property
    def rate(self) -> float | None:
        """Part of those who were asked that answered, 0 to 1."""
        return self.answered / self.asked if self.asked else None

    @property
    def average(self) -> float | None:
        """Mean score, 1 to 5."""
        total = sum(score * n for score, n in zip(SCORES, self.scores, strict=True))
        return total / self.answered if self.answered else None

    @property
    def content(self) -> float | None:
        """Part of the answers with a score of 4 or 5, 0 to 1."""
        return sum(self.scores[GOOD - 1 :]) / self.answered if self.answered else None


class Remark(msgspec.Struct, frozen=True, kw_only=True):
    """An answer with a comment."""

    conversation: int
    reference: str
    queue: str | None
    agent: str
    score: int
    comment: str
    at: int


def figures(tx: Reader, scope: Scope, by: By, since: int, until: int) -> list[Figures]:
    """By queue or agent, of questions sent from ``since`` until before ``until``; who was asked about most first.

    A county's supervisor counts their own office. Raises Denied.
    """
    require(scope, "supervise")
    column = survey.c.queue if by == "queue" else survey.c.agent
    counted = [func.sum(case((survey.c.score == score, 1), else_=0)) for score in SCORES]
    statement = (
        select(column, func.count().label("asked"), *counted)
        .where(_period(scope, since, until))
        .group_by(column)
    )
    rows = tx.rows(statement)
    names = _names(tx, [row[0] for row in rows if row[0] is not None]) if by == "agent" else {}
    found = [_figures(row, names) for row in rows]
    return sorted(found, key=lambda one: (-one.asked, one.name, one.of or ""))


def _figures(row: Row[Any], names: dict[int, str]) -> Figures:
    of, asked, *scores = tuple(row)
    return Figures(
        of=None if of is None else str(of),
        name=names.get(of, ""),
        asked=asked,
        scores=tuple(map(int, scores)),
    )


def whole(parts: Sequence[Figures]) -> Figures:
    """All of them together."""
    scores = tuple(sum(part.scores[n] for part in parts) for n in range(len(SCORES)))
    return Figures(of=None, asked=sum(part.asked for part in parts), scores=scores)


def remarks(tx: Reader, scope: Scope, since: int, until: int) -> list[Remark]:
    """The latest answers with a comment, of conversations that the actor may read. Raises Denied."""
    require(scope, "supervise")
    statement = (
        select(survey, conversation.c.reference, user.c.name)
        .join(conversation, conversation.c.id == survey.c.conversation)
        .outerjoin(user, user.c.id == survey.c.agent)
        .where(_period(scope, since, until), visible(scope), survey.c.comment != "")
        .order_by(survey.c.changed_at.desc(), survey.c.id.desc())
    )
    return [_remark(row) for row in tx.rows(statement.limit(LATEST))]


def _remark(row: Row[Any]) -> Remark:
    return Remark(
        conversation=row.conversation,
        reference=row.reference,
        queue=row.queue,
        agent=row.name or "",
        score=row.score,
        comment=row.comment,
        at=row.changed_at,
    )


def _period(scope: Scope, since: int, until: int) -> ColumnElement[bool]:
    mine = true() if scope.front or scope.role == "system" else survey.c.office == scope.office
    return and_(survey.c.asked_at >= since, survey.c.asked_at < until, mine)


def _names(tx: Reader, users: Sequence[int]) -> dict[int, str]:
    rows = tx.rows(select(user.c.id, user.c.name).where(user.c.id.in_(users))) if users else ()
    return {row.id: row.name for row in rows}
