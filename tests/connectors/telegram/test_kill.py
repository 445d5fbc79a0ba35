"""The hub in a process of its own is killed between reading, committing and confirming; nothing is lost or doubled."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from hub.clock import SystemClock
from hub.demo.peers.telegram import TelegramPeer
from hub.demo.peers.telegram_payloads import Person
from tests.chaos.agent import Api
from tests.chaos.node import Died
from tests.chaos.nursery import ROOT
from tests.chaos.world import World, a_world, faulty_copy
from tests.connectors.telegram.beside import TOKEN
from tests.contract.cases.telegram import peer_on_a_port
from tests.waiting import until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]

PEOPLE = [Person(id=9000 + number, first_name=f"Osoba {number}") for number in range(12)]

INBOX = """
[[inboxes]]
id = "bot"
kind = "telegram"
name = "Bot"
office = "krajowa"
queue = "bezrobotni"
[inboxes.settings]
token = "{token}"
api_url = "http://127.0.0.1:{port}"
poll_seconds = 2
"""


async def killed_at(world: World, peer: TelegramPeer, places: list[str]) -> list[str]:
    """What people wrote while the hub died at each place in turn; at the end it stays up until all is read."""
    told: list[str] = []
    for failpoints in [*places, ""]:
        for _ in range(2):
            for person in PEOPLE:
                told.append(f"wiadomość {len(told)}")
                await peer.writes(person, told[-1])
        world.nodes[0].failpoints = failpoints
        with contextlib.suppress(Died):  # it may be gone before it answers
            await asyncio.to_thread(world.start)
        if failpoints:
            await until(lambda: not world.running(), seconds=20)
    await until(lambda: not peer.updates.pending, seconds=30)
    return told


async def texts(world: World) -> Counter[str]:
    async with aiohttp.ClientSession() as session:
        api = Api(world.base, session)
        rows = await api.conversations()
        found = [message for row in rows for message in await api.messages(row["id"])]
    return Counter(one["text"] for one in found if one["kind"] == "inbound")


@contextlib.asynccontextmanager
async def with_a_bot(source: Path = ROOT) -> AsyncIterator[tuple[World, TelegramPeer]]:
    """A hub that polls, not started yet, and its peer."""
    clock = SystemClock()
    peer = TelegramPeer(TOKEN, lambda: clock.now() / 1e6)
    async with peer_on_a_port(peer) as port:
        with a_world(source) as world:
            config = world.path / "centrala.toml"
            config.write_text(config.read_text() + INBOX.format(token=TOKEN, port=port))
            await world.prepare()
            yield world, peer


async def test_every_message_is_there_once() -> None:
    async with with_a_bot() as (world, peer):
        places = ["telegram.fetched=kill@1", "telegram.accepted=kill@20", "telegram.committed=kill@1"]
        told = await killed_at(world, peer, places)
        found = await texts(world)
        assert set(found) == set(told)
        assert set(found.values()) == {1}


async def test_the_harness_sees_an_offset_that_moves_too_early(tmp_path: Path) -> None:
    """A build that commits the cursor before the updates in front of it loses them."""
    right = "    for outcome in await in_turn("
    early = '    await take(last, Cursor(key=CURSOR, value=f"{following}:{now}"))\n'
    source = faulty_copy(tmp_path, "connectors/telegram/polling.py", right, early + right)
    async with with_a_bot(source) as (world, peer):
        told = await killed_at(world, peer, ["telegram.accepted=kill@1"])
        assert set(await texts(world)) < set(told)
