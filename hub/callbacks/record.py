"""One callback under a person's or the clock's hands: locked, moved from state to state, its event told.

Every change of state goes through :func:`step`, so the table of :mod:`hub.callbacks.states`, the version and the event
are never left to an action. A callback's id is the id of the message that ordered it.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row

from connectors.contract import Micros
from hub import calendar
from hub.callbacks.states import Move, NoSuchMove, State, after
from hub.house import House
from hub.i18n import mark as N_
from hub.messages import system_line
from hub.scope import Conflict, NotFound
from hub.store import schema
from hub.store.tx import Reader, Tx
from hub.timers import cancel_timer, set_timer

callback = schema.callback

TIMER = "callback"
"""Kind of the timer of a callback: when it falls due, when an offer lapses, when an agent is looked for again."""

NOT_NOW = N_("The call has moved on meanwhile. Look at it again.")


def locked(tx: Tx, callback_id: int) -> Row[Any]:
    """The row, locked. Raises NotFound."""
    row = tx.locked(callback, callback_id)
    if row is None:
        raise NotFound("callback")
    return row


def taken(tx: Tx, callback_id: int) -> Row[Any]:
    """The row, locked behind its conversation, which everybody locks first. Raises NotFound."""
    row = read(tx, callback_id)
    while row is not None:
        before, matter = row, conversation_of(tx, row.conversation)
        tx.locked(schema.conversation, matter.id)
        row = tx.locked(callback, callback_id)
        if row is not None and row.conversation == before.conversation:
            return row
    raise NotFound("callback")


def takes_matter(tx: Tx, row: Row[Any]) -> bool:
    """For whoever came to the callback first: lock its conversation, too, unless that is in other hands."""
    matter = conversation_of(tx, row.conversation)
    return tx.locked(schema.conversation, matter.id, wait=False) is not None


def read(tx: Reader, callback_id: int) -> Row[Any] | None:
    """The row, or None."""
    return tx.get(callback, callback_id)


def step(tx: Tx, row: Row[Any], move: Move, *, actor: int | None = None, **values: Any) -> Row[Any]:
    """Move a locked callback on, setting ``values`` with its state; returns the row as it is now.

    Raises Conflict when its state does not allow the move.
    """
    try:
        state: State = after(row.state, move)
    except NoSuchMove as error:
        raise Conflict(NOT_NOW) from error
    tx.change(callback, row.id, state=state, version=row.version + 1, updated_at=tx.now, **values)
    announce(tx, row, row.version + 1, actor)
    return locked(tx, row.id)


def announce(tx: Tx, row: Row[Any], version: int, actor: int | None) -> None:
    """Emit that a callback changed; the event's ``message`` is its id."""
    tx.emit(
        "callback",
        office=row.office,
        queue=row.queue,
        conversation=row.conversation,
        message=row.id,
        actor=actor,
        version=version,
    )


def conversation_of(tx: Reader, conversation_id: int) -> Row[Any]:
    """The conversation a callback belongs to now: a merged one leads to its survivor. Raises NotFound."""
    conversation = schema.conversation
    row = tx.get(conversation, conversation_id)
    if row is None:
        raise NotFound("conversation")
    return row if row.merged_into is None else conversation_of(tx, row.merged_into)


def note(tx: Tx, row: Row[Any], what: str, actor: int | None = None, **details: Any) -> None:
    """A system line in the callback's conversation; its texts are in :mod:`hub.callbacks.texts`."""
    system_line(tx, conversation_of(tx, row.conversation).id, what, actor, **details)


def hours_of(house: House, row: Row[Any]) -> calendar.Calendar:
    """The hours in which this call may be made."""
    return calendar.calendar(house.directory, row.office, row.queue)


def wait_until(tx: Tx, row: Row[Any], at: Micros) -> None:
    """Look at the callback again at ``at``; replaces what was set before."""
    set_timer(tx, TIMER, row.id, at)


def rest(tx: Tx, row: Row[Any]) -> None:
    """Nothing more happens to it by itself."""
    cancel_timer(tx, TIMER, row.id)
