"""When a visitor falls silent or leaves: a warning, the end of the chat, and our unread answers on another channel.

The conversation stays one. What was sent to the page and not read when the visitor left goes by mail, else by text
message, to the address that they gave for it; an answer to that comes back into the same conversation by its token.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import msgspec
from sqlalchemy import Row, and_, exists, select

from connectors.contract import Recipient, Visit
from hub.chats.record import IDLE, LEFT, MINUTE, of_conversation, of_visitor
from hub.desk.row import change
from hub.house import House
from hub.i18n import mark as N_
from hub.messages import announce, system_line
from hub.notices import Where, notify_citizen
from hub.outbox.queue import enqueue, outlet
from hub.scope import SYSTEM
from hub.store.schema import chat, conversation, delivery, message
from hub.store.tx import Reader, Tx
from hub.timers import Handler, cancel_timer, set_timer

TRANSCRIPTS = 3
"""Most transcripts of one chat: the form must not become a way to flood somebody's mailbox."""

AGAIN = 5_000_000
"""Microseconds until a conversation in other hands, or what is on its way to a page that its visitor has left, is
looked at again."""

ON_THEIR_WAY = ("held", "queued", "sending")
ARRIVED = ("accepted", "delivered", "possibly-sent")
"""States of an answer before its page has it, and when it does and nobody has read it."""

SUBJECT = N_("Your chat, case {number}")

TRANSCRIPT = "chat-transcript"
"""The notice that carries a transcript."""


# --- what visitors do ------------------------------------------------------------------------------------------


def visited(tx: Tx, event: Visit) -> int | None:
    """Carry out a visitor's deed; returns the conversation, None where they have none."""
    row = of_visitor(tx, event.inbox, event.sender.address)
    number = _survivor(tx, row.conversation) if row is not None else None
    if row is None or number is None:
        return None
    tx.locked(conversation, number)  # before its chat and its deadlines, as everybody does
    if event.what == "came" and row.left_at is not None:
        tx.change(chat, row.id, left_at=None)
        announce(tx, number, actor=None)
    elif event.what == "left" and row.left_at is None:
        _left(tx, row, number)
    elif event.what == "ended" and row.ended_at is None:
        _left(tx, row, number)
        end(tx, row, number, "visitor")
    elif event.what == "transcript" and row.answered_at is not None and row.transcripts < TRANSCRIPTS:
        tx.change(chat, row.id, transcripts=row.transcripts + 1, email=row.email or event.email)
        where, key = Where(mail=event.email), f"{TRANSCRIPT}:{event.external_id}"
        notify_citizen(tx, number, TRANSCRIPT, {"transcript": event.text}, key, where)
    return number


def _survivor(tx: Reader, number: int) -> int | None:
    """The conversation itself, or the one that it was merged into, however often."""
    found = tx.row(select(conversation.c.id, conversation.c.merged_into).where(conversation.c.id == number))
    if found is None or found.merged_into is None:
        return None if found is None else int(found.id)
    return _survivor(tx, found.merged_into)


def _meant(tx: Tx, timer: Row[Any]) -> Row[Any] | None:
    """The conversation that a deadline is about now, locked. Another one, into which its own was merged, is not waited
    for, because that one is locked already: it is looked at again then."""
    number = _survivor(tx, timer.subject)
    found = tx.locked(conversation, number or 0, wait=False)
    if found is None and number is not None:
        set_timer(tx, timer.kind, timer.subject, tx.now + AGAIN)
    return found


def _left(tx: Tx, row: Row[Any], number: int) -> None:
    tx.change(chat, row.id, left_at=row.left_at or tx.now)
    set_timer(tx, LEFT, number, tx.now)
    announce(tx, number, actor=None)


def end(tx: Tx, row: Row[Any], number: int, by: Literal["visitor", "silence"]) -> None:
    """A chat is over. Whoever still waits for an answer goes on waiting; else we wait for the citizen."""
    tx.change(chat, row.id, ended_at=tx.now, ended_by=by, closes_at=None)
    cancel_timer(tx, IDLE, number)
    found = tx.locked(conversation, number)
    if found is not None and found.status == "open" and found.waiting_since is None:
        change(tx, SYSTEM, number, status="waiting-citizen")
    system_line(tx, number, f"chat-ended-{by}")
    announce(tx, number, actor=None)


# --- silence ---------------------------------------------------------------------------------------------------


def on_idle(tx: Tx, house: House, timer: Row[Any]) -> None:
    """The visitor has said nothing since our answer: first a warning, then the end.

    Never where they wait for us, and never while a protocol of distress is on.
    """
    found = _meant(tx, timer)
    if found is None or found.waiting_since is not None or found.protocol or found.status != "open":
        return
    for row in of_conversation(tx, found.id):
        if row.ended_at is not None:
            continue
        if row.left_at is not None or (row.closes_at is not None and row.closes_at <= tx.now):
            end(tx, row, found.id, "silence")
        else:
            closes = tx.now + int(house.directory.config.chats.close_minutes * MINUTE)
            tx.change(chat, row.id, closes_at=closes)
            set_timer(tx, IDLE, found.id, closes)
            announce(tx, found.id, actor=None)


# --- unread answers --------------------------------------------------------------------------------------------


class Further(msgspec.Struct, frozen=True, kw_only=True):
    """Where answers go once a visitor has left: an address and the inbox that reaches it."""

    kind: Literal["email", "phone"]
    address: str
    inbox: str


def further(house: House, office: str, row: Row[Any]) -> Further | None:
    """By mail, else by text message, else nowhere."""
    if row.email and (inbox := outlet(house, office, "email")) is not None:
        return Further(kind="email", address=row.email, inbox=inbox)
    if row.phone and (inbox := outlet(house, office, "phone")) is not None:
        return Further(kind="phone", address=row.phone, inbox=inbox)
    return None


def on_left(tx: Tx, house: House, timer: Row[Any]) -> None:
    """The visitor is gone: what they have not read leaves by the address that they gave. What is still on its way to
    their page is looked at again: it gets there when nobody reads it any more."""
    found = _meant(tx, timer)
    if found is None:
        return
    for row in of_conversation(tx, found.id):
        way = further(house, found.office, row) if row.left_at is not None else None
        if way is None:
            continue
        if _ours(tx, row, found.id, ON_THEIR_WAY):
            set_timer(tx, LEFT, found.id, tx.now + AGAIN)
        unread = _ours(tx, row, found.id, ARRIVED)
        if not unread:
            continue
        to = [Recipient(address=way.address)]
        subject = house.translate(found.language or "pl", SUBJECT, number=found.reference)
        for sent in unread:
            if not sent.subject:
                tx.change(message, sent.id, subject=subject)
            enqueue(tx, house, found, sent.id, to, inbox=way.inbox)
        system_line(tx, found.id, f"chat-handed-over-{way.kind}", address=way.address)


def _ours(tx: Reader, row: Row[Any], number: int, states: Sequence[str]) -> Sequence[Row[Any]]:
    """Our words to this visitor that stand so with their page, and were not sent elsewhere before."""
    other = delivery.alias("other")
    elsewhere = exists().where(other.c.message == message.c.id, other.c.inbox != row.inbox)
    wanted = and_(
        message.c.conversation == number,
        message.c.kind == "outbound",
        message.c.automatic == "no",
        message.c.at >= row.began_at,
        delivery.c.inbox == row.inbox,
        delivery.c.operation == "send",
        delivery.c.state.in_(states),
        delivery.c.recipients.contains(row.visitor, autoescape=True),
        ~elsewhere,
    )
    statement = select(message.c.id, message.c.subject).join(delivery, delivery.c.message == message.c.id)
    return tx.rows(statement.where(wanted).order_by(message.c.number))


HANDLERS: dict[str, Handler] = {IDLE: on_idle, LEFT: on_left}
"""Timer kinds of chats, for hub/app.py."""
