"""Faults of the network between the hub and PostgreSQL: nothing hangs, nothing is lost, nothing comes twice."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from sqlalchemy import func, select, text

from connectors.contract import Raw, Refused
from hub.house import House
from hub.intake.sink import Intake
from hub.logs import logger
from hub.store import schema
from hub.store.postgres import PostgresStore
from hub.store.store import StorageFault
from tests.hub.conftest import FakeClock
from tests.hub.intake.conftest import mail
from tests.hub.specimen import a_house
from tests.servers.fault_proxy import FaultProxy, fault_proxy
from tests.servers.postgres import Postgres

pytestmark = [pytest.mark.servers, pytest.mark.slow, pytest.mark.timeout(60)]

PATIENCE = 0.5


@pytest.fixture
async def line(postgres: Postgres) -> AsyncIterator[FaultProxy]:
    async with fault_proxy(int(postgres.url.rsplit(":", 1)[1].split("/")[0])) as made:
        yield made


@pytest.fixture
async def store(postgres: Postgres, line: FaultProxy) -> AsyncIterator[PostgresStore]:
    direct = postgres.fresh_database()
    url = direct.replace(f":{line.target}/", f":{line.port}/")
    assert url != direct
    opened = PostgresStore(url, FakeClock(), patience=PATIENCE)
    await opened.open()
    yield opened
    line.heal()
    await opened.close()


@pytest.fixture
def intake(store: PostgresStore) -> Intake:
    house: House = a_house()
    clock = FakeClock()
    return Intake(store, lambda: house, clock.monotonic, logger("test"), lambda key, what: None)


async def told(intake: Intake, number: int) -> bool:
    """Tell the hub of a mail; whether it was acknowledged. It never takes longer than a sender would wait."""
    async with asyncio.timeout(20):
        try:
            await intake.sink("kontakt").accept(Raw(content=b"raw"), [mail(number)])
        except Refused:
            return False
    return True


async def insist(intake: Intake, number: int) -> None:
    """As a sender does: until it is acknowledged."""
    for _ in range(100):
        if await told(intake, number):
            return
        await asyncio.sleep(0.05)
    pytest.fail("it was never acknowledged")


async def messages(store: PostgresStore) -> int:
    counted = select(func.count()).select_from(schema.message)
    return int(await store.read(lambda tx: tx.scalar(counted)))


@pytest.mark.parametrize(
    ("words", "fault"),
    [(b"BEGIN", "black_hole"), (b"COMMIT", "cut"), (b"COMMIT", "half_open")],
)
async def test_a_line_that_fails_in_a_transaction(
    store: PostgresStore, intake: Intake, line: FaultProxy, words: bytes, fault: str
) -> None:
    """A commit whose answer was lost may have happened: it is refused, told again, and recognised."""
    await insist(intake, 1)
    line.when("up", words, getattr(line, fault))
    began = time.monotonic()
    assert not await told(intake, 2), "nobody knows whether it was committed"
    refused = time.monotonic() - began
    line.heal()
    await insist(intake, 2)
    await insist(intake, 3)
    assert await messages(store) == 3
    print(f"{fault} at {words.decode()}: refused after {refused:.1f} s with a patience of {PATIENCE} s")
    assert refused < 5 * PATIENCE


@pytest.mark.parametrize("fault", ["refuse", "black_hole"])
async def test_a_database_that_is_away_is_told_as_a_fault_and_comes_back(
    store: PostgresStore, line: FaultProxy, fault: str
) -> None:
    down: list[str | None] = []
    store.outage.tell = down.append
    getattr(line, fault)()
    for ask in (store.read, store.write):
        async with asyncio.timeout(10):
            with pytest.raises(StorageFault):
                await ask(lambda tx: tx.scalar(text("SELECT 1")))
    line.heal()
    for ask in (store.read, store.write):
        await answered(ask)
    assert [reason is None for reason in down] == [False, True], (
        "told once when it went and once when it came"
    )


async def answered(ask: Callable[[Callable[[Any], Any]], Awaitable[Any]]) -> None:
    """Ask until there is an answer; connections of before may have to be given up first."""
    for _ in range(100):
        with contextlib.suppress(StorageFault):
            assert await ask(lambda tx: tx.scalar(text("SELECT 1"))) == 1
            return
        await asyncio.sleep(0.05)
    pytest.fail("it did not come back")


async def test_a_slow_line_is_only_slow(store: PostgresStore, intake: Intake, line: FaultProxy) -> None:
    line.delay(0.01)
    assert await told(intake, 1)
    assert await messages(store) == 1
