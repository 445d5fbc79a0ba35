"""Channels whose providers run nowhere but at themselves: faithful stand-ins from :mod:`hub.demo.peers` on loopback.

What a provider holds and shows to whoever asks (Telegram, X, YouTube) the hub owes from the moment it stands there;
what is told by webhooks only (Meta) it owes from its 200 on.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Mapping, Sequence

import aiohttp
from aiohttp import web

from hub.demo.peers.meta.comments import CommentsPeer, Thing
from hub.demo.peers.meta.direct import DirectPeer
from hub.demo.peers.meta.platform import Account, Call, MetaPeer
from hub.demo.peers.meta.whatsapp import WhatsAppPeer
from hub.demo.peers.telegram import TelegramPeer
from hub.demo.peers.telegram_payloads import Person as TelegramPerson
from hub.demo.peers.x import LIMITS, XPeer
from hub.demo.peers.x_payloads import Person as XPerson
from hub.demo.peers.youtube import YouTubePeer
from tests.chaos.channels.base import SLOWLY, Channel, Place, Way, inbox
from tests.chaos.ledgers import NotYet, answers_in, number_of, person_of
from tests.servers.process import free_port

SERIES = 3
PAGE, INSTAGRAM, NUMBER = "104212345678901", "178414000000001", "590968830767958"
POST = f"{PAGE}_000000009000"
MEDIUM = "179000000090009"
TOKENS = {"page": "token-of-the-page", "number": "token-of-the-number"}
VERIFY = "the page is the office's"
BOT = "7001:the-bot-of-the-chaos-tests"
CHANNEL, VIDEO = "UCzielonalinia0000000000", "zasilek3min"
ME = XPerson("2244994945", "urzedypracy", "Urzędy pracy")


def _now() -> int:
    return time.time_ns() // 1000


def _text(marker: str) -> str:
    return f"Dzień dobry, tu {marker}."


class Provider(Channel):
    """A stand-in on a port of its own."""

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        self.port = free_port()
        self._runner: web.AppRunner | None = None

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def app(self) -> web.Application:
        raise NotImplementedError

    async def open(self, session: aiohttp.ClientSession) -> None:
        self._session = session
        self._runner = web.AppRunner(self.app(), access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self.port).start()

    async def close(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()


class Telegram(Provider):
    """A bot that asks for updates; one is acknowledged when the bot's offset has passed it."""

    kind = "telegram"

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        self.peer = TelegramPeer(BOT, time.time)
        self._told: set[str] = set()

    def app(self) -> web.Application:
        return self.peer.app()

    def config(self) -> str:
        return inbox("bot", "telegram", f'token = "{BOT}"\napi_url = "{self.address}"\npoll_seconds = 2')

    def ways(self) -> Mapping[str, Way]:
        return {"telegram": Way(attempt=self._write, series=SERIES)}

    async def _write(self, marker: str) -> None:
        if marker not in self._told:
            self._told.add(marker)
            person = person_of(marker, SERIES)
            await self.peer.writes(
                TelegramPerson(id=9000 + int(person[-5:]), first_name=person), _text(marker)
            )
        if any(marker in str(update) for update in self.peer.updates.pending):
            raise NotYet(marker)

    async def received(self) -> Sequence[str]:
        said = (call for call in self.peer.calls if call.method == "sendMessage")
        return [marker for call in said for marker in answers_in(str(call.params.get("text", "")))]


class Meta(Provider):
    """Messenger, Instagram, WhatsApp, comments under the page's post and under a picture on Instagram: signed calls,
    again until they get a 200."""

    kind = "messenger"
    unanswered = ("facebook", "instakomentarze")

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        self.peer = MetaPeer(now=_now, base=self.address)
        self.peer.accounts = {
            PAGE: Account(PAGE, "page", TOKENS["page"], "Urzędy pracy"),
            INSTAGRAM: Account(INSTAGRAM, "instagram", TOKENS["page"], "urzedy.pracy", PAGE),
            NUMBER: Account(NUMBER, "whatsapp", TOKENS["number"], "Urzędy pracy"),
        }
        self.direct = DirectPeer(self.peer)
        self.whatsapp = WhatsAppPeer(self.peer, "131470230291794", NUMBER, "+48 22 000 00 00")
        self.comments = CommentsPeer(self.peer)
        self.comments.things[POST] = Thing(POST, PAGE, PAGE, "Urzędy pracy", "Wpis", _now())
        self.comments.things[MEDIUM] = Thing(MEDIUM, INSTAGRAM, INSTAGRAM, "urzedy.pracy", "Zdjęcie", _now())
        self._calls: dict[str, Call] = {}

    def app(self) -> web.Application:
        return self.peer.app()

    def config(self) -> str:
        common = (
            f'app_id = "{self.peer.app_id}"\napp_secret = "{self.peer.app_secret}"\n'
            f'verify_token = "{VERIFY}"\ngraph_url = "{self.address}"\n'
        )
        page = f'{common}access_token = "{TOKENS["page"]}"\naccount = "{PAGE}"\n'
        photos = f'{common}access_token = "{TOKENS["page"]}"\naccount = "{INSTAGRAM}"\npage = "{PAGE}"\n'
        sibling = f'{{ inbox = "facebook", kind = "facebook_comments", account = "{PAGE}" }}'
        under = f'{{ inbox = "instakomentarze", kind = "instagram_comments", account = "{INSTAGRAM}" }}'
        return (
            inbox("messenger", "messenger", f"{page}siblings = [{sibling}]")
            + inbox("facebook", "facebook_comments", f'{page}moderation = "post"')
            + inbox("instagram", "instagram", f"{photos}siblings = [{under}]")
            + inbox("instakomentarze", "instagram_comments", f'{photos}moderation = "post"')
            + inbox(
                "whatsapp",
                "whatsapp",
                f'{common}access_token = "{TOKENS["number"]}"\naccount = "{NUMBER}"\n'
                'business_account = "131470230291794"',
            )
        )

    async def ready(self) -> None:
        for kind, name in (
            ("page", "messenger"),
            ("instagram", "instagram"),
            ("whatsapp_business_account", "whatsapp"),
        ):
            if not await self.peer.subscribe(kind, f"{self.place.url}/in/{name}", VERIFY):
                raise AssertionError(f"the hub does not confirm the callback of {kind}")

    async def close(self) -> None:
        await self.peer.close()
        await super().close()

    def ways(self) -> Mapping[str, Way]:
        return {
            "messenger": Way(attempt=self._messenger, series=SERIES),
            "instagram": Way(attempt=self._instagram, series=SERIES),
            "whatsapp": Way(attempt=self._whatsapp, series=SERIES),
            "facebook": Way(attempt=self._facebook),
            "insta": Way(attempt=self._under_a_picture, pace=SLOWLY),
        }

    async def _messenger(self, marker: str) -> None:
        if not await self._again(marker):
            await self._tell(marker, self.direct.writes(self._meet(marker, PAGE, "messenger"), _text(marker)))

    async def _instagram(self, marker: str) -> None:
        if not await self._again(marker):
            person = self._meet(marker, INSTAGRAM, "instagram")
            await self._tell(marker, self.direct.writes(person, _text(marker)))

    async def _whatsapp(self, marker: str) -> None:
        if not await self._again(marker):
            number = f"486{int(person_of(marker, SERIES)[-5:]):08d}"
            await self._tell(marker, self.whatsapp.writes(number, _text(marker)))

    async def _facebook(self, marker: str) -> None:
        if not await self._again(marker):
            by = f"{number_of(marker):016d}"
            await self._tell(marker, self.comments.comments(POST, by, "Jan", _text(marker)))

    async def _under_a_picture(self, marker: str) -> None:
        if not await self._again(marker):
            by = f"3{number_of(marker):016d}"
            await self._tell(marker, self.comments.comments(MEDIUM, by, "ola", _text(marker)))

    def _meet(self, marker: str, account: str, platform: str) -> str:
        name = person_of(marker, SERIES)
        digit = "1" if platform == "messenger" else "2"
        number = f"{digit}{int(name[-5:]):015d}"
        if number not in self.direct.people:
            self.direct.meet(number, account, name, platform=platform, username=name)
        return number

    async def _tell(self, marker: str, writing: object) -> None:
        """The first call about an item; what was answered to it is in the peer's list of calls."""
        done = len(self.peer.calls)
        try:
            await writing  # type: ignore[misc]
        finally:
            for call in self.peer.calls[done:]:
                if marker.encode() in call.body:
                    self._calls[marker] = call
        if self._calls[marker].status != 200:
            raise NotYet(marker)

    async def _again(self, marker: str) -> bool:
        """The same call, with the same signature, as Meta repeats it; False where there was none yet."""
        call = self._calls.get(marker)
        if call is None:
            return False
        headers = {"Content-Type": "application/json", "X-Hub-Signature-256": call.signature}
        async with self._session.post(call.url, data=call.body, headers=headers) as answer:
            if answer.status != 200:
                raise NotYet(answer.status)
        return True

    async def received(self) -> Sequence[str]:
        texts = [one.text for one in self.direct.received] + [one.text for one in self.whatsapp.received]
        return [marker for text in texts for marker in answers_in(text)]


class X(Provider):
    """Direct messages: told by webhook, shown to whoever asks; X does not repeat a call for long."""

    kind = "x"

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        self.peer = XPeer(_now, ME)
        self.peer.limits = dict.fromkeys(LIMITS, 100_000)
        self._told: set[str] = set()

    def app(self) -> web.Application:
        return self.peer.app()

    def config(self) -> str:
        return inbox(
            "x",
            "x",
            'account_id = "2244994945"\nconsumer_key = "app-key"\n'
            'consumer_secret = "app-secret-of-the-peer"\naccess_token = "account-token"\n'
            f'access_token_secret = "account-secret-of-the-peer"\napi_url = "{self.address}"\npoll_seconds = 1.0',
        )

    async def ready(self) -> None:
        if not await self.peer.registers(f"{self.place.url}/in/x"):
            raise AssertionError("the hub does not answer the challenge of X")

    def ways(self) -> Mapping[str, Way]:
        return {"xdirect": Way(attempt=self._write, pace=SLOWLY)}

    async def _write(self, marker: str) -> None:
        if marker in self._told:
            # A call took too long; it stands there all the same, and whoever asks will see it.
            return
        self._told.add(marker)
        number = number_of(marker)
        with contextlib.suppress(aiohttp.ClientError):
            await self.peer.writes(XPerson(str(7_000_000 + number), f"osoba{number}", marker), _text(marker))

    async def received(self) -> Sequence[str]:
        return [marker for body in self.peer.sent() for marker in answers_in(str(body.get("text", "")))]


class YouTube(Provider):
    """Comments under a film, which are asked for."""

    kind = "youtube"
    unanswered = ("youtube",)

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        self.peer = YouTubePeer(_now, CHANNEL, "@urzedypracy")
        self.peer.day_units = 10_000_000

    def app(self) -> web.Application:
        return self.peer.app()

    def config(self) -> str:
        return inbox(
            "youtube",
            "youtube",
            f'channel_id = "{CHANNEL}"\nclient_id = "client-id"\nclient_secret = "client-secret-of-the-peer"\n'
            f'refresh_token = "refresh-token-of-the-peer"\napi_url = "{self.address}/youtube/v3"\n'
            f'token_url = "{self.address}/token"\npoll_seconds = 1.0\ndaily_units = 1000000\nmoderation = "post"',
        )

    def ways(self) -> Mapping[str, Way]:
        return {"youtube": Way(attempt=self._comment, pace=SLOWLY)}

    async def _comment(self, marker: str) -> None:
        self.peer.comments_on(VIDEO, (f"UC{number_of(marker):022d}", f"@{marker}"), _text(marker))
