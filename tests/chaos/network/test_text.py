"""Faults of the network between the hub and those who carry texts: Prosody, Kannel, a message centre of SMPP."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Callable

import msgspec
import pytest

from connectors.contract import Message, SendError
from tests.connectors.kannel.test_with_kannel import wire
from tests.connectors.smpp.test_with_a_centre import running
from tests.connectors.xmpp.desk import a_desk
from tests.connectors.xmpp.person import somebody
from tests.contract.world import Ledger, Log
from tests.hub.conftest import FakeClock
from tests.servers.fault_proxy import FaultProxy, fault_proxy
from tests.servers.process import free_port
from tests.servers.prosody import Prosody
from tests.servers.smpp import SmppCentre, smpp_centre
from tests.waiting import until

pytestmark = [pytest.mark.servers, pytest.mark.slow, pytest.mark.timeout(60)]

NOTICED = 90.0
"""Seconds by the clock after which a silent line must have been given up."""

SECOND = 0.05
"""What a second of the clock takes; timeouts of the library are the machine's, so 20 s of them are 1 s here."""


async def seconds_until(clock: FakeClock, condition: Callable[[], bool]) -> float:
    """How much of the passed-in clock goes by until it holds."""
    began = clock.monotonic()
    while not condition():
        assert clock.monotonic() - began < NOTICED, f"not within {NOTICED:.0f} s by the clock"
        clock.move(1)
        await asyncio.sleep(SECOND)
    return clock.monotonic() - began


# --- XMPP ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", ["black_hole", "cut"])
async def test_an_xmpp_line_that_died_is_noticed_and_nothing_is_lost(prosody: Prosody, fault: str) -> None:
    names = [prosody.account(f"{what}{uuid.uuid4().hex[:10]}") for what in ("kontakt", "zofia")]
    clock = FakeClock()
    async with fault_proxy(prosody.port) as line, somebody(names[1], prosody.port) as zofia:
        async with a_desk(names[0], line.port, timeout_seconds=1.0) as desk:
            desk.env = msgspec.structs.replace(desk.env, clock=clock)
            await desk.start()
            zofia.write(names[0], "Pierwsza")
            await desk.ledger.wait_for(1)
            opened = line.connections
            getattr(line, fault)()
            zofia.write(names[0], "Druga")
            noticed = await seconds_until(clock, lambda: desk.log.count("is down") >= 1)
            print(f"{fault}: noticed after {noticed:.0f} s")
            line.heal()
            await seconds_until(clock, lambda: line.connections > opened and desk.connector.connected)
            await desk.ledger.wait_for(2)
            assert desk.texts == ["Pierwsza", "Druga"]


# --- SMPP ----------------------------------------------------------------------------------------------------------


@pytest.fixture
async def centre() -> AsyncIterator[SmppCentre]:
    async with smpp_centre() as made:
        yield made


@pytest.fixture
async def line(centre: SmppCentre) -> AsyncIterator[FaultProxy]:
    async with fault_proxy(centre.port) as made:
        yield made


async def test_a_silent_bind_is_noticed_and_made_again(centre: SmppCentre, line: FaultProxy) -> None:
    log = Log()
    timing = {"enquire_seconds": 0.4, "timeout_seconds": 0.6}
    async with running(centre, Ledger(), log, port=line.port, **timing) as wire:
        await wire.bound()
        line.half_open()
        await until(lambda: log.count("no connection to the message centre") >= 1, seconds=3.0)
        line.heal()
        await wire.bound()
        centre.writes("jestem znowu")
        await until(lambda: wire.texts() == ["jestem znowu"])


async def test_an_sms_whose_answer_never_came_is_ambiguous(centre: SmppCentre, line: FaultProxy) -> None:
    async with running(centre, Ledger(), Log(), port=line.port, timeout_seconds=0.6) as wire:
        await wire.bound()
        line.when("up", b"Dzien dobry", line.black_hole)
        assert (await wire.refused("Dzien dobry")).kind == "ambiguous"
        await until(lambda: centre.count("submit") == 1)


async def test_an_sms_that_came_while_the_line_broke_comes_once(centre: SmppCentre, line: FaultProxy) -> None:
    """The answer was lost: the centre delivers again, and what has a number of its own is recognised."""
    ledger = Ledger()
    async with running(centre, ledger, Log(), port=line.port, repeat_minutes=5) as wire:
        await wire.bound()
        ledger.seconds = 0.2
        line.when("down", b"raz jeden", line.cut)
        centre.writes("raz jeden")
        await until(lambda: centre.count("acknowledged") == 1)
        assert 1 <= len(wire.texts()) <= 2
        marked = [event for event in ledger.events if isinstance(event, Message) and event.fields]
        assert len(marked) == len(wire.texts()) - 1, "a second one is shown as the repetition that it is"


# --- Kannel --------------------------------------------------------------------------------------------------------


async def test_kannel_behind_a_bad_line() -> None:
    """What never left is tried again; what may have arrived is for a person to judge; late answers are waited for."""
    port = free_port()
    async with wire(timeout_seconds=1.0, url=f"http://127.0.0.1:{port}/cgi-bin/sendsms") as kannel:
        line = FaultProxy(kannel.kannel.sendsms_port)

        async def fails(text: str) -> str:
            with pytest.raises(SendError) as raised:
                await kannel.send(text)
            line.heal()
            return raised.value.kind

        assert await fails("nikt nie slucha") == "temporary"
        server = await asyncio.start_server(line.serve, "127.0.0.1", port)
        try:
            line.black_hole()
            assert await fails("nie dotarlo") == "ambiguous"
            line.when("up", b"sendsms", line.cut)
            assert await fails("moze dotarlo") == "ambiguous"
            line.slow(0.05)
            assert await fails("kapie") == "ambiguous"
            line.delay(0.1)
            await kannel.send("doszlo")
            await until(lambda: any("doszlo" in str(sms) for sms in kannel.kannel.received()))
        finally:
            server.close()
            await line.close()
