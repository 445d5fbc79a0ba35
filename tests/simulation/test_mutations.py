"""The simulation is shown to notice hubs with a fault: each is broken in one place, and some seed must say so."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from connectors.contract import Cursor, Inbound, Raw, Receipt
from hub.desk import actions
from hub.intake import batch, handle
from hub.intake import read as reading
from hub.intake.sink import InboxSink, Intake
from hub.outbox import claim, queue, sender
from hub.store import schema, store
from hub.store.places import place_events
from hub.store.tx import Tx
from tests.simulation.story import Plan, run

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

SEEDS = 75
"""A fault that so many runs do not show would hardly be shown by the 200 of every day."""

Patch = pytest.MonkeyPatch


def acknowledge_before_the_commit(patch: Patch) -> None:
    """The wire is told that we have it, and a moment later it is written."""
    real = InboxSink.accept

    async def accept(
        sink: InboxSink, raw: Raw, items: Sequence[Inbound], state: Cursor | None = None
    ) -> list[Receipt]:
        async def later() -> None:
            await asyncio.sleep(1.0)
            await real(sink, raw, items, state)

        task = asyncio.create_task(later())
        task.add_done_callback(lambda done: done.exception())
        return [Receipt() for _ in items]

    patch.setattr(InboxSink, "accept", accept)


def forget_attempts_of_the_dead(patch: Patch) -> None:
    """As if an attempt were recorded after the send: a crash in between leaves no trace of it."""

    def find_ambiguous(tx: Tx, house: Any, me: str, *more: Any) -> int:
        attempt, delivery = schema.attempt, schema.delivery
        rows = tx.rows(attempt.select().where(attempt.c.finished_at.is_(None), attempt.c.node != me))
        for row in rows:
            tx.execute(attempt.delete().where(attempt.c.id == row.id))
            tx.change(delivery, row.delivery, state="queued", attempts=0)
        return len(rows)

    patch.setattr(sender, "find_ambiguous", find_ambiguous)


def check_no_fence(patch: Patch) -> None:
    """Whoever read a mailbox under a lease writes what it has read, whoever holds the lease by now."""
    patch.setattr(handle, "still", lambda tx, leases: None)


def forget_to_wake(patch: Patch) -> None:
    """A conversation is put away without the row that wakes it."""
    patch.setattr(actions, "set_timer", lambda tx, kind, subject, due_at: None)


def forget_what_was_seen(patch: Patch) -> None:
    """What is told again is taken again."""
    real = reading.read

    def read(tx: Tx, *more: Any) -> Any:
        known = real(tx, *more)
        known.seen.clear()
        return known

    patch.setattr(batch, "read", read)


def order_lanes_by_id(patch: Patch) -> None:
    """Deliveries of a lane leave in the order of their ids, which each node draws from blocks of its own."""

    free = claim._free_behind(claim._earlier.c.id < schema.delivery.c.id)
    patch.setattr(claim, "_to_claim", claim._claimable(free))


def lose_a_place(patch: Patch) -> None:
    """Places are given as by a sequence: what is rolled back, or told apart, leaves a gap."""

    def place(tx: Tx) -> Any:
        if len(tx.events) > 1:
            head = schema.stream_head
            tx.execute(head.update().values(place=head.c.place + 1))
        return place_events(tx)

    patch.setattr(store, "place_events", place)


def answer_twice_a_day(patch: Patch) -> None:
    """The key by which one person gets one automatic answer a day names the conversation instead."""
    patch.setattr("hub.intake.orders.answer_key", lambda contact, day: None)


def forget_to_ring(patch: Patch) -> None:
    """A reply is put on its way without its delivery."""
    real = queue.enqueue

    def enqueue(tx: Tx, *more: Any, **named: Any) -> list[int]:
        ids = real(tx, *more, **named)
        if ids[0] % 3 == 0:
            tx.execute(schema.delivery.delete().where(schema.delivery.c.id.in_(ids)))
        return ids

    patch.setattr("hub.desk.reply.enqueue", enqueue)


def end_a_loop_at_a_storage_fault(patch: Patch) -> None:
    """The loop of the timers does not bear a storage that fails."""
    patch.setattr("hub.wake.StorageFault", ZeroDivisionError)


def keep_the_load_for_ever(patch: Patch) -> None:
    """An exception that nobody awaits."""

    async def refresh(intake: Intake) -> None:
        raise LookupError("a bug")

    patch.setattr(Intake, "refresh_load", refresh)


Case = tuple[Callable[[Patch], None], str, Plan]

QUIET = Plan(nodes=1, calm=150.0)
SEVERAL = Plan(nodes=3, calm=150.0, storm=120.0, letters=16, agents=3, twice=1.0, busy=0.6, crashes=1)
HANGING = Plan(nodes=2, calm=150.0, letters=40, agents=1, crashes=8, hangs=1.0, slow=0.5)

FAULTS: tuple[Case, ...] = (
    (acknowledge_before_the_commit, "was acknowledged and is lost", QUIET),
    (forget_attempts_of_the_dead, "reached", QUIET),
    (check_no_fence, "a stale fence", HANGING),
    (forget_to_wake, "snoozed", QUIET),
    (forget_what_was_seen, "quarantined", QUIET),
    (order_lanes_by_id, "the order of", SEVERAL),
    (lose_a_place, "the stream has gaps", QUIET),
    (answer_twice_a_day, "automatic answers", QUIET),
    (forget_to_ring, "is lost", QUIET),
    (end_a_loop_at_a_storage_fault, "ended", QUIET),
    (keep_the_load_for_ever, "never retrieved", QUIET),
)


@pytest.mark.parametrize(("broken", "said", "plan"), FAULTS, ids=[case[0].__name__ for case in FAULTS])
def test_a_hub_with_a_fault_is_noticed(
    monkeypatch: Patch, broken: Callable[[Patch], None], said: str, plan: Plan
) -> None:
    broken(monkeypatch)
    for seed in range(SEEDS):
        result = run(seed, plan)
        if any(said in fault for fault in result.faults):
            print(f"seed {seed}: {result.faults[0]}")
            return
    pytest.fail(f"{SEEDS} seeds noticed nothing")
