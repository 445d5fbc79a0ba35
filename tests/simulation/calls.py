"""Calls in a simulation: agents dial what they are offered, somebody answers or not; the ledger keeps what was done."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from sqlalchemy import Row, func, select

from hub.callbacks import calls
from hub.callbacks.record import TIMER
from hub.callbacks.states import FINAL, WITH_AGENT
from hub.house import House
from hub.scope import Conflict, Denied, NotFound, Scope
from hub.store import schema
from hub.store.tx import Reader, Tx
from tests.simulation.channel import Letter
from tests.simulation.hub import Hub
from tests.simulation.kernel import Kernel

callback, timer = schema.callback, schema.timer

Step = Callable[[Tx, House, Scope, int], Row[Any]]


def number_of(order: int) -> str:
    """The telephone that an order is for: a Warsaw number."""
    return f"+4822250{order:04d}"


def _finish(tx: Tx, house: House, scope: Scope, key: int) -> Row[Any]:
    return calls.finish(tx, house, scope, key, outcome="settled")


STEPS: Mapping[str, tuple[Step, ...]] = {
    "offered": (calls.dial, calls.dial, calls.dial, calls.release),
    "dialling": (calls.answer, calls.answer, calls.no_answer),
    "in-call": (calls.hang_up, _finish),
    "wrap-up": (_finish,),
}
"""What an agent may do with a call in each state; one is drawn."""


async def go_on(kernel: Kernel, hub: Hub, scope: Scope, done: set[int]) -> bool:
    """Bring the agent's call one step further; False when there is none. What is finished is put into ``done``."""
    found = await hub.surely(lambda tx, house: _mine(tx, scope))
    if found is None:
        return False
    step = kernel.draw.choice(STEPS[found.state])
    await asyncio.sleep(kernel.draw.uniform(0.5, 5.0))
    try:
        row = await hub.surely(lambda tx, house: step(tx, house, scope, found.id))
    except (Conflict, Denied, NotFound) as error:
        kernel.note(f"{scope.name}: call {found.id}: {error}")
    else:
        kernel.note(f"{scope.name}: call {found.id} is {row.state}")
        if row.state == "done":
            done.add(found.id)
    return True


def _mine(tx: Reader, scope: Scope) -> Row[Any] | None:
    return tx.row(select(callback.c.id, callback.c.state).where(callback.c.agent == scope.user))


def judge_calls(tx: Reader, orders: Iterable[Letter], done: set[int]) -> Iterator[str]:
    """Every order is one call, in the hands of one agent or with one time at which it is looked at again, or over."""
    rows = tx.rows(select(callback).order_by(callback.c.id))
    waiting = {
        row.subject: row.times
        for row in tx.rows(
            select(timer.c.subject, func.count().label("times"))
            .where(timer.c.kind == TIMER, timer.c.state == "waiting")
            .group_by(timer.c.subject)
        )
    }
    ordered = {row.number for row in rows}
    for letter in orders:
        if letter.acknowledged_at is not None and letter.phone not in ordered:
            yield f"the call ordered by {letter.marker} is lost"
    still = [row for row in rows if row.state not in FINAL]
    for number, times in Counter(row.number for row in still).items():
        if times > 1:
            yield f"{times} calls are open for {number}"
    for agent, times in Counter(row.agent for row in still if row.agent is not None).items():
        if times > 1:
            yield f"agent {agent} has {times} calls in hand"
    for row in still:
        if waiting.get(row.id, 0) != 1:
            yield f"call {row.id} ({row.state}) is looked at again {waiting.get(row.id, 0)} times"
    for row in rows:
        if (row.state in WITH_AGENT) != (row.agent is not None):
            yield f"call {row.id} is {row.state} with agent {row.agent}"
        if row.id in done and row.state != "done":
            yield f"call {row.id} was finished and is {row.state}"
