"""Rows of chats: finding them, and the conditions that the other modules share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Row, and_, or_, select

from hub.store.schema import chat, conversation
from hub.store.tx import Reader

KIND = "chat"
"""The kind of a visitor's address."""

MINUTE = 60_000_000

IDLE = "chat-idle"
LEFT = "chat-left"
"""Kinds of timers, about a conversation: the visitor says nothing; they left, and may not have read our answer."""


def present() -> ColumnElement[bool]:
    """The visitor is there, as far as we know."""
    return and_(chat.c.ended_at.is_(None), chat.c.left_at.is_(None))


def of_visitor(tx: Reader, inbox: str, visitor: str) -> Row[Any] | None:
    """The chat of one visitor."""
    return tx.row(select(chat).where(chat.c.inbox == inbox, chat.c.visitor == visitor))


def is_here(tx: Reader, inbox: str, visitor: str) -> bool:
    """Whether a visitor is there now."""
    here = select(chat.c.id).where(chat.c.inbox == inbox, chat.c.visitor == visitor, present())
    return tx.row(here) is not None


def of_conversation(tx: Reader, number: int) -> Sequence[Row[Any]]:
    """The chats of a conversation: mostly one, several where conversations were merged."""
    merged = select(conversation.c.id).where(conversation.c.merged_into == number)
    theirs = or_(chat.c.conversation == number, chat.c.conversation.in_(merged))
    return tx.rows(select(chat).where(theirs).order_by(chat.c.id))
