"""X: told by webhook and by polling, sending to a peer that checks what X checks."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from urllib.parse import parse_qs, urlsplit

from connectors.contract import Connector, Env, OutAttachment
from connectors.x.connector import X
from hub.demo.peers import x_payloads as payloads
from hub.demo.peers.x import XPeer
from tests.connectors.requests import post
from tests.connectors.x.world import CONSUMER_SECRET, JAN, ME, ZOFIA, beside, outbound, signed
from tests.contract.case import Case, Wired

TEXT = "Mój PESEL: 44051401359, tel. 600700800"


class _Told:
    """X posts webhooks; what the connector asks for goes to the peer."""

    def __init__(self, connector: X, peer: XPeer) -> None:
        self.connector: Connector = connector
        self._peer = peer
        peer.people |= {ZOFIA.number: ZOFIA, JAN.number: JAN}
        peer.posts.append(payloads.post(JAN, "@zielonalinia?", "2088610000000000101", 1_794_328_560_000_000))

    async def tell(self, number: int) -> bool:
        entry = payloads.direct(ZOFIA, ME, TEXT, f"208861000000000000{number}", 1_794_328_560_000_000)
        body = payloads.account_direct(ME, ZOFIA, ME, entry)
        return (await post(self.connector, "/in/test-inbox", body, signed(body))).status == 200

    def sent(self) -> bytes:
        lines = [f"{method} {path}\n".encode() + body for method, path, body in self._peer.ledger]
        return b"\n".join(lines) + b"\n"

    def fail(self, how: str) -> None:
        if how == "closed":
            self._peer.closed.add(ZOFIA.number)
        elif how == "used up":
            self._peer.limits["send-direct"] = 0
        else:
            self._peer.fail(how)


@contextlib.asynccontextmanager
async def _by_webhook(env: Env) -> AsyncIterator[Wired]:
    async with beside(env) as (connector, peer):
        yield _Told(connector, peer)


class _Asked(_Told):
    """Nobody posts; a mention is acknowledged when only later ones are asked for."""

    async def tell(self, number: int) -> bool:
        name = f"288861000000000000{number}"
        if not any(item["id"] == name for item in self._peer.posts):
            entry = payloads.post(ZOFIA, f"@zielonalinia {TEXT}", name, 1_794_328_560_000_000)
            self._peer.posts.append(entry)
        for _ in range(100):
            if any(self._since(path) >= int(name) for _, path, _ in self._peer.ledger):
                return True
            await asyncio.sleep(0.01)
        return False

    def _since(self, path: str) -> int:
        return int(parse_qs(urlsplit(path).query).get("since_id", ["0"])[0])


@contextlib.asynccontextmanager
async def _by_polling(env: Env) -> AsyncIterator[Wired]:
    async with beside(env, webhook=False, poll_seconds=0.03, look_back_hours=0) as (connector, peer):
        peer.limits = dict.fromkeys(peer.limits, 1_000_000)
        yield _Asked(connector, peer)


_SECRETS = (CONSUMER_SECRET, "account-secret", "Zofia", "44051401359", "600700800", "odpowiadamy")

CASES = (
    Case(
        name="webhook",
        wired=_by_webhook,
        secrets=_SECRETS,
        sends={
            "direct": outbound(),
            "direct-with-picture": outbound(
                attachments=(OutAttachment(filename="pismo.png", content_type="image/png", content=b"PNG"),)
            ),
            "public-reply": outbound(reply_to="post:2088610000000000101", text="@jan_k Od stycznia."),
            "private-reply": outbound(target="post:2088610000000000101", text="Prosimy o numer."),
            "deletion-of-a-post": outbound(operation="delete", target="post:2088610000000000102", text=""),
            "deletion-of-a-direct-message": outbound(operation="delete", target="dm:17", text=""),
        },
        failures={
            "429": "throttled",
            "used up": "throttled",
            "402": "throttled",
            "500": "temporary",
            "503": "temporary",
            "400": "permanent",
            "401": "temporary",
            "404": "permanent",
            "closed": "permanent",
            "cut": "ambiguous",
            "silence": "ambiguous",
        },
    ),
    Case(
        name="polling",
        wired=_by_polling,
        secrets=_SECRETS,
        told_again="peer",
    ),
)
