"""Ordering, moving and cancelling a call: what citizens do, and what an agent does on their behalf.

One open wish for a number: a second one moves it. Counters survive a move.
"""

from __future__ import annotations

from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Row, and_, literal_column, select
from sqlalchemy.exc import IntegrityError

from connectors._phone import BadNumber, to_call_back
from connectors.contract import CallbackChange, CallbackWish, Micros
from hub.callbacks import matter, record, schedule
from hub.callbacks.notices import notice_key, tell
from hub.callbacks.offers import agent_came
from hub.callbacks.states import TALKING, State, movable
from hub.desk import actions
from hub.house import House
from hub.notices import withdraw_notice
from hub.scope import SYSTEM, Conflict, NotFound, Scope, may_see, require
from hub.store import schema
from hub.store.tx import Reader, Tx

callback = record.callback


class Requested(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a wish. ``joined``: it moved a call that was open for the number already, whose ``id`` this is.

    ``reason`` is the msgid of why a number was rejected.
    """

    id: int
    state: State
    due_at: Micros | None
    joined: bool = False
    reason: str = ""


def request(
    tx: Tx, house: House, conversation: int, message: int, wish: CallbackWish, *, inbox: str
) -> Requested:
    """Take up a wish that came with an inbound message, whose rows are written already.

    ``message`` gives the callback its id. A number that nobody can call back leaves a rejected callback, so that an
    agent sees it; a number that has an open callback moves that one. Takes the locks of conversation and callback.
    """
    try:
        number = to_call_back(wish.number)
    except BadNumber as error:
        return _reject(tx, house, conversation, message, wish, inbox, error.reason)
    found = open_for(tx, number)
    if found is not None:
        return _again(tx, house, found, wish, conversation)
    try:
        with tx.savepoint() as inner:
            return _order(inner, house, conversation, message, wish, inbox, number)
    except IntegrityError:  # somebody ordered a call to the same number at the same moment
        found = open_for(tx, number)
        if found is None:
            raise
        return _again(tx, house, found, wish, conversation)


def _is_trusted(tx: Tx, conversation: int) -> bool:
    """Whether the citizen is told what became of a wish. Where the conversation is suspicious a person looks first: the
    number may be a stranger's."""
    return not record.conversation_of(tx, conversation).suspicious


def open_for(tx: Tx, number: str) -> Row[Any] | None:
    """The one open callback for a number, locked."""
    return tx.row(select(callback).where(_open(number)).with_for_update())


def matter_of(tx: Reader, number: str) -> int | None:
    """The conversation of the open callback for a number."""
    found: int | None = tx.scalar(select(callback.c.conversation).where(_open(number)))
    return found


def _open(number: str) -> ColumnElement[bool]:
    return and_(callback.c.number == number, literal_column(f"({schema.OPEN_CALL})"))


def _insert(tx: Tx, conversation: int, message: int, wish: CallbackWish, inbox: str, number: str) -> Row[Any]:
    """The row in its first state."""
    row = record.conversation_of(tx, conversation)
    values = {
        "id": message,
        "conversation": row.id,
        "contact": row.contact,
        "office": row.office,
        "inbox": inbox,
        "queue": row.queue,
        "number": number,
        "topic": wish.topic,
        "email": wish.email,
        "state": "requested",
        "wished_at": wish.at,
        "attempts": 0,
        "version": 0,
        "created_at": tx.now,
        "updated_at": tx.now,
    }
    tx.add(callback, values)
    return record.locked(tx, message)


def _order(
    tx: Tx, house: House, conversation: int, message: int, wish: CallbackWish, inbox: str, number: str
) -> Requested:
    row = _insert(tx, conversation, message, wish, inbox, number)
    due = _first_due(tx, house, row, wish.at)
    row = record.step(tx, row, "schedule", due_at=due)
    record.wait_until(tx, row, due)
    matter.sleep(tx, row, due)
    record.note(tx, row, "callback-ordered", at=due)
    if _is_trusted(tx, conversation):
        tell(tx, house, row, "callback-ordered")
    return Requested(id=row.id, state=row.state, due_at=due)


def _reject(
    tx: Tx, house: House, conversation: int, message: int, wish: CallbackWish, inbox: str, reason: str
) -> Requested:
    row = _insert(tx, conversation, message, wish, inbox, wish.number)
    row = record.step(tx, row, "reject", outcome=reason)
    record.note(tx, row, "callback-refused", reason=reason)
    if _is_trusted(tx, conversation):
        tell(tx, house, row, "callback-refused", wrong=True, reason=reason)
    return Requested(id=row.id, state=row.state, due_at=None, reason=reason)


def _again(tx: Tx, house: House, row: Row[Any], wish: CallbackWish, conversation: int) -> Requested:
    """A second wish for the number of an open callback."""
    if row.state in TALKING:
        record.note(tx, row, "callback-repeated")
        return Requested(id=row.id, state=row.state, due_at=row.due_at, joined=True)
    due = _first_due(tx, house, row, wish.at)
    row = _moved(tx, row, due, wish.at, topic=wish.topic or row.topic)
    record.note(tx, row, "callback-joined", at=due)
    if _is_trusted(tx, conversation):
        tell(tx, house, row, "callback-moved")
    return Requested(id=row.id, state=row.state, due_at=due, joined=True)


def _first_due(tx: Tx, house: House, row: Row[Any], wished: Micros | None) -> Micros:
    desk = house.directory.config.desk
    return schedule.first_due(desk, record.hours_of(house, row), tx.now, wished)


def _moved(
    tx: Tx, row: Row[Any], due: Micros, wished: Micros | None, *, actor: int | None = None, **values: Any
) -> Row[Any]:
    """The callback at another time; its attempts stay counted."""
    agent = row.agent
    row = record.step(
        tx, row, "move", actor=actor, due_at=due, wished_at=wished, agent=None, dialled_at=None, **values
    )
    record.wait_until(tx, row, due)
    matter.sleep(tx, row, due, leaving=agent)
    return row


def change_by_citizen(tx: Tx, house: House, change: CallbackChange) -> int | None:
    """Move or cancel by the link that the citizen was given (``target`` was verified); returns the conversation's id.

    None when there is no such callback. A change that comes too late (somebody is calling, or it is over) is only
    noted.
    """
    target = change.target or ""
    row = record.read(tx, int(target)) if target.isdecimal() else None
    if row is None:
        return None
    row = record.taken(tx, row.id)
    if not movable(row.state):
        record.note(tx, row, "callback-too-late", action=change.action)
    elif change.action == "cancel":
        _cancelled(tx, house, row, None)
    else:
        _move(tx, house, row, change.at, None)
    return int(record.conversation_of(tx, row.conversation).id)


def move(
    tx: Tx,
    house: House,
    scope: Scope,
    callback_id: int,
    at: Micros | None,
    *,
    version: int | None = None,
) -> Row[Any]:
    """An agent sets another time (None: as soon as possible). Raises Denied, NotFound, Conflict (the past included)."""
    if at is not None and at <= tx.now:
        raise Conflict(actions.PAST)
    row = opened(tx, scope, callback_id, version)
    moved = _move(tx, house, row, at, scope.user)
    _next(tx, row.agent)
    return moved


def cancel(tx: Tx, house: House, scope: Scope, callback_id: int, *, version: int | None = None) -> Row[Any]:
    """An agent cancels it; the citizen is told. Raises Denied, NotFound, Conflict."""
    row = opened(tx, scope, callback_id, version)
    cancelled = _cancelled(tx, house, row, scope.user)
    _next(tx, row.agent)
    return cancelled


def _next(tx: Tx, agent: int | None) -> None:
    """Whoever had the call is free for another one that is due."""
    if agent is not None:
        agent_came(tx, agent)


def _move(tx: Tx, house: House, row: Row[Any], at: Micros | None, actor: int | None) -> Row[Any]:
    due = _first_due(tx, house, row, at)
    row = _moved(tx, row, due, at, actor=actor)
    record.note(tx, row, "callback-moved", actor, at=due)
    tell(tx, house, row, "callback-moved")
    return row


def _cancelled(tx: Tx, house: House, row: Row[Any], actor: int | None) -> Row[Any]:
    row = record.step(tx, row, "cancel", actor=actor, agent=None, dialled_at=None)
    record.rest(tx, row)
    record.note(tx, row, "callback-cancelled", actor)
    tell(tx, house, row, "callback-cancelled")
    conversation = record.conversation_of(tx, row.conversation)
    if conversation.channel in matter.CHANNELS and conversation.status != "spam":
        actions.resolve(tx, SYSTEM, [conversation.id])
    return row


def called_again(tx: Tx, row: Row[Any]) -> None:
    """Somebody with an open callback rang us and nobody answered: the call stands for the time that it was set for."""
    record.note(tx, row, "callback-called-again", at=row.due_at)


def settled_by_call(tx: Tx, row: Row[Any], actor: int | None) -> None:
    """Somebody with an open callback got through to us by themselves: it is not needed any more, and they know.

    One that is being dialled stays: an agent has it in hand.
    """
    if row.state in TALKING:
        return
    withdraw_notice(tx, notice_key("callback-ordered", row))
    row = record.step(tx, row, "cancel", actor=actor, agent=None, dialled_at=None)
    record.rest(tx, row)
    # A rule may have put their call elsewhere; then nothing else would ever wake what waited here.
    matter.wake(tx, row)
    record.note(tx, row, "callback-settled", actor)


def opened(tx: Tx, scope: Scope, callback_id: int, version: int | None = None) -> Row[Any]:
    """The callback, locked, if this actor may work on it. Raises Denied, NotFound, Conflict (stale ``version``)."""
    require(scope, "answer")
    row = record.taken(tx, callback_id)
    if not may_see(tx, scope, record.conversation_of(tx, row.conversation).id):
        raise NotFound("callback")
    if version is not None and row.version != version:
        raise Conflict(record.NOT_NOW)
    return row
