"""What happens when an agent stays away: conversations that they did not touch go back to the queue.

Their place is kept, because neither the queue nor the waiting time changes. Those that wait for the citizen stay, and
so do drafts and what the agent has answered or noted since the citizen's last word.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row, and_, exists, func, select

from hub.desk.row import change
from hub.house import House
from hub.messages import system_line
from hub.people.presence import AGENT_GONE, BROWSER_GONE, on_browser_gone
from hub.scope import SYSTEM
from hub.store.schema import conversation, draft, message, user
from hub.store.tx import Reader, Tx
from hub.timers import Handler


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


def on_agent_gone(tx: Tx, house: House, row: Row[Any]) -> None:
    """The timer: an agent has been offline for ``desk.away_minutes``."""
    agent = tx.row(select(user.c.presence, user.c.name).where(user.c.id == row.subject))
    if agent is None or agent.presence != "offline":
        return
    for found in untouched(tx, row.subject):
        change(tx, SYSTEM, found, assignee=None)
        system_line(tx, found, "agent-left", agent=agent.name)


HANDLERS: dict[str, Handler] = {BROWSER_GONE: on_browser_gone, AGENT_GONE: on_agent_gone}
"""Timer kinds of this package, for hub/app.py."""
