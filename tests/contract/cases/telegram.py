"""Telegram: in by polling and by a webhook, out by calls, against the stand-in that keeps a ledger of every byte."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator

import msgspec
from aiohttp import web

from connectors.contract import (
    Choice,
    Connector,
    Env,
    InboxId,
    Micros,
    OutAttachment,
    Outbound,
    Party,
    Secret,
)
from connectors.telegram import CHANNEL
from connectors.telegram.settings import Settings
from hub.demo.peers import telegram_payloads as payloads
from hub.demo.peers.telegram import TelegramPeer
from hub.demo.peers.telegram_payloads import Json, Person
from hub.egress import CheckedEgress
from tests.connectors.requests import post
from tests.contract.case import Case, Wired

TOKEN = "4200117:AAFtajny-token_bota"
WEBHOOK_SECRET = "sekret-webhooka-telegramu"
ZOFIA = Person(id=5550177, first_name="Zofia", last_name="Poufna", username="zofia_poufna")
WRITTEN = "Mój PESEL: 44051401359, tel. 600700800"
AT = 1_794_328_800.0
"""Tuesday, 10 November 2026, 17:40 in Warsaw, in seconds."""


def told(number: int) -> Json:
    """The update with message ``number``."""
    return payloads.update(
        500 + number, "message", payloads.message(ZOFIA, number, 1_794_328_800, **payloads.text(WRITTEN))
    )


class _Polling:
    """The connector asks the peer."""

    def __init__(
        self, env: Env, port: int, peer: TelegramPeer, egress: CheckedEgress, **more: object
    ) -> None:
        base = Settings(
            token=Secret(TOKEN), api_url=f"http://127.0.0.1:{port}", poll_seconds=5, timeout_seconds=1
        )
        settings = msgspec.structs.replace(base, **more)
        self.connector: Connector = CHANNEL.create(settings, msgspec.structs.replace(env, egress=egress))
        self.peer = peer

    async def tell(self, number: int) -> bool:
        update = told(number)
        if all(one["update_id"] != update["update_id"] for one in self.peer.updates.pending):
            await self.peer.updates.deliver(update)
        end = time.monotonic() + 1.0
        while time.monotonic() < end:
            if self.peer.updates.confirmed > update["update_id"]:
                return True
            await asyncio.sleep(0.005)
        return False

    def sent(self) -> bytes:
        return b"\n".join(self.peer.raw)

    def fail(self, how: str) -> None:
        self.peer.fail(how)


class _Webhook(_Polling):
    """The peer posts to the connector's route."""

    async def tell(self, number: int) -> bool:
        headers = {"X-Telegram-Bot-Api-Secret-Token": WEBHOOK_SECRET, "Content-Type": "application/json"}
        body = msgspec.json.encode(told(number))
        return (await post(self.connector, "/in/test-inbox", body, headers)).status == 200


@contextlib.asynccontextmanager
async def peer_on_a_port(peer: TelegramPeer) -> AsyncIterator[int]:
    """The peer on a free port of loopback."""
    runner = web.AppRunner(peer.app(), shutdown_timeout=0.1, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


@contextlib.asynccontextmanager
async def _beside(kind: type[_Polling], env: Env, **more: object) -> AsyncIterator[_Polling]:
    peer, egress = TelegramPeer(TOKEN, lambda: AT), CheckedEgress(["127.0.0.0/8"])
    peer.meet(ZOFIA)
    async with peer_on_a_port(peer) as port:
        try:
            yield kind(env, port, peer, egress, **more)
        finally:
            await egress.close()


@contextlib.asynccontextmanager
async def _polling(env: Env) -> AsyncIterator[Wired]:
    async with _beside(_Polling, env) as wired:
        yield wired


@contextlib.asynccontextmanager
async def _webhook(env: Env) -> AsyncIterator[Wired]:
    secret = Secret(WEBHOOK_SECRET)
    async with _beside(_Webhook, env, receive="webhook", webhook_secret=secret) as wired:
        yield wired


async def _registered(wired: Wired) -> None:
    assert isinstance(wired, _Webhook)
    for _ in range(1000):
        if wired.peer.updates.hook is not None:
            return
        await asyncio.sleep(0.005)


def _outbound(**more: object) -> Outbound:
    base = Outbound(
        delivery=41,
        inbox=InboxId("test-inbox"),
        message=17,
        to=(Party(kind="telegram", address="5550177", name="Zofia Poufna"),),
        text="Dzień dobry,\nodpowiadamy <w piątek> & dzwonimy. 😀",
        token="abc123",
        reference="3F7-K2M-9QX",
        reply_to="5550177:1",
        created_at=Micros(1),
    )
    return msgspec.structs.replace(base, **more)


_PNG = bytes.fromhex("89504e470d0a1a0a") + b"zdjecie"
_STARS = tuple(Choice(id=f"ocena:{n}", label=str(n)) for n in range(1, 6))

CASES = (
    Case(
        name="polling",
        wired=_polling,
        secrets=(
            TOKEN,
            TOKEN.partition(":")[2],
            "Zofia",
            "5550177",
            "44051401359",
            "600700800",
            "odpowiadamy",
        ),
        told_again="peer",
        sends={
            "answer": _outbound(),
            "second-part": _outbound(part=1, text="Ciąg dalszy."),
            "with-document": _outbound(
                attachments=(
                    OutAttachment(
                        filename='Zaświadczenie "ZUS".pdf', content_type="application/pdf", content=b"%PDF-1"
                    ),
                )
            ),
            "with-photo": _outbound(
                text="",
                attachments=(OutAttachment(filename="mapa.png", content_type="image/png", content=_PNG),),
            ),
            "long-with-file": _outbound(
                text="Długi tekst. " * 100,
                attachments=(OutAttachment(filename="a.txt", content_type="text/plain", content=b"tekst"),),
            ),
            "survey": _outbound(text="Jak nam poszło?", choices=_STARS, reply_to=None),
        },
        failures={
            "429": "throttled",
            "500": "temporary",
            "502": "temporary",
            "400 Bad Request: chat not found": "permanent",
            "403 Forbidden: bot was blocked by the user": "permanent",
            "403 Forbidden: user is deactivated": "permanent",
            "401 Unauthorized": "temporary",
            "404 Not Found": "temporary",
            "409 Conflict": "temporary",
            "cut": "ambiguous",
            "silence": "ambiguous",
        },
    ),
    Case(
        name="webhook",
        wired=_webhook,
        secrets=(TOKEN, TOKEN.partition(":")[2], WEBHOOK_SECRET, "Zofia", "44051401359", "600700800"),
        ready=_registered,
    ),
)
