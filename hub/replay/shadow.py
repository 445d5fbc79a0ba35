"""A draft beside the published rules on live traffic: follows the stream, decides with both, carries nothing out.

A follower of the stream after the commit, like the search index: its place in the stream and what it found are written
together, so a restart loses nothing and counts nothing twice. It reads and decides in small pieces and lets intake go
first; under a flood it falls behind and says by how much. What it compares with is what is published when it gets to a
decision, so a new version taken over meanwhile is the measure from then on.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
from sqlalchemy import Row, and_, func, select

from connectors._failpoint import failpoint
from connectors.contract import Clock, Log
from hub.configfile import ConfigError
from hub.house import House
from hub.replay import runs
from hub.replay.compare import Move, Tally, named_silent, silent_rules, take
from hub.replay.runs import Wanted
from hub.replay.stored import Snapshots, Stored, of_times
from hub.rulefile import compile_source
from hub.store import schema
from hub.store.store import StorageFault, Store, StoreFull
from hub.store.tx import Event, Reader
from hub.stream import read_events
from hub.wake import Wake
from rules import Compiled
from rules.text import Text, mark

POLL = 5.0
"""Seconds between two looks for a shadow to run, when nobody rang."""

GATHER = 1.0
"""Seconds between two looks at the stream once nothing is left of it."""

CHUNK = 64
"""Events read at once."""

SLICE = 8
"""Decisions made in one go: a millisecond or two of the event loop."""

BUSY = 64
"""Calls that wait for a commit from which on the shadow waits too."""

PAUSE = 0.05

WRONG = mark("The draft cannot be used as it is: {problems}")


class Shadow:
    """A shadow while it runs."""

    def __init__(self, row: Row[Any], draft: Compiled) -> None:
        self.id = int(row.id)
        self.place = int(row.position)
        self.until = msgspec.json.decode(row.wanted, type=Wanted).until
        self.draft = draft
        self.tally = msgspec.json.decode(row.result, type=Tally)
        self.kept = {True: 0, False: 0}
        self.snapshots = Snapshots()
        self.done: set[tuple[int, int | None]] = set()
        self.at = 0

    def room(self, move: Move) -> bool:
        """Whether this one may still be kept; counts it."""
        self.kept[move.moves] += 1
        return self.kept[move.moves] <= (runs.MOVES if move.moves else runs.OTHERS)

    def news(self, events: Sequence[Event]) -> dict[tuple[int, int | None], None]:
        """Moments of conversations (time, conversation) that these events are about and none before was: a decision
        has the time of its transaction, and each transaction tells of a conversation once or more."""
        found: dict[tuple[int, int | None], None] = {}
        for event in events:
            if event.at != self.at:
                self.at, self.done = event.at, set()
            key = (event.at, event.conversation)
            if event.conversation is not None and key not in self.done:
                self.done.add(key)
                found[key] = None
        return found


async def run_shadows(store: Store, clock: Clock, house: Callable[[], House], wake: Wake, log: Log) -> None:
    """Until cancelled: the shadow that people asked for, if there is one. One process does this at a time."""
    shadow: Shadow | None = None
    while True:
        try:
            row = await store.read(runs.running_shadow)
            if row is None:
                shadow = None
                await wake.wait(clock, POLL)
                continue
            if shadow is None or shadow.id != row.id:
                shadow = await _begin(store, house(), row)
            if shadow is not None and not await _step(store, clock, house, shadow):
                await wake.wait(clock, GATHER)
        except (StorageFault, StoreFull) as fault:
            shadow = None  # what was counted since the last commit is not in the row, and is looked at again
            log.warning("shadow waits for the storage", error=type(fault).__name__)
            await clock.sleep(POLL)


async def _begin(store: Store, house: House, row: Row[Any]) -> Shadow | None:
    """Compile the draft and go on where the row says."""
    config = house.directory.config
    try:
        draft = await asyncio.to_thread(compile_source, config, row.source, "draft")
    except ConfigError as error:
        why = Text(WRONG, {"problems": str(error.problems[0])})
        await store.write(lambda tx: runs.fail(tx, row.id, why))
        return None
    shadow = Shadow(row, draft)
    shadow.kept, shadow.at, shadow.done = await store.read(lambda tx: _so_far(tx, shadow))
    return shadow


def _so_far(tx: Reader, shadow: Shadow) -> tuple[dict[bool, int], int, set[tuple[int, int | None]]]:
    """How many messages are kept already, and the moments that the last event noted was one of."""
    c, e = schema.rule_run_move.c, schema.event.c
    moving = (c.queue_before != c.queue_after).label("moving")
    counted = select(moving, func.count().label("rows")).where(c.run == shadow.id).group_by(moving)
    kept = {True: 0, False: 0} | {bool(row.moving): int(row.rows) for row in tx.rows(counted)}
    at = tx.scalar(select(e.at).where(e.place == shadow.place))
    same = select(e.conversation).where(
        and_(e.at == at, e.place <= shadow.place, e.place > shadow.place - 5_000)
    )
    return kept, at or 0, {(at, row.conversation) for row in tx.rows(same)} if at else set()


async def _step(store: Store, clock: Clock, house: Callable[[], House], shadow: Shadow) -> bool:
    """One piece of the stream; False when nothing is left of it for now."""
    events = await store.read(lambda tx: read_events(tx, shadow.place, CHUNK))
    until, now = shadow.until, clock.now()
    over = until is not None and (not events or events[0].at > until) and now >= until
    if over:
        await store.write(lambda tx: runs.note(tx, shadow.id, state="done", finished_at=tx.now))
        return True
    if not events:
        return False
    moves = await _decide(store, house, shadow, [e for e in events if until is None or e.at <= until])
    await _quiet(store, clock)
    shadow.place = events[-1].place
    named_silent(shadow.tally, silent_rules(shadow.draft, shadow.tally))
    values = {"position": shadow.place, "done": shadow.tally.decisions} | runs.result_values(shadow.tally)
    failpoint("shadow.before")
    await store.write(lambda tx: runs.note(tx, shadow.id, moves, **values))
    failpoint("shadow.after")
    return len(events) == CHUNK


async def _decide(
    store: Store, house: Callable[[], House], shadow: Shadow, events: Sequence[Event]
) -> list[Move]:
    """Decide anew what was decided in these events, and give the loop its turn in between."""
    moments = shadow.news(events)
    found = await store.read(lambda tx: _decisions(tx, shadow.snapshots, moments))
    moves: list[Move] = []
    for start in range(0, len(found), SLICE):
        present, version = house(), house().rules_version
        shadow.tally.versions[version] = shadow.tally.versions.get(version, 0) + len(
            found[start : start + SLICE]
        )
        for stored in found[start : start + SLICE]:
            move = take(shadow.tally, present.directory, present.rules, shadow.draft, stored)
            if move is not None and shadow.room(move):
                moves.append(move)
        await asyncio.sleep(0)
    return moves


def _decisions(tx: Reader, snapshots: Snapshots, moments: dict[tuple[int, int | None], None]) -> list[Stored]:
    """The decisions of these moments; those of a conversation that was merged into another meanwhile are left out."""
    times = {at for at, _ in moments}
    return [
        stored for stored in of_times(tx, snapshots, times) if (stored.at, stored.conversation) in moments
    ]


async def _quiet(store: Store, clock: Clock) -> None:
    """Let intake go first for as long as many calls wait for a commit."""
    while store.waiting >= BUSY:
        await clock.sleep(PAUSE)


def behind(run: runs.Run, last: int) -> int:
    """How many events of the stream a shadow has still to look at."""
    return max(0, last - run.position)
