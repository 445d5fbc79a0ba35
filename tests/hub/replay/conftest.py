"""A store with messages that really went through intake, and a house whose rules are published in it."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest
from sqlalchemy import insert, select

from connectors.contract import Raw
from hub.config import Config, Hub
from hub.config import Store as StoreSettings
from hub.directory import directory
from hub.house import House
from hub.intake.sink import Intake
from hub.logs import logger
from hub.replay import runs
from hub.replay.compare import Move, Tally, named_silent, silent_rules, take
from hub.replay.replaying import run_replays
from hub.replay.stored import Snapshots, batch, newest
from hub.rulefile import compile_source
from hub.scope import Scope
from hub.store import schema
from hub.store.postgres import PostgresStore
from hub.store.store import Store
from hub.store.tx import Reader, Tx
from hub.wake import Wake
from rules.files.load import version_of
from rules.words import forms
from tests.hub.conftest import FakeClock
from tests.hub.intake.conftest import mail
from tests.hub.specimen import CONFIG, a_house

BEFORE = """
rules:
  - id: firmy
    name: Firmy
    when: {words: [pracodawca, firma]}
    do: {queue: pracodawcy, tags: [firma]}
  - id: pilne
    name: Pilne
    when: {words: [natychmiast]}
    do: {priority: high}
    then: continue
default: {queue: bezrobotni}
"""

AFTER = """
rules:
  - id: reklamy
    name: Reklamy
    when: {words: [promocja]}
    do: {queue: spam, spam: true}
  - id: pilne
    name: Pilne
    when: {words: [natychmiast]}
    do: {priority: urgent, tags: [pilne]}
    then: continue
  - id: firmy
    name: Firmy
    when: {words: [firma]}
    do: {queue: pracodawcy, tags: [firma]}
  - id: nigdy
    name: Nigdy
    when: {words: [nieistniejące]}
    do: {queue: spam}
default: {queue: bezrobotni}
"""

WORDS = (
    "pracodawca",
    "firma",
    "natychmiast",
    "promocja",
    "zasiłek",
    "urząd",
    "praca",
    "termin",
    "wniosek",
    "staż",
)

ADMIN = Scope(user=1, role="administrator", office="krajowa", front=True, name="Ada")


def url_of(store: Store, path: Path) -> str:
    """The address of a test's store as the configuration would have it."""
    return store.url if isinstance(store, PostgresStore) else f"sqlite:{path}"


class World:
    """A hub without listeners: a store, an intake, rules that can change, and a draft."""

    def __init__(self, store: Store, clock: FakeClock, url: str, data: Path) -> None:
        self.store = store
        self.clock = clock
        self.config: Config = msgspec.structs.replace(
            CONFIG, store=StoreSettings(url=url), hub=Hub(data_dir=str(data), node="here")
        )
        self.house: House = a_house(self.config)
        self.intake = Intake(
            store, lambda: self.house, clock.monotonic, logger("test"), lambda key, what: None
        )
        self.wake = Wake()

    async def publish(self, text: str) -> int:
        """Have the rules of ``text`` decide from now on."""

        def command(tx: Tx) -> int:
            table = schema.ruleset
            tx.execute(table.update().values(state="retired"))
            version = int(tx.scalar(select(table.c.version).order_by(table.c.version.desc())) or 0) + 1
            row = {"version": version, "state": "published", "digest": version_of(text), "source": text}
            tx.execute(insert(table).values(**row, created_at=tx.now, published_at=tx.now))
            return version

        version = await self.store.write(command)
        rules = compile_source(self.config, text, "rules", expand=forms)
        self.house = msgspec.structs.replace(
            self.house, rules=rules, rules_version=version, directory=directory(self.config)
        )
        return version

    async def feed(self, messages: Sequence[Any], *, every: float = 60.0) -> None:
        """Let messages come in one by one."""
        await self.intake.refresh_load()
        for message in messages:
            await self.intake.sink(message.inbox).accept(Raw(content=b"raw"), [message])
            self.clock.move(every)

    async def start(self, wanted: runs.Wanted, **more: Any) -> int:
        """Ask for a run."""
        return await self.store.write(lambda tx: runs.start(tx, ADMIN, wanted, **more))

    async def run(self, number: int) -> runs.Run:
        return await self.store.read(lambda tx: runs.run(tx, ADMIN, number))

    async def until(self, number: int, reached: Callable[[runs.Run], bool], seconds: float = 30) -> runs.Run:
        """Wait, in real time, until a run is so far."""
        async with asyncio.timeout(seconds):
            while not reached(found := await self.run(number)):
                self.clock.move(1)
                await asyncio.sleep(0.02)
            return found

    async def replayed(self, text: str, wanted: runs.Wanted) -> runs.Run:
        """A replay of ``text`` from its start to its end."""
        number = await self.start(wanted, source=text)
        loop = asyncio.create_task(
            run_replays(self.store, self.clock, lambda: self.house, self.wake, logger("test"))
        )
        try:
            return await self.until(number, lambda found: not found.open)
        finally:
            loop.cancel()


async def compared_here(world: World, text: str) -> runs.Run:
    """A replay of everything that is done in this process and noted down like any other: for tests about what is kept
    of one, which need no child."""
    number = await world.start(runs.Wanted(days=30), source=text)
    draft = compile_source(world.config, text, "draft", expand=forms)
    tally = Tally()

    def read(tx: Reader) -> list[Move]:
        span = newest(tx, 100_000)
        found = batch(tx, Snapshots(), span.first, span.last, 100_000) if span is not None else []
        moves = [take(tally, world.house.directory, world.house.rules, draft, stored) for stored in found]
        return [move for move in moves if move is not None]

    def keep(tx: Tx, moves: Sequence[Move]) -> None:
        tx.change(schema.rule_run, number, state="running")
        ended = {"state": "done", "finished_at": tx.now, "done": tally.decisions, "total": tally.decisions}
        runs.note(tx, number, moves, **ended, **runs.result_values(tally))

    moves = await world.store.read(read)
    named_silent(tally, silent_rules(draft, tally))
    await world.store.write(lambda tx: keep(tx, moves))
    return await world.run(number)


def some_mails(count: int, seed: int = 1) -> list[Any]:
    """Mails of a few people; a fifth answer an earlier one."""
    draw = random.Random(seed)
    made = []
    for number in range(count):
        text = " ".join(draw.choices(WORDS, k=12)) + "."
        answers = (draw.randrange(number),) if number and draw.random() < 0.2 else ()
        made.append(mail(number, sender=f"u{number}@example.pl", text=text, answers=answers))
    return made


@pytest.fixture
async def world(store: Store, clock: FakeClock, sqlite_path: Path, tmp_path: Path) -> AsyncIterator[World]:
    """On each engine, with the rules ``BEFORE`` published."""
    one = World(store, clock, url_of(store, sqlite_path), tmp_path)
    await one.publish(BEFORE)
    yield one


@pytest.fixture
async def small_world(
    sqlite_store: Store, clock: FakeClock, sqlite_path: Path, tmp_path: Path
) -> AsyncIterator[World]:
    """On the embedded store alone."""
    one = World(sqlite_store, clock, url_of(sqlite_store, sqlite_path), tmp_path)
    await one.publish(BEFORE)
    yield one
