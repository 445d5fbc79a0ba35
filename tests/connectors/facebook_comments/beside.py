"""A comments inbox of either kind beside Meta's peer, which calls it through the real public listener."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import msgspec

from connectors.contract import Channel, InboxId, Micros, Outbound, Party
from hub.demo.peers.meta.comments import CommentsPeer
from hub.demo.peers.meta.platform import MetaPeer
from tests.connectors.webapp import served as listening
from tests.contract.meta import INSTAGRAM, PAGE, VERIFY, make_peer, served, settings, with_egress
from tests.contract.world import Clock, Ledger, Log, make_env
from tests.servers.process import free_port

JAN = "6123456789012345"


class Moving(Clock):
    """A clock that a test moves; ``sleep`` returns when the test says :meth:`pass_time`."""

    def __init__(self) -> None:
        self.at = 1_794_328_800_000_000
        self._woken = asyncio.Event()
        self.sleepers = 0

    def now(self) -> Micros:
        return Micros(self.at)

    def monotonic(self) -> float:
        return self.at / 1e6

    async def sleep(self, seconds: float) -> None:
        self.sleepers += 1
        try:
            await self._woken.wait()
        finally:
            self.sleepers -= 1

    def pass_time(self, seconds: float) -> None:
        self.at += int(seconds * 1e6)
        self._woken.set()
        self._woken = asyncio.Event()


class Beside:
    """What the tests act on: the provider, the connector at work, and what it committed."""

    def __init__(self, channel: Channel, meta: MetaPeer, people: CommentsPeer, env: Any, **more: Any) -> None:
        self.meta, self.people = meta, people
        self.clock: Moving = env.clock
        self.log: Log = env.log
        self.ledger = Ledger()
        self.account = PAGE if channel.kind == "facebook_comments" else INSTAGRAM
        linked = {} if self.account == PAGE else {"page": PAGE}
        self.connector = channel.create(
            settings(meta, channel.config, self.account, **linked, **{"list_seconds": 60, **more}), env
        )

    def of(self, kind: str) -> list[Any]:
        """What was committed of one kind (``message``, ``edit``, ``article``), in order."""
        return [event for event in self.ledger.events if event.__struct_config__.tag == kind]

    async def until(self, kind: str, count: int) -> list[Any]:
        """The events of a kind, once there are so many."""
        for _ in range(400):
            if len(self.of(kind)) >= count:
                return self.of(kind)
            await asyncio.sleep(0.005)
        raise TimeoutError(f"{len(self.of(kind))} of {count}: {self.ledger.events}")

    async def listed(self) -> None:
        """Let the next listing happen, and end."""
        for _ in range(400):
            if self.clock.sleepers:
                break
            await asyncio.sleep(0.005)
        before = self.asked("/feed") + self.asked("/media")
        self.clock.pass_time(60)
        for _ in range(400):
            await asyncio.sleep(0.005)
            if self.asked("/feed") + self.asked("/media") > before:
                await asyncio.sleep(0.03)
                return
        raise TimeoutError("nothing was listed")

    def asked(self, part: str) -> int:
        """How often Meta was asked for something."""
        return sum(part in asked.path for asked in self.meta.ledger)

    async def send(self, operation: str = "send", **more: Any) -> Any:
        """Let the connector carry out one delivery."""
        base = Outbound(
            delivery=41,
            inbox=InboxId("test-inbox"),
            operation=operation,  # type: ignore[arg-type]
            message=17,
            to=(Party(kind="messenger", address=JAN),),
            inbound_at=self.clock.now(),
        )
        return await self.connector.send(msgspec.structs.replace(base, **more))


@contextlib.asynccontextmanager
async def beside(channel: Channel, *, run: bool = True, **more: Any) -> AsyncIterator[Beside]:
    """The connector running; ``more`` are settings."""
    clock = Moving()
    meta = make_peer(clock.now)
    people = CommentsPeer(meta)
    async with served(meta) as egress:
        env = with_egress(make_env(clock=clock, log=Log()), egress)
        found = Beside(channel, meta, people, env, **more)
        port = free_port()
        async with listening(found.connector.routes(), Log(), port):
            task = asyncio.create_task(found.connector.run(found.ledger)) if run else None
            await asyncio.sleep(0.02)
            object_ = "page" if found.account == PAGE else "instagram"
            assert await meta.subscribe(object_, f"http://127.0.0.1:{port}/in/test-inbox", VERIFY)
            try:
                yield found
            finally:
                if task is not None:
                    task.cancel()
                    await asyncio.wait({task})
