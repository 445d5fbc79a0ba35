"""XMPP: as a client and as a component, against a server on loopback that writes down every byte.

What a client did not commit it does not acknowledge (XEP-0198); a component has no such word, so its sender waits for
the receipt (XEP-0184) and sends again, as programs do.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import msgspec

from connectors.contract import (
    Connector,
    Env,
    Fetched,
    InboxId,
    Micros,
    OutAttachment,
    Outbound,
    Party,
    Secret,
)
from connectors.xmpp import CHANNEL
from connectors.xmpp.connector import Xmpp
from connectors.xmpp.settings import Settings
from tests.connectors.xmpp.wire_xmpp import FakeServer, served
from tests.contract.case import Case, Wired
from tests.contract.world import Ledger
from tests.waiting import until

PASSWORD = "hasło-do-konta-xmpp"
PESEL = "44051401359"
PHONE = "600700800"


class _UploadHost:
    """Where files go; it takes all of them."""

    async def request(self, method: str, url: str, **_: object) -> Fetched:
        assert (method, url) == ("PUT", "https://upload.example.org/slot/1")
        return Fetched(status=201, headers={}, body=b"")


class _Wired:
    def __init__(self, env: Env, server: FakeServer, port: int, way: str) -> None:
        self.server = server
        self._way = way
        base = Settings(
            address="kontakt@localhost",
            password=Secret(PASSWORD),
            host="127.0.0.1",
            port=port,
            tls="none",
            timeout_seconds=1,
        )
        settings = msgspec.structs.replace(base, way=way)
        self.connector: Connector = CHANNEL.create(
            settings, msgspec.structs.replace(env, egress=_UploadHost())
        )

    async def tell(self, number: int) -> bool:
        name = f"zofia-poufna-program-{number:04d}"
        stanza = (
            f"<message from='zofia.poufna@example.org/telefon' to='kontakt@localhost' type='chat' id='{name}'>"
            f"<body>Mój PESEL {PESEL}, proszę dzwonić: {PHONE} ({number})</body>"
            "<request xmlns='urn:xmpp:receipts'/></message>"
        )
        if self._way == "component":
            return await self._receipted(stanza, name)
        count = self.server.deliver(stanza)
        return await _within_a_second(lambda: self.server.acked >= count)

    async def _receipted(self, stanza: str, name: str) -> bool:
        before = len(self.server.messages)
        self.server.write(stanza)
        return await _within_a_second(lambda: name.encode() in self.server.messages[before:])

    def sent(self) -> bytes:
        return self.server.messages

    def fail(self, how: str) -> None:
        self.server.how = how


async def _within_a_second(condition: object) -> bool:
    assert callable(condition)
    with contextlib.suppress(TimeoutError):
        await until(condition, seconds=1.0)
        return True
    return False


@contextlib.asynccontextmanager
async def _wired(env: Env, way: str) -> AsyncIterator[_Wired]:
    server = FakeServer(PASSWORD, component=way == "component")
    async with served(server.serve) as port:
        yield _Wired(env, server, port, way)


@contextlib.asynccontextmanager
async def _client(env: Env) -> AsyncIterator[Wired]:
    async with _wired(env, "client") as wired:
        yield wired


@contextlib.asynccontextmanager
async def _component(env: Env) -> AsyncIterator[Wired]:
    async with _wired(env, "component") as wired:
        yield wired


@contextlib.asynccontextmanager
async def _sending(env: Env, way: str) -> AsyncIterator[Wired]:
    """It sends while it is connected, so it runs."""
    async with _wired(env, way) as wired:
        running = asyncio.create_task(wired.connector.run(Ledger()))
        try:
            await _connected(wired)
            yield wired
        finally:
            running.cancel()
            await asyncio.wait({running})


@contextlib.asynccontextmanager
async def _client_sending(env: Env) -> AsyncIterator[Wired]:
    async with _sending(env, "client") as wired:
        yield wired


@contextlib.asynccontextmanager
async def _component_sending(env: Env) -> AsyncIterator[Wired]:
    async with _sending(env, "component") as wired:
        yield wired


async def _connected(wired: Wired) -> None:
    connector = wired.connector
    assert isinstance(connector, Xmpp)
    assert isinstance(wired, _Wired)
    await until(lambda: connector.connected)


def _outbound(**more: object) -> Outbound:
    base = Outbound(
        delivery=41,
        inbox=InboxId("test-inbox"),
        message=17,
        to=(Party(kind="xmpp", address="zofia.poufna@example.org", name="Zofia Poufna"),),
        text="Dzień dobry,\nodpowiadamy <w piątek> & dzwonimy. 😀",
        token="abc123",
        reference="3F7-K2M-9QX",
        reply_to="zofia.poufna@example.org/zofia-poufna-program-0001",
        created_at=Micros(1),
    )
    return msgspec.structs.replace(base, **more)


_PDF = OutAttachment(filename="pismo ą.pdf", content_type="application/pdf", content=b"%PDF")
_SECRETS = (PASSWORD, "zofia.poufna", PESEL, PHONE, "odpowiadamy")
_SENT = "zofia.poufna@example.org/hub-00000000000000000000000000"

CASES = (
    Case(name="client", wired=_client, ready=_connected, secrets=_SECRETS, told_again="peer"),
    Case(name="component", wired=_component, ready=_connected, secrets=_SECRETS),
    Case(
        name="client-sending",
        wired=_client_sending,
        takes=False,
        secrets=_SECRETS,
        sends={
            "answer": _outbound(),
            "answer-with-file": _outbound(attachments=(_PDF,)),
            "file": _outbound(text="", attachments=(_PDF,)),
            "correction": _outbound(operation="edit", target=_SENT, text="Jednak w sobotę."),
            "retraction": _outbound(operation="delete", target=_SENT, text=""),
        },
        failures={"silence": "ambiguous", "cut": "ambiguous"},
    ),
    Case(
        name="component-sending",
        wired=_component_sending,
        takes=False,
        secrets=_SECRETS,
        sends={"component-answer": _outbound()},
        failures={"silence": "ambiguous", "cut": "ambiguous"},
    ),
)
