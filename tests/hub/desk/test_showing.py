"""What the person on the other side sees of an agent: of the one who answers, now and then, and never of notes."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import pytest

from connectors.contract import Capabilities, Presence
from hub import logs
from hub.desk.showing import AGAIN, Showing
from hub.house import House
from hub.store import schema
from hub.store.store import Store
from hub.store.tx import Tx
from tests.hub.conftest import FakeClock
from tests.hub.desk.asking import row_of
from tests.hub.desk.conftest import Who
from tests.hub.specimen import add_conversation, add_message

CHAT = Capabilities(reaches=("phone",), typing=True, read_receipts=True)


class Channel:
    """A connector that shows, as far as it goes here."""

    def __init__(self) -> None:
        self.shown: list[Presence] = []
        self.fails = False

    async def show(self, presence: Presence) -> None:
        if self.fails:
            raise OSError("the peer is away")
        self.shown.append(presence)


class Desk:
    """A conversation on such a channel, and the part under test."""

    def __init__(self, store: Store, house: House, clock: FakeClock) -> None:
        capabilities = {**house.capabilities, "sms": CHAT}
        self.house = msgspec.structs.replace(house, capabilities=capabilities)
        self.store = store
        self.channel = Channel()
        self.told = Showing(
            store, lambda: self.house, lambda: {"sms": self.channel}, clock, logs.logger("test")
        )

    async def begin(self, **columns: Any) -> int:
        def command(tx: Tx) -> int:
            found = add_conversation(tx, phone="+48501502503", inbox="sms", channel="sms", **columns)
            tx.execute(schema.message.update().values(external_id="m-1"))
            return found

        return await self.store.write(command)

    async def settled(self) -> list[tuple[str, str | None]]:
        """What was shown, once all is done."""
        while self.told._tasks:
            await asyncio.gather(*self.told._tasks)
        return [(one.what, one.target) for one in self.channel.shown]


@pytest.fixture
def desk(store: Store, house: House, clock: FakeClock) -> Desk:
    return Desk(store, house, clock)


async def test_only_the_one_who_has_it_reads(desk: Desk, who: Who) -> None:
    found = await desk.begin(assignee=who.ola.user)
    for person in (who.jan, who.ola, who.ola):
        desk.told.show(found, person.user or 0, "looks")
        await desk.settled()
    assert await desk.settled() == [("read", "m-1")]
    assert (desk.channel.shown[0].to.kind, desk.channel.shown[0].to.address) == ("phone", "+48501502503")


async def test_writing_is_told_now_and_then_and_ends(desk: Desk, who: Who, clock: FakeClock) -> None:
    found, ola = await desk.begin(), who.ola.user or 0
    for _ in range(3):
        desk.told.show(found, ola, "writes")
    assert await desk.settled() == [("read", "m-1"), ("typing", "m-1")]
    clock.move(AGAIN + 1)
    desk.told.show(found, ola, "writes")
    await desk.settled()
    for _ in range(2):
        desk.told.show(found, ola, "stops")
    assert [what for what, _ in await desk.settled()] == ["read", "typing", "typing", "paused"]


async def test_what_came_later_is_read_anew(desk: Desk, who: Who, clock: FakeClock) -> None:
    found, ola = await desk.begin(), who.ola.user or 0
    desk.told.show(found, ola, "writes")
    await desk.settled()
    row = await row_of(desk.store, found)

    def again(tx: Tx) -> None:
        more = {"channel": "sms", "inbox": "sms", "identity": row.identity, "external_id": "m-2"}
        add_message(tx, found, number=2, text="i jeszcze", **more)

    await desk.store.write(again)
    clock.move(AGAIN + 1)
    desk.told.show(found, ola, "writes")
    assert (await desk.settled())[-2:] == [("read", "m-2"), ("typing", "m-2")]


async def test_nobody_is_told_on_a_channel_without_or_who_wants_silence(
    desk: Desk, who: Who, store: Store
) -> None:
    mail = await store.write(lambda tx: add_conversation(tx, email="anna@example.pl"))
    found, ola = await desk.begin(), who.ola.user or 0
    await store.write(lambda tx: tx.execute(schema.identity.update().values(silent_since=tx.now)))
    for conversation in (mail, found):
        desk.told.show(conversation, ola, "writes")
    assert await desk.settled() == []


async def test_a_peer_that_is_away_costs_nothing(desk: Desk, who: Who) -> None:
    found = await desk.begin()
    desk.channel.fails = True
    desk.told.show(found, who.ola.user or 0, "writes")
    assert await desk.settled() == []
    await desk.told.stop()
