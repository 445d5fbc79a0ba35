"""The demo's message centre and XMPP server, spoken to by the hub's own connectors and by programs with mistakes."""

from __future__ import annotations

import asyncio
import contextlib
import struct
from collections.abc import AsyncIterator
from typing import Any

import pytest

from connectors.contract import (
    Connector,
    DeliveryReport,
    InboxId,
    Message,
    Outbound,
    Party,
    Secret,
)
from connectors.smpp.connector import Smpp
from connectors.smpp.settings import Settings as SmppSettings
from connectors.xmpp.connector import Xmpp
from connectors.xmpp.settings import Settings as XmppSettings
from hub.demo.peers import smpp as centre
from hub.demo.peers.smpp import SmppPeer
from hub.demo.peers.xmpp import NotThere, XmppPeer
from tests.contract.world import Ledger, make_env
from tests.waiting import until

LONG = "Zażółć gęślą jaźń. " * 9
SHORT = "Prosze o termin [2] {a} ~ 5 €. " * 8


@contextlib.asynccontextmanager
async def at_work(connector: Connector, ledger: Ledger) -> AsyncIterator[None]:
    task = asyncio.create_task(connector.run(ledger))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def outbound(kind: str, address: str, text: str) -> Outbound:
    to = (Party(kind=kind, address=address),)
    return Outbound(delivery=1, inbox=InboxId("test-inbox"), message=1, to=to, text=text)


def texts(ledger: Ledger) -> list[str]:
    return [event.text for event in ledger.events if isinstance(event, Message)]


def states(ledger: Ledger) -> list[str]:
    return [event.state for event in ledger.events if isinstance(event, DeliveryReport)]


# --- the message centre ----------------------------------------------------------------------------------------


@pytest.fixture
async def smpp() -> AsyncIterator[SmppPeer]:
    peer = SmppPeer(system_id="centrala", password="centrum1")
    await peer.open()
    yield peer
    await peer.close()


def account(peer: SmppPeer, **more: Any) -> Smpp:
    fields: dict[str, Any] = {
        "host": "127.0.0.1",
        "port": peer.port,
        "system_id": "centrala",
        "password": Secret("centrum1"),
        "sender": "+48123123123",
        "timeout_seconds": 2.0,
        "repeat_minutes": 0,
    }
    return Smpp(SmppSettings(**fields | more), make_env())


@pytest.mark.parametrize("more", [{}, {"long_messages": "udh16"}, {"long_messages": "payload"}])
async def test_texts_go_both_ways_in_parts_and_are_reported(smpp: SmppPeer, more: dict[str, Any]) -> None:
    connector, ledger = account(smpp, **more), Ledger()
    async with at_work(connector, ledger):
        for text in ("Tak.", SHORT, LONG):
            await smpp.writes("48600700800", text)
        assert [text.strip() for text in texts(ledger)] == ["Tak.", SHORT.strip(), LONG.strip()]
        for text in (SHORT, LONG):
            await connector.send(outbound("phone", "+48600700800", text.strip()))
        taken = await smpp.wait_for(2)
        assert [one.text for one in taken] == [SHORT.strip(), LONG.strip()]
        assert {one.to for one in taken} == {"48600700800"}
        await until(lambda: states(ledger) == ["delivered", "delivered"])


async def test_a_wrong_password_is_told_as_such(smpp: SmppPeer) -> None:
    connector = account(smpp, password=Secret("inne"))
    async with at_work(connector, Ledger()):
        await until(lambda: smpp.refused == [centre.INVALID_PASSWORD])
        await until(lambda: connector._health.state == "wrong_credentials")


async def test_what_the_centre_has_waits_for_the_account(smpp: SmppPeer) -> None:
    writing = asyncio.create_task(smpp.writes("48600700800", "Halo?"))
    await asyncio.sleep(0.05)
    ledger = Ledger()
    async with at_work(account(smpp), ledger):
        await asyncio.wait_for(writing, 30)
    assert texts(ledger) == ["Halo?"]


async def test_a_program_with_mistakes_is_told_what_they_are(smpp: SmppPeer) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", smpp.port)

    async def says(command: int, body: bytes = b"") -> tuple[int, int]:
        writer.write(struct.pack("!IIII", 16 + len(body), command, 0, 7) + body)
        length, answer, status, sequence = struct.unpack("!IIII", await reader.readexactly(16))
        await reader.readexactly(length - 16)
        assert sequence == 7
        return answer, status

    assert await says(centre.SUBMIT_SM) == (centre.SUBMIT_SM | centre.RESPONSE, centre.NOT_BOUND)
    assert await says(0x99) == (centre.GENERIC_NACK, centre.INVALID_COMMAND)
    bind = b"centrala\x00centrum1\x00\x00\x34\x00\x00\x00"
    assert await says(0x09, bind) == (0x80000009, 0)
    assert await says(0x09, bind) == (0x80000009, centre.ALREADY_BOUND)
    assert await says(centre.SUBMIT_SM, b"\x00\x01") == (
        centre.SUBMIT_SM | centre.RESPONSE,
        centre.INVALID_LENGTH,
    )
    assert await says(centre.ENQUIRE_LINK) == (centre.ENQUIRE_LINK | centre.RESPONSE, 0)
    assert await says(centre.UNBIND) == (centre.UNBIND | centre.RESPONSE, 0)
    assert await reader.read() == b""
    writer.close()


# --- the XMPP server -------------------------------------------------------------------------------------------

DOMAIN, PERSON = "centrala.example", "ewa@jabber.example"


@pytest.fixture
async def xmpp() -> AsyncIterator[XmppPeer]:
    peer = XmppPeer(domain=DOMAIN, secret="tajne")
    await peer.open()
    yield peer
    await peer.close()


def component(peer: XmppPeer, **more: Any) -> Xmpp:
    fields: dict[str, Any] = {
        "address": f"kontakt@{DOMAIN}",
        "password": Secret("tajne"),
        "way": "component",
        "host": "127.0.0.1",
        "port": peer.port,
        "timeout_seconds": 3.0,
    }
    return Xmpp(XmppSettings(**fields | more), make_env())


async def test_a_component_talks_with_people_and_both_get_receipts(xmpp: XmppPeer) -> None:
    connector, ledger = component(xmpp), Ledger()
    async with at_work(connector, ledger):
        known = await xmpp.writes(PERSON, f"kontakt@{DOMAIN}", "Dzień <dobry> & do widzenia", name="Ewa")
        await until(lambda: texts(ledger) == ["Dzień <dobry> & do widzenia"])
        await until(lambda: known in xmpp.receipted)
        await until(lambda: connector.connected)
        await connector.send(outbound("xmpp", PERSON, "Odpowiedź: 2 < 3 & 4 > 1"))
        [taken] = await xmpp.wait_for(1)
        assert (taken.to, taken.text) == (PERSON, "Odpowiedź: 2 < 3 & 4 > 1")
        await until(lambda: states(ledger) == ["delivered"])


async def test_a_wrong_secret_and_an_unknown_domain_are_refused(xmpp: XmppPeer) -> None:
    wrong = component(xmpp, password=Secret("inne"))
    async with at_work(wrong, Ledger()):
        await until(lambda: xmpp.refused == 1)
        await until(lambda: wrong._standing.health.state == "wrong_credentials")
    elsewhere = component(xmpp, address="kontakt@inna.example")
    async with at_work(elsewhere, Ledger()):
        await until(lambda: elsewhere._standing.health.state == "misconfigured")


async def test_what_is_written_to_nobody_comes_back(xmpp: XmppPeer) -> None:
    with pytest.raises(NotThere):
        await xmpp.writes(PERSON, f"kontakt@{DOMAIN}", "Halo?", seconds=0.05)
