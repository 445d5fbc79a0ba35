"""Moving messages from one conversation to another, with everything that goes where its message goes.

A message that is about something else gets a conversation of its own beside the one where it came in.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, and_, func, literal, select, update

from hub.changes import began
from hub.desk.row import change, opened
from hub.desk.undoing import CHANGED, remember
from hub.house import House
from hub.i18n import mark as N_
from hub.intake.references import new_reference
from hub.messages import announce, system_line
from hub.scope import Conflict, NotFound, Scope
from hub.store import schema
from hub.store.tx import Tx

message, conversation = schema.message, schema.conversation

FOLLOWERS = (
    *(schema.delivery.c.message, schema.trace.c.message, schema.search_doc.c.message),
    *(schema.post.c.id, schema.callback.c.id),  # those of the messages that they are about
)
"""Columns that name the message of a row which names its conversation too: it goes where its message goes."""

COMMENTS = N_("A comment stands under its article and cannot be moved.")
MOVABLE = ("inbound", "outbound", "call")
"""Kinds of messages that can be moved to a conversation of their own."""

ONLY = N_("It is the only message; there would be nothing left.")


def move_message(tx: Tx, house: House, scope: Scope, message_id: int) -> int:
    """Move one inbound or outbound message to a new conversation with the same person; returns its id.

    The new one carries a number of its own and stands in the same queue. Raises Conflict for a comment, for the only
    message, for a note or system line.
    """
    row = tx.locked(message, message_id)
    if row is None:
        raise NotFound("message")
    old = opened(tx, scope, row.conversation)
    if old.channel == "comments" or row.kind not in MOVABLE:
        raise Conflict(COMMENTS)
    statement = select(func.count()).where(message.c.conversation == old.id, message.c.kind.in_(MOVABLE))
    if tx.scalar(statement) < 2:
        raise Conflict(ONLY)
    new = _new_beside(tx, house, old, row)
    move(tx, message_id, old.id, new, 1)
    line_up(tx, [message_id], old.id, new)
    change(tx, scope, old.id)
    announce(tx, new, actor=scope.user)
    system_line(tx, old.id, "moved-away", scope.user, reference=reference_of(tx, new))
    system_line(tx, new, "moved-here", scope.user, reference=old.reference)
    remember(tx, scope, "move", {"message": message_id, "old": old.id, "new": new, "number": row.number})
    return new


def _new_beside(tx: Tx, house: House, old: Row[Any], row: Row[Any]) -> int:
    inbound = row.kind == "inbound"
    own = {
        "id": tx.new_id(),
        "reference": new_reference(house.random),
        "status": "open",
        "subject": row.subject or old.subject,
        "preview": " ".join(row.text.split())[:160],
        "identity": row.identity or old.identity,
        "inbox": row.inbox or old.inbox,
        "channel": row.channel,
        "messages": 1,
        "version": 1,
        "created_at": tx.now,
        "activity_at": row.at,
        "inbound_at": row.at if inbound else None,
        "waiting_since": row.at if inbound else None,
        "previous": old.id,
    }
    nothing = dict.fromkeys(
        ("topic", "outcome", "first_reply_at", "resolved_at", "snoozed_until", "woken", "possible_duplicate"),
        None,
    )
    new = tx.add(conversation, {**dict(old._mapping), **nothing, **own, "failed": False, "merged_into": None})
    tx.execute(
        schema.conversation_link.insert().values(conversation=old.id, other=new, kind="moved", at=tx.now)
    )
    began(tx, new)
    return new


def undo_move(tx: Tx, house: House, scope: Scope, data: Any) -> None:
    """Undo of kind ``move``: the message goes back to its old number; the emptied conversation is merged away.

    Refused once something was written in the new one.
    """
    new = opened(tx, scope, data["new"])
    statement = select(func.count()).where(message.c.conversation == new.id, message.c.kind != "system")
    if tx.scalar(statement) != 1:
        raise Conflict(CHANGED)
    old = opened(tx, scope, data["old"])
    move(tx, data["message"], new.id, old.id, data["number"])
    line_up(tx, [data["message"]], new.id, old.id)
    change(tx, scope, old.id)
    change(tx, scope, new.id, merged_into=old.id, status="resolved", waiting_since=None, due_at=None)
    system_line(tx, old.id, "undone", scope.user)


def move(tx: Tx, message_id: int, origin: int, conversation_id: int, number: int) -> None:
    """Put a message and its followers into another conversation; the caller does :func:`line_up`.

    ``origin``: the conversation that it stands in. The followers are found by that, too: not all have an index of
    their messages.
    """
    tx.change(message, message_id, conversation=conversation_id, number=number)
    for column in FOLLOWERS:
        its = and_(column.table.c.conversation == origin, column == message_id)
        tx.execute(update(column.table).where(its).values(conversation=conversation_id))


def line_up(tx: Tx, messages: Sequence[int], origin: int, conversation_id: int) -> None:
    """Have what waits to be sent of moved messages take its turn among what waits in their conversation. An attempt
    under way stays where it was begun: of each lane only one may be."""
    delivery = schema.delivery
    waiting = and_(
        delivery.c.message.in_(messages),
        delivery.c.conversation == conversation_id,
        delivery.c.state.in_(("held", "queued")),
        delivery.c.lane.startswith(f"{origin}/", autoescape=True),
    )
    lane = literal(str(conversation_id)) + func.substr(delivery.c.lane, len(str(origin)) + 1)
    tx.execute(update(delivery).where(waiting).values(lane=lane))


def reference_of(tx: Tx, conversation_id: int) -> str:
    """The number that a conversation is known by."""
    return str(tx.scalar(select(conversation.c.reference).where(conversation.c.id == conversation_id)))
