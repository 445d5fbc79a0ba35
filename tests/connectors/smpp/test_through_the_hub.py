"""SMPP with the whole hub: a day's money for all workers and over a restart, parts over a restart, reports."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from connectors._gsm import Place, header
from connectors.contract import Secret
from connectors.smpp import pdu as wire
from hub.app import Hub
from hub.config import Config
from hub.store import schema
from tests.connectors.small_hub import Desk, inbox, running, small_config
from tests.connectors.smpp.wire_smpp import PASSWORD, FakeCentre, centre, receipt, short
from tests.waiting import eventually

pytestmark = pytest.mark.slow

PRICE, CAP = 10, 65


def configuration(folder: Path, port: int) -> Config:
    """A hub whose one channel is SMS."""
    settings = {
        "host": "127.0.0.1",
        "port": port,
        "system_id": "centrala",
        "password": Secret(PASSWORD),
        "price": PRICE,
        "daily_cap": CAP,
    }
    return small_config(folder, inbox("sms", "smpp", settings))


@contextlib.asynccontextmanager
async def bound(folder: Path, fake: FakeCentre, port: int) -> AsyncIterator[Hub]:
    """The hub, bound to the centre; the same data at every start."""
    binds = fake.binds
    async with running(configuration(folder, port)) as hub:
        await eventually(lambda: _true(fake.binds > binds and fake.connected))
        yield hub


async def _true(value: bool) -> bool:
    return value


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
    """An agent answers every conversation."""
    desk = Desk(hub)
    for row in await desk.rows(schema.conversation):
        await desk.answers(row.id, "W piatek.")


async def test_the_cap_holds_for_all_workers_and_after_a_restart(tmp_path: Path) -> None:
    async with centre() as (fake, port):
        async with bound(tmp_path, fake, port) as hub:
            await write_from(fake, 12)
            await answer_all(hub)

            async def settled() -> bool:
                found = await deliveries(hub)
                return len(found) == 12 and all(one.state == "accepted" or one.reason for one in found)

            await eventually(settled)
            states = [one.state for one in await deliveries(hub)]
            assert (states.count("accepted"), states.count("queued")) == (CAP // PRICE, 12 - CAP // PRICE)
        assert len(fake.submitted) == CAP // PRICE
        async with bound(tmp_path, fake, port) as hub:
            # As if somebody had moved them forward: the day's money is still spent.
            await hub.store.write(lambda tx: tx.execute(schema.delivery.update().values(due_at=0)))
            await asyncio.sleep(1.0)
            assert len(fake.submitted) == CAP // PRICE
            assert [one.state for one in await deliveries(hub)].count("queued") == 12 - CAP // PRICE


async def test_parts_that_were_acknowledged_survive_a_restart_of_the_hub(tmp_path: Path) -> None:
    def part(number: int, text: bytes) -> Any:
        return short(header(Place(reference=9, total=2, number=number)) + text, esm=wire.UDHI)

    async with centre() as (fake, port):
        async with bound(tmp_path, fake, port) as hub:
            assert await fake.deliver(part(2, b"koniec"), 10) == wire.OK
            assert await texts(hub) == []
        async with bound(tmp_path, fake, port) as hub:
            assert await fake.deliver(part(1, b"Poczatek, "), 10) == wire.OK
            assert await texts(hub) == ["Poczatek, koniec"]


async def test_a_report_moves_the_answer_to_delivered(tmp_path: Path) -> None:
    async with centre() as (fake, port):
        async with bound(tmp_path, fake, port) as hub:
            await write_from(fake, 1)
            await answer_all(hub)

            async def state(wanted: str) -> bool:
                return [one.state for one in await deliveries(hub)] == [wanted]

            await eventually(lambda: state("accepted"))
            [sent] = await deliveries(hub)
            # The report names it in decimal, the answer did in hexadecimal.
            assert await fake.deliver(receipt(f"{int(sent.remote_id, 16):012d}"), 10) == wire.OK
            assert await state("delivered")
            assert await fake.deliver(receipt(f"{int(sent.remote_id, 16):012d}", "ENROUTE"), 10) == wire.OK
            assert await state("delivered"), "states never go backwards"
