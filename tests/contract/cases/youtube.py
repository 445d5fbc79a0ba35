"""YouTube: comments asked for, answers and decisions to a peer that counts units as YouTube does."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

from connectors.contract import Connector, Env
from connectors.youtube.connector import YouTube
from hub.demo.peers.youtube import YouTubePeer
from hub.demo.peers.youtube_payloads import comment
from tests.connectors.youtube.world import CHANNEL, VIDEO, ZOFIA, beside, outbound
from tests.contract.case import Case, Wired


class _Asked:
    """A comment is acknowledged when its page is asked for only in case it changed."""

    def __init__(self, connector: YouTube, peer: YouTubePeer) -> None:
        self.connector: Connector = connector
        self._peer = peer
        self._told: dict[int, str] = {}
        for name, parent in (("UgxA", ""), ("UgxA.9b", "UgxA")):
            made = comment(name, ZOFIA, "Kiedy?", 1_794_328_000_000_000, channel=CHANNEL, parent=parent)
            peer.comments[name] = made
            peer.places[name] = VIDEO

    async def tell(self, number: int) -> bool:
        if number not in self._told:
            text = f"Mój PESEL: 44051401359, tel. 600700800 ({number})"
            self._told[number] = self._peer.comments_on(VIDEO, ZOFIA, text)
        for _ in range(100):
            if self._told[number] in self._peer.confirmed:
                return True
            await asyncio.sleep(0.01)
        return False

    def sent(self) -> bytes:
        lines = [
            f"{method} {path}\n".encode() + body
            for method, path, body in self._peer.ledger
            if path != "/token"
        ]
        return b"\n".join(lines) + b"\n"

    def fail(self, how: str) -> None:
        if how == "revoked":
            self._peer.refresh_token = "another"
        elif how == "units":
            self._peer.day_units = 0
        else:
            self._peer.fail(how)


@contextlib.asynccontextmanager
async def _asked(env: Env) -> AsyncIterator[Wired]:
    async with beside(env) as (connector, peer):
        yield _Asked(connector, peer)


CASES = (
    Case(
        name="asked",
        wired=_asked,
        secrets=(
            "client-secret",
            "refresh-token",
            "ya29",
            "zofia",
            "44051401359",
            "600700800",
            "odpowiadamy",
        ),
        sends={
            "answer": outbound(),
            "answer-to-an-answer": outbound(target="UgxA.9b"),
            "hide": outbound(operation="hide", public=False, text=""),
            "publish": outbound(operation="publish", public=False, text=""),
            "delete-ours": outbound(operation="delete", target="UgxA.9gone", public=False, text=""),
            "delete-theirs": outbound(operation="delete", target="UgxA.9b", public=False, text=""),
        },
        failures={
            "quotaExceeded": "throttled",
            "units": "throttled",
            "rateLimitExceeded": "throttled",
            "429": "throttled",
            "commentsDisabled": "permanent",
            "videoNotFound": "permanent",
            "parentCommentNotFound": "permanent",
            "operationNotSupported": "permanent",
            "forbidden": "permanent",
            "processingFailure": "permanent",
            "insufficientPermissions": "temporary",
            "revoked": "temporary",
            "500": "temporary",
            "503": "temporary",
            "401": "temporary",
            "cut": "ambiguous",
            "silence": "ambiguous",
        },
        told_again="peer",
    ),
)
