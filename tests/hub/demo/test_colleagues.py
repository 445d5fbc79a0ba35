"""A colleague of the demo takes the calls that are offered, step by step, and leaves those of others alone."""

from __future__ import annotations

import random

import pytest

from hub.demo.colleagues import PATIENCE, Colleague, _call
from hub.store.store import Store
from hub.store.tx import Tx
from tests.hub.callbacks.desk import Centre, at
from tests.hub.conftest import FakeClock


class Drawn(random.Random):
    """Draws what the test says."""

    def __init__(self, value: float) -> None:
        super().__init__(1)
        self.value = value

    def random(self) -> float:
        return self.value


async def brought_on(centre: Centre, people: list[Colleague], draw: random.Random, rounds: int) -> None:
    """Let time pass and the colleagues act."""
    for _ in range(rounds):
        centre.clock.move(max(PATIENCE.values()))

        def act(tx: Tx) -> None:
            _call(tx, centre.house, people, draw)

        await centre.store.write(act)


@pytest.mark.parametrize(("luck", "state"), [(0.1, "done"), (0.9, "retry-wait")])
async def test_an_offered_call_is_brought_to_its_end(
    sqlite_store: Store, clock: FakeClock, luck: float, state: str
) -> None:
    centre = Centre(sqlite_store, clock)
    agent = await centre.agent("kamil")
    await centre.run_until(at("2026-11-16 10:00"))
    call = await centre.order()
    await centre.run_until(at("2026-11-16 10:01"))
    number = call.message or 0
    assert (await centre.row(number)).state == "offered"
    guest = [Colleague(scope=agent, presence="away")]
    await brought_on(centre, [], Drawn(luck), 3)
    assert (await centre.row(number)).state == "offered"  # nobody's colleague has it
    await brought_on(centre, guest, Drawn(luck), 4)
    assert (await centre.row(number)).state == state
