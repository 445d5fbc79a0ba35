"""SMSAPI: its calls in, ``sms.do`` out to the provider of the demo, which behaves as documented."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import AsyncIterator

import msgspec

from connectors.contract import Connector, Env, Micros, Secret
from connectors.smsapi import CHANNEL
from connectors.smsapi.settings import Settings
from hub.demo.peers.smsapi import SmsApiPeer, message_form, served
from hub.egress import CheckedEgress
from tests.connectors.requests import post
from tests.connectors.sms.specimen import PRIVATE, outbound
from tests.contract.case import Case, Wired

TOKEN = "token-oauth-smsapi"
SECRET = "tajemnica-wywolan-smsapi"


class _SmsApi:
    def __init__(self, env: Env, peer: SmsApiPeer, url: str, egress: CheckedEgress) -> None:
        settings = Settings(
            token=Secret(TOKEN),
            secret=Secret(SECRET),
            base_urls=(url,),
            sender="Urzad",
            price=16,
            reports=False,
            timeout_seconds=1,
        )
        self.connector: Connector = CHANNEL.create(settings, msgspec.structs.replace(env, egress=egress))
        self._peer = peer

    async def tell(self, number: int) -> bool:
        body = message_form(
            identity=f"4E{number:022X}",
            sender="48600700800",
            to="48123123123",
            text="Mój PESEL: 44051401359",
            at=1_794_328_000,
        )
        answer = await post(self.connector, f"/in/test-inbox?secret={SECRET}", body.encode())
        return answer.status == 200 and answer.body == b"OK"

    def sent(self) -> bytes:
        return "\n".join(
            "&".join(f"{k}={v}" for k, v in message.form) for message in self._peer.taken
        ).encode()

    def fail(self, how: str) -> None:
        self._peer.fault = how


@contextlib.asynccontextmanager
async def _wired(env: Env) -> AsyncIterator[Wired]:
    peer, egress = SmsApiPeer(token=TOKEN), CheckedEgress(["127.0.0.0/8"])
    try:
        async with served(peer) as url:
            yield _SmsApi(env, peer, url, egress)
    finally:
        await egress.close()


_outbound = functools.partial(outbound, created_at=Micros(1_794_328_000_000_000))

CASES = (
    Case(
        name="account",
        wired=_wired,
        secrets=(TOKEN, SECRET, *PRIVATE),
        sends={
            "polish": _outbound(),
            "without-diacritics": _outbound(automatic=True, delivery=43),
            "long": _outbound(text="Zażółć gęślą jaźń. " * 8, delivery=44),
        },
        failures={
            "13": "permanent",
            "14": "temporary",
            "52": "throttled",
            "59": "permanent",
            "101": "temporary",
            "103": "temporary",
            "112": "permanent",
            "201": "temporary",
            "777": "temporary",
            "http 429": "throttled",
            "http 503": "temporary",
            "http 404": "permanent",
            "garbage": "ambiguous",
            "cut": "ambiguous",
            "silence": "ambiguous",
        },
    ),
)
