"""The people who work beside whoever looks: present, writing, taking calls, by the services behind the console."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy import Row, select

from connectors.contract import Micros
from hub.app import Hub
from hub.callbacks import calls
from hub.demo.people import colleagues, scopes
from hub.desk import lists
from hub.house import House
from hub.people.presence import browser_back, set_presence
from hub.scope import Conflict, Denied, NotFound, Scope
from hub.store import schema
from hub.store.store import StorageFault
from hub.store.tx import Reader, Tx

TICK = 3.0
"""Seconds between two looks at what there is to do; shorter than a mark of writing holds."""

PRESENT_EVERY = 45.0
"""Seconds between two signs that their browsers are open."""

STAY = 60.0
"""Seconds for which somebody writes in one conversation."""

PATIENCE: Mapping[str, float] = {"offered": 15.0, "dialling": 20.0, "in-call": 60.0, "wrap-up": 20.0}
"""How long each state of a call lasts in a colleague's hands, in seconds."""

SECOND = 1_000_000


class Colleague(msgspec.Struct, kw_only=True):
    """Somebody at work, and the conversation where they write."""

    scope: Scope
    presence: str
    conversation: int | None = None
    until: float = 0.0


async def at_work(hub: Hub, draw: random.Random) -> None:
    """Until cancelled."""
    people = await _come(hub)
    present = 0.0
    while True:
        try:
            now = hub.clock.monotonic()
            if now >= present:
                await hub.store.write(lambda tx: _stay(tx, hub.house(), people))
                present = now + PRESENT_EVERY
            await _write(hub, people, draw, now)
            await hub.store.write(lambda tx: _call(tx, hub.house(), people, draw))
        except StorageFault as fault:
            hub.log.error("the demo's colleagues wait for the storage", error=str(fault))
        await asyncio.sleep(TICK)


async def _come(hub: Hub) -> Sequence[Colleague]:
    """Everybody whom no guest logs in as."""
    by_login = await hub.store.read(lambda tx: scopes(tx, hub.house()))
    return [
        Colleague(scope=by_login[one.login], presence=one.presence)
        for one in colleagues()
        if one.presence and one.login in by_login
    ]


def _stay(tx: Tx, house: House, people: Sequence[Colleague]) -> None:
    """Their browsers are open, and they are as available as they say."""
    for one in people:
        if one.scope.user is None:
            continue
        browser_back(tx, house, one.scope.user)
        user = schema.user
        if tx.scalar(select(user.c.presence).where(user.c.id == one.scope.user)) != one.presence:
            set_presence(tx, house, one.scope, one.presence)  # type: ignore[arg-type]


# --- writing -------------------------------------------------------------------------------------------------------


async def _write(hub: Hub, people: Sequence[Colleague], draw: random.Random, now: float) -> None:
    """One of them writes an answer somewhere, where no guest has the conversation already."""
    one = people[0]
    if now >= one.until:
        found = await hub.store.read(lambda tx: _open_ones(tx, one.scope))
        if one.conversation is not None and one.scope.user is not None:
            hub.presence.gone(one.conversation, one.scope.user)
        one.conversation, one.until = (draw.choice(found) if found else None), now + STAY
    if one.conversation is not None and one.scope.user is not None:
        hub.presence.mark(
            one.conversation, one.scope.user, one.scope.name, "writing", Micros(hub.clock.now())
        )


def _open_ones(tx: Reader, scope: Scope) -> list[int]:
    """The conversations at the top of the list of their first queue."""
    queue = next(iter(scope.queues), "")
    rows = tx.rows(
        select(schema.conversation.c.id).where(lists.free(queue)).order_by(*lists.LINE.columns()).limit(4)
    )
    return [row.id for row in rows]


# --- calls ---------------------------------------------------------------------------------------------------------


def _call(tx: Tx, house: House, people: Sequence[Colleague], draw: random.Random) -> None:
    """Bring the calls in their hands on, each after a while."""
    callback = schema.callback
    by_user = {one.scope.user: one.scope for one in people}
    mine = callback.c.agent.in_([user for user in by_user if user is not None])
    for row in tx.rows(select(callback).where(mine)):
        patience = PATIENCE.get(row.state)
        if patience is None or tx.now - row.updated_at < patience * SECOND:
            continue
        try:
            with tx.savepoint() as inner:
                _NEXT[row.state](inner, house, by_user[row.agent], row, draw)
        except (Conflict, Denied, NotFound):
            continue  # a guest was faster


def _dial(tx: Tx, house: House, scope: Scope, row: Row[Any], draw: random.Random) -> None:
    calls.dial(tx, house, scope, row.id)


def _reach(tx: Tx, house: House, scope: Scope, row: Row[Any], draw: random.Random) -> None:
    if draw.random() < 0.7:
        calls.answer(tx, house, scope, row.id)
    else:
        calls.no_answer(tx, house, scope, row.id)


def _hang_up(tx: Tx, house: House, scope: Scope, row: Row[Any], draw: random.Random) -> None:
    calls.hang_up(tx, house, scope, row.id)


def _finish(tx: Tx, house: House, scope: Scope, row: Row[Any], draw: random.Random) -> None:
    calls.finish(tx, house, scope, row.id, outcome="settled", topic=row.topic)


_NEXT: Mapping[str, Callable[[Tx, House, Scope, Row[Any], random.Random], None]] = {
    "offered": _dial,
    "dialling": _reach,
    "in-call": _hang_up,
    "wrap-up": _finish,
}
