"""What two processes do at once to the same things: none waits for the other in a ring."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from typing import Any

import asyncpg
import msgspec
import pytest
from sqlalchemy import Row, Table, text

from connectors.contract import CallbackWish, InboxId, Message, Micros, Party, Raw
from hub.callbacks.calls import answer, take
from hub.callbacks.offers import SOON, offer_next, on_timer
from hub.callbacks.record import TIMER as CALLBACK
from hub.callbacks.service import open_for, request
from hub.chats.leaving import AGAIN
from hub.chats.record import IDLE, LEFT
from hub.desk.merging import merge_conversations, unmerge
from hub.house import House
from hub.intake.sink import Intake
from hub.logs import logger
from hub.loops import NOT_OF_CONVERSATIONS, TIMERS
from hub.messages import locked_conversation
from hub.notices import notify_citizen, withdraw_notice
from hub.outbox.effects import run_inside
from hub.outbox.orders import add_effect
from hub.people.presence import set_presence
from hub.scope import SYSTEM, Scope
from hub.store import schema
from hub.store.postgres import PostgresStore
from hub.store.tx import Tx
from hub.timers import run_due, set_timer
from tests.hub.conftest import FakeClock
from tests.hub.databases import copy_database
from tests.hub.specimen import a_house, add_person
from tests.servers.postgres import Postgres

pytestmark = pytest.mark.servers

HOUSE = a_house()
WISH = CallbackWish(number="600700800")
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


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "table"),
    [("snooze", schema.conversation), ("callback", schema.callback), ("phone", schema.message)],
)
async def test_a_deadline_that_is_set_anew_while_it_falls_due_makes_no_deadlock(
    two: Two, monkeypatch: pytest.MonkeyPatch, kind: str, table: Table
) -> None:
    """Whoever changes something locks it and then its deadline; the loop has found the deadline in between."""
    ours, carried_out = two.stores[0], list[int]()
    conversation, message = await two.a_matter(1)
    subject = conversation if kind == "snooze" else message
    if kind == "callback":
        await ours.write(lambda tx: request(tx, HOUSE, conversation, message, WISH, inbox="kontakt"))
    await ours.write(lambda tx: set_timer(tx, kind, subject, tx.now))

    def handler(tx: Tx, house: House, row: Row[Any]) -> None:
        tx.locked(table, row.subject)
        carried_out.append(row.subject)

    def run(tx: Tx) -> int:
        return run_due(tx, HOUSE, {kind: handler}, logger("test"), NOT_OF_CONVERSATIONS)

    def change(tx: Tx) -> None:
        tx.locked(table, subject)
        stand_still(tx)
        set_timer(tx, kind, subject, tx.now)

    await side_by_side(two, monkeypatch, change, run)
    while await ours.write(run):
        pass
    assert carried_out == [subject]


def stand_still(tx: Tx) -> None:
    """In a change: until the other process has come as far as it can."""
    tx.execute(text(f"SELECT pg_advisory_xact_lock({GATE})"))


async def side_by_side(
    two: Two, monkeypatch: pytest.MonkeyPatch, change: Callable[[Tx], Any], beside: Callable[[Tx], Any]
) -> None:
    """One process begins a change; while that stands still another one goes as far as it can with what it does beside.
    Neither had to run again."""
    ours, theirs = two.stores
    gate = await asyncpg.connect(ours.url.replace("+asyncpg", ""))
    two.count(monkeypatch)
    try:
        await gate.execute(f"SELECT pg_advisory_lock({GATE})")
        changing = asyncio.create_task(theirs.write(change))
        await stands(gate, 1)
        running = asyncio.create_task(ours.write(beside))
        await stands(gate, 2, running)
        await gate.execute(f"SELECT pg_advisory_unlock({GATE})")
        await asyncio.gather(changing, running)
    finally:
        await gate.close()
    assert sorted(two.tries) == [0, 1], "nobody had to run again"


async def stands(gate: asyncpg.Connection, waiting: int, running: asyncio.Task[Any] | None = None) -> None:
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


# --- what leads from one conversation to another -------------------------------------------------------------------


async def test_a_deadline_of_what_was_merged_does_not_wait_for_the_survivor(
    two: Two, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of two chats that both waited for their visitor, one deadline is still about the one that was merged."""
    ours = two.stores[0]
    (survivor, _), (absorbed, _) = await two.a_matter(1), await two.a_matter(2)
    await ours.write(lambda tx: tx.change(schema.conversation, absorbed, merged_into=survivor))
    await ours.write(lambda tx: set_timer(tx, LEFT, absorbed, tx.now))

    def run(tx: Tx) -> int:
        return run_due(tx, HOUSE, TIMERS, logger("test"), NOT_OF_CONVERSATIONS)

    def change(tx: Tx) -> None:
        tx.locked(schema.conversation, survivor)
        stand_still(tx)
        tx.locked(schema.conversation, absorbed)

    await side_by_side(two, monkeypatch, change, run)
    two.clock.move(AGAIN / 1e6)
    assert await ours.write(run) == 1, "it is looked at again"
    assert await ours.write(run) == 0


async def test_taking_a_merge_apart_beside_a_message_to_what_was_merged_makes_no_deadlock(
    two: Two, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours = two.stores[0]
    (survivor, _), (absorbed, _) = await two.a_matter(1), await two.a_matter(2)
    merged = await ours.write(
        lambda tx: merge_conversations(tx, HOUSE, SYSTEM, survivor, absorbed, link=True)
    )

    def follow(tx: Tx) -> None:
        """As intake does with a message whose address names the one that was merged."""
        tx.locked(schema.conversation, merged.absorbed)
        stand_still(tx)
        tx.locked(schema.conversation, merged.survivor)

    await side_by_side(two, monkeypatch, follow, lambda tx: unmerge(tx, HOUSE, SYSTEM, merged.merge))


# --- effects -------------------------------------------------------------------------------------------------------


async def test_a_notice_that_is_withdrawn_while_it_falls_due_makes_no_deadlock(
    two: Two, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever withdraws a notice has its conversation; the loop has found the notice in between."""
    ours, told = two.stores[0], list[int]()
    conversation, _ = await two.a_matter(1)
    await ours.write(lambda tx: notify_citizen(tx, conversation, "office-asked", {}, key="once"))

    def deliver(tx: Tx, house: House, row: Row[Any]) -> bool:
        told.append(locked_conversation(tx, row.conversation).id)
        return True

    def run(tx: Tx) -> int:
        return run_inside(tx, HOUSE, {"notice": deliver}, logger("test"))

    def change(tx: Tx) -> None:
        locked_conversation(tx, conversation)
        stand_still(tx)
        withdraw_notice(tx, "once")

    await side_by_side(two, monkeypatch, change, run)
    assert await ours.write(run) == 0
    assert told == []


async def test_effects_of_what_another_process_holds_do_not_hold_up_the_rest(two: Two) -> None:
    ours, theirs = two.stores
    numbers = [(await two.a_matter(number))[0] for number in range(3)]
    done = list[int]()
    for number in (*numbers, numbers[0]):
        await ours.write(partial(add_effect, kind="notice", data={}, conversation=number))
    await ours.write(lambda tx: add_effect(tx, "notice", {}))

    def deliver(tx: Tx, house: House, row: Row[Any]) -> bool:
        done.append(row.conversation)
        return True

    async def run() -> int:
        return await ours.write(lambda tx: run_inside(tx, HOUSE, {"notice": deliver}, logger("test")))

    other = await asyncpg.connect(theirs.url.replace("+asyncpg", ""))
    try:
        async with other.transaction():
            await other.execute("SELECT id FROM conversation WHERE id = $1 FOR UPDATE", numbers[0])
            assert await run() == 3
            assert done == [numbers[1], numbers[2], None]
    finally:
        await other.close()
    assert await run() == 2
    assert done[3:] == [numbers[0], numbers[0]]


# --- calls and agents ----------------------------------------------------------------------------------------------


class Calls(msgspec.Struct, frozen=True):
    """A call that is due, and two agents of its queue who are away."""

    due: int
    anna: int
    ewa: int


async def calls(two: Two) -> Calls:
    ours = two.stores[0]
    conversation, message = await two.a_matter(1)
    await ours.write(lambda tx: request(tx, HOUSE, conversation, message, WISH, inbox="kontakt"))
    anna, ewa = [
        await ours.write(partial(add_person, login=login, queues=("bezrobotni",)))
        for login in ("anna", "ewa")
    ]
    for agent in (anna, ewa):
        await ours.write(partial(Tx.change, table=schema.user, row_id=agent, presence="away"))
    await ours.write(look_for_agents)
    return Calls(message, anna, ewa)


def look_for_agents(tx: Tx) -> int:
    """The timers' loop."""
    return run_due(tx, HOUSE, {CALLBACK: on_timer}, logger("test"), NOT_OF_CONVERSATIONS)


async def held_by(two: Two, call: int) -> tuple[str, int | None]:
    """The state of a call, and whose it is, once the loop has done what is due."""
    while await two.stores[0].write(look_for_agents):
        pass
    row = await two.stores[0].read(lambda tx: tx.get(schema.callback, call))
    assert row is not None
    return row.state, row.agent


def comes(tx: Tx, agent: int) -> None:
    """Somebody becomes available."""
    set_presence(tx, HOUSE, Scope(user=agent, role="agent", office="krajowa", front=True), "available")


async def test_an_agent_who_ends_a_call_while_another_one_looks_for_agents_makes_no_deadlock(
    two: Two, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = await calls(two)
    await two.stores[0].write(lambda tx: tx.change(schema.user, found.anna, presence="available"))
    await two.stores[0].write(lambda tx: set_timer(tx, CALLBACK, found.due, tx.now))

    def end(tx: Tx) -> None:
        tx.locked(schema.user, found.anna)
        stand_still(tx)
        offer_next(tx, HOUSE, found.anna)

    await side_by_side(two, monkeypatch, end, look_for_agents)
    assert await held_by(two, found.due) == ("offered", found.anna)


async def test_an_agent_who_says_again_that_they_are_there_while_a_call_looks_for_them_makes_no_deadlock(
    two: Two, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = await calls(two)
    await two.stores[0].write(lambda tx: tx.change(schema.user, found.anna, presence="available"))
    await two.stores[0].write(lambda tx: set_timer(tx, CALLBACK, found.due, tx.now))

    def say(tx: Tx) -> None:
        tx.locked(schema.user, found.anna)
        stand_still(tx)
        comes(tx, found.anna)

    await side_by_side(two, monkeypatch, say, look_for_agents)
    assert await held_by(two, found.due) == ("offered", found.anna)


@pytest.mark.parametrize("how", ["comes", "ends a call"])
async def test_an_agent_who_is_free_just_when_a_call_found_nobody_is_offered_it(
    two: Two, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    """Neither sees what the other did until both are through."""
    found = await calls(two)
    await two.stores[0].write(lambda tx: set_timer(tx, CALLBACK, found.due, tx.now))

    def look(tx: Tx) -> None:
        assert look_for_agents(tx) == 1
        stand_still(tx)

    def free(tx: Tx) -> None:
        if how == "comes":
            comes(tx, found.anna)
        else:
            tx.change(schema.user, found.anna, presence="available")
            offer_next(tx, HOUSE, found.anna)

    await side_by_side(two, monkeypatch, look, free)
    assert await held_by(two, found.due) == ("offered", found.anna)


async def test_an_offer_does_not_lapse_because_somebody_else_comes(
    two: Two, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever comes has the calls that are due looked at; this one is given to somebody at this moment."""
    found = await calls(two)
    await two.stores[0].write(lambda tx: tx.change(schema.user, found.anna, presence="available"))

    def end(tx: Tx) -> None:
        assert offer_next(tx, HOUSE, found.anna) == found.due
        stand_still(tx)

    await side_by_side(two, monkeypatch, end, lambda tx: comes(tx, found.ewa))
    assert await held_by(two, found.due) == ("offered", found.anna)


@pytest.mark.parametrize("what", ["the person answers", "its time has come", "somebody is free"])
async def test_what_comes_in_about_a_call_while_an_agent_or_the_clock_has_it_makes_no_deadlock(
    two: Two, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    """The exchange tells of the same call: whoever takes that in has the conversation, and finds the call for it."""
    found, ours = await calls(two), two.stores[0]
    anna = Scope(user=found.anna, role="agent", office="krajowa", front=True)
    await ours.write(lambda tx: tx.change(schema.user, found.anna, presence="available"))
    await ours.write(lambda tx: set_timer(tx, CALLBACK, found.due, tx.now))
    if what == "the person answers":
        await ours.write(lambda tx: take(tx, HOUSE, anna, found.due))

    def told(tx: Tx) -> None:
        row = tx.get(schema.callback, found.due)
        assert row is not None
        locked_conversation(tx, row.conversation)
        stand_still(tx)
        assert open_for(tx, row.number) is not None

    def beside(tx: Tx) -> Any:
        if what == "the person answers":
            return answer(tx, HOUSE, anna, found.due)
        return look_for_agents(tx) if what == "its time has come" else offer_next(tx, HOUSE, found.anna)

    await side_by_side(two, monkeypatch, told, beside)
    two.clock.move(SOON / 1e6)
    state = "in-call" if what == "the person answers" else "offered"
    assert await held_by(two, found.due) == (state, found.anna)
