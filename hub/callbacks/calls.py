"""The agent's side of a call: take it, dial, say how it went. Dialling is by hand, so every state is a button.

Each action takes the actor's scope and, where a screen stands behind it, the version that the screen showed.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row, func, select

from connectors.contract import Micros
from hub.callbacks import matter, record, schedule, texts
from hub.callbacks.notices import tell
from hub.callbacks.offers import WATCH, give_back, offer_next
from hub.callbacks.service import opened
from hub.callbacks.states import TALKING
from hub.desk import actions
from hub.desk.notes import add_note
from hub.desk.row import change
from hub.house import House
from hub.i18n import mark as N_
from hub.people.notifications import read_about
from hub.phone import record as telephone
from hub.scope import Conflict, Denied, Scope, allows
from hub.store import schema
from hub.store.tx import Tx

attempt = schema.callback_attempt

NOTE_LIMIT = 4000
BUSY = N_("You have another call in hand. Finish it first.")
NO_OUTCOME = N_("Choose an outcome.")


def take(tx: Tx, house: House, scope: Scope, callback_id: int, *, version: int | None = None) -> Row[Any]:
    """Take a due callback oneself and begin to dial. Raises Denied, NotFound, Conflict."""
    row = opened(tx, scope, callback_id, version)
    if row.state == "offered" and row.agent == scope.user:
        return _dial(tx, row, scope)
    tx.locked(
        schema.user, scope.user or 0
    )  # as an offer does: whoever comes second sees what the first one did
    mine = tx.scalar(select(record.callback.c.id).where(record.callback.c.agent == scope.user))
    if mine is not None:
        raise Conflict(BUSY)
    row = record.step(
        tx, row, "offer", actor=scope.user, agent=scope.user, last_agent=scope.user, offered_at=tx.now
    )
    return _dial(tx, row, scope)


def dial(tx: Tx, house: House, scope: Scope, callback_id: int, *, version: int | None = None) -> Row[Any]:
    """The offered call is being dialled. Raises Denied, NotFound, Conflict."""
    return _dial(tx, _own(tx, scope, callback_id, version), scope)


def _dial(tx: Tx, row: Row[Any], scope: Scope) -> Row[Any]:
    row = record.step(tx, row, "dial", actor=scope.user, dialled_at=tx.now)
    record.wait_until(tx, row, Micros(tx.now + WATCH))
    matter.give(tx, row, scope.user)
    read_about(tx, scope, record.conversation_of(tx, row.conversation).id)
    record.note(tx, row, "callback-dialling", scope.user, attempt=row.attempts + 1)
    return row


def answer(tx: Tx, house: House, scope: Scope, callback_id: int, *, version: int | None = None) -> Row[Any]:
    """The person answered. Raises Denied, NotFound, Conflict."""
    row = record.step(tx, _own(tx, scope, callback_id, version), "answer", actor=scope.user)
    record.note(tx, row, "callback-answered", scope.user)
    return row


def hang_up(tx: Tx, house: House, scope: Scope, callback_id: int, *, version: int | None = None) -> Row[Any]:
    """The call is over; topic and outcome are still to be written. Raises Denied, NotFound, Conflict."""
    return record.step(tx, _own(tx, scope, callback_id, version), "hang-up", actor=scope.user)


def release(tx: Tx, house: House, scope: Scope, callback_id: int, *, version: int | None = None) -> Row[Any]:
    """Give it back to the queue without an attempt; a supervisor may do that to anybody's. Raises as the others do."""
    row = opened(tx, scope, callback_id, version)
    if row.agent != scope.user and not allows(scope, "supervise"):
        raise Denied("callback")
    return give_back(tx, row, scope.user)


def no_answer(
    tx: Tx, house: House, scope: Scope, callback_id: int, *, version: int | None = None
) -> Row[Any]:
    """Nobody answered: the next attempt is set, or it was the last. The citizen is told. Raises as the others do."""
    row = _own(tx, scope, callback_id, version)
    agent, count, at = row.agent, row.attempts + 1, row.dialled_at or tx.now
    _keep_attempt(tx, row, at, "no-answer")
    row = record.step(tx, row, "miss", actor=scope.user, attempts=count, agent=None, dialled_at=None)
    due = schedule.retry_due(house.directory.config.desk, record.hours_of(house, row), at, count)
    if due is None:
        _unreachable(tx, house, row, scope, agent)
    else:
        _retry(tx, house, row, scope, agent, max(due, tx.now))
    _next(tx, house, agent)
    return record.locked(tx, callback_id)


def _retry(tx: Tx, house: House, row: Row[Any], scope: Scope, agent: int | None, due: Micros) -> None:
    row = record.step(tx, row, "retry", actor=scope.user, due_at=due)
    record.wait_until(tx, row, due)
    matter.sleep(tx, row, due, leaving=agent)
    record.note(tx, row, "callback-no-answer", scope.user, attempt=row.attempts, at=due)
    tell(tx, house, row, "callback-no-answer")


def _unreachable(tx: Tx, house: House, row: Row[Any], scope: Scope, agent: int | None) -> None:
    row = record.step(tx, row, "give-up", actor=scope.user)
    record.rest(tx, row)
    matter.await_citizen(tx, row, leaving=agent)
    record.note(tx, row, "callback-unreachable", scope.user, attempt=row.attempts)
    tell(tx, house, row, "callback-unreachable")


def wrong_number(
    tx: Tx, house: House, scope: Scope, callback_id: int, *, version: int | None = None
) -> Row[Any]:
    """Somebody else answered, or the number does not exist: it is not called again. Raises as the others do."""
    row = _own(tx, scope, callback_id, version)
    agent = row.agent
    _keep_attempt(tx, row, row.dialled_at or tx.now, "wrong-number")
    row = record.step(
        tx,
        row,
        "wrong-number",
        actor=scope.user,
        attempts=row.attempts + 1,
        outcome="wrong-number",
        agent=None,
        dialled_at=None,
    )
    record.rest(tx, row)
    record.note(tx, row, "callback-wrong-number", scope.user)
    tell(tx, house, row, "callback-wrong-number", wrong=True)
    _next(tx, house, agent)
    return row


def finish(
    tx: Tx,
    house: House,
    scope: Scope,
    callback_id: int,
    *,
    outcome: str,
    topic: str = "",
    note: str = "",
    version: int | None = None,
) -> Row[Any]:
    """The call is done: outcome, topic and note are kept, the conversation is resolved unless an answer is still owed.

    Raises Conflict for an outcome that is not in :data:`hub.callbacks.texts.OUTCOMES`, and as the others do.
    """
    if outcome not in texts.OUTCOMES:
        raise Conflict(NO_OUTCOME)
    row = _own(tx, scope, callback_id, version)
    agent = row.agent
    _keep_attempt(tx, row, row.dialled_at or tx.now, "answered")
    row = record.step(
        tx,
        row,
        "finish",
        actor=scope.user,
        attempts=row.attempts + 1,
        outcome=outcome,
        note=note.strip()[:NOTE_LIMIT],
        agent=None,
    )
    record.rest(tx, row)
    record.note(tx, row, "callback-done", scope.user, outcome=outcome)
    if agent is not None:
        telephone.note_with(tx, house, row, agent, topic, outcome)
    _close(tx, house, scope, row, topic)
    tell(tx, house, row, "callback-done")
    _next(tx, house, agent)
    return row


def _close(tx: Tx, house: House, scope: Scope, row: Row[Any], topic: str) -> None:
    """Topic and outcome are asked once: those of the call are those of the conversation."""
    conversation = record.conversation_of(tx, row.conversation)
    if row.note:
        add_note(tx, house, scope, conversation.id, row.note)
    if row.outcome != "follow-up":
        said = house.translate(house.directory.config.hub.language, texts.OUTCOMES[row.outcome])
        actions.resolve(tx, scope, [conversation.id], topic=topic, outcome=said)
    elif topic:
        change(tx, scope, conversation.id, topic=topic)


def _own(tx: Tx, scope: Scope, callback_id: int, version: int | None) -> Row[Any]:
    """A call that this agent has in hand, or for a supervisor anybody's. Raises Denied, NotFound, Conflict."""
    row = opened(tx, scope, callback_id, version)
    if row.agent is None and row.state not in TALKING:
        raise Conflict(record.NOT_NOW)
    if row.agent != scope.user and not allows(scope, "supervise"):
        raise Denied("callback")
    return row


def _keep_attempt(tx: Tx, row: Row[Any], at: Micros, outcome: str) -> None:
    """One line of the history."""
    number = (tx.scalar(select(func.max(attempt.c.number)).where(attempt.c.callback == row.id)) or 0) + 1
    values = {"callback": row.id, "number": number, "at": at, "agent": row.agent, "outcome": outcome}
    tx.execute(attempt.insert(), values)


def _next(tx: Tx, house: House, agent: int | None) -> None:
    """Whoever ended a call is free for the next one."""
    if agent is not None:
        offer_next(tx, house, agent)
