"""The hub's side in tests against real servers: a connector, a ledger, and starts and ends of both."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator, Sequence
from typing import Any, Literal

import msgspec

from connectors.contract import (
    Cursor,
    Env,
    Inbound,
    Message,
    Micros,
    Outbound,
    Party,
    Raw,
    Receipt,
    Secret,
    SendError,
    Sent,
    ThreadKey,
)
from connectors.xmpp import CHANNEL
from connectors.xmpp.connector import Xmpp
from connectors.xmpp.settings import Settings
from hub.egress import CheckedEgress
from tests.contract.world import INBOX, Ledger, Log, make_env
from tests.waiting import until


class Died(Exception):
    """The process is gone at this moment."""


class Signals(Ledger):
    """A ledger that also writes down who types, and dies when told to.

    ``dies_in`` counts commits down; at the last one the caller hears of no outcome: ``dies`` says whether it happened.
    """

    def __init__(self) -> None:
        super().__init__()
        self.signals: list[tuple[str, str]] = []
        self.dies_in = 0
        self.dies: Literal["before", "after"] = "before"
        self.dead = False

    async def accept(self, raw: Raw, items: Sequence[Inbound], state: Cursor | None = None) -> list[Receipt]:
        if self.dies_in == 1:
            if self.dies == "after":
                await super().accept(raw, items, state)
            self.dead = True
            raise Died(self.dies)
        self.dies_in = max(0, self.dies_in - 1)
        return await super().accept(raw, items, state)

    def signal(self, conversation_key: ThreadKey, what: str) -> None:
        self.signals.append((conversation_key, what))


class Desk:
    """One inbox. ``start`` after ``stop`` is a new process: only the ledger remembers."""

    def __init__(self, env: Env, settings: Settings, log: Log) -> None:
        self.env = env
        self.log = log
        self.settings = settings
        self.ledger = Signals()
        self.connector: Any = None
        self._task: asyncio.Task[None] | None = None
        self._count = 0

    async def start(self, *, wait: bool = True) -> None:
        """A new connector, connected."""
        connector = CHANNEL.create(self.settings, self.env)
        assert isinstance(connector, Xmpp)
        self.connector = connector
        self._task = asyncio.create_task(connector.run(self.ledger))
        if wait:
            await until(lambda: connector.connected, "connecting", seconds=30)

    async def stop(self) -> None:
        """End it at once."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})
            self._task = None

    async def crash(self) -> None:
        """End it as a dead process does: no goodbye, no commit of what is in hand."""
        link = self.connector._link
        if link is not None:
            link.stream.abort()
        await self.stop()

    async def died(self) -> None:
        """Return when a commit went wrong as told, and all of the process is gone."""
        await until(lambda: self.ledger.dead, "a death", seconds=30)
        await self.stop()
        self.ledger.dead, self.ledger.dies_in = False, 0

    @property
    def texts(self) -> list[str]:
        """The texts of the messages that are committed, in order."""
        return [event.text for event in self.ledger.events if isinstance(event, Message)]

    def outbound(self, to: str, text: str, **more: Any) -> Outbound:
        """A delivery that is made now."""
        self._count += 1
        base = Outbound(
            delivery=self._count,
            inbox=INBOX,
            message=self._count,
            to=(Party(kind="xmpp", address=to),),
            text=text,
            created_at=Micros(self.env.clock.now()),
        )
        return msgspec.structs.replace(base, **more)

    async def insist(self, outbound: Outbound, seconds: float = 60.0) -> Sent:
        """Send as the hub does with this channel: again until it is taken, also when nobody knows."""
        async with asyncio.timeout(seconds):
            while True:
                try:
                    sent: Sent = await self.connector.send(outbound)
                    return sent
                except SendError as error:
                    assert error.kind in ("temporary", "ambiguous"), error
                    await asyncio.sleep(0.1)


@contextlib.asynccontextmanager
async def a_desk(address: str, port: int, **settings: Any) -> AsyncIterator[Desk]:
    """A desk that is not started yet; it ends with the block. ``settings`` beside the plain ones."""
    log, egress = Log(), CheckedEgress(["127.0.0.0/8"])
    chosen: dict[str, Any] = {
        "password": Secret("pw"),
        "host": "127.0.0.1",
        "tls": "none",
        "timeout_seconds": 5.0,
    } | settings
    desk = Desk(
        make_env(log=log, egress=egress, random=random.Random(3)),
        Settings(address=address, port=port, **chosen),
        log,
    )
    try:
        yield desk
    finally:
        await desk.stop()
        await egress.close()
