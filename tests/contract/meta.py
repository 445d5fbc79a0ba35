"""Meta's peer on loopback, for the cases and tests of the channels of this family."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

import msgspec
from aiohttp import web

from connectors.contract import Connector, Env, decode_secret
from hub.demo.peers.meta.platform import Account, MetaPeer
from hub.egress import CheckedEgress
from tests.connectors.requests import post

PAGE = "104212345678901"
INSTAGRAM = "178414000000001"
NUMBER = "590968830767958"
BUSINESS = "131470230291794"
PAGE_TOKEN = "token-of-the-page-1234567890"
SYSTEM_TOKEN = "token-of-the-system-user-12345"
VERIFY = "słowo-do-weryfikacji"


def make_peer(now: Callable[[], int]) -> MetaPeer:
    """The provider with a page, the Instagram account linked to it, and a WhatsApp number."""
    meta = MetaPeer(now=now)
    meta.accounts = {
        PAGE: Account(PAGE, "page", PAGE_TOKEN, "Urząd Pracy"),
        INSTAGRAM: Account(INSTAGRAM, "instagram", PAGE_TOKEN, "urzad.pracy", PAGE),
        NUMBER: Account(NUMBER, "whatsapp", SYSTEM_TOKEN, "Urząd Pracy"),
    }
    return meta


def settings(meta: MetaPeer, kind: type[Any], account: str, **more: Any) -> Any:
    """The settings of an inbox at this peer."""
    told: dict[str, Any] = {
        "account": account,
        "app_id": meta.app_id,
        "app_secret": meta.app_secret,
        "access_token": meta.accounts[account].token,
        "verify_token": VERIFY,
        "graph_url": f"{meta.base}{meta.prefix}",
        "timeout_seconds": 0.5,
        **more,
    }
    return msgspec.convert(told, kind, dec_hook=decode_secret)


@contextlib.asynccontextmanager
async def served(meta: MetaPeer) -> AsyncIterator[CheckedEgress]:
    """The peer on a free port of loopback; what reaches it."""
    runner = web.AppRunner(meta.app(), access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    meta.base = f"http://127.0.0.1:{runner.addresses[0][1]}"
    egress = CheckedEgress(["127.0.0.0/8"])
    try:
        yield egress
    finally:
        await egress.close()
        await meta.close()
        await runner.cleanup()


def with_egress(env: Env, egress: CheckedEgress) -> Env:
    """An environment whose requests reach loopback."""
    return msgspec.structs.replace(env, egress=egress)


def on_the_wire(meta: MetaPeer) -> bytes:
    """All that the peer was asked, without what differs from run to run."""
    wanted = ("Authorization", "Content-Type")
    told = []
    for asked in meta.ledger:
        lines = [f"{asked.method} {asked.path}"]
        lines += [f"{name}: {asked.headers[name]}" for name in wanted if name in asked.headers]
        told.append("\n".join(lines).encode() + b"\n\n" + asked.body + b"\n")
    return b"\n".join(told)


def signed(meta: MetaPeer, body: bytes) -> Mapping[str, str]:
    """The headers of a call."""
    return {"Content-Type": "application/json", "X-Hub-Signature-256": meta.sign(body)}


class WiredMeta:
    """A connector of this family, wired to the peer. ``told`` makes the body of the n-th call that Meta makes."""

    def __init__(self, meta: MetaPeer, connector: Connector, told: Callable[[int], object]) -> None:
        self.connector = connector
        self._meta, self._told = meta, told

    async def tell(self, number: int) -> bool:
        """Have the peer tell of something; whether it was taken."""
        body = msgspec.json.encode(self._told(number))
        answer = await post(self.connector, "/in/test-inbox", body, signed(self._meta, body))
        return answer.status == 200

    def sent(self) -> bytes:
        """What reached the peer."""
        return on_the_wire(self._meta)

    def fail(self, how: str) -> None:
        """Have the peer answer the next request so."""
        self._meta.fail(how)
