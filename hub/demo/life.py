"""What goes on while somebody looks: new messages come in, people answer back, colleagues are at work.

Everything comes by the network, as from outside: mails by LMTP, forms and events by HTTP. Only the colleagues act
inside, through the services that their console would call.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import smtplib
from collections.abc import Callable, Coroutine
from typing import cast

import aiohttp
import msgspec

from connectors.contract import Micros
from hub.app import Hub
from hub.demo import citizens, mails
from hub.demo.colleagues import at_work
from hub.demo.letters import Letter, Letters
from hub.demo.providers import Providers, collect
from hub.demo.setting import APPLICATION_INBOX, MAIL_INBOX, PHONE_INBOX, Ports, address
from hub.demo.stories import Arrival, Arrivals, articles, read
from hub.demo.ways import INBOXES, Via, phone_of

FIRST = 8.0
"""Seconds until something new comes in for the first time."""

GAPS = (10.0, 40.0)
"""Shortest and longest time between two arrivals, in seconds."""

LIVELY = 120
"""Arrivals after which they come ten times as rarely: somebody forgot to stop the demo."""

ANSWERS_AFTER = (25.0, 70.0)
"""How long a citizen takes to answer back, in seconds."""

ANSWERS = 0.7
"""Part of the people who do."""

ANSWERED = ("email", "sms", "telegram", "messenger", "instagram", "whatsapp")
"""Ways by which people answer back."""

EXTENSION, RINGS = "101", 20.0
"""The telephone that rings while somebody looks at the demo, and for how many seconds."""

FULL = "pelna.example"
"""Mail to this domain is taken and comes back a little later."""

UNREACHABLE = (OSError, aiohttp.ClientError, smtplib.SMTPException)
"""What may happen to a sender while the hub stops or is busy."""


async def live(hub: Hub, ports: Ports, letters: Letters, providers: Providers, draw: random.Random) -> None:
    """Until cancelled."""
    async with aiohttp.ClientSession() as session, asyncio.TaskGroup() as tasks:
        senders = Senders(hub, ports, providers, session, draw)
        await providers.subscribe()
        tasks.create_task(collect(providers, letters, hub.clock))
        arrivals = read("arrivals", Arrivals)
        letters.listen(lambda letter: _react(tasks, senders, arrivals, letter, draw))
        tasks.create_task(_arrive(senders, arrivals, draw))
        tasks.create_task(at_work(hub, draw))


async def _arrive(senders: Senders, arrivals: Arrivals, draw: random.Random) -> None:
    """Messages come in one after the other, none twice until all have come."""
    pile: list[Arrival] = []
    count, gap = 0, FIRST
    while True:
        await asyncio.sleep(gap)
        if not pile:
            pile = draw.sample(arrivals.messages, len(arrivals.messages))
        with contextlib.suppress(*UNREACHABLE):
            await senders.send(pile.pop(), draw.choice(arrivals.names))
        count += 1
        gap = draw.uniform(*GAPS) * (1 if count < LIVELY else 10)


def _react(
    tasks: asyncio.TaskGroup, senders: Senders, arrivals: Arrivals, letter: Letter, draw: random.Random
) -> None:
    """What comes of a letter: it bounces, or the person answers back, or not."""
    if letter.way not in ANSWERED or letter.refused or letter.automatic:
        return
    if letter.to.endswith(f"@{FULL}"):
        tasks.create_task(_soon(5.0, lambda: senders.bounce(letter)))
    elif draw.random() < ANSWERS:
        text = draw.choice(arrivals.follow_ups)
        tasks.create_task(_soon(draw.uniform(*ANSWERS_AFTER), lambda: senders.answer(letter, text)))


async def _soon(seconds: float, act: Callable[[], Coroutine[None, None, None]]) -> None:
    await asyncio.sleep(seconds)
    with contextlib.suppress(*UNREACHABLE):
        await act()


class Senders:
    """Everybody outside who can write to the hub."""

    def __init__(
        self,
        hub: Hub,
        ports: Ports,
        providers: Providers,
        session: aiohttp.ClientSession,
        draw: random.Random,
    ) -> None:
        self._hub = hub
        self._ports = ports
        self._providers = providers
        self._session = session
        self._draw = draw
        self._office = str(hub.config.inbox(MAIL_INBOX).settings["address"])
        self._articles = {article.key: article for article in articles()}

    async def send(self, arrival: Arrival, name: str) -> None:
        """One message by its channel. Raises one of ``UNREACHABLE``."""
        if arrival.via == "email":
            await self._mail(name, mails.address_of(name), arrival.subject, arrival.text)
        elif arrival.via == "webhook":
            await self._tell(name, arrival)
        elif arrival.via == "phone":
            await self._ring(name)
        elif arrival.via in INBOXES:
            await self._providers.writes(cast(Via, arrival.via), name, arrival.text.strip())
        else:
            await self._post(*self._form(arrival, name))

    def _form(self, arrival: Arrival, name: str) -> tuple[str, dict[str, str]]:
        """Where a form is posted, and what is filled in."""
        draw, email = self._draw, mails.address_of(name)
        phone = f"22 000 {draw.randrange(10, 99)} {draw.randrange(10, 99)}"
        if arrival.via == "form":
            filled = citizens.contact_form(draw, name, email, "", arrival.subject, arrival.text.strip())
            return "/embed/form/formularz", filled
        if arrival.via == "callback":
            filled = citizens.callback_form(draw, name, email, phone, arrival.subject, None)
            return "/embed/callback/oddzwonienie", filled
        article = self._articles[arrival.article]
        url = f"{address(self._ports.site)}/artykul/{article.key}"
        place = {"article": article.key, "title": article.title, "section": article.section, "url": url}
        filled = citizens.comment_form(
            draw, name.split()[0].lower(), email, arrival.text.strip(), place, None
        )
        return "/embed/comments/komentarze", filled

    async def _post(self, path: str, fields: dict[str, str]) -> None:
        url = address(self._ports.public) + path
        async with self._session.post(url, data=fields, allow_redirects=False) as response:
            await response.read()

    async def _tell(self, name: str, arrival: Arrival) -> None:
        settings = self._hub.config.inbox(APPLICATION_INBOX).settings
        thread = f"uzytkownik-{mails.address_of(name).partition('@')[0]}"
        event = citizens.application_event(self._draw, name, thread, arrival.subject, arrival.text)
        body = msgspec.json.encode(event)
        headers = citizens.signed(body, settings["secret"].reveal(), self._hub.clock.now())
        url = f"{address(self._ports.public)}/in/{APPLICATION_INBOX}"
        async with self._session.post(url, data=body, headers=headers) as response:
            await response.read()

    async def _ring(self, name: str) -> None:
        """Somebody rings the consultant who is looked after here, and gives up after a while."""
        first = citizens.call_event(self._draw, "ringing", phone_of(name), extension=EXTENSION)
        await self._exchange(first)
        await asyncio.sleep(RINGS)
        last = citizens.call_event(self._draw, "missed", phone_of(name), str(first["call"]), EXTENSION)
        await self._exchange(last)

    async def _exchange(self, event: dict[str, object]) -> None:
        secret = self._hub.config.inbox(PHONE_INBOX).settings["secret"].reveal()
        url = f"{address(self._ports.public)}/in/{PHONE_INBOX}"
        headers = {"Authorization": f"Bearer {secret}"}
        async with self._session.post(url, json=event, headers=headers) as response:
            await response.read()

    async def _mail(
        self, name: str, sender: str, subject: str, text: str, answers: Letter | None = None
    ) -> None:
        mail = mails.Mail(
            name=name,
            address=sender,
            to=answers.reply_to if answers else self._office,
            subject=subject,
            text=text,
            at=self._hub.clock.now(),
            answers=answers,
        )
        await self._deliver(sender, mail.to, mails.written(mail, self._draw, delivered=False))

    async def answer(self, letter: Letter, text: str) -> None:
        """The person who got a letter answers it, the same way."""
        if letter.way in INBOXES:
            if name := self._providers.name_of(cast(Via, letter.way), letter.to):
                await self._providers.writes(cast(Via, letter.way), name, text)
            return
        name = letter.to.partition("@")[0].replace(".", " ").title()
        await self._mail(name, letter.to, f"Re: {letter.subject.removeprefix('Re: ')}", text, letter)

    async def bounce(self, letter: Letter) -> None:
        """A letter comes back after all."""
        notice = mails.bounce(
            letter, self._office, Micros(self._hub.clock.now()), self._draw, delivered=False
        )
        await self._deliver("", self._office, notice)

    async def _deliver(self, sender: str, to: str, mail: bytes) -> None:
        await asyncio.to_thread(_lmtp, self._ports.lmtp, sender, to, mail)


def _lmtp(port: int, sender: str, to: str, mail: bytes) -> None:
    """Hand a mail over as the office's mail server does."""
    with smtplib.LMTP("127.0.0.1", port, local_hostname="poczta.example", timeout=10) as server:
        server.sendmail(sender, [to], mail)
