"""Presence: available, away, offline. Offline comes by itself when the browser is gone, and goes when it is back.

An agent who stays offline gives conversations that nobody touched back to their queue (see :mod:`hub.people.leaving`).
Both waits are timer rows, so a restart of the hub neither forgets nor hurries them.
"""

from __future__ import annotations

from typing import Any, Literal

from sqlalchemy import Row, func, select

from hub.callbacks.offers import agent_came
from hub.house import House
from hub.scope import NotFound, Scope
from hub.store.schema import session, timer, user
from hub.store.tx import Reader, Tx
from hub.timers import cancel_timer, set_timer

Presence = Literal["available", "away", "offline"]

BROWSER_GONE = "browser-gone"
AGENT_GONE = "agent-gone"
GRACE = 60_000_000
"""How long a browser may be away (a reload, a change of network) before its person is offline."""


def set_presence(tx: Tx, house: House, scope: Scope, presence: Presence) -> None:
    """What somebody says of themselves. Raises NotFound when the hub itself asks."""
    if scope.user is None:
        raise NotFound("user")
    _become(tx, house, scope.user, presence, before=None)


def _become(tx: Tx, house: House, user_id: int, presence: Presence, before: str | None) -> None:
    row = tx.locked(user, user_id)
    if row is None:
        raise NotFound("user")
    tx.change(user, user_id, presence=presence, presence_at=tx.now, presence_before=before)
    if presence == "offline" and row.presence != "offline":
        away = int(house.directory.config.desk.away_minutes * 60_000_000)
        set_timer(tx, AGENT_GONE, user_id, tx.now + away)
    elif presence != "offline":
        cancel_timer(tx, AGENT_GONE, user_id)
    if presence == "available":
        agent_came(tx, user_id)
    if row.presence != presence:
        tx.emit("presence", actor=user_id)


def signed_in(tx: Tx, user_id: int) -> None:
    """Logging in makes an offline person available. Whoever was still waited for is there: what fell due while the hub
    stood still, or a clock was set, must not send them away again."""
    cancel_timer(tx, BROWSER_GONE, user_id)
    row = tx.locked(user, user_id)
    if row is not None and row.presence == "offline":
        tx.change(user, user_id, presence="available", presence_at=tx.now, presence_before=None)
        cancel_timer(tx, AGENT_GONE, user_id)
        agent_came(tx, user_id)
        tx.emit("presence", actor=user_id)


def signed_out(tx: Tx, house: House, user_id: int) -> None:
    """Logging out of the last session makes a person offline."""
    left = select(func.count()).select_from(session)
    if not tx.scalar(left.where(session.c.user == user_id, session.c.expires_at > tx.now)):
        cancel_timer(tx, BROWSER_GONE, user_id)
        _become(tx, house, user_id, "offline", before=None)


def browser_is_missed(tx: Reader, user_id: int) -> bool:
    """Whether :func:`browser_back` has something to do: asked first, because it is asked at every page."""
    waits = select(timer.c.id).where(
        timer.c.kind == BROWSER_GONE, timer.c.subject == user_id, timer.c.state == "waiting"
    )
    before = tx.scalar(select(user.c.presence_before).where(user.c.id == user_id))
    return before is not None or tx.scalar(waits) is not None


def browser_gone(tx: Tx, user_id: int) -> None:
    """The last page of a person closed: offline after a while, unless one opens again."""
    set_timer(tx, BROWSER_GONE, user_id, tx.now + GRACE)


def browser_back(tx: Tx, house: House, user_id: int) -> None:
    """A page of a person is open (again): what they had chosen before holds again."""
    cancel_timer(tx, BROWSER_GONE, user_id)
    row = tx.locked(user, user_id)
    if row is not None and row.presence_before is not None:
        _become(tx, house, user_id, row.presence_before, before=None)


def on_browser_gone(tx: Tx, house: House, row: Row[Any]) -> None:
    """The timer: nobody came back."""
    found = tx.locked(user, row.subject)
    if found is not None and found.presence != "offline":
        _become(tx, house, row.subject, "offline", before=found.presence)


def expect_browsers(tx: Tx) -> None:
    """After a start of the hub nobody is connected yet: whoever does not come back soon goes offline."""
    waiting = select(timer.c.subject).where(timer.c.kind == BROWSER_GONE, timer.c.state == "waiting")
    rows = tx.rows(select(user.c.id).where(user.c.presence != "offline", user.c.id.not_in(waiting)))
    for row in rows:
        set_timer(tx, BROWSER_GONE, row.id, tx.now + 2 * GRACE)
