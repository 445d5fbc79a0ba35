"""What agents see of callbacks: the one in hand, those that are due, those that come, and what was tried."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Row, Select, and_, func, or_, select

from connectors.contract import Micros
from hub.callbacks import record
from hub.callbacks.states import WITH_AGENT, State
from hub.house import House
from hub.scope import NotFound, Scope, allows, require, visible
from hub.store import schema
from hub.store.kept import Engine, Inquiry, Kept, Question, engine_of, keep, value
from hub.store.tx import Reader

callback = record.callback
conversation, contact, user = schema.conversation, schema.contact, schema.user

SHOWN = 50
"""Most rows of each list: whoever has more due than that needs the first ones."""


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """A callback as the board shows it. ``mine``: this actor has it in hand; ``holder``: the name of whoever has it."""

    id: int
    conversation: int
    reference: str
    person: str
    number: str
    topic: str
    queue: str
    office: str
    state: State
    due_at: Micros | None
    attempts: int
    version: int
    mine: bool
    holder: str


class Board(msgspec.Struct, frozen=True, kw_only=True):
    """``mine`` is offered to the actor or in their hands; ``due`` waits for somebody, ``coming`` for its time, both of
    the actor's queues (of all that they may see, for a supervisor); ``busy`` is in colleagues' hands."""

    mine: Call | None
    due: tuple[Call, ...]
    busy: tuple[Call, ...]
    coming: tuple[Call, ...]


class Attempt(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the history."""

    number: int
    at: Micros
    name: str
    outcome: str


def board(tx: Reader, house: House, scope: Scope, queue: str | None = None) -> Board:
    """The actor's board, narrowed to one queue where given. Raises Denied, NotFound for a queue that there is not."""
    require(scope, "answer")
    if queue is not None and queue not in house.directory.queues:
        raise NotFound("queue")
    reach = and_(visible(scope), _queues(scope, queue))
    held = callback.c.state.in_(sorted(WITH_AGENT))
    return Board(
        mine=next(iter(_calls(tx, scope, callback.c.agent == (scope.user or 0))), None),
        due=_calls(tx, scope, and_(reach, callback.c.state == "due")),
        busy=_calls(tx, scope, and_(reach, held, callback.c.agent != (scope.user or 0))),
        coming=_calls(tx, scope, and_(reach, callback.c.state.in_(("scheduled", "retry-wait")))),
    )


def waiting(tx: Reader, scope: Scope) -> int:
    """How many calls want attention: in the actor's hands or due in their queues."""
    reach = and_(visible(scope), _queues(scope, None), callback.c.state == "due")
    mine = callback.c.agent == (scope.user or 0)
    together = select(func.count()).select_from(callback.join(conversation, _same)).where(or_(mine, reach))
    return int(tx.scalar(together) or 0)


def one(tx: Reader, scope: Scope, callback_id: int) -> Call:
    """A callback by id. Raises Denied, NotFound."""
    require(scope, "answer")
    row = tx.row(_select(and_(callback.c.id == callback_id, visible(scope))))
    if row is None:
        raise NotFound("callback")
    return _call(row, scope)


def about_calls(tx: Reader, scope: Scope, conversation_id: int) -> Inquiry[tuple[Call, ...]]:
    """The calls of a conversation that the actor may see, the newest first."""
    question = Question(_of_conversation(engine_of(tx), scope), {"conversation": conversation_id})
    return Inquiry([question], lambda told: tuple(_call(row, scope) for row in told[0]))


@lru_cache(maxsize=1024)
def _of_conversation(engine: Engine, scope: Scope) -> Kept:
    mine = and_(callback.c.conversation == value("conversation"), visible(scope))
    return keep(engine, _select(mine).order_by(callback.c.id.desc()).limit(SHOWN))


def history(tx: Reader, scope: Scope, callback_id: int) -> tuple[Attempt, ...]:
    """What was tried so far. Raises Denied, NotFound."""
    one(tx, scope, callback_id)
    table = schema.callback_attempt
    wanted = (
        select(table.c.number, table.c.at, table.c.outcome, func.coalesce(user.c.name, "").label("name"))
        .join(user, user.c.id == table.c.agent, isouter=True)
        .where(table.c.callback == callback_id)
        .order_by(table.c.number)
    )
    return tuple(
        Attempt(number=row.number, at=row.at, name=row.name, outcome=row.outcome) for row in tx.rows(wanted)
    )


def _queues(scope: Scope, queue: str | None) -> ColumnElement[bool]:
    """The actor's own queues; for a supervisor every one, for everybody a chosen one."""
    if queue is not None:
        return callback.c.queue == queue
    if allows(scope, "supervise"):
        return callback.c.id > 0
    return callback.c.queue.in_(scope.queues)


_same = conversation.c.id == callback.c.conversation


def _select(condition: ColumnElement[bool]) -> Select[Any]:
    return (
        select(
            callback,
            conversation.c.reference,
            func.coalesce(contact.c.name, "").label("person"),
            func.coalesce(user.c.name, "").label("holder"),
        )
        .join(conversation, _same)
        .join(contact, contact.c.id == callback.c.contact, isouter=True)
        .join(user, user.c.id == callback.c.agent, isouter=True)
        .where(condition)
    )


def _calls(tx: Reader, scope: Scope, condition: ColumnElement[bool]) -> tuple[Call, ...]:
    wanted = _select(condition).order_by(callback.c.due_at, callback.c.id).limit(SHOWN)
    return tuple(_call(row, scope) for row in tx.rows(wanted))


def _call(row: Row[Any], scope: Scope) -> Call:
    return Call(
        id=row.id,
        conversation=row.conversation,
        reference=row.reference,
        person=row.person,
        number=row.number,
        topic=row.topic,
        queue=row.queue or "",
        office=row.office,
        state=row.state,
        due_at=row.due_at,
        attempts=row.attempts,
        version=row.version,
        mine=row.agent is not None and row.agent == scope.user,
        holder=row.holder,
    )
