"""The timers' loop of one process and a change by another about the same thing: none waits for the other in a ring."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from typing import Any

import asyncpg
import pytest
from sqlalchemy import Row, Table, text

from connectors.contract import CallbackWish, InboxId, Message, Micros, Party, Raw
from hub.callbacks.service import request
from hub.chats.record import IDLE
from hub.house import House
from hub.intake.sink import Intake
from hub.logs import logger
from hub.loops import NOT_OF_CONVERSATIONS, TIMERS
from hub.store import schema
from hub.store.postgres import PostgresStore
from hub.store.tx import Tx
from hub.timers import run_due, set_timer
from tests.hub.conftest import FakeClock
from tests.hub.databases import copy_database
from tests.hub.specimen import a_house
from tests.servers.postgres import Postgres

pytestmark = pytest.mark.servers

HOUSE = a_house()
GATE = 7
"""Key of the advisory lock at which the change stands still between its two locks."""

WAITING = (
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
)


class Two:
    """Two processes on one database; ``tries`` has the number of each whenever it begins a transaction of its own."""

    def __init__(self, url: str, clock: FakeClock) -> None:
        self.clock = clock
        self.stores = [PostgresStore(url, clock) for _ in range(2)]
        self.tries: list[int] = []

    def count(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """From now on."""
        for number, store in enumerate(self.stores):
            monkeypatch.setattr(store, "_try", partial(self._noted, number, store._try))

    async def _noted(self, number: int, transact: Callable[[Any], Awaitable[Any]], works: Any) -> Any:
        self.tries.append(number)
        return await transact(works)

    async def a_matter(self, number: int) -> tuple[int, int]:
        """A conversation and its message."""
        intake = Intake(
            self.stores[0], lambda: HOUSE, self.clock.monotonic, logger("test"), lambda key, what: None
        )
        message = Message(
            inbox=InboxId("kontakt"),
            external_id=f"m-{number}",
            received_at=Micros(1),
            sender=Party(kind="email", address=f"{number}@example.pl"),
            text="Dzień dobry",
        )
        [receipt] = await intake.sink("kontakt").accept(Raw(content=b"as it came"), [message])
        assert receipt.conversation is not None and receipt.message is not None
        return receipt.conversation, receipt.message


@pytest.fixture
async def two(clock: FakeClock, _postgres: Postgres, _template: str) -> AsyncIterator[Two]:
    both = Two(copy_database(_postgres, _template), clock)
    for store in both.stores:
        await store.open()
    yield both
    for store in both.stores:
        await store.close()


@pytest.mark.parametrize(
    ("kind", "table"),
    [("snooze", schema.conversation), ("callback", schema.callback), ("phone", schema.message)],
)
async def test_a_deadline_that_is_set_anew_while_it_falls_due_makes_no_deadlock(
    two: Two, monkeypatch: pytest.MonkeyPatch, kind: str, table: Table
) -> None:
    """Whoever changes something locks it and then its deadline; the loop has found the deadline in between."""
    (ours, theirs), carried_out = two.stores, list[int]()
    conversation, message = await two.a_matter(1)
    subject, wish = conversation if kind == "snooze" else message, CallbackWish(number="600700800")
    if kind == "callback":
        await ours.write(lambda tx: request(tx, HOUSE, conversation, message, wish, inbox="kontakt"))
    await ours.write(lambda tx: set_timer(tx, kind, subject, tx.now))

    def handler(tx: Tx, house: House, row: Row[Any]) -> None:
        tx.locked(table, row.subject)
        carried_out.append(row.subject)

    def run(tx: Tx) -> int:
        return run_due(tx, HOUSE, {kind: handler}, logger("test"), NOT_OF_CONVERSATIONS)

    def change(tx: Tx) -> None:
        tx.locked(table, subject)
        tx.execute(text(f"SELECT pg_advisory_xact_lock({GATE})"))
        set_timer(tx, kind, subject, tx.now)

    gate = await asyncpg.connect(ours.url.replace("+asyncpg", ""))
    two.count(monkeypatch)
    try:
        await gate.execute(f"SELECT pg_advisory_lock({GATE})")
        changing = asyncio.create_task(theirs.write(change))
        await stands(gate, 1)
        running = asyncio.create_task(ours.write(run))
        await stands(gate, 2, running)
        await gate.execute(f"SELECT pg_advisory_unlock({GATE})")
        await asyncio.gather(changing, running)
    finally:
        await gate.close()
    assert sorted(two.tries) == [0, 1], "nobody had to run again"
    while await ours.write(run):
        pass
    assert carried_out == [subject]


async def stands(gate: asyncpg.Connection, waiting: int, running: asyncio.Task[int] | None = None) -> None:
    """Until so many wait for a lock, or ``running`` is done."""
    while await gate.fetchval(WAITING) < waiting:
        if running is not None and running.done():
            return
        await asyncio.sleep(0.01)


async def test_what_another_process_holds_does_not_hold_up_the_rest(two: Two) -> None:
    """Eleven conversations, each with a deadline, of which the first ten are in other hands."""
    ours, theirs = two.stores
    numbers = [(await two.a_matter(number))[0] for number in range(11)]
    done = list[int]()
    for number in numbers:
        await ours.write(partial(set_timer, kind="snooze", subject=number, due_at=two.clock.now()))

    def handler(tx: Tx, house: House, row: Row[Any]) -> None:
        done.append(row.subject)

    async def run() -> int:
        return await ours.write(
            lambda tx: run_due(tx, HOUSE, {"snooze": handler}, logger("test"), NOT_OF_CONVERSATIONS)
        )

    other = await asyncpg.connect(theirs.url.replace("+asyncpg", ""))
    try:
        async with other.transaction():
            await other.execute("SELECT id FROM conversation WHERE id = ANY($1) FOR UPDATE", numbers[:10])
            assert await run() == 1
            assert await run() == 0
            assert done == numbers[10:]
    finally:
        await other.close()
    assert await run() == 10
    assert await run() == 0


def test_every_kind_that_is_not_about_a_conversation_is_known() -> None:
    """A new kind of deadline: is its subject a conversation? Else it is named among the others."""
    of_conversations = {"snooze", "rules", "survey", "office-due", "owner-check", IDLE, "chat-left"}
    assert set(TIMERS) == of_conversations | set(NOT_OF_CONVERSATIONS)
