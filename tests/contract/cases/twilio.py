"""Twilio: its signed webhooks in, the Messages API out to the provider of the demo, which behaves as documented."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from urllib.parse import urlencode

import msgspec

from connectors.contract import Connector, Env, Secret
from connectors.twilio import CHANNEL
from connectors.twilio.settings import Settings
from hub.demo.peers.twilio import TwilioPeer, message_fields, served, sign
from hub.egress import CheckedEgress
from tests.connectors.requests import post
from tests.connectors.sms.specimen import PRIVATE, outbound
from tests.contract.case import Case, Wired

TOKEN = "zeton-konta-twilio"


class _Twilio:
    def __init__(self, env: Env, peer: TwilioPeer, url: str, egress: CheckedEgress) -> None:
        settings = Settings(
            account_sid=peer.account,
            auth_token=Secret(TOKEN),
            base_url=url,
            sender="+48123123123",
            price=30,
            callback_url="https://hub.example",
            timeout_seconds=1,
        )
        self.connector: Connector = CHANNEL.create(settings, msgspec.structs.replace(env, egress=egress))
        self._peer = peer

    async def tell(self, number: int) -> bool:
        fields = message_fields(
            sid=f"SM{number:032x}",
            account=self._peer.account,
            sender="+48600700800",
            to="+48123123123",
            text="Mój PESEL: 44051401359",
        )
        headers = {"X-Twilio-Signature": sign(TOKEN, "https://hub.example/in/test-inbox", fields)}
        answer = await post(self.connector, "/in/test-inbox", urlencode(fields).encode(), headers)
        return answer.status == 200

    def sent(self) -> bytes:
        return "\n".join(
            "&".join(f"{k}={v}" for k, v in message.form) for message in self._peer.taken
        ).encode()

    def fail(self, how: str) -> None:
        self._peer.fault = how


@contextlib.asynccontextmanager
async def _wired(env: Env) -> AsyncIterator[Wired]:
    peer, egress = TwilioPeer(token=TOKEN, statuses=()), CheckedEgress(["127.0.0.0/8"])
    try:
        async with served(peer) as url:
            yield _Twilio(env, peer, url, egress)
    finally:
        await egress.close()


CASES = (
    Case(
        name="account",
        wired=_wired,
        secrets=(TOKEN, *PRIVATE),
        sends={
            "polish": outbound(),
            "without-diacritics": outbound(automatic=True, delivery=43),
            "emoji": outbound(text="Dziękujemy 😀", delivery=45),
        },
        failures={
            "20003 401": "temporary",
            "20429 429": "throttled",
            "21211 400": "permanent",
            "21606 400": "temporary",
            "21610 400": "permanent",
            "21611 429": "throttled",
            "29999 400": "permanent",
            "29999 500": "temporary",
            "http 429": "throttled",
            "http 503": "temporary",
            "garbage": "ambiguous",
            "cut": "ambiguous",
            "silence": "ambiguous",
        },
    ),
)
