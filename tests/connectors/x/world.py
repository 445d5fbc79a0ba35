"""The connector for X beside its peer, on loopback, and bodies of webhooks signed as X does."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from typing import Any

import msgspec

from connectors.contract import Env, InboxId, Micros, Outbound, Party, Secret
from connectors.x import signing
from connectors.x.connector import X
from connectors.x.settings import Settings
from hub.demo.peers.x import XPeer
from hub.demo.peers.x_payloads import Person
from hub.egress import CheckedEgress
from tests.servers.app import on_a_port

ME = Person("2244994945", "zielonalinia", "Zielona Linia")
ZOFIA = Person("3001969357", "zofia_p", "Zofia Poufna")
JAN = Person("3284025577", "jan_k", "Jan Kowalski")

CONSUMER_SECRET = "app-secret-of-the-peer"


def keys() -> dict[str, Any]:
    """OAuth 1.0a, as the peer knows it."""
    return {
        "consumer_key": "app-key",
        "consumer_secret": Secret(CONSUMER_SECRET),
        "access_token": Secret("account-token"),
        "access_token_secret": Secret("account-secret-of-the-peer"),
    }


@contextlib.asynccontextmanager
async def beside(env: Env, **changes: Any) -> AsyncIterator[tuple[X, XPeer]]:
    """A connector and its peer; settings may differ by ``changes``."""
    peer = XPeer(env.clock.now, ME)
    egress = CheckedEgress(["127.0.0.0/8"])
    async with on_a_port(peer.app()) as address:
        settings = {
            "account_id": ME.number,
            "api_url": address,
            "timeout_seconds": 0.5,
            "poll_seconds": 0.0,
            **keys(),
            **changes,
        }
        try:
            yield X(Settings(**settings), msgspec.structs.replace(env, egress=egress)), peer
        finally:
            await egress.close()


def signed(body: bytes) -> dict[str, str]:
    """The header of a webhook."""
    return {"X-Twitter-Webhooks-Signature": signing.digest(Secret(CONSUMER_SECRET), body)}


def outbound(**more: Any) -> Outbound:
    """An answer to a direct message of Zofia's."""
    base = Outbound(
        delivery=41,
        inbox=InboxId("test-inbox"),
        message=17,
        to=(Party(kind="x", address=ZOFIA.number, name="Zofia Poufna"),),
        text="Dzień dobry,\nodpowiadamy.",
        token="abc123",
        reference="3F7-K2M-9QX",
        reply_to="dm:2088610000000000001",
        created_at=Micros(1),
    )
    return msgspec.structs.replace(base, **more)
