"""Leases on both engines: taken once, renewed together, void as soon as somebody else has them."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from sqlalchemy import select

from hub.cluster import leases
from hub.cluster.fenced import FencedStore
from hub.cluster.leases import Fenced, Lease
from hub.store import schema
from hub.store.postgres import PostgresStore
from hub.store.store import Store
from hub.store.tx import Reader, Tx
from tests.hub.conftest import FakeClock
from tests.hub.databases import copy_database
from tests.servers.postgres import Postgres

SECOND = 1_000_000
LONG, OVER = 3600 * SECOND, -1
"""Microseconds: a lease that lasts for the whole test, and one that has run out when it is taken."""


async def take(store: Store, holder: str, *names: str, ttl: int = LONG, **more: Any) -> list[Lease]:
    return await store.write(lambda tx: leases.take(tx, holder, names, ttl, **more))


async def write(store: Store, *held: Lease) -> None:
    await store.write(lambda tx: leases.still(tx, held))


async def test_one_has_it_until_it_lets_go(store: Store) -> None:
    [first] = await take(store, "a", "mail")
    assert await take(store, "b", "mail") == []
    await store.write(lambda tx: leases.release(tx, "b", [first]))
    assert await take(store, "b", "mail") == [], "only its holder can let go of it"
    await store.write(lambda tx: leases.release(tx, "a", [first]))
    [second] = await take(store, "b", "mail")
    assert second.fence > first.fence


async def test_what_has_run_out_is_free_and_its_holder_may_not_write_any_more(store: Store) -> None:
    [first] = await take(store, "a", "mail", ttl=OVER)
    await write(store, first)  # nobody else has it yet
    [second] = await take(store, "b", "mail")
    with pytest.raises(Fenced, match="mail"):
        await write(store, first)
    await write(store, second)


async def test_a_taker_may_go_by_its_own_stopwatch_or_know_that_the_holder_is_dead(store: Store) -> None:
    await take(store, "a", "mail", "sms")
    seen = await store.read(leases.standings)
    assert await take(store, "b", "mail", stale={"mail": (seen["mail"].fence, 0)}) == []
    assert len(await take(store, "b", "mail", stale={"mail": seen["mail"].mark})) == 1
    assert len(await take(store, "b", "sms", dead=["a"])) == 1


async def test_a_renewal_changes_the_mark_and_tells_what_is_lost(store: Store) -> None:
    mine = await take(store, "a", "mail", "sms", "chat", ttl=OVER)
    before = await store.read(leases.standings)
    await take(store, "b", "sms")
    kept = await store.write(lambda tx: leases.renew(tx, "a", mine, LONG))
    assert [lease.name for lease in kept] == ["chat", "mail"]
    after = await store.read(leases.standings)
    assert after["mail"].mark != before["mail"].mark and not after["mail"].over
    assert after["sms"].holder == "b"


async def test_a_store_under_a_lease_writes_only_while_it_is_held(store: Store) -> None:
    [first] = await take(store, "a", "search", ttl=OVER)
    fenced = FencedStore(store, first)
    await fenced.write(lambda tx: tx.ring("x"))
    await take(store, "b", "search")

    def command(tx: Tx) -> None:
        tx.add(schema.raw, {"inbox": "x", "received_at": 1, "content_type": "", "state": "new"})

    with pytest.raises(Fenced):
        await fenced.write(command)
    assert await fenced.read(_raws) == 0


def _raws(tx: Reader) -> int:
    return len(tx.rows(select(schema.raw.c.id)))


async def test_without_a_row_nothing_is_asked(store: Store) -> None:
    await write(store, Lease(name="mail", fence=0))
    with pytest.raises(Fenced):
        await write(store, Lease(name="mail", fence=1))


@pytest.mark.slow
@pytest.mark.servers
async def test_a_taking_waits_for_what_began_under_the_lease_and_a_renewal_does_not(
    clock: FakeClock, _postgres: Postgres, _template: str
) -> None:
    store = PostgresStore(copy_database(_postgres, _template), clock)
    await store.open()
    try:
        [held] = await take(store, "a", "mail", ttl=OVER)
        async with store._engine.connect() as connection:
            await connection.run_sync(lambda sync: leases.still(Reader(sync, clock.now()), [held]))
            async with asyncio.timeout(30):
                assert await store.write(lambda tx: leases.renew(tx, "a", [held], OVER)) == [held]
            other = asyncio.create_task(take(store, "b", "mail"))
            await asyncio.sleep(0.2)
            assert not other.done(), "taken although a transaction under the lease was still open"
            await connection.rollback()
        assert [lease.fence for lease in await other] == [held.fence + 1]
    finally:
        await store.close()


async def test_a_lease_lost_and_taken_again_does_not_cover_what_was_read_before(store: Store) -> None:
    """Both may stand in one batch of intake: somebody else may have had it in between."""
    [first] = await take(store, "a", "mail", ttl=OVER)
    await take(store, "b", "mail", ttl=OVER)
    [again] = await take(store, "a", "mail")
    await write(store, again, again)
    for both in ((first, again), (again, first)):
        with pytest.raises(Fenced, match="mail"):
            await write(store, *both)
