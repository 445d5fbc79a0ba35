"""Those of the demo's providers that carry text messages beside the gateway, and the server of the XMPP component.

SMSAPI and Twilio are called over HTTP like the other providers; the message centre and the XMPP server have ports of
their own, because a connection to them stays open.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Mapping

from aiohttp import web

from connectors.contract import Clock
from hub.demo.peers.smpp import SmppPeer
from hub.demo.peers.smsapi import SmsApiPeer
from hub.demo.peers.twilio import TwilioPeer
from hub.demo.peers.xmpp import XmppPeer
from hub.demo.ways import XMPP_ADDRESS, Taken, Via, jabber_of, phone_of

SECONDS = 2.0
"""Before each report about a message."""

CENTRE, CENTRE_PASSWORD = "centrala", "centrum1"
SMSAPI_TOKEN, SMSAPI_SECRET = "token-of-the-demo-account", "smsapi-of-the-demo-calls"
TWILIO_TOKEN = "auth-token-of-the-demo-account"  # noqa: S105 - of use to nobody outside the demo
COMPONENT_SECRET = "component-of-the-demo"  # noqa: S105 - of use to nobody outside the demo

"""Names of those that are mounted on the site."""


class Carriers:
    """All of them. ``hub`` is the address of its public listener; ``first`` the number that ids go on with."""

    def __init__(self, clock: Clock, hub: str, first: int) -> None:
        self._clock = clock
        self.smsapi = SmsApiPeer(
            token=SMSAPI_TOKEN, hub=f"{hub}/in/smsapi?secret={SMSAPI_SECRET}", seconds=SECONDS, first=first
        )
        self.twilio = TwilioPeer(
            token=TWILIO_TOKEN,
            hub=f"{hub}/in/twilio",
            seconds=SECONDS,
            now=lambda: clock.now() / 1e6,
            first=first,
        )
        self.smpp = SmppPeer(system_id=CENTRE, password=CENTRE_PASSWORD, seconds=SECONDS, first=first)
        self.xmpp = XmppPeer(domain=XMPP_ADDRESS.partition("@")[2], secret=COMPONENT_SECRET, first=first)

    def apps(self) -> Mapping[str, web.Application]:
        """Those that speak HTTP, by name."""
        return {"smsapi": self.smsapi.app(), "twilio": self.twilio.app()}

    @contextlib.asynccontextmanager
    async def listening(self, smpp: int, xmpp: int) -> AsyncIterator[None]:
        """Those with ports of their own, for the length of the block. Raises OSError."""
        try:
            await self.smpp.open(smpp)
            await self.xmpp.open(xmpp)
            yield
        finally:
            await self.smpp.close()
            await self.xmpp.close()

    async def writes(self, via: Via, who: str, text: str) -> None:
        """Somebody writes; returns once the hub has been told."""
        phone, at = phone_of(who), self._clock.now() // 1_000_000
        if via == "smsapi":
            await self.smsapi.writes(phone.lstrip("+"), text, at=at)
        elif via == "twilio":
            await self.twilio.writes(phone, text)
        elif via == "smpp":
            await self.smpp.writes(phone.lstrip("+"), text)
        else:
            await self.xmpp.writes(jabber_of(who), XMPP_ADDRESS, text, name=who)

    def sent(self) -> Mapping[Via, list[Taken]]:
        """All that the office sent, by way."""
        by_smsapi = [(f"+{one.to.lstrip('+')}", one.text) for one in self.smsapi.taken]
        return {
            "smsapi": [Taken(via="smsapi", to=to, text=text) for to, text in by_smsapi],
            "twilio": [Taken(via="twilio", to=one.to, text=one.text) for one in self.twilio.taken],
            "smpp": [Taken(via="smpp", to=f"+{one.to}", text=one.text) for one in self.smpp.taken],
            "xmpp": [Taken(via="xmpp", to=one.to, text=one.text) for one in self.xmpp.taken],
        }
