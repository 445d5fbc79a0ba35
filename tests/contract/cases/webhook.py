"""The generic webhook: signed JSON in, signed JSON out to a peer on loopback that writes down every request."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import msgspec
from aiohttp import web

from connectors import _signing as signing
from connectors.contract import Connector, Env, InboxId, Micros, OutAttachment, Outbound, Party, Secret
from connectors.webhook import CHANNEL
from connectors.webhook.settings import Settings
from hub.egress import CheckedEgress
from tests.connectors.requests import post
from tests.contract.case import Case, Wired

SECRET = "wspólny-sekret-dwóch-systemów"


class _Peer:
    """The office's own system."""

    def __init__(self) -> None:
        self.requests: list[bytes] = []
        self.how = ""

    async def take(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        names = ("Content-Type", signing.TIMESTAMP, signing.SIGNATURE)
        lines = [f"{request.method} {request.path}", *(f"{name}: {request.headers[name]}" for name in names)]
        self.requests.append("\n".join(lines).encode() + b"\n\n" + body + b"\n")
        if self.how == "cut":
            assert request.transport is not None
            request.transport.close()
        if self.how == "silence":
            await asyncio.sleep(5)
        if self.how.isdigit():
            return web.Response(status=int(self.how), headers={"Retry-After": "7"}, text=body.decode())
        return web.json_response({"id": f"remote-{len(self.requests)}", "state": "delivered"})


class _Webhook:
    def __init__(self, env: Env, port: int, peer: _Peer, egress: CheckedEgress) -> None:
        settings = Settings(
            secret=Secret(SECRET), url=f"http://127.0.0.1:{port}/z-centrali", edits=True, timeout_seconds=1
        )
        self.connector: Connector = CHANNEL.create(settings, msgspec.structs.replace(env, egress=egress))
        self._env = env
        self._peer = peer

    async def tell(self, number: int) -> bool:
        event = {
            "type": "message",
            "id": f"told-{number}",
            "sender": {"address": "u-77", "name": "Zofia Poufna"},
            "text": "Mój PESEL: 44051401359, tel. 600700800",
        }
        body = msgspec.json.encode(event)
        headers = signing.headers(Secret(SECRET), self._env.clock.now(), body)
        answer = await post(self.connector, "/in/test-inbox", body, headers)
        return answer.status == 200

    def sent(self) -> bytes:
        return b"\n".join(self._peer.requests)

    def fail(self, how: str) -> None:
        self._peer.how = how


@contextlib.asynccontextmanager
async def _wired(env: Env) -> AsyncIterator[Wired]:
    peer, egress = _Peer(), CheckedEgress(["127.0.0.0/8"])
    app = web.Application(client_max_size=10_000_000)
    app.router.add_post("/z-centrali", peer.take)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield _Webhook(env, runner.addresses[0][1], peer, egress)
    finally:
        await egress.close()
        await runner.cleanup()


def _outbound(**more: object) -> Outbound:
    base = Outbound(
        delivery=41,
        inbox=InboxId("test-inbox"),
        message=17,
        to=(Party(kind="test-inbox", address="u-77", name="Zofia Poufna"),),
        subject="Re: Zasiłek",
        text="Dzień dobry,\nodpowiadamy.",
        token="abc123",
        reference="3F7-K2M-9QX",
        reply_to="told-1",
        from_name="Infolinia",
        created_at=Micros(1),
    )
    return msgspec.structs.replace(base, **more)


CASES = (
    Case(
        name="signed",
        wired=_wired,
        secrets=(SECRET, "Zofia", "44051401359", "600700800", "odpowiadamy"),
        sends={
            "answer": _outbound(),
            "answer-with-file": _outbound(
                attachments=(
                    OutAttachment(filename="pismo.pdf", content_type="application/pdf", content=b"%PDF"),
                )
            ),
            "edit": _outbound(operation="edit", target="remote-1", text="Poprawka"),
            "deletion": _outbound(operation="delete", target="remote-1", text=""),
        },
        failures={
            "429": "throttled",
            "500": "temporary",
            "503": "temporary",
            "400": "permanent",
            "404": "permanent",
            "410": "permanent",
            "401": "temporary",
            "302": "temporary",
            "cut": "ambiguous",
            "silence": "ambiguous",
        },
    ),
)
