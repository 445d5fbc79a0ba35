"""One chat in two processes: a page hangs on one of them, what it posts may reach the other."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable

import msgspec

from connectors.chat.settings import Settings
from connectors.chat.visitors import KIND
from connectors.contract import DeliveryReport, InboxId, Party, Presence, Visit
from tests.connectors.chat.site import ANNA, BEN, Clock, Site, said
from tests.contract.world import whole

Hear = Callable[[bytes], None]


class SlowClock(Clock):
    """Leaves the other side time to answer."""

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(0.05)


class Wire:
    """Between the processes; cut, it carries nothing."""

    def __init__(self) -> None:
        self.ends: list[End] = []
        self.cut = False

    def end(self) -> End:
        self.ends.append(End(self))
        return self.ends[-1]


class End:
    """The siblings of one process."""

    alone = False

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self.hearing: list[Hear] = []

    @property
    def reachable(self) -> bool:
        return not self._wire.cut

    def tell(self, what: bytes) -> None:
        others = [end for end in self._wire.ends if end is not self and not self._wire.cut]
        for call in [call for end in others for call in end.hearing]:
            call(what)

    def hear(self, call: Hear) -> Callable[[], None]:
        self.hearing.append(call)
        return lambda: self.hearing.remove(call)


@contextlib.asynccontextmanager
async def two_sites(present: tuple[str, ...] = ()) -> AsyncIterator[tuple[Site, Site, Wire]]:
    wire = Wire()
    sites = [Site(Settings(), clock=SlowClock(), siblings=wire.end()) for _ in range(2)]
    for site in sites:
        site.house.there = present
    tasks = [asyncio.create_task(whole(site.chat, site.ledger)) for site in sites]
    await asyncio.sleep(0.02)
    yield sites[0], sites[1], wire
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)


def pass_time(seconds: float, *sites: Site) -> None:
    for site in sites:
        site.clock.at += seconds


async def test_signs_reach_the_page_and_the_hub_whichever_process_gets_them() -> None:
    async with two_sites() as (here, there, _):
        for site in (here, there):
            site.answered(said(17))
        async with here.page() as told:
            await asyncio.sleep(0.1)
            for what in ("typing", "paused", "no sign at all"):
                await there.signal(what)
            await there.signal("read", upto="17")
            await there.signal("read", upto="18")
            deed = Presence(inbox=InboxId("test-inbox"), to=Party(kind=KIND, address=ANNA), what="typing")
            await there.chat.show(deed)
            await asyncio.sleep(0.1)
        assert here.signals == [("conversation:7", "typing"), ("conversation:7", "paused")]
        assert [name for name, _ in told].count("presence") == 1
        [report] = here.ledger.events
        assert isinstance(report, DeliveryReport) and report.target == "17"
        assert there.signals == [] and there.ledger.events == []


async def test_who_went_on_in_another_process_has_not_left() -> None:
    async with two_sites() as (here, there, _):
        for site in (here, there):
            site.answered(said())
        async with here.page():
            await asyncio.sleep(0.02)
        async with there.page():
            pass_time(100, here, there)
            await asyncio.sleep(0.3)
            assert here.ledger.events == there.ledger.events == []
        pass_time(100, here, there)
        [left] = await there.ledger.wait_for(1)
        assert isinstance(left, Visit) and left.what == "left"
        assert here.ledger.events == []


async def test_a_process_that_starts_sends_nobody_away() -> None:
    """It finds visitors in the store, of whom it knows nothing but that they have not left."""
    async with two_sites((ANNA, BEN)) as (late, other, _):
        other.answered(said())
        async with other.page():
            other.chat._live.rooms.forget(BEN)
            pass_time(100, late)
            [left] = await late.ledger.wait_for(1)
            await asyncio.sleep(0.2)
            assert isinstance(left, Visit) and left.sender.address == BEN
            assert len(late.ledger.events) == 1 and other.ledger.events == []


async def test_who_cannot_be_asked_about_is_waited_for_a_little_longer() -> None:
    async with two_sites((ANNA,)) as (one, two, wire):
        wire.cut = True
        pass_time(100, one, two)
        await asyncio.sleep(0.2)
        assert one.ledger.events == two.ledger.events == []
        pass_time(600, one)
        [left] = await one.ledger.wait_for(1)
        assert isinstance(left, Visit) and left.what == "left"


async def test_what_siblings_tell_that_is_no_word_of_ours_does_no_harm() -> None:
    async with two_sites() as (here, there, wire):
        here.answered(said())
        async with here.page() as told:
            for what in (b"", b"x" * 100, msgspec.msgpack.encode(["show", "nobody"]), b"\xc1"):
                wire.ends[1].tell(what)
            deed = Presence(inbox=InboxId("test-inbox"), to=Party(kind=KIND, address=ANNA), what="typing")
            await there.chat.show(deed)
            await asyncio.sleep(0.1)
        assert "presence" in [name for name, _ in told]
