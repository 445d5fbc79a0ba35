"""Chats at the desk: those that an agent has, how many more they may take, and who is on the other side of one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Row, func, select

from connectors.contract import Micros
from hub.chats.leaving import Further, further
from hub.chats.record import of_conversation, present
from hub.desk.lists import free
from hub.house import House
from hub.scope import Scope, require
from hub.store.schema import chat, contact, conversation, conversation_read, identity
from hub.store.tx import Reader

SHOWN = 30
"""Most chats of one agent that a screen shows."""


def is_live() -> ColumnElement[bool]:
    """The condition on conversations in which the visitor is there."""
    return conversation.c.id.in_(select(chat.c.conversation).where(present()))


def has_chats(house: House) -> bool:
    """Whether anybody can chat with this house at all."""
    return any(can.live for can in house.capabilities.values())


def is_full(tx: Reader, house: House, user: int | None) -> bool:
    """Whether an agent has as many live chats as one may have."""
    live = select(func.count()).where(
        conversation.c.assignee == user, conversation.c.status == "open", is_live()
    )
    return int(tx.scalar(live) or 0) >= house.directory.config.chats.per_agent


class Mine(msgspec.Struct, frozen=True, kw_only=True):
    """One of an agent's chats. ``unread``: messages of the visitor that the agent has not seen; ``waits``: since when
    the visitor waits for an answer; ``here``: the visitor is there."""

    conversation: int
    who: str
    unread: int
    waits: Micros | None
    here: bool


class Chats(msgspec.Struct, frozen=True, kw_only=True):
    """An agent's chats, those that wait first; ``limit`` is how many may be live at once; ``waiting`` visitors sit in
    the agent's queues whom nobody has taken."""

    mine: tuple[Mine, ...]
    limit: int
    waiting: int


def chats_of(tx: Reader, house: House, scope: Scope) -> Chats:
    """The chats that an agent has and that have not ended. Raises Denied."""
    require(scope, "answer")
    read = conversation_read.c
    unread = select(func.coalesce(func.max(read.number), 0)).where(
        read.user == scope.user, read.conversation == conversation.c.id
    )
    statement = (
        select(
            conversation.c.id,
            conversation.c.messages,
            conversation.c.waiting_since,
            chat.c.left_at,
            contact.c.name.label("person"),
            identity.c.name,
            unread.scalar_subquery().label("read"),
        )
        .join(chat, chat.c.conversation == conversation.c.id)
        .join(contact, contact.c.id == conversation.c.contact)
        .join(identity, identity.c.id == conversation.c.identity)
        .where(conversation.c.assignee == scope.user, chat.c.ended_at.is_(None))
        .where(conversation.c.status.in_(("open", "waiting-citizen")), conversation.c.merged_into.is_(None))
        .order_by(func.coalesce(conversation.c.waiting_since, 1 << 62), conversation.c.activity_at.desc())
        .limit(SHOWN)
    )
    mine = tuple(
        Mine(
            conversation=row.id,
            who=row.person or row.name,
            unread=max(0, row.messages - row.read) if row.waiting_since is not None else 0,
            waits=row.waiting_since,
            here=row.left_at is None,
        )
        for row in tx.rows(statement)
    )
    waiting = select(func.count()).where(free(), is_live(), conversation.c.queue.in_(scope.queues))
    limit = house.directory.config.chats.per_agent
    return Chats(mine=mine, limit=limit, waiting=int(tx.scalar(waiting) or 0))


class Visitor(msgspec.Struct, frozen=True, kw_only=True):
    """The other side of a chat, for whoever answers. ``further``: where answers go once they have left."""

    here: bool
    ended: str
    left_at: Micros | None
    closes_at: Micros | None
    page: str
    further: Further | None


def visitor_of(tx: Reader, house: House, row: Row[Any]) -> Visitor | None:
    """The visitor of a conversation; None where it was no chat, or goes on elsewhere by now."""
    found: Sequence[Row[Any]] = of_conversation(tx, row.id) if row.channel == "chat" else ()
    if not found:
        return None
    last = max(found, key=lambda one: (one.began_at, one.id))
    return Visitor(
        here=last.left_at is None and last.ended_at is None,
        ended=last.ended_by or "",
        left_at=last.left_at,
        closes_at=last.closes_at,
        page=last.page,
        further=further(house, row.office, last),
    )
