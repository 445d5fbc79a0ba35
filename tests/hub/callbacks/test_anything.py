"""Whatever people do in whatever order, no open call is ever forgotten, and no agent or number ever has two."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from hub.callbacks import calls, service
from hub.callbacks.states import FINAL, WITH_AGENT
from hub.scope import Conflict, Denied, Scope
from hub.store import schema
from hub.store.sqlite import SqliteStore
from hub.store.tx import Reader
from tests.hub.callbacks.desk import CONFIG, Centre
from tests.hub.conftest import FakeClock

HOUR = 3_600_000_000
NUMBERS = ("600700800", "+48600700801", "700123456")

PRESSES: dict[str, tuple[Callable[..., Any], dict[str, Any]]] = {
    "take": (calls.take, {}),
    "dial": (calls.dial, {}),
    "answer": (calls.answer, {}),
    "hang-up": (calls.hang_up, {}),
    "release": (calls.release, {}),
    "no-answer": (calls.no_answer, {}),
    "wrong-number": (calls.wrong_number, {}),
    "cancel": (service.cancel, {}),
    "move": (service.move, {"at": None}),
    "finish": (calls.finish, {"outcome": "settled", "topic": "x"}),
}

orders = st.tuples(st.just("order"), st.sampled_from(NUMBERS), st.none() | st.integers(0, 100))
passing = st.tuples(st.just("pass"), st.sampled_from([0.01, 0.05, 0.5, 2.0, 9.0]), st.just(0))
changes = st.tuples(st.just("change"), st.sampled_from(["move", "cancel"]), st.integers(0, 100))
presses = st.tuples(st.just("press"), st.sampled_from(sorted(PRESSES)), st.integers(0, 1))
presences = st.tuples(
    st.just("presence"), st.sampled_from(["available", "away", "offline"]), st.integers(0, 1)
)
deeds = st.lists(
    st.one_of(orders, passing, passing, changes, presses, presses, presses, presences), max_size=40
)


def look(tx: Reader) -> tuple[list[Any], set[int], dict[int, int]]:
    """All callbacks, the ids that have a waiting timer, the attempts of each."""
    rows = list(tx.rows(select(schema.callback)))
    timers = tx.rows(select(schema.timer.c.subject).where(schema.timer.c.state == "waiting"))
    tried: dict[int, int] = {}
    for attempt in tx.rows(select(schema.callback_attempt.c.callback)):
        tried[attempt.callback] = tried.get(attempt.callback, 0) + 1
    return rows, {row.subject for row in timers}, tried


async def check(centre: Centre) -> None:
    rows, timers, tried = await centre.store.read(look)
    attempts = CONFIG.desk.callback_attempts
    for row in rows:
        is_open = row.state not in FINAL
        assert (row.id in timers) == is_open, f"a call in the state {row.state} has no timer, or one too many"
        assert (row.agent is not None) == (row.state in WITH_AGENT)
        assert row.attempts == tried.get(row.id, 0) <= attempts
        assert row.state not in ("requested", "no-answer", "offer-lapsed"), "these are passed through"
    numbers = [row.number for row in rows if row.state not in FINAL]
    agents = [row.agent for row in rows if row.agent is not None]
    assert len(numbers) == len(set(numbers))
    assert len(agents) == len(set(agents))
    assert centre.log.lines == [], "a timer or a notice failed"


class Play:
    """Carries out deeds, whether or not they are allowed."""

    def __init__(self, centre: Centre, agents: list[Scope]) -> None:
        self.centre = centre
        self.agents = agents

    async def do(self, deed: str, what: Any, more: Any) -> None:
        centre = self.centre
        if deed == "order":
            when = None if more is None else centre.clock.now() + more * HOUR
            await centre.order(number=what, when=when, email="")
        elif deed == "pass":
            await centre.run_until(centre.clock.now() + int(what * HOUR))  # type: ignore[arg-type]
        elif deed == "presence":
            await centre.presence(self.agents[more], what)
        elif calls_now := await self.ids():
            await self.touch(deed, what, more, calls_now[more % len(calls_now)])

    async def touch(self, deed: str, what: str, more: int, call: int) -> None:
        centre = self.centre
        if deed == "change":
            await centre.change(call, what, centre.clock.now() + more * HOUR)  # type: ignore[arg-type]
            return
        action, details = PRESSES[what]
        row = await centre.row(call)
        holder = next((agent for agent in self.agents if agent.user == row.agent), self.agents[more % 2])
        try:
            await centre.do(action, holder, call, **details)
        except (Conflict, Denied):
            assert (await centre.row(call)).version == row.version, "a refused button changes nothing"

    async def ids(self) -> list[int]:
        rows = await self.centre.store.read(lambda tx: tx.rows(select(schema.callback.c.id)))
        return [row.id for row in reversed(rows)]


async def play(folder: Path, plan: list[tuple[str, Any, Any]]) -> None:
    clock = FakeClock()
    store = SqliteStore(folder / "centrala.db", clock, inline=True)
    await store.open()
    try:
        centre = Centre(store, clock)
        agents = [await centre.agent(name) for name in ("anna", "ewa")]
        playing = Play(centre, agents)
        for deed in plan:
            await playing.do(*deed)
            await check(centre)
        for agent in agents:
            await centre.presence(agent, "offline")
        await centre.run_until(clock.now() + 24 * 14 * HOUR)  # type: ignore[arg-type]
        await check(centre)
        rows, _, _ = await centre.store.read(look)
        # Left alone for two weeks, a call is over or waits for a supervisor: none was forgotten.
        assert all(row.state in FINAL or row.state in ("in-call", "wrap-up") for row in rows)
    finally:
        await store.close()


@pytest.mark.slow
@settings(max_examples=15)
@given(deeds)
def test_no_call_is_forgotten_whatever_happens(plan: list[tuple[str, Any, Any]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(play(Path(folder), plan))
