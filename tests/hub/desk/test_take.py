"""Take next: the most urgent conversation that somebody may work on, once."""

from __future__ import annotations

import asyncio

from connectors.contract import Micros
from hub.calendar import calendar
from hub.desk import take
from hub.house import House
from hub.store.store import Store
from tests.hub.conftest import FakeClock
from tests.hub.desk.asking import make, row_of, undo
from tests.hub.desk.conftest import Who

HOUR = 3_600_000_000


async def test_take_next_gives_the_most_urgent_within_queues_and_skills(
    store: Store, house: House, who: Who
) -> None:
    await make(store, queue="pracodawcy", priority=3)
    old = await make(store, waiting_since=1)
    urgent = await make(store, priority=2)
    await make(store, queue="spam", status="open", priority=3)
    assert await store.write(lambda tx: take.take_next(tx, house, who.ola)) == urgent
    assert await store.write(lambda tx: take.take_next(tx, house, who.ola)) == old
    assert await store.write(lambda tx: take.take_next(tx, house, who.ola)) is None
    assert (await row_of(store, urgent)).assignee == who.ola.user
    assert await undo(store, house, who.ola) == "set"
    assert (await row_of(store, old)).assignee is None


async def test_two_agents_never_take_the_same(store: Store, house: House, who: Who) -> None:
    made = {await make(store) for _ in range(12)}
    takers = [who.ola, who.jan, who.ewa]
    calls = [store.write(lambda tx, s=takers[n % 3]: take.take_next(tx, house, s)) for n in range(12)]  # type: ignore[misc]
    assert set(await asyncio.gather(*calls)) == made


async def test_a_foreign_language_waits_half_an_hour_for_who_speaks_it(
    store: Store, house: House, who: Who, clock: FakeClock
) -> None:
    ukrainian = await make(store, language="uk", waiting_since=clock.now())
    assert await store.write(lambda tx: take.take_next(tx, house, who.ola)) is None
    clock.move(minutes=31)
    assert await store.write(lambda tx: take.take_next(tx, house, who.ola)) == ukrainian
    await undo(store, house, who.ola)
    clock.move(minutes=-30)
    assert await store.write(lambda tx: take.take_next(tx, house, who.jan)) == ukrainian


def test_open_minutes_are_counted_back_over_the_night(house: House) -> None:
    cal = calendar(house.directory, "krajowa")
    tuesday_0740 = Micros(1_794_816_000_000_000 + 22 * HOUR + 40 * 60_000_000)
    back = take.open_minutes_ago(cal, tuesday_0740, 30)
    assert (tuesday_0740 - back) // 60_000_000 == 16 * 60 + 30  # ten minutes of today, twenty of yesterday
