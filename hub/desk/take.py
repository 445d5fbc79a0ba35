"""Take next: the conversation that an agent should work on now, claimed so that no two agents get the same.

Within the agent's queues and skills: the highest priority first, then who waits longest. Of equal priority visitors of
a chat go first, because they sit there now; an agent who has as many live chats as one may have gets no further one.
A conversation in a language that not everybody speaks is kept for those who do for half an hour of opening time, then
anyone gets it.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlalchemy import ColumnElement, Select, literal, or_, select, union_all, update

from connectors.contract import Micros
from hub.calendar import MINUTE, Calendar, at_wall_clock, calendar, openings
from hub.chats.desk import has_chats, is_full, is_live
from hub.desk import lists
from hub.desk.row import change
from hub.desk.undoing import remember
from hub.directory import Directory
from hub.house import House
from hub.scope import Scope, require
from hub.store.schema import conversation
from hub.store.tx import Tx

SPEAKER_MINUTES = 30
"""Opening minutes for which a conversation waits for somebody who speaks its language."""

COMMON_LANGUAGES = ("", "pl")
"""Languages that every agent answers in; the empty one is a text too short to tell."""

TRIES = 20
"""Claims that may be lost to colleagues before giving up: only on PostgreSQL, where claims run side by side."""


def take_next(tx: Tx, house: House, scope: Scope) -> int | None:
    """Assign the next conversation to the actor and return its id; None when nothing waits. Raises Denied."""
    require(scope, "answer")
    queues = [queue for queue in scope.queues if _works(house.directory, scope, queue)]
    for _ in range(TRIES if queues and scope.user is not None else 0):
        found, claimed = _claim(tx, house, scope, queues)
        if claimed:
            change(tx, scope, found, assignee=scope.user)
            remember(
                tx,
                scope,
                "set",
                {"rows": [{"id": found, "before": {"assignee": None}, "after": {"assignee": scope.user}}]},
            )
            return found
        if not found:
            return None
    return None


def _works(directory: Directory, scope: Scope, queue: str) -> bool:
    """Whether the actor has the skills for a queue whose conversations are offered at all."""
    line = directory.queues.get(queue)
    return line is not None and not (line.moderation or line.spam) and set(line.skills) <= set(scope.skills)


def _claim(tx: Tx, house: House, scope: Scope, queues: list[str]) -> tuple[int, bool]:
    """The next free conversation (0: none) and whether this transaction got it, in one statement."""
    live = has_chats(house)
    full = live and is_full(tx, house, scope.user)
    parts = [part for queue in queues for part in _heads(house, scope, queue, tx.now, live=live, full=full)]
    heads = union_all(*(select(*part.subquery().c) for part in parts)).subquery()
    best = select(heads.c.id).order_by(heads.c.rank, heads.c.turn, heads.c.wait, heads.c.id).limit(1)
    claim = (
        update(conversation)
        .where(conversation.c.id == best.scalar_subquery(), lists.free())
        .values(assignee=scope.user)
        .returning(conversation.c.id)
    )
    taken = tx.scalar(claim)
    if taken is not None:
        return int(taken), True
    return int(tx.scalar(best) or 0), False


def _heads(
    house: House, scope: Scope, queue: str, now: Micros, *, live: bool, full: bool
) -> list[Select[Any]]:
    """The first of a queue; where there are chats, of its live ones (unless the agent's hands are ``full``) and of the
    rest."""
    if not live:
        return [_first(house, scope, queue, now, 1)]
    rest = _first(house, scope, queue, now, 1, ~is_live())
    return [rest] if full else [_first(house, scope, queue, now, 0, is_live()), rest]


def _first(
    house: House, scope: Scope, queue: str, now: Micros, turn: int, *more: ColumnElement[bool]
) -> Select[Any]:
    rank, wait = (key.label(name) for key, name in zip(lists.LINE.keys, ("rank", "wait"), strict=False))
    return (
        select(conversation.c.id, rank, wait, literal(turn).label("turn"))
        .where(lists.free(queue), _spoken(house, scope, queue, now), *more)
        .order_by(*lists.LINE.columns())
        .limit(1)
    )


def _spoken(house: House, scope: Scope, queue: str, now: Micros) -> ColumnElement[bool]:
    """Languages that the actor answers in, and any other one that waited long enough."""
    spoken = {*COMMON_LANGUAGES, scope.language, *scope.skills}
    office = house.directory.queues[queue].office
    since = open_minutes_ago(calendar(house.directory, office, queue), now, SPEAKER_MINUTES)
    return or_(conversation.c.language.in_(sorted(spoken)), conversation.c.waiting_since <= since)


def open_minutes_ago(cal: Calendar, at: Micros, amount: float) -> Micros:
    """The moment since which ``amount`` minutes of opening hours have passed until ``at``."""
    left = round(amount * MINUTE)
    today = at_wall_clock(cal.zone, at).date()
    for offset in range(15):
        for start, end in reversed(openings(cal, today - dt.timedelta(days=offset))):
            open_for = min(end, at) - start
            if open_for <= 0:
                continue
            if left <= open_for:
                return Micros(min(end, at) - left)
            left -= open_for
    return Micros(at - round(amount * MINUTE))
