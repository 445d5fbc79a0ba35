"""Messenger and WhatsApp with the whole hub: one callback for both, answers, states, echoes, names, marks, files."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from sqlalchemy import select

from connectors.contract import Secret
from hub.app import Hub
from hub.clock import SystemClock
from hub.config import Config
from hub.demo.peers.meta.direct import DirectPeer
from hub.demo.peers.meta.platform import MetaPeer
from hub.demo.peers.meta.whatsapp import WhatsAppPeer
from hub.store import schema
from tests.connectors.small_hub import Desk, inbox, running, small_config, until
from tests.contract.meta import BUSINESS, NUMBER, PAGE, VERIFY, make_peer, served
from tests.servers.process import free_port

PERSON = "24691357802468"
CALLER = "48600700800"
SECRETS = ("app_secret", "access_token", "verify_token")


class Place(Desk):
    """The hub and the provider, and an agent who answers."""

    def __init__(self, hub: Hub, meta: MetaPeer) -> None:
        super().__init__(hub)
        self.meta = meta
        self.direct = DirectPeer(meta)
        self.whatsapp = WhatsAppPeer(meta, BUSINESS, NUMBER, "48221112233")

    async def messages(self, *kinds: str) -> list[Any]:
        """Messages of these kinds, in order."""
        found = await self.rows(schema.message)
        return [row for row in found if row.kind in (kinds or ("inbound", "outbound"))]

    async def conversations(self) -> list[Any]:
        return await self.rows(schema.conversation)


def _config(folder: Path, meta: MetaPeer) -> Config:
    def settings(account: str, **more: Any) -> dict[str, Any]:
        common = {
            "account": account,
            "app_id": meta.app_id,
            "app_secret": Secret(meta.app_secret),
            "access_token": Secret(meta.accounts[account].token),
            "verify_token": Secret(VERIFY),
            "graph_url": meta.base,
        }
        return {**common, **more}

    siblings = [{"inbox": "wa", "kind": "whatsapp", "account": NUMBER}]
    return small_config(
        folder,
        inbox("fb", "messenger", settings(PAGE, siblings=siblings)),
        inbox("wa", "whatsapp", settings(NUMBER)),
        port=free_port(),
    )


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    """A hub whose page's callback also takes what is for the WhatsApp number."""
    meta = make_peer(SystemClock().now)
    async with served(meta):
        async with running(_config(tmp_path, meta)) as hub:
            found = Place(hub, meta)
            found.direct.meet(PERSON, PAGE, "Zofia Kowalska")
            found.whatsapp.names[CALLER] = "Jan Nowak"
            address = f"http://127.0.0.1:{hub.ports()['public']}/in/fb"
            assert not await meta.subscribe("page", address, "another word")
            for object_ in ("page", "whatsapp_business_account"):
                assert await meta.subscribe(object_, address, VERIFY)
            yield found


async def test_a_conversation_on_messenger(place: Place) -> None:
    await place.direct.writes(PERSON, "Dzień dobry, ile trwa rejestracja?")
    [conversation] = await place.conversations()

    async def named() -> bool:
        contact = schema.contact
        rows = await place.hub.store.read(lambda tx: tx.rows(select(contact.c.name)))
        return [row.name for row in rows] == ["Zofia Kowalska"]

    await until(named)
    await place.answers(conversation.id, "Około 15 minut.")
    await until(lambda: _is(place, ["accepted"]))
    [got] = place.direct.received
    assert got.text == "Około 15 minut."
    await place.direct.echo(got.mid)
    await place.direct.delivers(PERSON)
    await until(lambda: _is(place, ["delivered"]))
    await place.direct.reads(PERSON)
    await until(lambda: _is(place, ["read"]))
    await place.direct.delivers(PERSON, got.mid)
    assert await place.states() == ["read"], "states never go backwards"
    assert len(await place.messages()) == 2, "the echo of our own is not a message"

    await place.direct.reacts(PERSON, got.mid, "👍")
    answer = await place.direct.writes(PERSON, "Dziękuję bardzo, a co zabrać?", reply_to={"mid": got.mid})
    await place.direct.tell(
        place.direct.people[PERSON], message_edit={"mid": answer, "text": "A co zabrać?", "num_edit": 1}
    )
    rows = {row.external_id or row.text: row for row in await place.messages()}
    assert "👍" in rows["Około 15 minut."].data
    assert (rows[answer].text, rows[answer].conversation) == ("A co zabrać?", conversation.id)


async def _is(place: Place, wanted: list[str]) -> bool:
    return await place.states() == wanted


async def test_what_colleagues_write_elsewhere_is_shown_as_ours(place: Place) -> None:
    await place.direct.writes(PERSON, "Czy biuro jest otwarte?")
    [before] = await place.conversations()
    assert before.waiting_since is not None
    mid = await place.direct.written_elsewhere(PERSON, "Tak, do 15:30.")
    await place.meta.call("page", [msgspec.json.decode(place.meta.calls[-1].body)["entry"][0]])
    [inbound, ours] = await place.messages()
    assert (ours.kind, ours.external_id, ours.conversation) == ("outbound", mid, inbound.conversation)
    assert "Urząd (fb)" in ours.data
    [after] = await place.conversations()
    assert (after.status, after.waiting_since) == ("waiting-citizen", None)
    assert after.first_reply_at is not None

    place.direct.meet("1357913579135", PAGE, "Nowa Osoba")
    await place.direct.written_elsewhere("1357913579135", "Piszemy w sprawie wizyty.")
    [_, opened] = await place.conversations()
    assert (opened.status, opened.waiting_since) == ("waiting-citizen", None)
    await place.direct.writes("1357913579135", "Dobrze, będę.")
    assert [row.conversation for row in (await place.messages())[2:]] == [opened.id, opened.id]


async def test_a_conversation_on_whatsapp_by_the_same_callback(place: Place) -> None:
    await place.whatsapp.sends_file(CALLER, "image", "image/jpeg", b"JPEG", caption="Taki druk?")
    [row] = await place.messages()
    assert (row.inbox, row.text) == ("wa", "Taki druk?")
    attachment = schema.attachment

    async def fetched() -> bool:
        rows = await place.hub.store.read(lambda tx: tx.rows(select(attachment)))
        return [file.size for file in rows] == [4] and all(file.blob for file in rows)

    await until(fetched)
    await place.answers(row.conversation, "Tak, ten.")
    await until(lambda: _is(place, ["accepted"]))
    [got] = place.whatsapp.received
    assert (got.number, got.text) == (CALLER, "Tak, ten.")
    for status, state in (
        ("delivered", "delivered"),
        ("sent", "delivered"),
        ("read", "read"),
        ("sent", "read"),
    ):
        await place.whatsapp.status(got.id, status)
        assert await place.states() == [state]


async def test_a_failure_that_is_told_later_says_why(place: Place) -> None:
    await place.whatsapp.writes(CALLER, "Dzień dobry")
    [row] = await place.messages()
    await place.answers(row.conversation, "Dzień dobry!")
    await until(lambda: _is(place, ["accepted"]))
    error = {"code": 131026, "title": "Message undeliverable"}
    await place.whatsapp.status(place.whatsapp.received[0].id, "failed", errors=[error])
    assert await place.states() == ["failed"]
    delivery = schema.delivery
    [found] = await place.hub.store.read(lambda tx: tx.rows(select(delivery.c.reason)))
    assert found.reason.startswith("The person cannot be written to")


async def test_disorder_and_repetition_change_nothing(place: Place) -> None:
    await place.whatsapp.writes(CALLER, "Pierwsza")
    await place.whatsapp.writes(CALLER, "Druga")
    calls = list(place.meta.calls)
    random.Random(5).shuffle(calls)
    for call in calls * 2:
        assert await place.meta._send(call) == 200
    assert [row.text for row in await place.messages()] == ["Pierwsza", "Druga"]
    assert len(await place.conversations()) == 1
