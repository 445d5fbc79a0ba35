"""Taking a comment away for good: by its author, by whoever deleted it on a platform, or because it is gone there."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row, delete, select

from hub.moderation.platform import OPERATIONS, withdraw
from hub.moderation.rows import OFF_BENCH, change
from hub.moderation.states import after
from hub.outbox.states import State
from hub.store import schema
from hub.store.tx import Tx

post, message = schema.post, schema.message


def erase(tx: Tx, row: Row[Any], actor: int | None = None) -> str:
    """Take a comment away for good; where it was answered a tombstone stays. Returns the new state."""
    state = after(row.state, "erase")
    change(tx, row, actor, state=state, text="", author_name="", pending_text=None, link="", **OFF_BENCH)
    tx.change(message, row.id, text="", full_text=None, html=None, data="{}", deleted_at=tx.now)
    tx.execute(delete(schema.search_doc).where(schema.search_doc.c.message == row.id))
    conversation = schema.conversation
    number = select(message.c.number).where(message.c.id == row.id).scalar_subquery()
    tx.execute(
        conversation.update()
        .where(conversation.c.id == row.conversation, conversation.c.messages == number)
        .values(preview="")
    )
    return state


def vanished(tx: Tx, order: Row[Any]) -> State | None:
    """An order was about a comment that the platform certainly no longer has: a tombstone, unless we wanted it gone.

    Returns the state of the delivery; None for one that is no such order.
    """
    row = tx.locked(post, order.message) if order.operation in OPERATIONS else None
    if row is None or row.standing is None:
        return None
    withdraw(tx, row.id)
    if order.operation == "delete":
        tx.change(post, row.id, standing="deleted")
        tx.emit(
            "post", office=row.office, conversation=row.conversation, message=row.id, version=row.revision
        )
        return "delivered"
    take_away(tx, row)
    return "failed"


def take_away(tx: Tx, row: Row[Any]) -> str:
    """A comment on a platform was deleted there; of an answer of ours the conversation keeps what was said."""
    if row.state == "erased":
        return "erased"
    if row.author is None:
        change(tx, row, state="erased", standing="deleted", **OFF_BENCH)
        return "erased"
    tx.change(post, row.id, standing="deleted")
    return erase(tx, row)
