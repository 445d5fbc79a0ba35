"""SMS: through a real Kannel, whose own log says what the hub acknowledged to it and what it took from the hub; and
straight to a message centre by SMPP.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

import aiohttp

from connectors.smpp import pdu as wire
from tests.chaos.channels.base import Channel, Place, Server, Way, inbox
from tests.chaos.ledgers import Abandoned, NotYet, answers_in, number_of
from tests.connectors.smpp.wire_smpp import PASSWORD as SMPP_PASSWORD
from tests.connectors.smpp.wire_smpp import FakeCentre, short
from tests.servers.kannel import PASSWORD, SECRET, USER, Kannel
from tests.servers.process import free_port


class Sms(Channel):
    """Kannel hands an SMS over until the hub has it, but a dead one forgets those that it still had to hand over."""

    kind = "kannel"

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        folder = place.path / "kannel"
        folder.mkdir()
        self._kannel = Kannel(folder, hub=f"{place.url}/in/sms")
        self._kannel.durable = True
        self._lives = 0
        self._said: dict[str, int] = {}

    def config(self) -> str:
        return inbox(
            "sms",
            "kannel",
            f'url = "{self._kannel.url}"\nusername = "{USER}"\npassword = "{PASSWORD}"\nsecret = "{SECRET}"\n'
            f'sender = "+48123123123"\ncallback_url = "{self.place.url}"\nrepeat_minutes = 0\n'
            'timeout_seconds = 5.0\nquiet = "none"',
        )

    async def open(self, session: aiohttp.ClientSession) -> None:
        await asyncio.to_thread(self._kannel.start)

    async def close(self) -> None:
        await asyncio.to_thread(self._kannel.stop)

    def kill(self) -> None:
        """Both boxes and the network at once."""
        self._lives += 1
        self._kannel.stop()

    def start(self) -> None:
        """Again with what is on its disk."""
        self._kannel.start()

    def ways(self) -> Mapping[str, Way]:
        return {"sms": Way(attempt=self._write)}

    async def _write(self, marker: str) -> None:
        """An SMS has no identity: one that may have got lost with Kannel is not written again."""
        if marker not in self._said:
            self._said[marker] = self._lives
            try:
                self._kannel.says(f"+48600{number_of(marker):06d}", f"Dzien dobry, tu {marker}.")
            except (RuntimeError, OSError):
                raise Abandoned(marker) from None
        while marker not in self._kannel.taken_in():
            if self._said[marker] != self._lives:
                raise Abandoned(marker)
            await asyncio.sleep(0.05)

    async def received(self) -> Sequence[str]:
        return answers_in(self._kannel.taken_out())

    def servers(self) -> Mapping[str, Server]:
        return {"kannel": self}


class Smpp(Channel):
    """A centre that writes down every octet. An SMS has no identity: what it is not sure of it lets be."""

    kind = "smpp"

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        self.centre = FakeCentre()
        self._port = free_port()
        self._handed_over: set[str] = set()

    def config(self) -> str:
        return inbox(
            "smpp",
            "smpp",
            f'host = "127.0.0.1"\nport = {self._port}\nsystem_id = "centrala"\npassword = "{SMPP_PASSWORD}"\n'
            'sender = "+48123123124"\nrepeat_minutes = 0\ntimeout_seconds = 5.0\nquiet = "none"',
        )

    async def open(self, session: aiohttp.ClientSession) -> None:
        self._server = await asyncio.start_server(self.centre.serve, "127.0.0.1", self._port)

    async def close(self) -> None:
        self._server.close()
        self.centre.drop()

    def ways(self) -> Mapping[str, Way]:
        return {"smpp": Way(attempt=self._write)}

    async def _write(self, marker: str) -> None:
        if marker in self._handed_over:
            # The sender's own patience ended first: under load both are due at once.
            raise Abandoned(marker)
        if not self.centre.connected:
            raise NotYet(marker)
        self._handed_over.add(marker)
        text = f"Dzien dobry, tu {marker}."
        if (
            await self.centre.deliver(short(text.encode(), source=f"48601{number_of(marker):06d}"), 4.0)
            != wire.OK
        ):
            raise Abandoned(marker)

    async def received(self) -> Sequence[str]:
        return [marker for octets in self.centre.submitted for marker in answers_in(octets.decode("latin-1"))]
