"""Messenger and WhatsApp with the whole hub: one callback for both, answers, states, echoes, names, marks, files."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from aiohttp import web
from sqlalchemy import select

from connectors.contract import BlobId, Secret
from hub.app import Hub
from hub.clock import SystemClock
from hub.config import Config, Outbox
from hub.demo.peers.meta.direct import DirectPeer
from hub.demo.peers.meta.platform import MetaPeer
from hub.demo.peers.meta.whatsapp import WhatsAppPeer
from hub.desk import drafts
from hub.desk.outward import retry
from hub.desk.reply import Draft, reply
from hub.scope import SYSTEM
from hub.store import schema
from hub.store.tx import Tx
from tests.connectors.small_hub import Desk, inbox, running, small_config
from tests.contract.meta import BUSINESS, NUMBER, PAGE, VERIFY, make_peer, served
from tests.servers.process import free_port
from tests.waiting import eventually

PERSON = "24691357802468"
CALLER = "48600700800"


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

    await eventually(named)
    await place.answers(conversation.id, "Około 15 minut.")
    await eventually(lambda: _is(place, ["accepted"]))
    [got] = place.direct.received
    assert got.text == "Około 15 minut."
    await place.direct.echo(got.mid)
    await place.direct.delivers(PERSON)
    await eventually(lambda: _is(place, ["delivered"]))
    await place.direct.reads(PERSON)
    await eventually(lambda: _is(place, ["read"]))
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

    await eventually(fetched)
    await place.answers(row.conversation, "Tak, ten.")
    await eventually(lambda: _is(place, ["accepted"]))
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
    await eventually(lambda: _is(place, ["accepted"]))
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


def hold_uploads(meta: MetaPeer) -> asyncio.Event:
    """Files are not taken until the event is set."""
    free = asyncio.Event()

    async def held(request: web.Request, node: str, edge: str) -> web.Response | None:
        if edge == "message_attachments":
            await free.wait()
        return None

    meta.products.insert(0, held)
    return free


async def answers_with_a_file(place: Place, conversation: int) -> None:
    scope = await place.agent()

    def command(tx: Tx) -> None:
        kept = drafts.save_draft(tx, scope, conversation=conversation, kind="reply", revision=0, text="Druk.")
        row = {"size": 4, "sha256": "x", "place": "row", "content": b"%PDF", "created_at": tx.now}
        drafts.add_file(
            tx,
            place.hub.house(),
            scope,
            kept.id,
            filename="druk.pdf",
            content_type="application/pdf",
            size=4,
            sha256="x",
            blob=BlobId(tx.add(schema.blob, row)),
        )
        draft = Draft(text="Druk.", client_id="c-1", based_on=1, undo_seconds=0, draft=kept.id)
        reply(tx, place.hub.house(), scope, conversation, draft)

    await place.hub.store.write(command)


async def test_a_hub_that_ends_between_a_text_and_its_file_sends_only_the_file_afterwards(
    tmp_path: Path,
) -> None:
    """Nobody knows what became of the file, so a person decides; what Meta has accepted does not leave again."""
    meta = make_peer(SystemClock().now)
    async with served(meta):
        config = _config(tmp_path, meta)
        config = msgspec.structs.replace(config, outbox=Outbox(undo_seconds=0, drain_seconds=0.1))
        free = hold_uploads(meta)
        async with running(config) as hub:
            place = Place(hub, meta)
            direct = place.direct
            direct.meet(PERSON, PAGE, "Zofia Kowalska")
            assert await meta.subscribe("page", f"http://127.0.0.1:{hub.ports()['public']}/in/fb", VERIFY)
            await direct.writes(PERSON, "Poproszę druk.")
            [conversation] = await place.conversations()
            await answers_with_a_file(place, conversation.id)

            async def text_left() -> bool:
                kept = select(schema.cursor.c.key).where(schema.cursor.c.inbox == "fb")
                noted = await hub.store.read(lambda tx: tx.rows(kept))
                return len(direct.received) == 1 and len(noted) == 1

            await eventually(text_left)
        free.set()
        async with running(config) as hub:
            place = Place(hub, meta)
            await eventually(lambda: _is(place, ["possibly-sent"]))
            [sent] = await place.messages("outbound")
            await hub.store.write(lambda tx: retry(tx, hub.house(), SYSTEM, sent.id))
            await eventually(lambda: _is(place, ["accepted"]))
    kinds = [got.body["message"].get("attachment", {}).get("type", "text") for got in direct.received]
    assert kinds == ["text", "file"]
