"""Several processes on one store: order in a lane, claims that were committed unheard, outcomes that come late."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import pytest
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from connectors.contract import Micros, Outbound, Recipient, Sent
from hub.house import House
from hub.intake.load import keep_load, present_load, read_load
from hub.messages import append, locked_conversation
from hub.outbox import sender
from hub.outbox.claim import Begun, any_left, claim, find_ambiguous, release_unheard, release_untried
from hub.outbox.compose import Draft, with_files
from hub.outbox.queue import enqueue
from hub.outbox.settle import settle, settle_sent
from hub.store import schema
from hub.store.store import Store
from hub.store.tx import Ids, Tx
from tests.hub.conftest import FakeClock
from tests.hub.outbox.conftest import Outgoing, Scripted
from tests.hub.specimen import a_house, add_conversation

delivery, attempt = schema.delivery, schema.attempt

SECOND = 1_000_000
LIMITS = {"kontakt": 60.0}


@pytest.fixture
def house() -> House:
    return a_house()


def on_another_node(tx: Tx, clock_runs: int = 0) -> Tx:
    """The same transaction as a node would see it that started later: ids from a further block, a clock of its own."""
    ids = Ids()
    ids.ensure(tx.connection)
    return Tx(tx.connection, Micros(tx.now + clock_runs), ids)


def reply(tx: Tx, house: House, conversation: int, **more: Any) -> int:
    """An answer on its way; the id of its delivery."""
    to = [Recipient(address="jan@example.pl")]
    added = append(tx, conversation, kind="outbound", text="Odpowiedź", recipients=to)
    row = locked_conversation(tx, conversation)
    return enqueue(tx, house, row, added.id, to, inbox="kontakt", **more)[0]


def claimed(tx: Tx, node: str = "here") -> list[int]:
    """Deliveries that are claimed now."""
    return [begun.delivery for begun in claim(tx, node, 8, (), ["kontakt"])]


@pytest.mark.parametrize("runs", [-2 * SECOND, 0, 2 * SECOND])
async def test_a_lane_keeps_its_order_whatever_ids_and_clocks_say(
    store: Store, house: House, clock: FakeClock, runs: int
) -> None:
    """The first answer has the higher id, and the clock of its node is wrong by two seconds."""

    def two(tx: Tx) -> tuple[int, int]:
        conversation = add_conversation(tx)
        first = reply(on_another_node(tx, runs), house, conversation)
        return first, reply(tx, house, conversation)

    first, second = await store.write(two)
    assert first > second
    assert await store.write(claimed) in ([], [first])
    clock.move(3)
    await store.write(lambda tx: claimed(tx))
    states = await store.read(lambda tx: tx.rows(select(delivery.c.id, delivery.c.state)))
    assert {row.id: row.state for row in states} == {first: "sending", second: "queued"}


async def test_answers_that_can_be_taken_back_leave_in_their_order(
    store: Store, house: House, clock: FakeClock
) -> None:
    def two(tx: Tx) -> tuple[int, int]:
        conversation = add_conversation(tx)
        fast = on_another_node(tx, 2 * SECOND)
        first = reply(fast, house, conversation, due_at=fast.now + 15 * SECOND, held=True)
        return first, reply(tx, house, conversation, due_at=tx.now + 15 * SECOND, held=True)

    first, _ = await store.write(two)
    clock.move(16)
    assert await store.write(claimed) == []
    clock.move(5)
    assert await store.write(claimed) == [first]


async def test_a_claim_that_was_committed_unheard_goes_back_untried(store: Store, house: House) -> None:
    """The connection broke after the commit: the process does not know that it has these two."""

    def unheard(tx: Tx) -> list[Begun]:
        for _ in range(2):
            reply(tx, house, add_conversation(tx))
        return claim(tx, "here/1", 8, (), ["kontakt"])

    [(lost, _, _), (kept, in_hand, _)] = await store.write(unheard)
    assert await store.read(lambda tx: any_left(tx, "here/1", {in_hand}, LIMITS, lambda node: False))
    assert await store.write(lambda tx: release_unheard(tx, "here/1", {in_hand})) == 1
    assert not await store.read(lambda tx: any_left(tx, "here/1", {in_hand}, LIMITS, lambda node: False))
    states = await store.read(lambda tx: tx.rows(select(delivery.c.id, delivery.c.state)))
    assert {row.id: row.state for row in states} == {lost: "queued", kept: "sending"}


async def test_what_another_process_has_in_hand_stays_there(store: Store, house: House) -> None:
    def theirs(tx: Tx) -> None:
        reply(tx, house, add_conversation(tx))
        claim(tx, "there/1", 8, (), ["kontakt"])

    await store.write(theirs)
    assert await store.write(lambda tx: release_unheard(tx, "here/1", ())) == 0


async def outcomes(store: Store) -> list[str]:
    """Of all attempts, in their order."""
    rows = await store.read(lambda tx: tx.rows(select(attempt.c.outcome).order_by(attempt.c.number)))
    return [row.outcome or "open" for row in rows]


async def given_up(store: Store, house: House, clock: FakeClock) -> Begun:
    """A delivery whose attempt another process has given up for ambiguous; both ids."""

    def begin(tx: Tx) -> Begun:
        reply(tx, house, add_conversation(tx))
        return claim(tx, "hung/1", 8, (), ["kontakt"])[0]

    pair = await store.write(begin)
    clock.move(minutes=5)
    found = await store.write(lambda tx: find_ambiguous(tx, house, "here/1", LIMITS, lambda tx, node: False))
    assert found == 1
    return pair


async def test_an_answer_that_comes_late_is_believed_and_the_attempt_stays_ambiguous(
    store: Store, house: House, clock: FakeClock
) -> None:
    """Or a second sending, which may have come of it, would bear no mark."""
    key, begun, _ = await given_up(store, house, clock)
    await store.write(lambda tx: settle_sent(tx, house, key, begun, Sent(remote_id="r1")))
    row = await store.read(lambda tx: tx.row(select(delivery).where(delivery.c.id == key)))
    assert row is not None
    assert (row.state, row.remote_id) == ("accepted", "r1")
    assert await outcomes(store) == ["ambiguous"]


async def test_nothing_that_is_told_twice_touches_the_next_attempt(
    store: Store, house: House, clock: FakeClock
) -> None:
    """A refusal was recorded, the store did not say so, and it is recorded again while the next attempt goes on."""

    def first(tx: Tx) -> Begun:
        reply(tx, house, add_conversation(tx))
        return claim(tx, "here/1", 8, (), ["kontakt"])[0]

    key, begun, _ = await store.write(first)
    await store.write(lambda tx: settle(tx, house, key, begun, "temporary", public="later"))
    clock.move(hours=1)
    await store.write(claimed)
    await store.write(lambda tx: settle(tx, house, key, begun, "temporary", public="later"))
    await store.write(lambda tx: release_untried(tx, key, begun))
    row = await store.read(lambda tx: tx.row(select(delivery).where(delivery.c.id == key)))
    assert row is not None
    assert (row.state, row.attempts) == ("sending", 2)
    assert await outcomes(store) == ["temporary", "open"]


async def test_the_newest_snapshot_of_the_load_is_not_the_one_with_the_highest_id(
    store: Store, clock: FakeClock
) -> None:
    await store.write(lambda tx: keep_load(on_another_node(tx), read_load(tx)))
    clock.move(50)
    newest = await store.write(lambda tx: keep_load(tx, read_load(tx)))
    clock.move(50)
    assert (await store.write(present_load)).id == newest.id


async def test_two_processes_that_begin_with_one_lane_at_once_both_go_on(
    sqlite_store: Store, house: House, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The database lets one of them; the other one's loop must bear that and look again."""
    refused: list[bool] = []

    def at_once(tx: Tx, *more: Any) -> list[Begun]:
        if not refused:
            refused.append(True)
            raise IntegrityError("UPDATE delivery", None, ValueError("delivery_sending"))
        return claim(tx, *more)

    monkeypatch.setattr(sender, "claim", at_once)
    peer = Scripted()
    here = msgspec.structs.replace(house, capabilities={"kontakt": peer.capabilities})
    out = Outgoing(sqlite_store, clock, here, peer)
    out.start()
    key = await sqlite_store.write(lambda tx: reply(tx, here, add_conversation(tx)))
    await out.becomes(key, "accepted")
    await out.end()
    assert refused


async def test_what_a_lost_process_left_is_settled_at_once(store: Store, house: House) -> None:
    """And what one that lives has in hand is left to it."""

    def begin(tx: Tx) -> tuple[Begun, Begun]:
        reply(tx, house, add_conversation(tx))
        [lost] = claim(tx, "lost/1", 8, (), ["kontakt"])
        reply(tx, house, add_conversation(tx))
        [sent] = claim(tx, "alive/1", 8, (), ["kontakt"])
        return lost, sent

    (lost, _, _), (sent, _, _) = await store.write(begin)
    nobody = await store.read(lambda tx: any_left(tx, "here/1", (), LIMITS, lambda node: False))
    assert not nobody
    assert await store.read(lambda tx: any_left(tx, "here/1", (), LIMITS, lambda node: node == "lost/1"))
    found = await store.write(
        lambda tx: find_ambiguous(tx, house, "here/1", LIMITS, lambda tx, node: node == "lost/1")
    )
    assert found == 1
    states = await store.read(lambda tx: tx.rows(select(delivery.c.id, delivery.c.state)))
    assert {row.id: row.state for row in states} == {lost: "possibly-sent", sent: "sending"}


async def test_one_that_hung_between_claim_and_wire_sends_nothing_when_it_wakes(
    sqlite_store: Store, house: House, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its attempt was settled by others and shown as possibly sent; a person decides, so nothing may leave now."""
    peer = Scripted()
    here = msgspec.structs.replace(house, capabilities={"kontakt": peer.capabilities})
    out = Outgoing(sqlite_store, clock, here, peer)
    ready, go_on = asyncio.Event(), asyncio.Event()

    async def hangs(draft: Draft, get: Any) -> Outbound:
        ready.set()
        await go_on.wait()
        return await with_files(draft, get)

    monkeypatch.setattr(sender, "with_files", hangs)
    out.start()
    key = await sqlite_store.write(lambda tx: reply(tx, here, add_conversation(tx)))
    out.wake.ring()
    await ready.wait()
    clock.move(15)
    out.unbroken_since = clock.monotonic()
    await sqlite_store.write(
        lambda tx: find_ambiguous(tx, here, "other/1", LIMITS, lambda tx, node: node == "this/1")
    )
    go_on.set()
    await out.becomes(key, "possibly-sent")
    await asyncio.sleep(0.05)
    assert peer.sent == []
    assert await outcomes(sqlite_store) == ["ambiguous"]
    await out.end()


async def test_who_may_be_taken_for_gone_claims_nothing(
    sqlite_store: Store, house: House, clock: FakeClock
) -> None:
    peer = Scripted()
    here = msgspec.structs.replace(house, capabilities={"kontakt": peer.capabilities})
    out = Outgoing(sqlite_store, clock, here, peer)
    out.unbroken_since = clock.monotonic() + 60
    out.start()
    key = await sqlite_store.write(lambda tx: reply(tx, here, add_conversation(tx)))
    out.wake.ring()
    await asyncio.sleep(0.1)
    assert await out.state(key) == "queued" and await outcomes(sqlite_store) == []
    clock.move(61)
    await out.becomes(key, "accepted")
    await out.end()
