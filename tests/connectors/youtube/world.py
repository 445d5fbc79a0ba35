"""The connector for YouTube beside its peer, on loopback."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from typing import Any

import msgspec

from connectors.contract import Env, InboxId, Micros, Outbound, Party, Secret
from connectors.youtube.connector import YouTube
from connectors.youtube.settings import Settings
from hub.demo.peers.youtube import YouTubePeer
from hub.egress import CheckedEgress
from tests.servers.app import on_a_port

CHANNEL = "UCzielonalinia0000000000"
ZOFIA = ("UCaaaaaaaaaaaaaaaaaaaaaa", "@zofia.poufna")
JAN = ("UCbbbbbbbbbbbbbbbbbbbbbb", "@jan.kowalski")
VIDEO = "dQw4w9WgXcQ"


@contextlib.asynccontextmanager
async def beside(env: Env, **changes: Any) -> AsyncIterator[tuple[YouTube, YouTubePeer]]:
    """A connector and its peer; settings may differ by ``changes``."""
    peer = YouTubePeer(env.clock.now, CHANNEL)
    peer.day_units = 10_000_000
    egress = CheckedEgress(["127.0.0.0/8"])
    async with on_a_port(peer.app()) as address:
        settings = {
            "channel_id": CHANNEL,
            "client_id": "client-id",
            "client_secret": Secret("client-secret-of-the-peer"),
            "refresh_token": Secret("refresh-token-of-the-peer"),
            "api_url": f"{address}/youtube/v3",
            "token_url": f"{address}/token",
            "timeout_seconds": 0.5,
            "poll_seconds": 0.03,
            "daily_units": 10_000_000,
            **changes,
        }
        try:
            yield YouTube(Settings(**settings), msgspec.structs.replace(env, egress=egress)), peer
        finally:
            await egress.close()


def outbound(**more: Any) -> Outbound:
    """A public answer to a comment of Zofia's."""
    base = Outbound(
        delivery=41,
        inbox=InboxId("test-inbox"),
        message=17,
        to=(Party(kind="youtube", address=ZOFIA[0], name=ZOFIA[1]),),
        text="Dzień dobry,\nodpowiadamy.",
        token="abc123",
        reference="3F7-K2M-9QX",
        target="UgxA",
        public=True,
        created_at=Micros(1),
    )
    return msgspec.structs.replace(base, **more)
