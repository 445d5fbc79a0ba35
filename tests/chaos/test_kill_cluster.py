"""The same promise with several hub processes by roles on PostgreSQL and Redis, any of which may die or hang."""

from __future__ import annotations

import pytest

from connectors._failpoint import names
from tests.chaos.cluster import LEASE, a_cluster
from tests.chaos.nursery import ROOT
from tests.chaos.run import Plan, run
from tests.chaos.test_kill import ALL

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

PLACES = names(ROOT / "hub", ROOT / "connectors")


async def test_kills_of_any_process_lose_nothing_and_double_nothing() -> None:
    with a_cluster(channels=ALL) as world:
        plan = Plan(kills=6, seed=1, places=PLACES, others=4, hangs=7, hang_seconds=2 * LEASE)
        result = await run(world, plan)
        print(result.summary())
        print("never passed:", sorted(set(PLACES) - world.passed()))
    print(result.faults())
    assert result.faults() == []
