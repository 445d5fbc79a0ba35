"""What happens when an agent stays away: conversations that they did not touch go back to the queue.

Their place is kept, because neither the queue nor the waiting time changes. Those that wait for the citizen stay, and
so do drafts and what the agent has answered or noted since the citizen's last word. Of somebody whose account was
disabled everything goes back: nobody would see what is assigned to them.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row, and_, exists, func, select

from hub.desk.row import ACTIVE, change
from hub.house import House
from hub.messages import system_line
from hub.people.presence import AGENT_GONE, BROWSER_GONE, on_browser_gone
from hub.scope import SYSTEM
from hub.store.schema import conversation, draft, message, user
from hub.store.tx import Reader, Tx
from hub.timers import Handler, set_timer

PIECE = 100
"""Conversations of a disabled account that go back in one transaction: messages wait for the same writer."""


def untouched(tx: Reader, user_id: int) -> list[int]:
    """Open conversations of an agent in which they have done nothing since the citizen's last message."""
    since = func.coalesce(conversation.c.inbound_at, conversation.c.created_at)
    wrote = exists().where(
        and_(
            message.c.conversation == conversation.c.id,
            message.c.author == user_id,
            message.c.kind.in_(("outbound", "note", "call")),
            message.c.at >= since,
        )
    )
    writes = exists().where(
        and_(draft.c.conversation == conversation.c.id, draft.c.user == user_id, draft.c.text != "")
    )
    statement = select(conversation.c.id).where(
        conversation.c.assignee == user_id, conversation.c.status == "open", ~wrote, ~writes
    )
    return [row.id for row in tx.rows(statement.order_by(conversation.c.id))]


def in_hand(tx: Reader, user_id: int) -> list[int]:
    """What is assigned to somebody and not over; at most :data:`PIECE`."""
    theirs = and_(
        conversation.c.assignee == user_id,
        conversation.c.status.in_(ACTIVE),
        conversation.c.merged_into.is_(None),
    )
    return [
        row.id
        for row in tx.rows(select(conversation.c.id).where(theirs).order_by(conversation.c.id).limit(PIECE))
    ]


def on_agent_gone(tx: Tx, house: House, row: Row[Any]) -> None:
    """The timer: an agent has been offline for ``desk.away_minutes``, or their account was disabled."""
    agent = tx.row(select(user.c.presence, user.c.name, user.c.active).where(user.c.id == row.subject))
    if agent is None or agent.presence != "offline":
        return
    left = untouched(tx, row.subject) if agent.active else in_hand(tx, row.subject)
    for found in left:
        change(tx, SYSTEM, found, assignee=None)
        system_line(tx, found, "agent-left", agent=agent.name)
    if left and not agent.active:
        set_timer(tx, AGENT_GONE, row.subject, tx.now)


HANDLERS: dict[str, Handler] = {BROWSER_GONE: on_browser_gone, AGENT_GONE: on_agent_gone}
"""Timer kinds of this package, for hub/app.py."""
