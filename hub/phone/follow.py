"""What follows from a call: whose matter it becomes, what a missed one turns into, what an answered one settles."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row, func, select

from connectors._phone import BadNumber, to_call_back
from connectors.contract import CallbackWish
from hub.callbacks import record as callbacks
from hub.callbacks.service import called_again, open_for, request, settled_by_call
from hub.desk.actions import QUIET, keep_timer, resolve
from hub.desk.row import change
from hub.house import House
from hub.messages import locked_conversation
from hub.phone import record
from hub.phone.states import SECOND, Facts, State
from hub.scope import SYSTEM
from hub.store import schema
from hub.store.tx import Tx
from hub.timers import cancel_timer, set_timer

TIMER = "phone"
GRACE = 15 * SECOND
"""How long a call that was hung up may still turn out to have been answered, where the exchange told neither."""


def follow(tx: Tx, house: House, row: Row[Any], facts: Facts, before: State, after: State) -> None:
    """Carry out what a new state of a call brings; ``row`` is its message."""
    if after in ("answered", "ended") and before in ("ringing", "missed"):
        if before == "missed":
            cancel_timer(tx, TIMER, row.id)
        _answered(tx, row)
    elif after == "missed" and facts.unclear:
        set_timer(tx, TIMER, row.id, tx.now + GRACE)
    elif after == "missed" and (before == "ringing" or not _settled(tx, row)):
        if before == "missed":
            cancel_timer(tx, TIMER, row.id)
        missed(tx, house, row, facts)


def on_timer(tx: Tx, house: House, timer: Row[Any]) -> None:
    """The handler of timer kind ``phone``: nobody told of an answer, so there was none."""
    row = record.locked(tx, timer.subject)
    facts = record.facts_of(row)
    if row.state == "missed" and facts.unclear:
        missed(tx, house, row, facts)


def _settled(tx: Tx, row: Row[Any]) -> bool:
    """Whether a call back was ordered for this call already."""
    return callbacks.read(tx, row.id) is not None


def _answered(tx: Tx, row: Row[Any]) -> None:
    """The person talks with us: nobody keeps them waiting, and a call back that waits is not needed any more."""
    conversation = locked_conversation(tx, row.conversation)
    values: dict[str, Any] = dict(QUIET)
    if conversation.status != "spam":
        values |= {"status": "open", "resolved_at": None}
    if conversation.assignee is None:
        values["assignee"] = row.author
    change(tx, SYSTEM, conversation.id, first_reply_at=conversation.first_reply_at or tx.now, **values)
    keep_timer(tx, conversation.id, values)
    number = record.number_of(tx, row)
    waiting = open_for(tx, number) if number else None
    if waiting is not None:
        settled_by_call(tx, waiting, row.author)


def missed(tx: Tx, house: House, row: Row[Any], facts: Facts) -> None:
    """Nobody answered: the person is called back, once for all their calls. Where nobody can be called, and for a call
    of ours that nobody took, there is nothing to do: a conversation that holds nothing else is resolved."""
    number = record.number_of(tx, row)
    if locked_conversation(tx, row.conversation).status == "spam":
        return
    try:
        callable_number = to_call_back(number) if number and facts.direction == "in" else ""
    except BadNumber:
        callable_number = ""
    if not callable_number:
        _nothing_to_do(tx, row)
    elif (waiting := open_for(tx, callable_number)) is not None:
        called_again(tx, waiting)
    else:
        inbox = row.inbox or ""
        request(tx, house, row.conversation, row.id, CallbackWish(number=callable_number), inbox=inbox)


def _nothing_to_do(tx: Tx, row: Row[Any]) -> None:
    message = schema.message
    others = select(func.count()).where(
        message.c.conversation == row.conversation, message.c.kind != "system", message.c.id != row.id
    )
    if not tx.scalar(others):
        resolve(tx, SYSTEM, [row.conversation])
