"""A connector of Meta's family beside its peer, in the same process, with a clock that a test moves."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

from connectors.contract import Channel
from hub.demo.peers.meta.direct import DirectPeer
from hub.demo.peers.meta.platform import MetaPeer
from hub.demo.peers.meta.whatsapp import WhatsAppPeer
from tests.contract.meta import BUSINESS, NUMBER, make_peer, served, settings
from tests.contract.world import FixedClock, Ledger, Log, make_env

PERSON = "24691357802468"
GUEST = "17841400112233"
CALLER = "48600700800"
HOUR = 3_600_000_000


class Ticking(FixedClock):
    """A clock that a test moves; both of its faces."""

    def monotonic(self) -> float:
        return self.at / 1e6

    def pass_hours(self, hours: float) -> None:
        """Let time go by."""
        self.at += int(hours * HOUR)


class Beside:
    """What a test holds: the connector, the provider, its people, what was committed, and the clock."""

    def __init__(self, connector: Any, meta: MetaPeer, clock: Ticking, ledger: Ledger, log: Log) -> None:
        self.connector = connector
        self.meta = meta
        self.direct = DirectPeer(meta)
        self.whatsapp = WhatsAppPeer(meta, BUSINESS, NUMBER, "48221112233")
        self.clock = clock
        self.ledger = ledger
        self.log = log


@contextlib.asynccontextmanager
async def another(place: Beside, channel: Channel, account: str) -> AsyncIterator[Any]:
    """The same inbox in another process: it shares the hub's store with the first, and no memory."""
    config = settings(place.meta, channel.config, account, check_seconds=600)
    connector: Any = channel.create(
        config, make_env(clock=place.clock, egress=place.connector.env.egress, log=place.log)
    )
    task = asyncio.create_task(connector.serve(place.ledger))
    await asyncio.sleep(0)
    try:
        yield connector
    finally:
        task.cancel()
        await asyncio.wait({task})


@contextlib.asynccontextmanager
async def beside(channel: Channel, account: str, **more: Any) -> AsyncIterator[Beside]:
    """The connector at work until the end of the block."""
    clock, ledger, log = Ticking(), Ledger(), Log()
    meta = make_peer(clock.now)
    async with served(meta) as egress:
        config = settings(meta, channel.config, account, **{"check_seconds": 600, **more})
        connector = channel.create(config, make_env(clock=clock, egress=egress, log=log))
        task = asyncio.create_task(connector.run(ledger))
        await asyncio.sleep(0)
        try:
            yield Beside(connector, meta, clock, ledger, log)
        finally:
            task.cancel()
            await asyncio.wait({task})
