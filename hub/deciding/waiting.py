"""Rules that run when nobody has answered for so long, and timers that rules start: rows with a due time, no polling.

A conversation in which somebody waits for an answer has one row of the kind ``rules`` as long as the rules ask for such
durations at all. It falls due at the earliest one that the rules have not been asked about; when that comes true they
are asked, and the row is set to the next. The row remembers which durations it was asked about, so that each counts
once for one wait, even if a changed rule set brings others. An answer cancels the row.

A timer that a rule started by name is a row of the kind ``rules:NAME``; starting it again sets it anew.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from functools import partial
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Row, literal_column, select

from connectors.contract import Clock
from hub.desk.row import ACTIVE
from hub.house import House
from hub.intake.facts import MINUTE, Clockwork
from hub.intake.state import CONVERSATION, ConversationState
from hub.store import bulk, schema
from hub.store.store import StorageFault, Store, StoreFull
from hub.store.tx import Reader, Tx
from hub.timers import cancel_timers, put_timers, timer_row
from hub.wake import Wake
from rules.waits import Wait

TIMER = "rules"
"""Kind of the row of a conversation that waits; with a colon and a name behind it, of a timer that a rule started."""

NEVER = (1 << 53) - 1
"""Due time of a row that only remembers: the rules were asked about every duration that they name."""

PIECE = 100
"""Conversations whose rows are set in one transaction after a rule set was published: some 10 ms."""

LOOK = 2.0
"""Seconds between two looks whether other rules are in force, when nothing rang."""

conversation, timer = schema.conversation, schema.timer


class Asked(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a row remembers: for the wait that began at ``since``, the rules were asked about these durations."""

    since: int = 0
    waits: tuple[Wait, ...] = ()


_asked = msgspec.json.Decoder(Asked).decode


def row_of(
    tx: Tx, house: House, clockwork: Clockwork, state: ConversationState, asked: Collection[Wait] = ()
) -> tuple[Any, ...] | None:
    """The row for a conversation as it is now; None where nobody waits for an answer or no rule asks for durations."""
    if not waits_for_answer(state) or state.waiting_since is None:
        return None
    left = [at for at, wait in clockwork.waits(state, house.watch.waits) if wait not in asked]
    if not left and not asked:
        return None
    kept = Asked(since=state.waiting_since, waits=tuple(sorted(asked)))
    due = left[0] if left else NEVER
    return timer_row(tx, TIMER, state.id, due, msgspec.structs.asdict(kept))


def waits_for_answer(state: ConversationState) -> bool:
    """Whether somebody waits for us in a conversation that people work on."""
    return (
        state.waiting_since is not None
        and state.status in ACTIVE
        and state.listed
        and not state.quarantined
        and state.merged_into is None
    )


def due_now(
    house: House, clockwork: Clockwork, state: ConversationState, row: Row[Any], now: int
) -> list[Wait]:
    """Which durations have come true that the rules were not asked about in this wait."""
    asked = asked_about(row.data, state)
    if not waits_for_answer(state):
        return []
    return [wait for at, wait in clockwork.waits(state, house.watch.waits) if at <= now and wait not in asked]


def asked_about(data: str, state: ConversationState) -> tuple[Wait, ...]:
    """What a row remembers of the present wait; nothing when it is of an earlier one."""
    kept = _asked(data)
    return kept.waits if kept.since == state.waiting_since else ()


def rearm(tx: Tx, house: House, conversations: Collection[int]) -> None:
    """Bring the rows of these conversations in line with how they are now."""
    if not conversations:
        return
    keys = [(number,) for number in sorted(conversations)]
    # Locked before anything is concluded: whoever answers or writes at this moment sets or cancels the row, too.
    states = bulk.lookup(tx.connection, conversation, ("id",), CONVERSATION, keys, lock=True)
    waiting = select(timer.c.subject, timer.c.data).where(
        timer.c.kind == TIMER, timer.c.state == "waiting", timer.c.subject.in_(sorted(conversations))
    )
    known: dict[int, str] = {row.subject: row.data for row in tx.rows(waiting)}
    clockwork = Clockwork(house.directory)
    rows, over = [], []
    for values in states:
        state = ConversationState(*values)
        data = known.get(state.id)
        row = row_of(tx, house, clockwork, state, asked_about(data, state) if data is not None else ())
        if row is not None:
            rows.append(row)
        elif data is not None:
            over.append(state.id)
    put_timers(tx, rows)
    cancel_timers(tx, TIMER, over)


# --- after a rule set was taken over -----------------------------------------------------------------------------


async def arm_waiting(store: Store, house: House) -> int:
    """Set the rows of all conversations that wait already, for the durations of the rules in ``house``.

    Returns how many were looked at. It works in pieces between which others write, and does nothing where neither the
    rules nor a row asks for it. Raises StorageFault, StoreFull; called again it goes on.
    """
    waiting = await store.read(lambda tx: _waiting(tx, bool(house.watch.waits)))
    for start in range(0, len(waiting), PIECE):
        await store.write(partial(rearm, house=house, conversations=waiting[start : start + PIECE]))
    return len(waiting)


async def keep_armed(store: Store, clock: Clock, house: Callable[[], House], wake: Wake) -> None:
    """Until cancelled: set the rows whenever other rules or other opening hours are in force, and once at the start."""
    armed: House | None = None
    while True:
        present = house()
        if present is not armed:
            try:
                await arm_waiting(store, present)
                armed = present
            except (StorageFault, StoreFull):
                armed = None
        await wake.wait(clock, LOOK)


def _waiting(tx: Reader, wanted: bool) -> Sequence[int]:
    """Conversations in which somebody waits, if rows are wanted; those that have a row in any case."""
    rows: Iterable[Any] = tx.rows(
        select(timer.c.subject).where(timer.c.kind == TIMER, timer.c.state == "waiting")
    )
    found = {row.subject for row in rows}
    if wanted:
        listed: ColumnElement[bool] = literal_column(f"({schema.LISTED})")  # as the indexes say it
        waits = conversation.c.waiting_since.is_not(None)
        found |= {
            row.id
            for row in tx.rows(
                select(conversation.c.id).where(listed, conversation.c.status.in_(ACTIVE), waits)
            )
        }
    return sorted(found)


def timer_rows(tx: Tx, conversation_id: int, timers: Iterable[tuple[str, int]]) -> list[tuple[Any, ...]]:
    """Rows of timers that a rule starts: name and minutes."""
    return [
        timer_row(tx, f"{TIMER}:{name}", conversation_id, tx.now + minutes * MINUTE, {})
        for name, minutes in timers
    ]
