"""The API of integrations, surveys: what one person said, and the figures of a period."""

from __future__ import annotations

import datetime as dt
from typing import Annotated

import msgspec

from connectors.contract import Micros
from hub.calendar import moment
from hub.desk import row
from hub.house import House
from hub.scope import NotFound, Scope
from hub.store.tx import Reader
from hub.surveys.figures import By, Figures, figures, whole
from hub.surveys.record import of_conversation
from hub.web.api import types as t
from hub.web.api.endpoint import Endpoint, routes
from hub.web.forms import Unacceptable
from hub.web.words import machine

Meta = msgspec.Meta


class FiguresQuery(t.Request, frozen=True, kw_only=True):
    """Of which period, counted by what. A survey counts when its question went out."""

    since: Annotated[str, Meta(description="RFC 3339 with offset; that moment included.", max_length=40)]
    until: Annotated[str, Meta(description="RFC 3339 with offset; that moment excluded.", max_length=40)]
    by: By = "queue"


class Survey(t.Answer, frozen=True, kw_only=True):
    """What one person was asked and said. ``score`` is 1 (very bad) to 5 (very good), null without an answer."""

    asked_at: t.Time
    answered_at: t.Time | None
    changed_at: t.Time | None
    score: Annotated[int, Meta(ge=1, le=5)] | None
    comment: str
    channel: str
    queue: str | None
    agent: t.Id | None


class Count(t.Answer, frozen=True, kw_only=True):
    """Figures of one queue or agent (``of``; null: of none). ``scores``: how many gave 1, 2, 3, 4, 5; ``average`` is
    null without an answer."""

    of: str | None
    name: str
    asked: int
    answered: int
    average: float | None
    scores: list[int]


class Counts(t.Answer, frozen=True, kw_only=True):
    """Who was asked about most stands first; ``all`` is everything together."""

    counts: list[Count]
    all: Count


def _one(tx: Reader, house: House, scope: Scope, number: int, _: None) -> t.Answer:
    found = of_conversation(tx, row.seen(tx, scope, number).id)
    if not found:
        raise NotFound("survey")
    last = found[-1]
    return Survey(
        asked_at=machine(last.asked_at),
        answered_at=_time(last.answered_at),
        changed_at=_time(last.changed_at),
        score=last.score,
        comment=last.comment,
        channel=last.channel,
        queue=last.queue,
        agent=None if last.agent is None else str(last.agent),
    )


def _time(at: int | None) -> str | None:
    return None if at is None else machine(at)


def _figures(tx: Reader, house: House, scope: Scope, _: int, query: FiguresQuery) -> t.Answer:
    since, until = _moment("since", query.since), _moment("until", query.until)
    # Administrators give tokens, and what one with ``read`` may read tells as much piece by piece.
    found = figures(tx, msgspec.structs.replace(scope, role="supervisor"), query.by, since, until)
    return Counts(counts=[_count(one) for one in found], all=_count(whole(found)))


def _moment(name: str, text: str) -> Micros:
    """Microseconds UTC. Raises Unacceptable for what is no moment."""
    try:
        at = dt.datetime.fromisoformat(text)
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        raise Unacceptable(f"`{name}` is no moment with its offset (2026-11-16T08:00:00Z)")
    return moment(at)


def _count(one: Figures) -> Count:
    average = None if one.average is None else round(one.average, 3)
    return Count(
        of=one.of,
        name=one.name,
        asked=one.asked,
        answered=one.answered,
        average=average,
        scores=list(one.scores),
    )


ENDPOINTS = (
    Endpoint(
        method="GET",
        path="/api/v1/conversations/{id}/survey",
        summary="What the person thinks of how it was handled; 404 while nobody asked",
        grant="read",
        answer=Survey,
        read=_one,
    ),
    Endpoint(
        method="GET",
        path="/api/v1/surveys",
        summary="Figures of surveys by queue or agent, of the offices that the token reads",
        grant="read",
        query=FiguresQuery,
        answer=Counts,
        read=_figures,
    ),
)

ROUTES = routes(ENDPOINTS)
