"""What a message means for its chat: it begins or goes on with the visitor's word; with ours a wait for them begins."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from connectors.contract import Message, Receipt
from hub.chats.line import in_line, places
from hub.chats.record import IDLE, LEFT, MINUTE, of_visitor
from hub.house import House
from hub.store import schema
from hub.store.schema import chat
from hub.store.tx import Tx
from hub.timers import cancel_timer, set_timer

UNREAD_AFTER = 5_000_000
"""Microseconds that an answer to somebody who left waits for them to come back."""


def wrote(tx: Tx, message: Message, receipt: Receipt) -> None:
    """A visitor wrote: they are there, and their chat is open."""
    said, number = message.chat, receipt.conversation
    if said is None or number is None or receipt.duplicate or receipt.quarantined:
        return
    row = of_visitor(tx, message.inbox, message.sender.address)
    if row is None:
        tx.add(
            chat,
            {
                "inbox": message.inbox,
                "visitor": message.sender.address,
                "email": said.email,
                "phone": said.phone,
                "page": said.page,
                **_beginning(tx, number),
            },
        )
        return
    values: dict[str, Any] = {"left_at": None, "closes_at": None, "ended_at": None, "ended_by": None}
    if row.ended_at is not None or row.conversation != number:
        values |= _beginning(tx, number)
    told = {"email": said.email, "phone": said.phone, "page": said.page}
    values |= {name: value for name, value in told.items() if value}
    if any(getattr(row, name) != value for name, value in values.items()):
        tx.change(chat, row.id, **values)
    cancel_timer(tx, IDLE, number)


def _beginning(tx: Tx, number: int) -> dict[str, Any]:
    """A chat begins, or begins anew after its end: at the place where its conversation stands now."""
    line = places(tx)
    table = schema.conversation
    queue = tx.scalar(select(table.c.queue).where(table.c.id == number))
    own = line.get(number)
    place = own.number if own else in_line(line, queue) + 1
    return {"conversation": number, "place": place, "began_at": tx.now, "answered_at": None}


def answered(tx: Tx, house: House, inbox: str, visitor: str, message: int, number: int) -> None:
    """One of us writes to a visitor: from now on we wait for them; who has left gets it where they said."""
    row = of_visitor(tx, inbox, visitor)
    table = schema.message
    automatic = tx.scalar(select(table.c.automatic).where(table.c.id == message))
    if row is None or automatic != "no":
        return
    if row.answered_at is None or row.closes_at is not None:
        tx.change(chat, row.id, answered_at=row.answered_at or tx.now, closes_at=None)
    if row.left_at is not None:
        set_timer(tx, LEFT, number, tx.now + UNREAD_AFTER)
    elif row.ended_at is None:
        idle = int(house.directory.config.chats.idle_minutes * MINUTE)
        set_timer(tx, IDLE, number, tx.now + idle)
