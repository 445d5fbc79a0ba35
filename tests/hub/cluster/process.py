"""Processes that share one store and each other's clock: keepers at work, and time that passes for all."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

from connectors.contract import Health
from hub.cluster.keeper import Keeper
from hub.cluster.leases import Lease
from hub.cluster.members import Me
from hub.cluster.roles import ROLES, Role
from hub.cluster.wants import Work
from hub.logs import logger
from hub.store.sqlite import SqliteStore
from tests.hub.conftest import FakeClock

TTL = 10.0


class Process:
    """One process: its keeper, and what it does at the moment."""

    def __init__(
        self,
        path: Path,
        name: str,
        *,
        home: str = "",
        roles: tuple[Role, ...] = ROLES,
        boot: str = "1",
        secret: str = "",
    ) -> None:
        self.clock = FakeClock()
        self.store = SqliteStore(path, self.clock, inline=True)
        me = Me(name=name, boot=f"{name}{boot}", home=home or name, roles=roles, version="1", secret=secret)
        self.displaced = False
        self.health: dict[str, Health] = {}
        self.keeper = Keeper(
            self.store,
            self.clock,
            me,
            logger("test"),
            alone=False,
            ttl=TTL,
            health=lambda: self.health,
            displaced=self._displace,
        )
        self.doing: dict[str, Lease] = {}
        self.tasks: list[asyncio.Task[None]] = []

    def _displace(self) -> None:
        self.displaced = True

    async def open(self, *wanted: str) -> None:
        await self.store.open()
        for name in wanted:
            self.keeper.keep(name, self._work(name))

    async def start(self, *wanted: str) -> None:
        await self.open(*wanted)
        await self.keeper.enter()
        self.tasks = [asyncio.create_task(self.keeper.run())]

    def _work(self, name: str) -> Work:
        async def work(lease: Lease) -> None:
            self.doing[name] = lease
            try:
                await asyncio.Event().wait()
            finally:
                del self.doing[name]

        return work

    async def die(self) -> None:
        """As by SIGKILL: nothing is released."""
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)


Make = Callable[..., Process]


async def settle() -> None:
    for _ in range(30):
        await asyncio.sleep(0)


async def passes(seconds: float, *processes: Process) -> None:
    """Let time pass for these processes; for the others it stands still: they hang, or are dead."""
    for _ in range(round(seconds * 2)):
        for one in processes:
            one.clock.move(0.5)
        await settle()


def does(*processes: Process) -> list[list[str]]:
    return [sorted(one.doing) for one in processes]
