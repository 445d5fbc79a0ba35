"""The store suite: what every engine promises to intake, the outbox and the stream."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Sequence
from contextlib import suppress

import pytest
from sqlalchemy import func, select, text, update

from hub.store import bulk, driver, schema
from hub.store.postgres import PostgresStore
from hub.store.store import StorageFault, Store
from hub.store.tx import Event, Reader, Tx
from tests.hub.conftest import FakeClock
from tests.hub.databases import copy_database
from tests.servers.postgres import Postgres

contact = schema.contact


def add(tx: Tx, name: str = "x") -> int:
    tx.emit("contact")
    return tx.add(contact, {"name": name, "created_at": tx.now})


def names(tx: Reader) -> list[str]:
    return [row.name for row in tx.rows(select(contact.c.name).order_by(contact.c.id))]


async def places(store: Store) -> list[int]:
    query = select(schema.event.c.place).order_by(schema.event.c.place)
    return await store.read(lambda tx: [row.place for row in tx.rows(query)])


async def test_write_is_read_back(store: Store) -> None:
    await store.write(lambda tx: add(tx, "Zażółć"))
    assert await store.read(names) == ["Zażółć"]


async def test_what_raises_leaves_nothing_behind(store: Store) -> None:
    def fails(tx: Tx) -> None:
        add(tx, "lost")
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        await store.write(fails)
    assert await store.read(names) == []
    assert await places(store) == []


async def test_a_failing_command_does_not_touch_its_neighbours(store: Store) -> None:
    def fails(tx: Tx) -> int:
        add(tx, "lost")
        raise LookupError

    results = await asyncio.gather(
        store.write(lambda tx: add(tx, "a")),
        store.write(fails),
        store.write(lambda tx: add(tx, "b")),
        return_exceptions=True,
    )
    assert [isinstance(result, LookupError) for result in results] == [False, True, False]
    assert sorted(await store.read(names)) == ["a", "b"]


async def test_a_violated_key_is_the_data_s_fault(store: Store) -> None:
    first = await store.write(add)

    def twice(tx: Tx) -> int:
        return tx.add(contact, {"id": first, "name": "y", "created_at": tx.now})

    with pytest.raises(Exception, match=r"(?i)unique"):
        await store.write(twice)
    assert await store.read(names) == ["x"]


async def test_ids_never_repeat(store: Store) -> None:
    async def some() -> list[int]:
        return [await store.write(add) for _ in range(10)]

    batches = await asyncio.gather(*(some() for _ in range(8)))
    ids = list(itertools.chain(*batches))
    assert len(set(ids)) == 80
    assert max(ids) < 2**53


async def test_a_savepoint_undoes_its_events_too(store: Store) -> None:
    def partly(tx: Tx) -> None:
        add(tx, "kept")
        try:
            with tx.savepoint() as inner:
                add(inner, "undone")
                raise KeyError
        except KeyError:
            pass

    await store.write(partly)
    assert await store.read(names) == ["kept"]
    assert await places(store) == [1]


async def test_a_savepoint_in_another_undoes_itself_alone_and_is_undone_with_it(store: Store) -> None:
    def nested(tx: Tx, outer_fails: bool) -> None:
        with suppress(KeyError), tx.savepoint() as outer:
            add(outer, f"before {outer_fails}")
            with suppress(LookupError), outer.savepoint() as inner:
                add(inner, "never")
                raise LookupError
            add(outer, f"after {outer_fails}")
            if outer_fails:
                raise KeyError
        add(tx, f"behind {outer_fails}")

    await store.write(lambda tx: nested(tx, False))
    await store.write(lambda tx: nested(tx, True))
    assert sorted(await store.read(names)) == ["after False", "before False", "behind False", "behind True"]


async def test_calls_of_one_handler_share_a_transaction(store: Store) -> None:
    sizes: list[int] = []

    def handler(tx: Tx, calls: Sequence[str]) -> list[int]:
        sizes.append(len(calls))
        return [add(tx, call) for call in calls]

    await asyncio.gather(*(store.gather(handler, f"c{n}") for n in range(50)))
    assert sum(sizes) == 50
    assert max(sizes) > 1


async def test_one_bad_call_fails_alone(store: Store) -> None:
    def handler(tx: Tx, calls: Sequence[str]) -> list[int]:
        if "bad" in calls:
            raise ValueError("bad")
        return [add(tx, call) for call in calls]

    calls = [f"c{n}" for n in range(20)] + ["bad"] + [f"d{n}" for n in range(20)]
    results = await asyncio.gather(*(store.gather(handler, c) for c in calls), return_exceptions=True)
    assert [isinstance(r, ValueError) for r in results] == [c == "bad" for c in calls]
    assert len(await store.read(names)) == 40


async def test_cancelling_the_caller_does_not_cancel_the_commit(store: Store) -> None:
    task = asyncio.create_task(store.write(lambda tx: add(tx, "stays")))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    async with asyncio.timeout(20):  # where commands run side by side, nobody else waits for it
        while await store.read(names) != ["stays"]:  # noqa: ASYNC110 - no event tells of it
            await asyncio.sleep(0.01)


@pytest.mark.slow
async def test_a_follower_beside_many_writers_misses_nothing(store: Store) -> None:
    """Places are visible in their order: whoever has seen n will never find something below n later."""
    done = asyncio.Event()
    seen: list[int] = []

    async def follow() -> None:
        last = 0
        while True:
            finished = done.is_set()
            place = schema.event.c.place
            query = select(place).where(place > last).order_by(place)
            found = await store.read(lambda tx, query=query: [row.place for row in tx.rows(query)])  # type: ignore[misc]
            seen.extend(found)
            last = seen[-1] if seen else 0
            if finished and not found:
                return

    async def write() -> None:
        for _ in range(25):
            await store.write(add)

    follower = asyncio.create_task(follow())
    await asyncio.gather(*(write() for _ in range(8)))
    done.set()
    await follower
    assert seen == list(range(1, 201))


async def test_events_are_told_after_the_commit(store: Store) -> None:
    told: list[Event] = []
    store.on_events = told.extend
    await store.write(add)
    await store.write(add)
    assert sorted(event.place for event in told) == [1, 2]


async def test_no_update_is_lost(store: Store) -> None:
    key = await store.write(lambda tx: add(tx, "0"))

    def increase(tx: Tx) -> None:
        row = tx.locked(contact, key)
        assert row is not None
        tx.change(contact, key, name=str(int(row.name) + 1))

    await asyncio.gather(*(store.write(increase) for _ in range(100)))
    assert await store.read(names) == ["100"]


async def test_a_reading_that_the_storage_fails_is_a_storage_fault(store: Store) -> None:
    """Loops bear that and nothing else: with the driver's own error they would end."""

    def breaks(tx: Reader) -> None:
        tx.execute(
            text("SELECT * FROM nowhere" if tx.sqlite else "SELECT pg_terminate_backend(pg_backend_pid())")
        )

    with pytest.raises(StorageFault):
        await store.read(breaks)
    assert await store.read(names) == []
    with pytest.raises(ZeroDivisionError):
        await store.read(lambda tx: 1 // 0)


async def test_one_reading_sees_one_moment(store: Store) -> None:
    await store.write(add)

    def twice(tx: Reader) -> tuple[int, int]:
        query = select(func.count()).select_from(contact)
        return tx.scalar(query), tx.scalar(query)

    async def read() -> None:
        first, second = await store.read(twice)
        assert first == second

    await asyncio.gather(*(read() for _ in range(10)), *(store.write(add) for _ in range(20)))


async def test_bulk_statements_do_what_single_ones_do(store: Store) -> None:
    columns = ("id", "name", "created_at")

    def fill(tx: Tx) -> list[driver.Row]:
        rows = [(tx.new_id(), f"n{n}", 7) for n in range(5)]
        bulk.insert(tx.connection, contact, columns, rows)
        bulk.insert_new(tx.connection, contact, columns, [(rows[0][0], "again", 8), (tx.new_id(), "new", 8)])
        bulk.update(tx.connection, contact, ("name",), [("changed", rows[1][0]), ("too", rows[2][0])])
        wanted = [(rows[0][0],), (rows[1][0],), (0,)]
        return bulk.lookup(tx.connection, contact, ("id",), ("name",), wanted)

    found = await store.write(fill)
    assert sorted(found) == [("changed",), ("n0",)]
    assert sorted(await store.read(names)) == ["changed", "n0", "n3", "n4", "new", "too"]


async def test_lookup_by_two_columns_and_odd_texts(store: Store) -> None:
    keys = [("inbox", "a'b\"c"), ("inbox", "łódź\\x"), ("other", "a'b\"c")]

    def fill(tx: Tx) -> list[driver.Row]:
        bulk.insert(
            tx.connection,
            schema.seen,
            ("inbox", "external_id", "at"),
            [(*key, n) for n, key in enumerate(keys)],
        )
        columns = ("inbox", "external_id", "at")
        wanted = [keys[0], keys[1], ("other", "none")]
        return bulk.lookup(tx.connection, schema.seen, ("inbox", "external_id"), columns, wanted)

    assert sorted(await store.write(fill)) == sorted([(*keys[0], 0), (*keys[1], 1)])


async def test_put_overwrites(store: Store) -> None:
    columns = ("inbox", "key", "value", "updated_at")

    def put(tx: Tx, value: str) -> None:
        bulk.put(tx.connection, schema.cursor, ("inbox", "key"), columns, [("i", "k", value, tx.now)])

    await store.write(lambda tx: put(tx, "1"))
    await store.write(lambda tx: put(tx, "2"))
    assert await store.read(lambda tx: tx.scalar(select(schema.cursor.c.value))) == "2"


async def test_claim_by_conditional_update_has_one_winner(store: Store) -> None:
    key = await store.write(lambda tx: add(tx, "free"))

    def claim(tx: Tx, who: str) -> bool:
        statement = update(contact).where(contact.c.id == key, contact.c.name == "free").values(name=who)
        return bool(tx.execute(statement).rowcount)

    won = await asyncio.gather(*(store.write(lambda tx, n=n: claim(tx, f"w{n}")) for n in range(20)))  # type: ignore[misc]
    assert sum(won) == 1


@pytest.mark.servers
async def test_what_is_newer_has_the_greater_id_wherever_it_was_written(
    clock: FakeClock, _postgres: Postgres, _template: str
) -> None:
    url = copy_database(_postgres, _template)
    idle, busy = [PostgresStore(url, clock) for _ in range(2)]
    for node in (idle, busy):
        await node.open()
    drawn = []
    for node in (idle, busy, idle, busy, busy, idle):
        drawn.append(await node.write(add))
        clock.move(seconds=11)
    assert drawn == sorted(drawn)
    for node in (idle, busy):
        await node.close()
