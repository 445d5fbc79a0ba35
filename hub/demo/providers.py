"""The providers of the demo: those who carry what citizens write besides mail and the office's own site.

Each is a stand-in from :mod:`hub.demo.peers`, mounted under ``/dostawcy/`` on the site's port. Citizens write through
them as through the real ones: by signed webhooks, or into what the hub asks for. What came through them is kept beside
the letters, for after a restart a provider must still know who wrote to the office.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import msgspec
from aiohttp import web

from connectors.contract import Clock
from hub.demo.carriers import Carriers
from hub.demo.letters import Letter, Letters
from hub.demo.peers import telegram_payloads, youtube_payloads
from hub.demo.peers.kannel import KannelPeer
from hub.demo.peers.meta.comments import CommentsPeer, Thing
from hub.demo.peers.meta.direct import DirectPeer
from hub.demo.peers.meta.platform import Account, MetaPeer
from hub.demo.peers.meta.whatsapp import WhatsAppPeer
from hub.demo.peers.telegram import TelegramPeer
from hub.demo.peers.x import XPeer
from hub.demo.peers.x_payloads import Person
from hub.demo.peers.youtube import YouTubePeer
from hub.demo.setting import PREFIX, Ports
from hub.demo.ways import Taken, Via, Written, jabber_of, number_of, phone_of

PAGE, INSTAGRAM, NUMBER = "104212345678901", "178414000000001", "590968830767958"
BUSINESS, CHANNEL = "131470230291794", "UCzielonalinia0000000000"
VERIFY = "the demo's page is the office's"
GATEWAY = "the demo's gateway"
TELEGRAM_TOKEN = "7001:the-bot-of-the-demo"  # noqa: S105 - of use to nobody outside the demo
LEDGER = "providers.jsonl"
"""Name of the file in the data folder that keeps what came through them."""

AGAIN = 50
"""How often an SMS is told that the hub cannot take yet."""

COLLECT = 1.0
"""Seconds between two looks at what the office sent."""

BEGINNING = 1_780_000_000
"""Seconds since 1970 from which numbers are counted."""

POST = "Od poniedziałku składasz wniosek o zasiłek także przez telefon. Jak? Przeczytaj w komentarzu."
REEL = "Zaglądamy na targi pracy: kogo szukają firmy z regionu?"
CARRIED = ("smpp", "smsapi", "twilio", "xmpp")
"""Ways of :mod:`hub.demo.carriers`."""

VIDEO, FILM = "zasilek3min", "Zasiłek w trzy minuty"


class Providers:
    """All of them. ``path`` is the ledger of what came through them; ``site`` and ``hub`` are addresses."""

    def __init__(self, path: Path, clock: Clock, site: str, hub: str) -> None:
        self._path = path
        self._clock = clock
        self._hub = hub
        # Numbers go on where those of an earlier run ended: nobody writes more than once a second.
        first = clock.now() // 1_000_000 - BEGINNING
        self.kannel = KannelPeer(
            password=GATEWAY,
            secret="gateway-of-the-demo",  # noqa: S106 - of use to nobody outside the demo
            hub=f"{hub}/in/sms",
            seconds=2.0,
            first=first,
        )
        self.carriers = Carriers(clock, hub, first)
        self.telegram = TelegramPeer(TELEGRAM_TOKEN, lambda: clock.now() / 1e6, first=first)
        self.meta = MetaPeer(now=clock.now, prefix=f"{PREFIX}/meta", base=site, lively=True, numbered=first)
        self.meta.accounts = {
            PAGE: Account(PAGE, "page", "token-of-the-demo-page", "Urzędy pracy"),
            INSTAGRAM: Account(INSTAGRAM, "instagram", "token-of-the-demo-page", "urzedy.pracy", PAGE),
            NUMBER: Account(NUMBER, "whatsapp", "token-of-the-demo-number", "Urzędy pracy"),
        }
        self.direct = DirectPeer(self.meta)
        self.whatsapp = WhatsAppPeer(self.meta, BUSINESS, NUMBER, "+48 22 000 00 00")
        self.whatsapp.templates = {("termin_wizyty", "pl"): 2}
        self.comments = CommentsPeer(self.meta)
        self.x = XPeer(clock.now, Person("2244994945", "urzedypracy", "Urzędy pracy"), f"{PREFIX}/x")
        self.youtube = YouTubePeer(clock.now, CHANNEL, "@urzedypracy", f"{PREFIX}/youtube")
        self.youtube.numbered = first
        self._seen: dict[str, int] = {}
        self._page_post()
        self._medium()
        for written in _read(path):
            self._remember(written)

    def mount(self, app: web.Application) -> None:
        """Be part of the site's application."""
        parts: dict[str, web.Application] = {
            "kannel": self.kannel.app(),
            "telegram": self.telegram.app(),
            "meta": self.meta.app(),
            "x": self.x.app(),
            "youtube": self.youtube.app(),
            **self.carriers.apps(),
        }
        for name, part in parts.items():
            app.add_subapp(f"{PREFIX}/{name}", part)

    def listening(self, ports: Ports) -> AbstractAsyncContextManager[None]:
        """Those with ports of their own, for the length of a block. Raises OSError."""
        return self.carriers.listening(ports.smpp, ports.xmpp)

    async def subscribe(self) -> None:
        """Enter the hub's callbacks, as an administrator does at each provider."""
        for kind, inbox in (("page", "messenger"), ("instagram", "instagram")):
            await self.meta.subscribe(kind, f"{self._hub}/in/{inbox}", VERIFY)
        await self.meta.subscribe("whatsapp_business_account", f"{self._hub}/in/whatsapp", VERIFY)
        await self.x.registers(f"{self._hub}/in/x")

    async def close(self) -> None:
        """Let go of connections."""
        await self.meta.close()

    # --- what citizens do -----------------------------------------------------------------------------------------

    async def writes(self, via: Via, who: str, text: str, under: str = "") -> Written:
        """Somebody writes; returns once the provider has told the hub. ``under`` is the comment that is answered."""
        told = ""
        if via in CARRIED:
            await self.carriers.writes(via, who, text)
        else:
            told = await _WRITE[via](self, who, text, under)
        written = Written(via=via, who=who, text=text, at=self._clock.now(), id=told, under=under)
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.open("ab") as file:
            file.write(msgspec.json.encode(written) + b"\n")
        return written

    async def _sms(self, who: str, text: str, under: str) -> str:
        identity = f"00000000-0000-4000-8000-{self._clock.now() % 10**12:012d}"
        for _ in range(AGAIN):
            at = self._clock.now() // 1_000_000
            if await self.kannel.writes(phone_of(who), text, identity=identity, at=at) != 503:
                break
            await asyncio.sleep(0.2)
        return ""

    async def _telegram(self, who: str, text: str, under: str) -> str:
        await self.telegram.writes(_telegram_person(who), text)
        return ""

    async def _direct(self, who: str, text: str, under: str) -> str:
        return await self.direct.writes(self._meet(who, "messenger"), text)

    async def _instagram(self, who: str, text: str, under: str) -> str:
        return await self.direct.writes(self._meet(who, "instagram"), text)

    def _meet(self, who: str, platform: str) -> str:
        account = INSTAGRAM if platform == "instagram" else PAGE
        number = number_of(f"{platform} {who}", 16)
        if number not in self.direct.people:
            username = who.lower().replace(" ", ".")
            self.direct.meet(number, account, who, platform=platform, username=username)
        return number

    async def _whatsapp(self, who: str, text: str, under: str) -> str:
        number = phone_of(who).lstrip("+")
        self.whatsapp.names[number] = who
        return await self.whatsapp.writes(number, text)

    async def _facebook(self, who: str, text: str, under: str) -> str:
        place = self._page_post()
        return await self.comments.comments(place, number_of(who, 16), who, text, parent=under)

    async def _reel(self, who: str, text: str, under: str) -> str:
        name = who.lower().replace(" ", ".")
        return await self.comments.comments(self._medium(), number_of(who, 16), name, text, parent=under)

    def _page_post(self) -> str:
        """The post of the page under which people comment."""
        return self._put_up(f"{PAGE}_000000009000", PAGE, "Urzędy pracy", POST)

    def _medium(self) -> str:
        """The film of the Instagram account under which people comment."""
        return self._put_up("17900000009009", INSTAGRAM, "urzedy.pracy", REEL)

    def _put_up(self, number: str, account: str, name: str, text: str) -> str:
        if number not in self.comments.things:
            at = self._clock.now()
            self.comments.things[number] = Thing(number, account, account, name, text, at)
        return number

    async def _x(self, who: str, text: str, under: str) -> str:
        return await self.x.writes(_x_person(who), text)

    async def _mention(self, who: str, text: str, under: str) -> str:
        return await self.x.mentions(_x_person(who), text)

    async def _youtube(self, who: str, text: str, under: str) -> str:
        self.youtube.videos.setdefault(VIDEO, FILM)
        return self.youtube.comments_on(VIDEO, (f"UC{number_of(who, 16)}", f"@{who}"), text, parent=under)

    def youtube_page(self, comment: str) -> bytes:
        """A page with one comment, as the API shows it to who asks for new ones."""
        thread = youtube_payloads.thread(VIDEO, CHANNEL, self.youtube.comments[comment], [])
        return msgspec.json.encode(youtube_payloads.page("commentThread", [thread]))

    def _remember(self, written: Written) -> None:
        """What a provider knows of somebody who wrote before the demo was stopped."""
        who, at = written.who, written.at
        if written.via == "telegram":
            self.telegram.meet(_telegram_person(who))
        elif written.via in ("messenger", "instagram"):
            self.direct.people[self._meet(who, written.via)].wrote_at = at
        elif written.via == "whatsapp":
            self.whatsapp.wrote_at[phone_of(who).lstrip("+")] = at
        elif written.via in ("facebook", "reel"):
            account, place = (
                (PAGE, self._page_post()) if written.via == "facebook" else (INSTAGRAM, self._medium())
            )
            made = Thing(written.id, account, number_of(who, 16), who, written.text, at, place, written.under)
            self.comments.things[written.id] = made
        elif written.via == "youtube":
            author = (f"UC{number_of(who, 16)}", f"@{who}")
            self.youtube.videos.setdefault(VIDEO, FILM)
            self.youtube.places[written.id] = VIDEO
            self.youtube.comments[written.id] = youtube_payloads.comment(
                written.id,
                author,
                written.text,
                at,
                channel=CHANNEL,
                parent=written.under,
                status="published",
            )
        elif written.via in ("x", "mention"):
            self.x.people[_x_person(who).number] = _x_person(who)

    def name_of(self, via: Via, to: str) -> str:
        """Who has an address, of those who wrote; "" for nobody."""
        wrote = [one.who for one in _read(self._path) if one.via == via]
        return next((who for who in wrote if to in (who, phone_of(who), jabber_of(who))), "")

    # --- what the office sent -------------------------------------------------------------------------------------

    def collect(self) -> list[Taken]:
        """What came from the office since this was asked last."""
        found: list[Taken] = []
        for look in (self._sent_sms, self._sent_telegram, self._sent_direct, self._sent_whatsapp, self._sent_comments,
                     self._sent_x, self._sent_youtube):  # fmt: skip
            everything = look()
            found += everything[self._seen.get(look.__name__, 0) :]
            self._seen[look.__name__] = len(everything)
        for via, sent in self.carriers.sent().items():
            found += sent[self._seen.get(via, 0) :]
            self._seen[via] = len(sent)
        return found

    def _sent_sms(self) -> list[Taken]:
        return [Taken(via="sms", to=message.to, text=message.text) for message in self.kannel.taken]

    def _sent_telegram(self) -> list[Taken]:
        said = [
            call
            for call in self.telegram.calls
            if call.method.startswith("send") and "Action" not in call.method
        ]
        people = self.telegram.people
        return [
            Taken(
                via="telegram",
                to=_shown(people.get(int(call.params["chat_id"]))),
                text=str(call.params.get("text") or call.params.get("caption") or ""),
            )
            for call in said
        ]

    def _sent_direct(self) -> list[Taken]:
        people = self.direct.people
        return [
            Taken(via=_platform(people[one.person].platform), to=people[one.person].name, text=one.text)
            for one in self.direct.received
            if one.text
        ]

    def _sent_whatsapp(self) -> list[Taken]:
        return [Taken(via="whatsapp", to=f"+{one.number}", text=one.text) for one in self.whatsapp.received]

    def _sent_comments(self) -> list[Taken]:
        ours = [
            thing for thing in self.comments.things.values() if thing.author == thing.account and thing.under
        ]
        things = self.comments.things
        public = [
            Taken(
                via="facebook" if thing.account == PAGE else "reel",
                to=things[thing.parent].name if thing.parent in things else "",
                text=thing.text,
            )
            for thing in ours
        ]
        return [
            *public,
            *(Taken(via="messenger", to=one.person, text=one.text) for one in self.comments.private),
        ]

    def _sent_x(self) -> list[Taken]:
        return [Taken(via="x", to="", text=str(body.get("text", ""))) for body in self.x.sent()]

    def _sent_youtube(self) -> list[Taken]:
        own = [one["snippet"] for one in self.youtube.comments.values()
               if one["snippet"].get("authorChannelId", {}).get("value") == CHANNEL]  # fmt: skip
        return [Taken(via="youtube", to="", text=str(snippet["textOriginal"])) for snippet in own]


def _platform(name: str) -> Via:
    return "instagram" if name == "instagram" else "messenger"


def _shown(person: telegram_payloads.Person | None) -> str:
    return f"{person.first_name} {person.last_name}".strip() if person is not None else ""


def _telegram_person(who: str) -> telegram_payloads.Person:
    first, _, last = who.partition(" ")
    return telegram_payloads.Person(id=int(number_of(who)), first_name=first, last_name=last)


def _x_person(who: str) -> Person:
    return Person(number_of(who, 12), who.lower().replace(" ", "_")[:15], who)


def _read(path: Path) -> list[Written]:
    if not path.exists():
        return []
    return [msgspec.json.decode(line, type=Written) for line in path.read_bytes().splitlines()]


_WRITE: Mapping[Via, Callable[[Providers, str, str, str], Coroutine[Any, Any, str]]] = {
    "sms": Providers._sms,
    "telegram": Providers._telegram,
    "messenger": Providers._direct,
    "instagram": Providers._instagram,
    "whatsapp": Providers._whatsapp,
    "facebook": Providers._facebook,
    "reel": Providers._reel,
    "x": Providers._x,
    "mention": Providers._mention,
    "youtube": Providers._youtube,
}


def letter_of(taken: Taken, at: int) -> Letter:
    """What the office sent, as the page of what citizens got shows it."""
    return Letter(at=at, way=taken.via, to=taken.to, subject="", text=taken.text)


async def collect(providers: Providers, letters: Letters, clock: Clock) -> None:
    """Show what the office sends with the letters, until cancelled."""
    while True:
        await asyncio.sleep(COLLECT)
        for taken in providers.collect():
            letters.add(letter_of(taken, clock.now()))
