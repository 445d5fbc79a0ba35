"""A hub without a network: intake, effects and timers over each store, with rules that a test sets."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

import msgspec
import pytest
from sqlalchemy import Row, select

from connectors.contract import Inbound, Log, Raw, Receipt
from hub.config import Config
from hub.deciding.ending import settle
from hub.deciding.existing import TIMERS
from hub.desk.timed import HANDLERS
from hub.house import House
from hub.intake.sink import Intake
from hub.logs import logger
from hub.outbox.effects import run_inside
from hub.outbox.handlers import INSIDE
from hub.ruleset.versions import Wanted, add_version, lock
from hub.store import schema
from hub.store.store import Store
from hub.store.tx import Tx
from hub.timers import run_due
from rules import Trace, decode_trace
from tests.hub.conftest import FakeClock
from tests.hub.specimen import CONFIG, a_house, compiled

WAITING = """
rules:
  - {id: four, name: Vier Stunden, on: timer, when: {unanswered: 4h}, do: {tags: [four]}, then: continue}
  - {id: day, name: Ein Tag, on: timer, when: {unanswered: 1d}, do: {tags: [day], priority: high}, then: continue}
default: {queue: bezrobotni}
"""


class Here:
    """What a test does and looks at."""

    def __init__(self, store: Store, clock: FakeClock, config: Config = CONFIG) -> None:
        self.store = store
        self.clock = clock
        self.house = a_house(config)
        self.log: Log = logger("test")
        self.intake = Intake(store, lambda: self.house, clock.monotonic, self.log, lambda key, what: None)
        store.on_end = lambda tx: settle(tx, self.house, self.log)
        store.on_rings = lambda loops: self.rung.update(loops)
        self.rung: set[str] = set()

    async def rules(self, text: str) -> House:
        """Publish rules and put them into force."""
        wanted = Wanted(source=text)

        def publish(tx: Tx) -> int:
            lock(tx)
            return add_version(tx, wanted)

        version = await self.store.write(publish)
        self.house = msgspec.structs.replace(self.house, rules=compiled(text), rules_version=version)
        return self.house

    async def feed(self, *items: Inbound) -> list[Receipt]:
        """In one call, so in one batch."""
        return await self.intake.sink(items[0].inbox).accept(Raw(content=b"raw"), list(items))

    async def one(self, item: Inbound) -> int:
        """The conversation of one message."""
        (receipt,) = await self.feed(item)
        assert receipt.conversation is not None
        return receipt.conversation

    async def timers(self) -> int:
        """Carry out what is due, until nothing is."""
        handlers = {**HANDLERS, **TIMERS}
        done = 0
        while count := await self.store.write(lambda tx: run_due(tx, self.house, handlers, self.log)):
            done += count
        return done

    async def effects(self) -> int:
        """Carry out effects of the store alone, until none is due."""
        done = 0
        while count := await self.store.write(lambda tx: run_inside(tx, self.house, INSIDE, self.log)):
            done += count
        return done

    async def later(self, **span: float) -> None:
        """Let time pass and carry out what falls due."""
        self.clock.move(**span)
        await self.timers()
        await self.effects()

    async def act(self, command: Callable[[Tx], Any]) -> Any:
        """What somebody does at the desk, with what follows."""
        done = await self.store.write(command)
        await self.effects()
        return done

    # --- looking -------------------------------------------------------------------------------------------------

    async def rows(self, statement: Any) -> list[Row[Any]]:
        return list(await self.store.read(lambda tx: tx.rows(statement)))

    async def conversation(self, number: int) -> Row[Any]:
        table = schema.conversation
        (row,) = await self.rows(select(table).where(table.c.id == number))
        return row

    async def tags(self, number: int) -> list[str]:
        tags: list[str] = msgspec.json.decode((await self.conversation(number)).tags)
        return tags

    async def lines(self, number: int) -> list[Mapping[str, Any]]:
        """System lines, in order."""
        message = schema.message
        rows = await self.rows(
            select(message.c.data)
            .where(message.c.conversation == number, message.c.kind == "system")
            .order_by(message.c.number)
        )
        return [msgspec.json.decode(row.data) for row in rows]

    async def sent(self, number: int) -> list[Row[Any]]:
        """What went out."""
        message = schema.message
        which = (message.c.conversation == number) & (message.c.kind == "outbound")
        return await self.rows(select(message).where(which).order_by(message.c.number))

    async def traces(self, number: int) -> list[Trace]:
        trace = schema.trace
        rows = await self.rows(select(trace).where(trace.c.conversation == number).order_by(trace.c.id))
        return [decode_trace(row.data) for row in rows]

    async def waiting_timers(self, kind: str = "rules") -> list[Row[Any]]:
        timer = schema.timer
        which = (timer.c.kind == kind) & (timer.c.state == "waiting")
        return await self.rows(select(timer).where(which).order_by(timer.c.due_at))

    async def effect_rows(self, kind: str) -> list[Row[Any]]:
        return await self.rows(
            select(schema.effect).where(schema.effect.c.kind == kind).order_by(schema.effect.c.id)
        )


@pytest.fixture
async def here(store: Store, clock: FakeClock) -> AsyncIterator[Here]:
    world = Here(store, clock)
    await world.intake.refresh_load()
    yield world
