"""What intake refuses because another process has taken over: a lost lease, a cursor that was moved."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import func, select

from connectors.contract import Cursor, InboxId, Message, Micros, Overtaken, Party, Raw, Refused
from hub.cluster import leases
from hub.cluster.leases import Fenced, Lease
from hub.intake.sink import Intake
from hub.logs import logger
from hub.store import schema
from hub.store.postgres import PostgresStore
from hub.store.store import Store
from hub.store.tx import Reader
from tests.hub.conftest import FakeClock
from tests.hub.databases import copy_database
from tests.hub.specimen import a_house
from tests.servers.postgres import Postgres

RAW = Raw(content=b"as it came")


def a_message(number: int) -> Message:
    return Message(
        inbox=InboxId("kontakt"),
        external_id=f"m-{number}",
        received_at=Micros(1),
        sender=Party(kind="email", address="jan@example.pl"),
        text="Dzień dobry",
    )


@pytest.fixture
def fenced() -> list[Fenced]:
    """What the process was told of lost leases."""
    return []


@pytest.fixture
def intake(store: Store, clock: FakeClock, fenced: list[Fenced]) -> Intake:
    house = a_house()
    return Intake(
        store, lambda: house, clock.monotonic, logger("test"), lambda key, what: None, fenced.append
    )


async def count(store: Store) -> tuple[int, int]:
    """Messages and raws."""

    def counted(tx: Reader) -> tuple[int, int]:
        message, raw = schema.message.c, schema.raw.c
        inbound = select(func.count(message.id)).where(message.kind == "inbound")
        return int(tx.scalar(inbound)), int(tx.scalar(select(func.count(raw.id))))

    return await store.read(counted)


async def taken_over(store: Store) -> Lease:
    """A lease that we had."""
    [lease] = await store.write(lambda tx: leases.take(tx, "we", ["inbox:kontakt"], -1))
    await store.write(lambda tx: leases.take(tx, "they", ["inbox:kontakt"], 60_000_000))
    return lease


async def test_what_was_read_under_a_lost_lease_is_refused_and_nothing_of_it_kept(
    store: Store, intake: Intake, fenced: list[Fenced]
) -> None:
    sink = intake.sink("kontakt", await taken_over(store))
    with pytest.raises(Refused, match="another node has taken over inbox:kontakt"):
        await sink.accept(RAW, [a_message(1)], Cursor(key="offset", value="2"))
    assert await count(store) == (0, 0)
    assert await sink.cursor("offset") is None
    assert [one.names for one in fenced] == [{"inbox:kontakt"}]


async def test_neighbours_in_the_same_batch_are_taken(store: Store, intake: Intake) -> None:
    lost = intake.sink("kontakt", await taken_over(store))
    free = intake.sink("kontakt")
    calls = [(lost if number % 3 else free).accept(RAW, [a_message(number)]) for number in range(9)]
    told = await asyncio.gather(*calls, return_exceptions=True)
    assert [isinstance(one, Refused) for one in told] == [bool(number % 3) for number in range(9)]
    assert await count(store) == (3, 3)


async def test_under_a_lease_that_is_ours_messages_are_taken(store: Store, intake: Intake) -> None:
    [lease] = await store.write(lambda tx: leases.take(tx, "we", ["inbox:kontakt"], 60_000_000))
    [receipt] = await intake.sink("kontakt", lease).accept(RAW, [a_message(1)])
    assert receipt.conversation is not None


async def test_a_cursor_that_another_process_moved_refuses_the_call(store: Store, intake: Intake) -> None:
    sink = intake.sink("kontakt")
    await sink.accept(RAW, [a_message(1)], Cursor(key="sms:1", value="a", replaces=None))
    with pytest.raises(Overtaken):
        await sink.accept(RAW, [a_message(2)], Cursor(key="sms:1", value="b", replaces=None))
    with pytest.raises(Overtaken):
        await sink.accept(RAW, [a_message(2)], Cursor(key="sms:1", value="b", replaces="z"))
    assert await count(store) == (1, 1)
    assert await sink.cursor("sms:1") == "a"
    await sink.accept(RAW, [a_message(2)], Cursor(key="sms:1", value="b", replaces="a"))
    await sink.accept(RAW, [], Cursor(key="sms:1", value="c"))
    assert await sink.cursor("sms:1") == "c"


@pytest.mark.servers
async def test_of_several_processes_at_once_one_moves_a_cursor(
    clock: FakeClock, _postgres: Postgres, _template: str
) -> None:
    url, house = copy_database(_postgres, _template), a_house()
    stores = [PostgresStore(url, clock) for _ in range(2)]
    for store in stores:
        await store.open()
    intakes = [
        Intake(store, lambda: house, clock.monotonic, logger("test"), lambda key, what: None)
        for store in stores
    ]
    state = Cursor(key="sms:1", value="x", replaces=None)
    told = await asyncio.gather(
        *(intakes[n % 2].sink("kontakt").accept(RAW, [a_message(n)], state) for n in range(6)),
        return_exceptions=True,
    )
    assert sum(isinstance(one, Overtaken) for one in told) == 5
    assert await count(stores[0]) == (1, 1)
    for store in stores:
        await store.close()
