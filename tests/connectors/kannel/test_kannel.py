"""Kannel's calls through the public listener: who may call, what is answered and kept; and sending to a gateway."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest
from aiohttp import ClientSession
from yarl import URL

from connectors._gsm import Place, header
from connectors.contract import DeliveryReport, InboxId, Message, Outbound, Party, Secret, SendError
from connectors.kannel.connector import Kannel
from connectors.kannel.settings import Settings
from hub.demo.peers.kannel import KannelPeer, mo_query, served
from tests.connectors import webapp
from tests.contract.world import Ledger, Log, make_env

SECRET = "tajemnica-kannela"
FIELDS: dict[str, Any] = {"secret": Secret(SECRET), "sender": "+48123123123"}


class Called:
    """A running connector behind the listener, as smsbox calls it."""

    def __init__(self, client: ClientSession, ledger: Ledger) -> None:
        self.client = client
        self.ledger = ledger

    async def call(self, query: str, body: bytes | None = None, **headers: str) -> int:
        """The status of a call as smsbox makes it, byte for byte."""
        url = URL(f"/in/test-inbox?{query}", encoded=True)
        method = "GET" if body is None else "POST"
        async with self.client.request(method, url, data=body, headers=headers) as answer:
            assert answer.status != 200 or await answer.read() == b"", "Kannel would send it to the person"
            return answer.status

    def texts(self) -> list[str]:
        return [event.text for event in self.ledger.events if isinstance(event, Message)]


@contextlib.asynccontextmanager
async def place(**settings: Any) -> AsyncIterator[Called]:
    ledger, log = Ledger(), Log()
    connector = Kannel(Settings(**FIELDS | settings), make_env(log=log))
    running = asyncio.create_task(connector.run(ledger))
    try:
        async with webapp.served(connector.routes(), log) as client:
            await asyncio.sleep(0.02)
            yield Called(client, ledger)
    finally:
        running.cancel()
        await asyncio.wait({running})


def query(text: str, number: int = 1, *, secret: str = SECRET, udh: bytes = b"") -> str:
    return mo_query(
        identity=f"id-{number}",
        sender="+48600700800",
        to="7055",
        text=text,
        at=1_794_328_000,
        secret=secret,
        udh=udh,
    )


async def test_every_byte_arrives_as_it_was_written() -> None:
    """What frameworks decode, change or cut on their way: ampersands, plus signs, NULs, other alphabets."""
    texts = ["a&b=c;d+e %41", "☦ & Ж", "żółć 100%", "x=1&text=inny", "😀"]
    async with place() as p:
        for number, text in enumerate(texts):
            assert await p.call(query(text, number)) == 200
        assert p.texts() == texts
        utf8 = (
            f"secret={SECRET}&id=u&from=48600700800&to=7055&text=5+%E2%82%AC+caf%C3%A9&coding=0&charset=UTF-8"
        )
        assert await p.call(utf8) == 200
        assert p.texts()[-1] == "5 € café"


async def test_only_kannel_may_call() -> None:
    async with place() as p:
        assert await p.call(query("Halo", secret="")) == 403
        assert await p.call(query("Halo", secret="nie-to")) == 403
        assert await p.call("secret=nie-to&delivery=41&type=1") == 403
        assert not p.ledger.events
    async with place(sources=("10.0.0.0/8",)) as p:
        assert await p.call(query("Halo")) == 403
    async with place(sources=("127.0.0.1",)) as p:
        assert await p.call(query("Halo")) == 200


async def test_a_call_without_sense_is_refused_once() -> None:
    async with place() as p:
        assert await p.call(f"secret={SECRET}&text=Halo") == 400
        assert not p.ledger.events


async def test_the_secret_is_not_kept() -> None:
    async with place() as p:
        await p.call(query("Halo"))
        await p.call(f"secret={SECRET}&delivery=41&type=1&at=1794328000")
        assert not [raw for raw in p.ledger.raws if raw.content and SECRET.encode() in raw.content]


async def test_posts_of_kannel() -> None:
    async with place() as p:
        address = f"secret={SECRET}&id=1&from=%2B48600700800"
        headers = {"X-Kannel-To": "7055", "X-Kannel-Coding": "2", "X-Kannel-Time": "2026-11-10 16:40:00"}
        kind = {"Content-Type": 'text/plain; charset="UTF-16BE"'}
        assert await p.call(address, "Zażółć & spółka".encode("utf-16-be"), **headers, **kind) == 200
        event = p.ledger.events[0]
        assert isinstance(event, Message)
        assert (event.text, event.recipients[0].address) == ("Zażółć & spółka", "7055")
        assert event.sent_at == 1_794_328_800_000_000


async def test_parts_wait_for_each_other_and_are_told_again_without_harm() -> None:
    async with place(repeat_minutes=10) as p:
        first, second = (
            header(Place(reference=1, total=2, number=1)),
            header(Place(reference=1, total=2, number=2)),
        )
        for _ in range(2):
            assert await p.call(query("druga", 2, udh=second)) == 200
        assert not p.ledger.events
        for _ in range(2):
            assert await p.call(query("pierwsza, ", 1, udh=first)) == 200
        assert p.texts() == ["pierwsza, druga"]


async def test_reports_of_all_types() -> None:
    async with place() as p:
        for kind in (8, 4, 1, 2, 16, 1):
            assert await p.call(f"secret={SECRET}&delivery=41&type={kind}&reply=&at=1794328000") == 200
        states = [event.state for event in p.ledger.events if isinstance(event, DeliveryReport)]
        assert states == ["accepted", "accepted", "delivered", "failed", "failed"]


# --- out -----------------------------------------------------------------------------------------------------------


def outbound(text: str = "Dzień dobry", **more: Any) -> Outbound:
    to = (Party(kind="phone", address="+48600700800"),)
    base = Outbound(delivery=41, inbox=InboxId("test-inbox"), message=1, to=to, text=text)
    return msgspec.structs.replace(base, **more)


@contextlib.asynccontextmanager
async def gateway(**settings: Any) -> AsyncIterator[tuple[Kannel, KannelPeer]]:
    peer = KannelPeer(password="haslo", reports=())
    async with served(peer) as url:
        fields = FIELDS | {"url": url, "username": "centrala", "password": Secret("haslo")} | settings
        yield Kannel(Settings(**fields), make_env()), peer


async def test_settings_reach_the_gateway() -> None:
    async with gateway(smsc="plus", validity_minutes=90, reports=False, callback_url="http://hub:8080/") as (
        sms,
        peer,
    ):
        await sms.send(outbound())
        asked = URL(f"/?{peer.taken[0].query}", encoded=True).query
        assert (asked["smsc"], asked["validity"], asked["coding"]) == ("plus", "90", "2")
        assert "dlr-url" not in asked and "dlr-mask" not in asked


async def test_a_cap_stops_sending_and_is_given_back_what_did_not_go() -> None:
    async with gateway(price=10, daily_cap=25) as (sms, peer):
        peer.fault = "down"
        for _ in range(5):
            with pytest.raises(SendError) as down:
                await sms.send(outbound())
            assert down.value.kind == "temporary"
        peer.fault = ""
        outcomes = await asyncio.gather(
            *(sms.send(outbound(delivery=n)) for n in range(6)), return_exceptions=True
        )
        refused = [outcome for outcome in outcomes if isinstance(outcome, SendError)]
        assert (len(peer.taken), len(refused)) == (2, 4)
        assert {error.kind for error in refused} == {"throttled"}


async def test_an_inbox_without_a_gateway_only_receives() -> None:
    sms = Kannel(Settings(**FIELDS), make_env())
    assert sms.capabilities.reaches == ()
    assert (await sms.check()).state == "ok"
    with pytest.raises(SendError) as raised:
        await sms.send(outbound())
    assert raised.value.kind == "permanent"


async def test_health_tells_what_is_wrong() -> None:
    async with gateway() as (sms, peer):
        assert (await sms.check()).state == "ok"
        assert not peer.taken, "asking sends nothing"
        peer.fault = "auth"
        assert (await sms.check()).state == "wrong_credentials"
        peer.fault = "down"
        assert (await sms.check()).state == "degraded"
    assert (await sms.check()).state == "unreachable"


def test_settings_that_can_never_work_are_refused() -> None:
    for wrong in (
        {"secret": "krótki"},
        {"secret": "z%znakiem&"},
        {"secret": SECRET, "url": "http://127.0.0.1:13013/cgi-bin/sendsms"},
        {"secret": SECRET, "sources": ["nie-adres"]},
    ):
        with pytest.raises(msgspec.ValidationError):
            msgspec.convert(wrong, Settings, dec_hook=lambda kind, value: Secret(value))
