"""Somebody with an XMPP program, for tests against real servers: writes, sends again what got no answer, keeps all that
comes."""

from __future__ import annotations

import asyncio
import contextlib
import xml.etree.ElementTree as ET
from collections.abc import AsyncIterator, Callable
from typing import Any

from slixmpp import ClientXMPP
from slixmpp.exceptions import IqError, IqTimeout
from slixmpp.xmlstream.handler import Callback
from slixmpp.xmlstream.matcher import MatchXPath
from slixmpp.xmlstream.xmlstream import NotConnectedError

from connectors.xmpp.names import text_of
from tests.waiting import until

BODY = "{jabber:client}body"


class Person:
    """One account. ``got`` are the messages that came, ``sent`` the texts by id, ``receipted`` the ids with a tick."""

    def __init__(self, address: str, port: int, password: str = "pw") -> None:
        self.address = address
        self._port = port
        self.got: list[ET.Element] = []
        self.presences: list[ET.Element] = []
        self.sent: dict[str, str] = {}
        self.receipted: set[str] = set()
        self._count = 0
        self._client: Any = ClientXMPP(
            f"{address}/phone",
            password,
            plugin_config={"feature_mechanisms": {"unencrypted_plain": True, "unencrypted_scram": True}},
        )
        self._client.enable_plaintext, self._client.enable_starttls = True, False
        self._client.enable_direct_tls = False
        for name in ("xep_0030", "xep_0199"):
            self._client.register_plugin(name)
        self._client.roster.auto_authorize = self._client.roster.auto_subscribe = False
        path = MatchXPath("{jabber:client}message")
        self._client.register_handler(Callback("all", path, lambda stanza: self._take(stanza.xml)))
        self._client.add_event_handler(
            "presence_subscribed", lambda stanza: self.presences.append(stanza.xml)
        )

    async def enter(self) -> None:
        """Connect, also again; a server that has just started may not know its accounts yet."""
        for _ in range(10):
            started = self._client.wait_until("session_start", 3)
            self._client.connect("127.0.0.1", self._port)
            with contextlib.suppress(TimeoutError):
                await started
                break
            self._client.cancel_connection_attempt()
            self._client.abort()
        else:
            raise TimeoutError("the server lets nobody in")
        await self._client.get_roster()
        self._client.send_presence()
        await self.settled()

    async def leave(self) -> None:
        """Be gone at once."""
        self._client.cancel_connection_attempt()
        self._client.abort()
        sender = self._client._run_out_filters
        if sender is not None:
            sender.cancel()
            await asyncio.wait({sender})

    def _take(self, message: ET.Element) -> None:
        self.got.append(message)
        received = message.find("{urn:xmpp:receipts}received")
        if received is not None:
            self.receipted.add(received.get("id", ""))

    @property
    def texts(self) -> list[str]:
        """The texts that came."""
        return [text_of(message.find(BODY)) for message in self.got if message.find(BODY) is not None]

    def last(self) -> ET.Element:
        """The last message that came with a text."""
        return next(message for message in reversed(self.got) if message.find(BODY) is not None)

    def write(self, to: str, text: str, *more: str, name: str = "", kind: str = "chat") -> str:
        """Send a text, with further elements as XML; returns its id, which is a new one unless ``name`` gives it."""
        self._count += 1
        name = name or f"{self.address.partition('@')[0]}-message-{self._count:06d}"
        self.sent[name] = text
        body = f"<body>{text}</body>" if text else ""
        asking = "<request xmlns='urn:xmpp:receipts'/>"
        self.raw(f"<message to='{to}' type='{kind}' id='{name}'>{body}{asking}{''.join(more)}</message>")
        return name

    def again(self, to: str) -> None:
        """Send what got no receipt, under the same ids."""
        for name, text in list(self.sent.items()):
            if name not in self.receipted:
                self.write(to, text, name=name)

    def raw(self, xml: str) -> None:
        """Send bytes as they are."""
        with contextlib.suppress(NotConnectedError):
            self._client.send_raw(xml)

    async def settled(self) -> None:
        """Return when the server has dealt with all that was sent."""
        with contextlib.suppress(IqError, IqTimeout):
            await self._client.plugin["xep_0199"].ping(self._client.boundjid.host, timeout=10)

    async def until(self, condition: Callable[[], bool], what: str = "it", seconds: float = 20.0) -> None:
        """Wait for something. Raises TimeoutError."""
        await until(condition, what, seconds=seconds)


@contextlib.asynccontextmanager
async def somebody(address: str, port: int) -> AsyncIterator[Person]:
    """A person who is connected."""
    person = Person(address, port)
    await person.enter()
    try:
        yield person
    finally:
        await person.leave()
