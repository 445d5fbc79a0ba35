"""The supervisor's figures: what waits in each queue, since when, how much is late, who is on duty."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Row, and_, case, func, select, true

from hub.house import House
from hub.people.addresses import telling_address
from hub.scope import NotFound, Scope, own_office, require, visible
from hub.store.schema import contact, conversation, identity, user, user_queue
from hub.store.tx import Reader

ROWS = 200
"""Conversations of a queue that are shown for moving."""


class Agent(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody who works a queue; ``load`` is how many open conversations they have."""

    id: int
    name: str
    presence: str
    load: int


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """One queue. ``oldest``: since when its longest waiting citizen waits; ``free``: assigned to nobody."""

    queue: str
    office: str
    waiting: int = 0
    free: int = 0
    overdue: int = 0
    oldest: int | None = None
    agents: tuple[Agent, ...] = ()

    @property
    def on_duty(self) -> int:
        """Agents who are available."""
        return sum(agent.presence == "available" for agent in self.agents)


def lines(tx: Reader, house: House, scope: Scope) -> list[Line]:
    """All queues that are this actor's business, those with the most overdue first. Raises Denied."""
    require(scope, "supervise")
    queues = [q for q in house.directory.queues.values() if own_office(scope, q.office) and not q.spam]
    figures = {row.queue: row for row in tx.rows(_figures(tx, scope))}
    agents = _agents(tx)
    found = [_line(q.id, q.office, figures.get(q.id), agents.get(q.id, ())) for q in queues]
    return sorted(found, key=lambda line: (-line.overdue, -line.waiting, line.queue))


def _line(queue: str, office: str, row: Row[Any] | None, agents: Sequence[Agent]) -> Line:
    if row is None:
        return Line(queue=queue, office=office, agents=tuple(agents))
    return Line(
        queue=queue,
        office=office,
        waiting=row.waiting,
        free=row.free,
        overdue=row.overdue,
        oldest=row.oldest,
        agents=tuple(agents),
    )


def _open(scope: Scope) -> ColumnElement[bool]:
    c = conversation.c
    mine = true() if scope.front else c.office == scope.office
    return and_(c.status == "open", c.listed.is_(True), c.merged_into.is_(None), mine)


def _figures(tx: Reader, scope: Scope) -> Any:
    c = conversation.c
    late = case((c.due_at < tx.now, 1), else_=0)
    free = case((c.assignee.is_(None), 1), else_=0)
    return (
        select(
            c.queue,
            func.count().label("waiting"),
            func.sum(free).label("free"),
            func.sum(late).label("overdue"),
            func.min(c.waiting_since).label("oldest"),
        )
        .where(_open(scope), c.queue.is_not(None))
        .group_by(c.queue)
    )


def _agents(tx: Reader) -> dict[str, list[Agent]]:
    """Active people by queue, the available ones first."""
    c = conversation.c
    loads = select(c.assignee, func.count().label("load")).where(c.status == "open", c.assignee.is_not(None))
    load = {row.assignee: row.load for row in tx.rows(loads.group_by(c.assignee))}
    statement = (
        select(user_queue.c.queue, user.c.id, user.c.name, user.c.presence)
        .join(user, user.c.id == user_queue.c.user)
        .where(user.c.active.is_(True))
        .order_by(user.c.presence != "available", user.c.presence == "offline", user.c.name)
    )
    found: dict[str, list[Agent]] = {}
    for row in tx.rows(statement):
        agent = Agent(id=row.id, name=row.name, presence=row.presence, load=load.get(row.id, 0))
        found.setdefault(row.queue, []).append(agent)
    return found


def waiting_in(tx: Reader, house: House, scope: Scope, queue: str) -> Sequence[Row[Any]]:
    """Open conversations of a queue, the longest waiting first, at most ``ROWS``. Raises Denied, NotFound."""
    require(scope, "supervise")
    configured = house.directory.queues.get(queue)
    if configured is None or not own_office(scope, configured.office):
        raise NotFound("queue")
    c = conversation.c
    statement = (
        select(conversation, contact.c.name.label("person"), telling_address(), user.c.name.label("agent"))
        .join(contact, contact.c.id == c.contact, isouter=True)
        .join(identity, identity.c.id == c.identity, isouter=True)
        .join(user, user.c.id == c.assignee, isouter=True)
        .where(_open(scope), c.queue == queue, visible(scope))
        .order_by(c.waiting_since.is_(None), c.waiting_since, c.id)
    )
    return tx.rows(statement.limit(ROWS))


def targets(house: House, scope: Scope, but: str) -> list[str]:
    """Queues that work can be moved to: all others that people work from the list."""
    queues = house.directory.queues.values()
    return [q.id for q in queues if q.id != but and not (q.moderation or q.spam)]
