"""The loop that carries replays out, one at a time: two child processes read and decide, this one notes down.

The hub itself only hears how far they are: what it writes are small commits, and what it decodes are small lines.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import msgspec
from sqlalchemy import Row

from connectors.contract import Clock, Log, fault
from hub.config import Config
from hub.house import House
from hub.replay import runs
from hub.replay.child import ChildEnded, child
from hub.replay.compare import Move, Tally, merge
from hub.replay.protocol import Part, Problem, ReplayOrder, Setting, Whole, setting_of
from hub.replay.runs import Wanted
from hub.replay.stored import Span, newest, since, split
from hub.ruleset.versions import source_of
from hub.store.reading import Ask
from hub.store.store import StorageFault, Store, StoreFull
from hub.store.tx import Reader, Tx
from hub.wake import Wake
from rules.text import Text, mark

POLL = 5.0
"""Seconds between two looks for a replay that waits, when nobody rang."""

EVERY = 500_000
"""Microseconds between two notes of the progress."""

TWO = 4_000
"""Decisions from which on two processes pay."""

CHUNK = 250
"""Messages written in one commit."""

DAY = 86_400_000_000

EMPTY = mark("There are no messages in that time.")
BROKEN = mark(
    "The replay broke off ({error}). Start it again; if it happens again, tell whoever runs the hub."
)
NO_STORAGE = mark("The storage failed while this ran. Start it again.")


class Refused(Exception):
    """A child cannot do it; ``text`` says why."""

    def __init__(self, text: Text) -> None:
        super().__init__(str(text))
        self.text = text


class Stopped(Exception):
    """Somebody stopped the run."""


def span_of(tx: Reader, wanted: Wanted) -> Span | None:
    """The decisions that a replay goes over."""
    if wanted.days is not None:
        return since(tx, tx.now - wanted.days * DAY)
    return newest(tx, wanted.messages or 0)


async def run_replays(store: Store, clock: Clock, house: Callable[[], House], wake: Wake, log: Log) -> None:
    """Until cancelled: the replays that people asked for, one after the other. One process does this at a time."""
    node = house().directory.config.hub.node
    interrupted = False
    while True:
        try:
            if not interrupted:
                await store.write(runs.fail_interrupted)
                interrupted = True
            row = await store.write(lambda tx: runs.next_replay(tx, node))
        except (StorageFault, StoreFull):
            row = None
        if row is None:
            await wake.wait(clock, POLL)
        else:
            await _carry_out(store, clock, house().directory.config, row, log)


async def _carry_out(store: Store, clock: Clock, config: Config, row: Row[Any], log: Log) -> None:
    """One replay to its end, however it ends."""
    try:
        await Replaying(store, clock, config, row).run()
        return
    except Stopped:
        return
    except Refused as refused:
        why = refused.text
    except (StorageFault, StoreFull):
        why = Text(NO_STORAGE)
    except (ChildEnded, OSError, msgspec.MsgspecError) as error:
        log.error("replay failed", run=row.id, **fault(error))
        why = Text(BROKEN, {"error": type(error).__name__})
    try:
        await store.write(lambda tx: runs.fail(tx, row.id, why))
    except (StorageFault, StoreFull):
        log.error("replay cannot be marked as failed", run=row.id)


class Replaying:
    """One replay while it runs."""

    def __init__(self, store: Store, clock: Clock, config: Config, row: Row[Any]) -> None:
        self._store = store
        self._clock = clock
        self._config = config
        self._id = int(row.id)
        self._version = int(row.version)
        self._draft = str(row.source)
        self._wanted = msgspec.json.decode(row.wanted, type=Wanted)
        self._done = 0
        self._told = 0
        self._kept = {True: 0, False: 0}
        self._moves: list[Move] = []
        self._noting = asyncio.Lock()

    async def run(self) -> None:
        """Raises Refused, Stopped, ChildEnded, StorageFault, StoreFull, OSError."""
        spans, published = await self._store.read(self._prepare)
        if not spans:
            raise Refused(Text(EMPTY))
        total = sum(span.total for span in spans)
        await self._write(total=total)
        tally = await compare(self._config, self._draft, published, spans, self._heard)
        await self._note(done=self._done)
        end = self._clock.now()
        await self._write(state="done", finished_at=end, done=self._done, **runs.result_values(tally))

    def _prepare(self, tx: Reader) -> tuple[list[Span], str]:
        return spans_of(tx, self._wanted), source_of(tx, self._version) or ""

    async def _heard(self, part: Part) -> None:
        self._done += part.done
        self._moves += [move for move in part.moves if self._room(move)]
        if len(self._moves) >= CHUNK or self._clock.now() - self._told >= EVERY:
            await self._note(done=self._done)

    def _room(self, move: Move) -> bool:
        self._kept[move.moves] += 1
        return self._kept[move.moves] <= (runs.MOVES if move.moves else runs.OTHERS)

    async def _note(self, **values: Any) -> None:
        """Write what was found so far in commits that nobody notices."""
        async with self._noting:
            self._told = self._clock.now()
            while self._moves:
                chunk, self._moves = self._moves[:CHUNK], self._moves[CHUNK:]
                await self._write(chunk, **values)
            await self._write(**values)

    async def _write(self, moves: Sequence[Move] = (), **values: Any) -> None:
        def command(tx: Tx) -> bool:
            return runs.note(tx, self._id, moves, **values)

        if not await self._store.write(command):
            raise Stopped


# --- with or without a hub ---------------------------------------------------------------------------------------


def spans_of(tx: Reader, wanted: Wanted) -> list[Span]:
    """The span in as many parts as there shall be processes."""
    span = span_of(tx, wanted)
    return [] if span is None else split(tx, span, 2 if span.total >= TWO else 1)


async def compare(
    config: Config,
    draft: str,
    published: str,
    spans: Sequence[Span],
    heard: Callable[[Part], Awaitable[None]],
) -> Tally:
    """Have child processes compare two texts of rules, one process for each span; ``heard`` is told of every part.

    Raises Refused, ChildEnded, OSError, and what ``heard`` raises; all children have ended then.
    """
    setting = setting_of(config)
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(_one(_order(setting, draft, published, span), heard)) for span in spans
            ]
    except ExceptionGroup as several:
        raise several.exceptions[0] from None
    return merge([task.result() for task in tasks])


def _order(setting: Setting, draft: str, published: str, span: Span) -> ReplayOrder:
    return ReplayOrder(
        setting=setting,
        draft=draft,
        published=published,
        first=span.first,
        last=span.last,
        moves=runs.MOVES,
        others=runs.OTHERS,
    )


async def _one(order: ReplayOrder, heard: Callable[[Part], Awaitable[None]]) -> Tally:
    async with child() as worker:
        await worker.send(order)
        while True:
            said = await worker.hear()
            if isinstance(said, Part):
                await heard(said)
            elif isinstance(said, Whole):
                return said.tally
            elif isinstance(said, Problem):
                raise Refused(said.text)


def ask_spans(ask: Ask, wanted: Wanted) -> list[Span]:
    """The same for a store that is read from outside."""
    return ask(lambda tx: spans_of(tx, wanted))
