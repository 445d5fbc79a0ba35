"""Whose turn it is: a callback that falls due is offered to one agent of its queue who is free to call.

Never offered to two at once, never two to one: call and agent are locked while an offer is made, and a unique index
says the same. Whoever has locked one of them does not wait for the other, because some come from the call and some from
the agent. An offer that nobody takes lapses and goes to somebody else.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec
from sqlalchemy import Row, and_, func, select

from connectors.contract import Micros
from hub import calendar
from hub.callbacks import matter, record, schedule
from hub.callbacks.notices import tell
from hub.callbacks.states import TALKING
from hub.desk.notify import tell as tell_agent
from hub.house import House
from hub.store import schema
from hub.store.tx import Tx
from hub.timers import hasten_timers

callback = record.callback
user, user_queue = schema.user, schema.user_queue

WATCH = 30 * calendar.MINUTE
"""How often a call in somebody's hands is looked after."""

NOTED = 3
"""Lapsed offers of one call that are written into its conversation and told: whoever does not look needs no more."""

AGAIN = 30 * calendar.SECOND
AGAIN_MOST = 600 * calendar.SECOND
"""Shortest and longest pause before an agent is looked for again; it grows with the time that a call has waited. One
who becomes free is given the next call at once, so this is for agents whose coming nobody told."""

SOON = calendar.SECOND
"""The pause where an agent, who may have become free, or the conversation was in other hands."""


def on_timer(tx: Tx, house: House, timer: Row[Any]) -> None:
    """The handler of timer kind ``callback``: its time has come, its offer lapses, or an agent is looked for again."""
    row = record.locked(tx, timer.subject)
    if not record.takes_matter(tx, row):
        record.wait_until(tx, row, Micros(tx.now + SOON))
    elif row.state in ("scheduled", "retry-wait"):
        fall_due(tx, house, row)
    elif row.state == "offered":
        lapse(tx, house, row)
    elif row.state in TALKING:
        watch(tx, row)
    elif row.state == "due":
        look_again(tx, house, row)


def fall_due(tx: Tx, house: House, row: Row[Any]) -> None:
    """The time of a call has come; one whose conversation was filed as spam is not made."""
    if record.conversation_of(tx, row.conversation).status == "spam":
        record.step(tx, row, "cancel")
        record.note(tx, row, "callback-cancelled")
        return
    row = record.step(tx, row, "fall-due", lapses=0)
    matter.wake(tx, row)
    look_again(tx, house, row)


def look_again(tx: Tx, house: House, row: Row[Any]) -> None:
    """Offer a due callback, or come back later: in a moment, after quiet hours; too old, it is given up."""
    row = _follow(tx, row)
    desk, cal = house.directory.config.desk, record.hours_of(house, row)
    if tx.now >= schedule.expiry(cal, row.due_at or row.created_at, desk.callback_expire_days):
        _expire(tx, house, row)
        return
    loud = calendar.next_loud(desk, cal, tx.now)
    if loud > tx.now:
        record.wait_until(tx, row, loud)
    else:
        _offer(tx, house, row, avoid=None)


def _later(tx: Tx, house: House, row: Row[Any], pause: int) -> None:
    """Look for an agent again after a pause; while the office is closed, when it opens."""
    desk, cal = house.directory.config.desk, record.hours_of(house, row)
    record.wait_until(tx, row, schedule.callable_from(desk, cal, Micros(tx.now + pause)))


def _follow(tx: Tx, row: Row[Any]) -> Row[Any]:
    """A call goes to the queue that its conversation is in now: it may have been handed on since it was ordered."""
    conversation = record.conversation_of(tx, row.conversation)
    if (conversation.queue, conversation.office) == (row.queue, row.office):
        return row
    tx.change(callback, row.id, queue=conversation.queue, office=conversation.office)
    return record.locked(tx, row.id)


def lapse(tx: Tx, house: House, row: Row[Any]) -> None:
    """The agent did not take it in time: somebody else is asked at once, the same agent only later."""
    agent = row.agent
    if row.lapses < NOTED:
        record.note(tx, row, "callback-offer-lapsed", agent, name=_name(tx, agent))
    row = record.step(tx, row, "lapse", agent=None, last_agent=agent, lapses=row.lapses + 1)
    row = record.step(tx, row, "wait")
    _offer(tx, house, row, avoid=agent)


def watch(tx: Tx, row: Row[Any]) -> None:
    """A call in the hands of an agent who went home: one that only rang goes back, another waits for a supervisor."""
    gone = tx.scalar(select(user.c.presence).where(user.c.id == row.agent)) in (None, "offline")
    if gone and row.state == "dialling":
        give_back(tx, row)
    else:
        record.wait_until(tx, row, Micros(tx.now + WATCH))


def give_back(tx: Tx, row: Row[Any], actor: int | None = None) -> Row[Any]:
    """Back to the queue without an attempt."""
    agent = row.agent
    row = record.step(tx, row, "release", actor=actor, agent=None, dialled_at=None)
    matter.take_back(tx, row, agent)
    record.note(tx, row, "callback-released", actor)
    record.wait_until(tx, row, Micros(tx.now + AGAIN))
    return row


def agent_came(tx: Tx, agent: int) -> None:
    """Somebody became available: calls that are due in their queues look for an agent at once."""
    queues = select(user_queue.c.queue).where(user_queue.c.user == agent)
    due = select(callback.c.id).where(callback.c.state == "due", callback.c.queue.in_(queues))
    hasten_timers(tx, record.TIMER, due)


def offer_next(tx: Tx, house: House, agent: int) -> int | None:
    """Offer the callback that waited longest to an agent who became free; its id, or None.

    For whoever learns that an agent became available or ended a call.
    """
    if not _free(tx, tx.locked(user, agent)):
        return None
    queues = {row.queue for row in tx.rows(select(user_queue.c.queue).where(user_queue.c.user == agent))}
    waiting = and_(callback.c.state == "due", callback.c.queue.in_(queues))
    due = select(callback.c.id).where(waiting).order_by(callback.c.due_at, callback.c.id)
    left = False
    for found in tx.rows(due.limit(20)):
        row = tx.locked(callback, found.id, wait=False)
        if row is None or not record.takes_matter(tx, row):
            left = True
            continue
        row = _follow(tx, row)
        if row.state != "due" or row.queue not in queues:
            continue  # somebody else was given it just now, or its conversation was handed on
        if agent in _able(tx, house, row, [agent]) and _may_ring(tx, house, row):
            return int(_give(tx, house, row, agent).id)
    if left:
        agent_came(tx, agent)  # those in other hands may be free again when these have gone on
    return None


def _may_ring(tx: Tx, house: House, row: Row[Any]) -> bool:
    return calendar.is_loud(house.directory.config.desk, record.hours_of(house, row), tx.now)


def _offer(tx: Tx, house: House, row: Row[Any], *, avoid: int | None) -> None:
    """Offer a due callback to the free agent who has waited longest for one; where there is none, look again later."""
    waited = tx.now - (row.due_at or tx.now)
    pause = min(max(waited // 10, AGAIN), AGAIN_MOST)
    for agent in _candidates(tx, house, row):
        if agent == avoid:
            continue
        account = tx.locked(user, agent, wait=False)
        if _free(tx, account):
            _give(tx, house, row, agent)
            return
        if account is None:
            pause = SOON
    _later(tx, house, row, pause)


def _give(tx: Tx, house: House, row: Row[Any], agent: int) -> Row[Any]:
    """Make the offer; it lapses by a timer."""
    row = record.step(tx, row, "offer", agent=agent, last_agent=agent, offered_at=tx.now)
    wait = round(house.directory.config.desk.callback_offer_minutes * calendar.MINUTE)
    record.wait_until(tx, row, Micros(tx.now + wait))
    if row.lapses < NOTED:
        record.note(tx, row, "callback-offered", agent, name=_name(tx, agent))
        tell_agent(tx, agent, "callback", record.conversation_of(tx, row.conversation).id)
    return row


def _candidates(tx: Tx, house: House, row: Row[Any]) -> list[int]:
    """Agents who could be offered it, who had none for longest first."""
    members = select(user_queue.c.user).where(user_queue.c.queue == (row.queue or ""))
    able = _able(tx, house, row, [found.user for found in tx.rows(members)])
    last: dict[int, int] = {
        found.last_agent: found.at
        for found in tx.rows(
            select(callback.c.last_agent, func.max(callback.c.offered_at).label("at"))
            .where(callback.c.last_agent.in_(able))
            .group_by(callback.c.last_agent)
        )
    }
    return sorted(able, key=lambda agent: (last.get(agent, 0), agent))


def _able(tx: Tx, house: House, row: Row[Any], agents: Iterable[int]) -> list[int]:
    """Those of ``agents`` who are at work and have the skills that the queue asks for."""
    queue = house.directory.queues.get(row.queue or "")
    needed = set(queue.skills) if queue else set()
    at_work = and_(user.c.id.in_(list(agents)), user.c.active, user.c.presence == "available")
    found = tx.rows(select(user.c.id, user.c.skills).where(at_work))
    return [account.id for account in found if needed <= set(msgspec.json.decode(account.skills))]


def _free(tx: Tx, account: Row[Any] | None) -> bool:
    """Whether an agent, whose row is locked until the transaction ends, is at work and has no call in hand."""
    if account is None or not account.active or account.presence != "available":
        return False
    return tx.scalar(select(callback.c.id).where(callback.c.agent == account.id)) is None


def _name(tx: Tx, agent: int | None) -> str:
    return str(tx.scalar(select(user.c.name).where(user.c.id == agent)) or "")


def _expire(tx: Tx, house: House, row: Row[Any]) -> None:
    row = record.step(tx, row, "expire")
    record.rest(tx, row)
    record.note(tx, row, "callback-expired")
    tell(tx, house, row, "callback-expired")
