"""SMPP with the whole hub: a day's money for all workers and over a restart, parts over a restart, reports."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from connectors._gsm import Place, header
from connectors.contract import Secret
from connectors.smpp import pdu as wire
from hub import logs
from hub.app import Hub
from hub.clock import SystemClock
from hub.config import Config, Inbox, Office, Private, Public, Queue
from hub.config import Hub as House
from hub.config import Store as StoreConfig
from hub.desk.reply import Draft, reply
from hub.people.users import add_user
from hub.scope import SYSTEM, Scope
from hub.store import schema
from hub.store.tx import Tx
from tests.connectors.smpp.wire_smpp import PASSWORD, FakeCentre, centre, receipt, short

pytestmark = pytest.mark.slow

PRICE, CAP = 10, 65


def configuration(folder: Path, port: int) -> Config:
    """A hub whose one channel is SMS."""
    (folder / "data").mkdir(exist_ok=True)
    rules = folder / "rules.yaml"
    rules.write_text("default: {queue: ogolna}\nrules: []\n")
    settings = {
        "host": "127.0.0.1",
        "port": port,
        "system_id": "centrala",
        "password": Secret(PASSWORD),
        "price": PRICE,
        "daily_cap": CAP,
    }
    return Config(
        hub=House(data_dir=str(folder / "data"), rules_file=str(rules), secret=Secret("x" * 40)),
        store=StoreConfig(url=f"sqlite:{folder / 'data' / 'centrala.db'}"),
        public=Public(port=0),
        private=Private(port=0),
        offices=(Office(id="krajowa", name="Infolinia"),),
        queues=(Queue(id="ogolna", name_pl="Ogólna", name_en="General", office="krajowa"),),
        inboxes=(
            Inbox(id="sms", kind="smpp", name="SMS", office="krajowa", queue="ogolna", settings=settings),
        ),
    )


@contextlib.asynccontextmanager
async def running(folder: Path, fake: FakeCentre, port: int) -> AsyncIterator[Hub]:
    """The hub, bound to the centre; the same data at every start."""
    binds, config = fake.binds, configuration(folder, port)
    hub = Hub(lambda: config, SystemClock(), random.Random(3), logs.logger)
    await hub.start()
    try:
        await until(lambda: _true(fake.binds > binds and fake.connected))
        yield hub
    finally:
        await hub.stop()


async def _true(value: bool) -> bool:
    return value


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    """Wait until an awaited condition holds."""
    for _ in range(300):
        if await condition():
            return
        await asyncio.sleep(0.05)
    raise AssertionError("it did not happen")


async def deliveries(hub: Hub) -> list[Any]:
    return list(
        await hub.store.read(lambda tx: tx.rows(select(schema.delivery).order_by(schema.delivery.c.id)))
    )


async def texts(hub: Hub) -> list[str]:
    table = schema.message
    mine = select(table.c.text).where(table.c.kind == "inbound").order_by(table.c.id)
    return [row.text for row in await hub.store.read(lambda tx: tx.rows(mine))]


async def write_from(fake: FakeCentre, people: int) -> None:
    """A message from each of so many people."""
    for number in range(people):
        status = await fake.deliver(short(b"Kiedy zasilek?", source=f"4860070{number:04d}"), 10)
        assert status == wire.OK


async def answer_all(hub: Hub) -> None:
    """An agent answers every conversation at once."""
    agent = await hub.store.write(
        lambda tx: add_user(tx, SYSTEM, "anna", "Anna", "agent", "krajowa", "not a real hash", "pl")
    )
    scope = Scope(user=agent, role="agent", office="krajowa", front=True, queues=("ogolna",))
    found = await hub.store.read(lambda tx: tx.rows(select(schema.conversation.c.id)))
    for number, row in enumerate(found):
        draft = Draft(text="W piatek.", client_id=f"c-{number}", based_on=1, undo_seconds=0)
        await hub.store.write(functools.partial(_reply, hub, scope, row.id, draft))


def _reply(hub: Hub, scope: Scope, conversation: int, draft: Draft, tx: Tx) -> None:
    reply(tx, hub.house(), scope, conversation, draft)


async def test_the_cap_holds_for_all_workers_and_after_a_restart(tmp_path: Path) -> None:
    async with centre() as (fake, port):
        async with running(tmp_path, fake, port) as hub:
            await write_from(fake, 12)
            await answer_all(hub)

            async def settled() -> bool:
                found = await deliveries(hub)
                return len(found) == 12 and all(one.state == "accepted" or one.reason for one in found)

            await until(settled)
            states = [one.state for one in await deliveries(hub)]
            assert (states.count("accepted"), states.count("queued")) == (CAP // PRICE, 12 - CAP // PRICE)
        assert len(fake.submitted) == CAP // PRICE
        async with running(tmp_path, fake, port) as hub:
            # As if somebody had moved them forward: the day's money is still spent.
            await hub.store.write(lambda tx: tx.execute(schema.delivery.update().values(due_at=0)))
            await asyncio.sleep(1.0)
            assert len(fake.submitted) == CAP // PRICE
            assert [one.state for one in await deliveries(hub)].count("queued") == 12 - CAP // PRICE


async def test_parts_that_were_acknowledged_survive_a_restart_of_the_hub(tmp_path: Path) -> None:
    def part(number: int, text: bytes) -> Any:
        return short(header(Place(reference=9, total=2, number=number)) + text, esm=wire.UDHI)

    async with centre() as (fake, port):
        async with running(tmp_path, fake, port) as hub:
            assert await fake.deliver(part(2, b"koniec"), 10) == wire.OK
            assert await texts(hub) == []
        async with running(tmp_path, fake, port) as hub:
            assert await fake.deliver(part(1, b"Poczatek, "), 10) == wire.OK
            assert await texts(hub) == ["Poczatek, koniec"]


async def test_a_report_moves_the_answer_to_delivered(tmp_path: Path) -> None:
    async with centre() as (fake, port):
        async with running(tmp_path, fake, port) as hub:
            await write_from(fake, 1)
            await answer_all(hub)

            async def state(wanted: str) -> bool:
                return [one.state for one in await deliveries(hub)] == [wanted]

            await until(lambda: state("accepted"))
            [sent] = await deliveries(hub)
            # The report names it in decimal, the answer did in hexadecimal.
            assert await fake.deliver(receipt(f"{int(sent.remote_id, 16):012d}"), 10) == wire.OK
            assert await state("delivered")
            assert await fake.deliver(receipt(f"{int(sent.remote_id, 16):012d}", "ENROUTE"), 10) == wire.OK
            assert await state("delivered"), "states never go backwards"
