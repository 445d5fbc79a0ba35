"""The connector against a real Kannel with a network behind it: both ways, reports, long messages, outages."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from connectors._gsm import Place, header
from connectors.contract import (
    Consent,
    DeliveryReport,
    InboxId,
    Message,
    Outbound,
    Party,
    Secret,
    SendError,
)
from connectors.kannel.connector import Kannel as Connector
from connectors.kannel.settings import Settings
from tests.connectors.webapp import served
from tests.contract.world import Ledger, Log, make_env
from tests.servers.kannel import PASSWORD, SECRET, USER, Kannel
from tests.servers.process import folder, free_port
from tests.waiting import until

pytestmark = [pytest.mark.servers, pytest.mark.slow]

CITIZEN = "+48600700800"


class Wire:
    """A connector at work behind the public listener, with a Kannel that calls it."""

    def __init__(self, connector: Connector, kannel: Kannel, ledger: Ledger) -> None:
        self.connector = connector
        self.kannel = kannel
        self.ledger = ledger
        self._deliveries = iter(range(41, 99))

    async def send(self, text: str, **more: Any) -> int:
        """Send to the citizen; the number of the delivery."""
        delivery = next(self._deliveries)
        to = (Party(kind="phone", address=CITIZEN),)
        await self.connector.send(
            Outbound(delivery=delivery, inbox=InboxId("test-inbox"), message=1, to=to, text=text, **more)
        )
        return delivery

    async def network(self, count: int) -> list[tuple[str, str, str, str]]:
        """What came to the network."""
        return await asyncio.to_thread(self.kannel.wait_for, count)

    async def states(self, delivery: int, count: int) -> set[str]:
        """States reported of a delivery, once there are ``count`` reports of it."""
        await until(lambda: len(self._states(delivery)) >= count)
        return set(self._states(delivery))

    def _states(self, delivery: int) -> list[str]:
        events = [event for event in self.ledger.events if isinstance(event, DeliveryReport)]
        return [event.state for event in events if event.target == f"kannel:{delivery}"]

    def messages(self) -> list[Message]:
        """What citizens wrote."""
        return [event for event in self.ledger.events if isinstance(event, Message)]


def _as_it_is(kannel: Kannel) -> None:
    """Changes nothing."""


@contextlib.asynccontextmanager
async def wire(change: Callable[[Kannel], None] = _as_it_is, **settings: Any) -> AsyncIterator[Wire]:
    """Everything started; ``change`` may change the Kannel before that."""
    with folder("kannel") as path:
        port, ledger, log = free_port(), Ledger(), Log()
        kannel = Kannel(path, hub=f"http://127.0.0.1:{port}/in/test-inbox")
        change(kannel)
        fields: dict[str, Any] = {
            "url": kannel.url,
            "username": USER,
            "password": Secret(PASSWORD),
            "secret": Secret(SECRET),
            "sender": "+48123123123",
            "callback_url": f"http://127.0.0.1:{port}",
            "repeat_minutes": 0,
        }
        connector = Connector(Settings(**fields | settings), make_env(log=log))
        running = asyncio.create_task(connector.run(ledger))
        try:
            await asyncio.to_thread(kannel.start)
            async with served(connector.routes(), log, port):
                yield Wire(connector, kannel, ledger)
        finally:
            running.cancel()
            await asyncio.wait({running})
            await asyncio.to_thread(kannel.stop)
        assert not [line for line in log.lines if SECRET in line or PASSWORD in line or "600700800" in line]


async def test_messages_in_both_alphabets_both_ways_with_reports() -> None:
    async with wire() as w:
        w.kannel.writes(CITIZEN, "Kiedy bedzie zasilek?  Pilne")
        w.kannel.writes("0048600700801", "Zażółć 😀")
        w.kannel.writes(CITIZEN, "STOP")
        events = await w.ledger.wait_for(3, 8)
        texts = {event.text: event for event in events if isinstance(event, Message)}
        assert set(texts) == {"Kiedy bedzie zasilek?  Pilne", "Zażółć 😀"}
        assert texts["Zażółć 😀"].sender.address == "+48600700801"
        assert texts["Zażółć 😀"].recipients[0].address == "7055"
        assert all(message.external_id and message.sent_at for message in texts.values())
        assert [event.allowed for event in events if isinstance(event, Consent)] == [False]
        polish, short = await w.send("Dzień dobry, jutro o 9."), await w.send("Cena: 5 € [brutto]\nDo jutra")
        got = await w.network(2)
        assert got[0] == ("+48123123123", CITIZEN, "ucs-2", "Dzień dobry, jutro o 9.")
        assert (got[1][2], got[1][3].replace("\n", " ")) in (
            ("text", "Cena: 5 € [brutto] Do jutra"),
            ("text", "Cena: 5 € [brutto]"),  # fakesmsc writes a line for each line
        )
        assert await w.states(polish, 2) == {"accepted", "delivered"}
        assert await w.states(short, 2) == {"accepted", "delivered"}
        assert (await w.connector.check()).state == "ok"


async def test_what_is_refused_is_called_again_and_taken_once() -> None:
    async with wire() as w:
        w.ledger.refuse(retry_after=1.0)
        w.kannel.writes(CITIZEN, "Halo")
        await until(lambda: w.ledger.refusals >= 2)
        assert not w.ledger.events
        w.ledger.take()
        await w.ledger.wait_for(1)
        await asyncio.sleep(1.5)
        assert [message.text for message in w.messages()] == ["Halo"]


async def test_a_network_that_is_away_gets_it_later() -> None:
    async with wire() as w:
        await asyncio.to_thread(w.kannel.disconnect_network)
        delivery = await w.send("Kolejka")
        assert not w.kannel.received()
        await asyncio.to_thread(w.kannel.connect_network)
        assert [text for *_, text in await w.network(1)] == ["Kolejka"]
        assert await w.states(delivery, 2) == {"accepted", "delivered"}


async def test_a_long_message_is_cut_by_kannel_and_reported_once() -> None:
    async with wire() as w:
        for text, segments in (("Zażółć gęślą jaźń! " * 10, 3), ("abcdefghij" * 40, 3)):
            before = len(w.kannel.received())
            delivery = await w.send(text)
            got = (await w.network(before + segments))[before:]
            assert "".join(part for *_, part in got).strip() == text.strip()
            assert [kind for _, _, kind, _ in got] == ["udh"] * segments
            assert "delivered" in await w.states(delivery, 2)


async def test_a_wrong_password_and_a_dead_gateway_are_told_apart() -> None:
    async with wire(password=Secret("nie-to-haslo")) as w:
        assert (await w.connector.check()).state == "wrong_credentials"
        with pytest.raises(SendError) as refused:
            await w.send("Halo")
        assert refused.value.kind == "temporary"
        w.kannel.stop()
        assert (await w.connector.check()).state == "unreachable"
        with pytest.raises(SendError) as dead:
            await w.send("Halo")
        assert dead.value.kind == "temporary"
        assert await w.connector._env.budget.spent("sms", zone="Europe/Warsaw") == 0


def _parts_by_post(kannel: Kannel) -> None:
    kannel.combine = False
    kannel.way = "post-url"


def _parts_by_get(kannel: Kannel) -> None:
    kannel.combine = False


@pytest.mark.parametrize("change", [_parts_by_get, _parts_by_post, _as_it_is])
async def test_parts_are_put_together_by_kannel_or_by_us(change: Callable[[Kannel], None]) -> None:
    async with wire(change) as w:
        parts = ["pierwsza czesc, ", "druga, ", "trzecia"]
        for number in (3, 1, 2):
            udh = header(Place(reference=7, total=3, number=number))
            w.kannel.writes_part(CITIZEN, udh, parts[number - 1])
        w.kannel.writes("+48600700801", "Zwykly")
        await w.ledger.wait_for(2, 8)
        assert {message.text for message in w.messages()} == {"".join(parts), "Zwykly"}
        assert {message.sender.address for message in w.messages()} == {CITIZEN, "+48600700801"}
        assert all(not message.fields for message in w.messages())
