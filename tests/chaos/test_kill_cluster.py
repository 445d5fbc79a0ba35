"""The same promise with several hub processes by roles on PostgreSQL and Redis, any of which may die or hang."""

from __future__ import annotations

import pytest

from tests.chaos.cluster import LEASE, QUIET, a_cluster
from tests.chaos.run import Plan, run
from tests.chaos.test_kill import ALL, PLACES

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


async def test_kills_of_any_process_lose_nothing_and_double_nothing() -> None:
    with a_cluster(channels=ALL) as world:
        plan = Plan(kills=20, seed=1, places=PLACES, others=4, hangs=7, hang_seconds=2 * LEASE, quiet=QUIET)
        result = await run(world, plan)
        passed = world.passed()
    print(result.summary())
    assert (
        sorted(place for place in PLACES if place.startswith(("leases.", "bus.")) and place not in passed)
        == []
    )
    assert result.faults() == []
