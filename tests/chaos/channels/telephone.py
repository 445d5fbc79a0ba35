"""Telephone numbers: SMS through Twilio and SMSAPI (stand-ins from :mod:`hub.demo.peers` on loopback), and calls that a
telephone exchange tells of.

Providers tell again until they get their answer, with the same identity; Twilio also lists what it has told, which the
hub owes from the moment it stands there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import aiohttp
from aiohttp import web

from hub.demo.peers.smsapi import SmsApiPeer
from hub.demo.peers.twilio import TwilioPeer
from tests.chaos.channels.base import SLOWLY, Channel, Place, Way, inbox
from tests.chaos.channels.providers import Provider
from tests.chaos.ledgers import NotYet, answers_in, number_of

TOKEN = "token-of-the-chaos-tests"
SECRET = "secret-of-the-chaos-tests-0123456789"
SMS = 'price = 10\nquiet = "none"\nrepeat_minutes = 0\ntimeout_seconds = 5.0\n'


def _text(marker: str) -> str:
    return f"Dzien dobry, tu {marker}."


class Twilio(Provider):
    """Signed webhooks, and a list behind them."""

    kind = "twilio"

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        self.peer = TwilioPeer(token=TOKEN, hub=f"{place.url}/in/twilio")

    def app(self) -> web.Application:
        return self.peer.app()

    def config(self) -> str:
        return inbox(
            "twilio",
            "twilio",
            f'{SMS}account_sid = "{self.peer.account}"\nauth_token = "{TOKEN}"\nsender = "+48123123125"\n'
            f'base_url = "{self.address}"\ncallback_url = "{self.place.url}"\nrepair_minutes = 0.05',
        )

    def ways(self) -> Mapping[str, Way]:
        return {"twilio": Way(attempt=self._write, pace=SLOWLY)}

    async def _write(self, marker: str) -> None:
        number = number_of(marker)
        sid = f"SM{number:032x}"
        if any(told["sid"] == sid for told in self.peer.received):
            return  # the webhook may have got lost; whoever asks for the list will see it
        if await self.peer.writes(f"+48602{number:06d}", _text(marker), to="+48123123125", sid=sid) != 200:
            raise NotYet(marker)

    async def received(self) -> Sequence[str]:
        return [marker for taken in self.peer.taken for marker in answers_in(taken.text)]


class SmsApi(Provider):
    """Calls that are told again until they are answered ``OK``."""

    kind = "smsapi"

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        self.peer = SmsApiPeer(token=TOKEN, hub=f"{place.url}/in/smsapi?secret={SECRET}", points=1e9)

    def app(self) -> web.Application:
        return self.peer.app()

    def config(self) -> str:
        return inbox(
            "smsapi",
            "smsapi",
            f'{SMS}token = "{TOKEN}"\nsecret = "{SECRET}"\nbase_urls = ["{self.address}"]\nsender = "Urzad"',
        )

    def ways(self) -> Mapping[str, Way]:
        return {"smsapi": Way(attempt=self._write, pace=SLOWLY)}

    async def _write(self, marker: str) -> None:
        number = number_of(marker)
        told = await self.peer.writes(f"48603{number:06d}", _text(marker), identity=f"4E{number:022X}")
        if told != "OK":
            raise NotYet(marker)

    async def received(self) -> Sequence[str]:
        return [marker for taken in self.peer.taken for marker in answers_in(taken.text)]


class Calls(Channel):
    """An exchange that tells of each call three times: it rings, it is answered, it has ended. The caller's name is the
    marker; a call counts as acknowledged when all three are."""

    kind = "phone"

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        self._told: dict[str, int] = {}

    def config(self) -> str:
        return inbox("telefon", "phone", f'secret = "{SECRET}"')

    async def open(self, session: aiohttp.ClientSession) -> None:
        self._session = session

    def ways(self) -> Mapping[str, Way]:
        return {"telefon": Way(attempt=self._call, pace=SLOWLY)}

    async def _call(self, marker: str) -> None:
        for step, event in enumerate(("ringing", "answered", "hung_up")):
            if self._told.get(marker, 0) <= step:
                await self._tell(marker, event)
                self._told[marker] = step + 1

    async def _tell(self, marker: str, event: str) -> None:
        told = {
            "event": event,
            "call": f"call-{marker}",
            "caller": f"+48604{number_of(marker):06d}",
            "name": marker,
            "extension": "101",
            **({"duration": 7} if event == "hung_up" else {}),
        }
        headers = {"Authorization": f"Bearer {SECRET}"}
        url = f"{self.place.url}/in/telefon"
        async with self._session.post(url, json=told, headers=headers) as answer:
            if answer.status != 200:
                raise NotYet(answer.status)
