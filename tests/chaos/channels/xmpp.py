"""XMPP through a real Prosody. A person's message is acknowledged by the hub's receipt, an answer by the archive."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

import aiohttp

from tests.chaos.channels.base import Channel, Place, Server, Way, inbox
from tests.chaos.ledgers import Attempt, NotYet, answers_in
from tests.connectors.xmpp.person import Person
from tests.servers.prosody import PASSWORD, Prosody

PEOPLE = 3
RECEIPT = 1.0
"""Seconds after which a message without a receipt is sent again, under its id."""


class Xmpp(Channel):
    """Some people with open programs; each writes one message at a time."""

    kind = "xmpp"

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        self._folder = place.path / "prosody"
        self._folder.mkdir()
        self._prosody = Prosody(self._folder)
        self._address = self._prosody.account("kontakt")
        self._accounts = [self._prosody.account(f"osoba{number}") for number in range(PEOPLE)]
        self._people: dict[int, Person] = {}
        self._lives = 0

    def config(self) -> str:
        return inbox(
            "xmpp",
            "xmpp",
            f'address = "{self._address}"\npassword = "{PASSWORD}"\nhost = "127.0.0.1"\n'
            f'port = {self._prosody.port}\ntls = "none"\ntimeout_seconds = 5.0\narchive_seconds = 2.0',
        )

    async def open(self, session: aiohttp.ClientSession) -> None:
        await asyncio.to_thread(self._prosody.start)

    async def close(self) -> None:
        for person in self._people.values():
            await person.leave()
        await asyncio.to_thread(self._prosody.kill)

    def kill(self) -> None:
        """Prosody at once; its people notice."""
        self._lives += 1
        self._prosody.kill()

    def start(self) -> None:
        """Prosody again."""
        self._prosody.start()

    def ways(self) -> Mapping[str, Way]:
        names = ("xmppa", "xmppb", "xmppc")
        return {name: Way(attempt=self._by(who), series=50) for who, name in enumerate(names)}

    def _by(self, who: int) -> Attempt:
        life = -1

        async def attempt(marker: str) -> None:
            nonlocal life
            if life != self._lives:
                if who in self._people:
                    await self._people.pop(who).leave()
                person, now = Person(self._accounts[who], self._prosody.port), self._lives
                self._people[who] = person
                await person.enter()
                life = now
            person = self._people[who]
            if marker not in person.receipted:
                person.write(self._address, f"Dzień dobry, tu {marker}.", name=marker)
            try:
                await person.until(lambda: marker in person.receipted, "a receipt", RECEIPT)
            except TimeoutError:
                raise NotYet(marker) from None

        return attempt

    async def received(self) -> Sequence[str]:
        archive = self._folder / "data" / "localhost" / "archive"
        return [
            marker
            for who in range(PEOPLE)
            for file in [archive / f"osoba{who}.list"]
            if file.exists()
            for marker in answers_in(file.read_text(errors="replace"))
        ]

    def servers(self) -> Mapping[str, Server]:
        return {"prosody": self}
