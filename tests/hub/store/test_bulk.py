"""Batch SQL with more rows than one statement takes, and what its errors look like: the same on both engines."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import pytest
from sqlalchemy import Row, func, select, text
from sqlalchemy.exc import DBAPIError, IntegrityError

from hub.house import House
from hub.logs import logger
from hub.outbox.effects import run_inside
from hub.outbox.orders import add_effect
from hub.store import bulk, driver, schema
from hub.store.postgres import PostgresStore
from hub.store.store import StorageFault, Store, is_storage_fault, may_succeed_again
from hub.store.tx import Tx
from hub.timers import run_due, set_timer
from tests.hub.specimen import a_house

contact = schema.contact
COLUMNS = ("id", "name", "created_at")
MANY = 333
"""More than two statements on SQLite, and a number that uses small ones too."""

postgres_alone = pytest.mark.parametrize(
    "closed_store", [pytest.param("postgresql", marks=pytest.mark.servers)], indirect=True
)
"""For what SQLite cannot meet: it has one writer, and no connection to lose."""


async def test_many_rows_are_inserted_changed_and_found(store: Store) -> None:
    def fill(tx: Tx) -> list[driver.Row]:
        rows = [(tx.new_id(), f"„n{n}” 🙂", n) for n in range(MANY)]
        tx.insert(contact, COLUMNS, rows)
        changed = [("changed", n, row[0]) for n, row in enumerate(rows) if n % 3]
        bulk.update(tx.connection, contact, ("name", "created_at"), changed)
        return tx.lookup(contact, ("id",), ("name", "created_at"), [(row[0],) for row in rows])

    found = await store.write(fill)
    assert sorted(found, key=lambda row: int(row[1])) == [
        ("changed" if n % 3 else f"„n{n}” 🙂", n) for n in range(MANY)
    ]


@pytest.mark.slow
@pytest.mark.parametrize("count", [0, 1, 5, 7, 8, 9, 127, 128, 129, 255, 256, 257])
async def test_every_number_of_rows(store: Store, count: int) -> None:
    def fill(tx: Tx) -> int:
        tx.insert(contact, COLUMNS, [(tx.new_id(), "n", 1) for _ in range(count)])
        return int(tx.scalar(select(func.count()).select_from(contact)))

    assert await store.write(fill) == count


async def test_new_rows_are_counted(store: Store) -> None:
    def fill(tx: Tx) -> tuple[int, int, int]:
        rows = [(tx.new_id(), "n", 1) for _ in range(MANY)]
        first = bulk.insert_new(tx.connection, contact, COLUMNS, rows[:200])
        return (
            first,
            bulk.insert_new(tx.connection, contact, COLUMNS, rows),
            bulk.insert_new(tx.connection, contact, COLUMNS, []),
        )

    assert await store.write(fill) == (200, MANY - 200, 0)


@pytest.mark.parametrize("count", [2, 20])
async def test_a_key_that_is_taken_undoes_its_savepoint_only(store: Store, count: int) -> None:
    columns = ("inbox", "external_id", "at")

    def fill(tx: Tx) -> int:
        tx.insert(schema.seen, columns, [("i", "a secret id", 1)])
        with pytest.raises(IntegrityError) as raised, tx.savepoint() as inner:
            inner.insert(schema.seen, columns, [("i", f"e{n}", 1) for n in range(count - 1)])
            inner.insert(
                schema.seen, columns, [*(("i", f"f{n}", 1) for n in range(count)), ("i", "a secret id", 1)]
            )
        assert "a secret id" not in str(raised.value)
        assert not is_storage_fault(raised.value)
        tx.insert(schema.seen, columns, [("i", "b", 1)])
        return int(tx.scalar(select(func.count()).select_from(schema.seen)))

    assert await store.write(fill) == 2


async def test_what_the_driver_wrote_itself_is_undone_too(store: Store) -> None:
    def fail(tx: Tx) -> None:
        tx.insert(contact, COLUMNS, [(tx.new_id(), "n", 1) for _ in range(20)])
        raise ValueError("undo all of it")

    with pytest.raises(ValueError, match="undo"):
        await store.write(fail)
    assert await store.read(lambda tx: tx.scalar(select(func.count()).select_from(contact))) == 0


class _Refused(Exception):
    """What a driver raises; PostgreSQL says why by a code."""

    def __init__(self, sqlstate: str) -> None:
        super().__init__("refused")
        self.sqlstate = sqlstate


@pytest.mark.parametrize(
    ("sqlstate", "fault", "again"),
    [
        ("53100", True, False),  # disk full
        ("57P01", True, False),  # the server is shut down
        ("25006", True, False),  # a standby took over and only reads
        ("08006", True, False),
        ("40P01", False, True),  # deadlock
        ("40001", False, True),
        ("23505", False, False),  # unique violation
        ("22021", False, False),  # a character that it cannot hold
    ],
)
def test_what_is_the_fault_of_the_storage(sqlstate: str, fault: bool, again: bool) -> None:
    error = DBAPIError("INSERT", None, _Refused(sqlstate))
    assert is_storage_fault(error) is fault
    assert may_succeed_again(error) is again


@postgres_alone
async def test_a_deadlock_runs_the_whole_batch_again(store: Store) -> None:
    seen: list[int] = []

    def handler(tx: Tx, calls: Sequence[int]) -> list[int]:
        seen.append(len(calls))
        if len(seen) == 1:
            raise DBAPIError("INSERT", None, _Refused("40P01"))
        return list(calls)

    assert await asyncio.gather(*(store.gather(handler, n) for n in range(5))) == list(range(5))
    assert seen == [5, 5], "not call by call"


async def test_who_meets_others_each_time_is_told_to_come_again(store: Store) -> None:
    def handler(tx: Tx, calls: Sequence[int]) -> list[int]:
        raise DBAPIError("INSERT", None, _Refused("40P01"))

    with pytest.raises(StorageFault, match="refused"):
        await store.gather(handler, 1)
    assert await store.write(lambda tx: tx.new_id()) > 0, "and nobody else is concerned"


@pytest.mark.parametrize("loop", ["effects", "timers"])
async def test_a_deadlock_of_a_loop_is_no_failure_of_what_it_does(store: Store, loop: str) -> None:
    tries, house = list[int](), a_house()

    def meets(tx: Tx, house: House, row: Row[Any]) -> None:
        tries.append(row.id)
        if len(tries) == 1:
            raise DBAPIError("UPDATE", None, _Refused("40P01"))

    def carry_out(tx: Tx, house: House, row: Row[Any]) -> bool:
        meets(tx, house, row)
        return True

    def order(tx: Tx) -> None:
        add_effect(tx, "made", {})
        set_timer(tx, "made", 1, tx.now)

    def once(tx: Tx) -> int:
        if loop == "timers":
            return run_due(tx, house, {"made": meets}, logger("test"))
        return run_inside(tx, house, {"made": carry_out}, logger("test"))

    await store.write(order)
    try:
        assert await store.write(once) == 1
    except StorageFault:  # SQLite, where nobody is met, does nothing twice by itself
        assert not isinstance(store, PostgresStore)
        assert await store.write(once) == 1
    assert len(tries) == 2
    table = schema.timer if loop == "timers" else schema.effect
    assert await store.read(lambda tx: tx.scalar(select(table.c.state))) == "done"


@postgres_alone
async def test_what_follows_a_lost_connection_is_the_fault_of_the_storage_too(store: Store) -> None:
    def goes_on(tx: Tx) -> None:
        with suppress(DBAPIError), tx.savepoint() as inner:
            inner.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))
        tx.scalar(select(1))

    with pytest.raises(StorageFault):
        await store.write(goes_on)
    assert await store.write(lambda tx: tx.scalar(select(1))) == 1
