"""The line of a chat: who waits before whom, and how long it takes until one of us answers.

In the line stand visitors who are there and whose conversation nobody has taken; its order is that of "take next". The
expected wait is counted from what those answered last really waited: their waits together by their places together.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from sqlalchemy import and_, literal_column, select

from hub.chats.record import MINUTE, present
from hub.store import schema
from hub.store.schema import chat, conversation
from hub.store.tx import Reader

SAMPLE = 20
"""Chats that were answered last, from which the wait is counted."""

FEWEST = 3
"""Fewer of them say nothing."""

RECENT = 120 * MINUTE
"""Older ones say nothing about now."""


class Place(msgspec.Struct, frozen=True):
    """A place in the line of a queue, from 1."""

    queue: str
    number: int


def places(tx: Reader) -> Mapping[int, Place]:
    """The place of everybody who waits, by conversation."""
    waits = and_(
        present(),
        conversation.c.status == "open",
        conversation.c.assignee.is_(None),
        conversation.c.merged_into.is_(None),
    )
    rows = tx.rows(
        select(conversation.c.id, conversation.c.queue)
        .join(chat, chat.c.conversation == conversation.c.id)
        .where(waits)
        .order_by(literal_column(schema.RANK.text), literal_column(schema.WAIT.text), conversation.c.id)
    )
    counts: dict[str, int] = {}
    found: dict[int, Place] = {}
    for row in rows:
        if row.id not in found:
            queue = row.queue or ""
            counts[queue] = counts.get(queue, 0) + 1
            found[row.id] = Place(queue, counts[queue])
    return found


def in_line(line: Mapping[int, Place], queue: str | None) -> int:
    """How many wait in a queue."""
    return sum(place.queue == (queue or "") for place in line.values())


def wait_of_a_place(tx: Reader, queue: str | None) -> float | None:
    """Seconds that a place in this queue's line has cost lately; None where too few were answered."""
    answered = (
        select(chat.c.began_at, chat.c.answered_at, chat.c.place)
        .join(conversation, conversation.c.id == chat.c.conversation)
        .where(chat.c.answered_at > tx.now - RECENT, conversation.c.queue == queue)
    )
    rows = tx.rows(answered.order_by(chat.c.answered_at.desc()).limit(SAMPLE))
    if len(rows) < FEWEST:
        return None
    waited = sum(int(row.answered_at - row.began_at) for row in rows)
    return waited / 1e6 / sum(max(1, int(row.place)) for row in rows)
