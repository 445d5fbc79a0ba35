"""What intake refuses because another process has taken over: a lost lease, a cursor that was moved."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from functools import partial
from typing import Any

import msgspec
import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError

from connectors.contract import Cursor, InboxId, Message, Micros, Overtaken, Party, Raw, Receipt, Refused
from hub.cluster import leases
from hub.cluster.leases import Fenced, Lease
from hub.intake import sink
from hub.intake.handle import handle
from hub.intake.sink import Intake
from hub.intake.state import Call, Rows
from hub.intake.write import write
from hub.logs import logger
from hub.store import schema
from hub.store.postgres import PostgresStore
from hub.store.store import Store
from hub.store.tx import Reader, Tx
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


@pytest.fixture
async def processes(
    clock: FakeClock, _postgres: Postgres, _template: str
) -> AsyncIterator[list[tuple[PostgresStore, Intake]]]:
    """Two of them on one database."""
    url, house = copy_database(_postgres, _template), a_house()
    stores = [PostgresStore(url, clock) for _ in range(2)]
    for store in stores:
        await store.open()
    yield [
        (store, Intake(store, lambda: house, clock.monotonic, logger("test"), lambda key, what: None))
        for store in stores
    ]
    for store in stores:
        await store.close()


@pytest.mark.servers
async def test_of_several_processes_at_once_one_moves_a_cursor(
    processes: list[tuple[PostgresStore, Intake]],
) -> None:
    state = Cursor(key="sms:1", value="x", replaces=None)
    told = await asyncio.gather(
        *(processes[n % 2][1].sink("kontakt").accept(RAW, [a_message(n)], state) for n in range(6)),
        return_exceptions=True,
    )
    assert sum(isinstance(one, Overtaken) for one in told) == 5
    assert await count(processes[0][0]) == (1, 1)


@pytest.mark.servers
@pytest.mark.parametrize(
    ("ours", "known"),
    [
        (False, False),
        pytest.param(False, True, marks=pytest.mark.slow),
        pytest.param(True, False, marks=pytest.mark.slow),
        (True, True),
    ],
)
async def test_what_two_processes_are_told_at_once_is_taken_once(
    processes: list[tuple[PostgresStore, Intake]], ours: bool, known: bool
) -> None:
    """A webhook reaches one of them while the other reads the same message, and the next one, from a page."""
    (store, first), (_, second) = processes
    for number in range(0, 60, 2):
        sender = Party(kind="email", address=f"{number}@example.pl")
        one, after = (
            msgspec.structs.replace(a_message(n), sender=sender, ours=ours) for n in (number, number + 1)
        )
        if known:
            before = msgspec.structs.replace(one, external_id=f"before-{number}", ours=False)
            await first.sink("kontakt").accept(RAW, [before])
        told = await asyncio.gather(
            first.sink("kontakt").accept(RAW, [one]), second.sink("kontakt").accept(RAW, [one, after])
        )
        assert not any(receipt.quarantined for receipts in told for receipt in receipts)
        assert sorted(receipt.duplicate for receipts in told for receipt in receipts) == [False, False, True]
    message = schema.message.c
    kept = (
        select(message.kind, func.count().label("found"))
        .where(message.kind != "system")
        .group_by(message.kind)
    )
    found = await store.read(lambda tx: tx.rows(kept))
    wanted = {"outbound" if ours else "inbound": 60}
    if known:
        wanted["inbound"] = wanted.get("inbound", 0) + 30
    assert {row.kind: row.found for row in found} == wanted


@pytest.mark.parametrize(("failures", "quarantined"), [(1, False), (2, False), (3, True)])
async def test_what_met_another_process_is_tried_again(
    store: Store, intake: Intake, monkeypatch: pytest.MonkeyPatch, failures: int, quarantined: bool
) -> None:
    """And what violates a key again and again is data that cannot be taken."""
    left = [failures]

    def meets(tx: Tx, calls: Sequence[Call]) -> list[list[Receipt]]:
        if left[0]:
            left[0] -= 1
            raise IntegrityError("INSERT", None, Exception("duplicate key"))
        return handle(tx, calls)

    monkeypatch.setattr(sink, "handle", meets)
    [receipt] = await intake.sink("kontakt").accept(RAW, [a_message(1)])
    assert receipt.quarantined == quarantined
    assert await count(store) == (0 if quarantined else 1, 1)


@pytest.mark.servers
async def test_a_hundred_first_messages_over_two_processes_make_one_conversation(
    processes: list[tuple[PostgresStore, Intake]],
) -> None:
    def sms(number: int) -> Message:
        sender = Party(kind="phone", address="+48600700800")
        return msgspec.structs.replace(a_message(number), sender=sender, direct=True)

    told = await asyncio.gather(
        *(processes[n % 2][1].sink("kontakt").accept(RAW, [sms(n)]) for n in range(100))
    )
    assert len({receipt.conversation for [receipt] in told}) == 1
    assert len({receipt.message for [receipt] in told}) == 100
    assert not any(receipt.quarantined for [receipt] in told)


@pytest.mark.servers
async def test_what_two_processes_put_up_in_opposite_order_makes_no_deadlock(
    processes: list[tuple[PostgresStore, Intake]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Keys of threads, what was seen, deadlines: whoever comes second waits for the first, and nobody runs again."""
    tries: list[int] = []

    def counted(number: int) -> None:
        transact = processes[number][0]._try

        async def noted(works: Any) -> Any:
            tries.append(number)
            return await transact(works)

        monkeypatch.setattr(processes[number][0], "_try", noted)

    def several(number: int) -> Rows:
        names = [f"<{n:05}@example.pl>" for n in range(4000)][:: 1 if number else -1]
        return Rows(
            thread_keys={name: (name, 1, 1) for name in names},
            latest_keys={f"pair {name}": (f"pair {name}", 1, 1) for name in names},
            timers={(kind, 1): (7 * n + number, kind, 1, 5, "waiting", "{}") for n, kind in enumerate(names)},
        )

    for number in (0, 1):
        counted(number)
    both = [several(number) for number in (0, 1)]
    await asyncio.gather(*(processes[n][0].write(partial(write, rows=both[n])) for n in (0, 1)))
    assert sorted(tries) == [0, 1]
