"""What a day may cost holds under concurrency and over restarts, and begins anew at midnight where it counts."""

from __future__ import annotations

import asyncio

from connectors.contract import InboxId
from hub.budget import StoredBudget
from hub.store.store import Store
from tests.hub.conftest import FakeClock

WARSAW = "Europe/Warsaw"


async def test_nobody_spends_more_than_there_is(store: Store, clock: FakeClock) -> None:
    purses = [StoredBudget(store, clock, InboxId("sms")) for _ in range(2)]
    left = await asyncio.gather(*(purses[n % 2].spend("money", 7, 100, zone=WARSAW) for n in range(40)))
    assert sum(one is not None for one in left) == 14
    assert await purses[0].spent("money", zone=WARSAW) == 98
    assert await purses[0].spend("money", 2, 100, zone=WARSAW) == 0
    assert await purses[0].spend("money", 1, 100, zone=WARSAW) is None


async def test_money_is_given_back_and_each_inbox_has_its_own(store: Store, clock: FakeClock) -> None:
    one, other = (StoredBudget(store, clock, InboxId(name)) for name in ("one", "other"))
    assert await one.spend("money", 60, 100, zone=WARSAW) == 40
    assert await one.spend("money", -60, 100, zone=WARSAW) == 100
    assert await one.spend("money", -1, 100, zone=WARSAW) is None
    assert await other.spent("money", zone=WARSAW) == 0


async def test_a_day_ends_where_it_counts(store: Store, clock: FakeClock) -> None:
    """The fixture's clock stands at 08:00 UTC, which is midnight in California."""
    purse = StoredBudget(store, clock, InboxId("films"))
    assert await purse.spend("units", 10, 10, zone="America/Los_Angeles") == 0
    clock.move(hours=23)
    assert await purse.spend("units", 10, 10, zone="America/Los_Angeles") is None
    clock.move(hours=2)
    assert await purse.spend("units", 10, 10, zone="America/Los_Angeles") == 0
