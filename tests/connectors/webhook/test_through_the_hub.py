"""An office's own system talks with the whole hub: message, answer, report, follow-up, edit, deletion, reaction."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from aiohttp import ClientSession, web
from sqlalchemy import select

from connectors import _signing as signing
from connectors.contract import Secret
from hub.app import Hub
from hub.clock import SystemClock
from hub.store import schema
from tests.connectors.small_hub import Desk, inbox, running, small_config
from tests.waiting import eventually

SECRET = Secret("wspólny-sekret-dwóch-systemów")


class System:
    """The office's own system: takes answers, keeps them."""

    def __init__(self) -> None:
        self.got: list[dict[str, Any]] = []
        self.came = asyncio.Event()

    async def take(self, request: web.Request) -> web.Response:
        body = await request.read()
        headers = {name.lower(): value for name, value in request.headers.items()}
        signing.check(headers, body, [SECRET], SystemClock().now(), 300)
        self.got.append(msgspec.json.decode(body))
        self.came.set()
        return web.json_response({"id": f"r-{len(self.got)}"})


@pytest.fixture
async def system() -> AsyncIterator[tuple[System, int]]:
    """The system, listening."""
    office = System()
    app = web.Application()
    app.router.add_post("/odpowiedzi", office.take)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    yield office, runner.addresses[0][1]
    await runner.cleanup()


@pytest.fixture
async def hub(tmp_path: Path, system: tuple[System, int]) -> AsyncIterator[Hub]:
    """A hub whose one channel is that system."""
    settings = {"secret": SECRET, "url": f"http://127.0.0.1:{system[1]}/odpowiedzi"}
    async with running(small_config(tmp_path, inbox("system", "webhook", settings))) as hub:
        yield hub


async def tell(hub: Hub, event: dict[str, Any]) -> dict[str, Any]:
    """Post an event as the system does; what became of it."""
    body = msgspec.json.encode(event)
    headers = signing.headers(SECRET, SystemClock().now(), body)
    async with ClientSession() as client:
        async with client.post(
            f"http://127.0.0.1:{hub.ports()['public']}/in/system", data=body, headers=headers
        ) as answer:
            assert answer.status == 200, await answer.text()
            found: dict[str, Any] = (await answer.json())["events"][0]
            return found


async def messages(hub: Hub) -> list[Any]:
    """Everything but system lines, in order."""
    table = schema.message
    wanted = select(table).where(table.c.kind != "system").order_by(table.c.conversation, table.c.number)
    return list(await hub.store.read(lambda tx: tx.rows(wanted)))


async def test_a_conversation_with_another_system(hub: Hub, system: tuple[System, int]) -> None:
    office, _ = system
    person = {"address": "u-9", "name": "Jan Kowalski"}
    told = await tell(
        hub, {"type": "message", "id": "m-1", "thread": "sprawa-5", "sender": person, "text": "Dzień dobry"}
    )
    assert told["reference"]
    conversation = int(told["conversation"])

    await Desk(hub).answers(conversation, "Odpowiadamy.")
    await asyncio.wait_for(office.came.wait(), 20)
    [answer] = office.got
    assert (answer["text"], answer["to"][0]["address"], answer["reply_to"]) == ("Odpowiadamy.", "u-9", "m-1")
    assert answer["reference"] == told["reference"]

    async def state(wanted: str) -> bool:
        return [m.state for m in await messages(hub) if m.kind == "outbound"] == [wanted]

    await eventually(lambda: state("accepted"))
    await tell(hub, {"type": "delivery", "id": "d-1", "target": "r-1", "state": "delivered"})
    assert await state("delivered")
    await tell(hub, {"type": "delivery", "id": "d-2", "target": "r-1", "state": "accepted"})
    assert await state("delivered"), "states never go backwards"

    followed = {
        "type": "message",
        "id": "m-2",
        "sender": person,
        "text": "Dziękuję, a druk?",
        "reply_token": answer["reply_token"],
    }
    assert (await tell(hub, followed))["conversation"] == told["conversation"]
    threaded = {
        "type": "message",
        "id": "m-3",
        "sender": person,
        "text": "I jeszcze jedno",
        "thread": "sprawa-5",
    }
    assert (await tell(hub, threaded))["conversation"] == told["conversation"]
    other = {"type": "message", "id": "m-4", "sender": {"address": "u-10"}, "text": "Inna osoba"}
    assert (await tell(hub, other))["conversation"] != told["conversation"]

    await tell(
        hub,
        {"type": "edit", "id": "e-1", "target": "m-2", "sender": person, "text": "Dziękuję, a formularz?"},
    )
    await tell(hub, {"type": "deletion", "id": "e-2", "target": "m-3", "sender": person})
    await tell(hub, {"type": "reaction", "id": "e-3", "target": "r-1", "sender": person, "emoji": "👍"})
    early = await tell(
        hub, {"type": "edit", "id": "e-4", "target": "m-9", "sender": person, "text": "Przed czasem"}
    )
    assert early["parked"]
    kept = {m.external_id: m for m in await messages(hub)}
    assert kept["m-2"].text == "Dziękuję, a formularz?"
    assert kept["m-2"].edited_at
    assert kept["m-3"].deleted_at
    [sent] = [m for m in await messages(hub) if m.kind == "outbound"]
    assert "👍" in sent.data
