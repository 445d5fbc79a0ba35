"""Kannel: calls of its smsbox in, ``sendsms`` out to the gateway of the demo, which behaves like it on the wire."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

from connectors.contract import Connector, Env, Secret
from connectors.kannel import CHANNEL
from connectors.kannel.settings import Settings
from hub.demo.peers.kannel import Fault, KannelPeer, mo_query, served
from tests.connectors.requests import get
from tests.connectors.sms.specimen import PRIVATE, outbound
from tests.contract.case import Case, Wired

SECRET = "tajemnica-kannela"
PASSWORD = "haslo-sendsms"
AT = 1_794_328_000


class _Kannel:
    def __init__(self, env: Env, peer: KannelPeer, url: str) -> None:
        settings = Settings(
            url=url,
            username="centrala",
            password=Secret(PASSWORD),
            secret=Secret(SECRET),
            sender="+48123123123",
            price=7,
            timeout_seconds=1,
        )
        self.connector: Connector = CHANNEL.create(settings, env)
        self._peer = peer

    async def tell(self, number: int) -> bool:
        query = mo_query(
            identity=f"4f2c7a10-0000-4000-8000-00000000000{number}",
            sender="+48600700800",
            to="+48123123123",
            text="Mój PESEL: 44051401359",
            at=AT,
            secret=SECRET,
        )
        answer = await get(self.connector, f"/in/test-inbox?{query}")
        return answer.status == 200

    def sent(self) -> bytes:
        return "\n".join(message.query.replace(PASSWORD, "-") for message in self._peer.taken).encode()

    def fail(self, how: str) -> None:
        faults: dict[str, Fault] = {
            "403 password": "auth",
            "403 route": "unroutable",
            "400": "refused",
            "503": "down",
            "429": "busy",
            "cut": "cut",
            "silence": "silence",
        }
        self._peer.fault = faults[how]


@contextlib.asynccontextmanager
async def _wired(env: Env) -> AsyncIterator[Wired]:
    peer = KannelPeer(password=PASSWORD, reports=())
    async with served(peer) as url:
        yield _Kannel(env, peer, url)


async def _ready(wired: Wired) -> None:
    """Until what waited is read and the door is open."""
    await asyncio.sleep(0.02)


CASES = (
    Case(
        name="gateway",
        wired=_wired,
        ready=_ready,
        secrets=(SECRET, PASSWORD, *PRIVATE),
        sends={
            "polish": outbound(),
            "short-alphabet": outbound(text="Cena: 5 € [brutto]\nPozdrawiamy", delivery=42),
            "without-diacritics": outbound(automatic=True, delivery=43),
            "long": outbound(text="Zażółć gęślą jaźń. " * 8, delivery=44),
            "emoji": outbound(text="Dziękujemy 😀", delivery=45),
        },
        failures={
            "403 password": "temporary",
            "403 route": "permanent",
            "400": "permanent",
            "503": "temporary",
            "429": "throttled",
            "cut": "ambiguous",
            "silence": "ambiguous",
        },
    ),
)
