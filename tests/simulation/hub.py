"""The hub as others reach it: some node that listens, asked again where it is not certain what was done."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import TypeVar

from hub.house import House
from hub.store.store import StorageFault, StoreFull
from hub.store.tx import Tx
from tests.simulation.channel import Letter, Posted
from tests.simulation.kernel import Kernel
from tests.simulation.network import Cut, Network
from tests.simulation.node import Node

T = TypeVar("T")

PATIENCE = 15.0
"""Seconds that a person or a program waits for the hub before trying again."""

UNSURE = (Cut, TimeoutError, StorageFault, StoreFull)
"""What leaves open whether something was done."""


class Hub:
    """The nodes as others see them: some address behind which one of those that run answers."""

    def __init__(self, kernel: Kernel, network: Network) -> None:
        self.nodes: list[Node] = []
        self._kernel = kernel
        self._network = network

    async def ask(self, command: Callable[[Tx, House], T]) -> T:
        """Have a node carry out a command; raises one of UNSURE and what the command raises."""
        node = self._any()
        async with asyncio.timeout(PATIENCE):
            return await self._network.call(
                node.process, partial(node.act, lambda tx: command(tx, node.house))
            )

    async def surely(self, command: Callable[[Tx, House], T]) -> T:
        """Again and again until it is certain; the command must bear that."""
        while True:
            try:
                return await self.ask(command)
            except UNSURE:
                await asyncio.sleep(2.0)

    async def post(self, inbox: str, letter: Letter) -> None:
        """One request of an application. Raises one of UNSURE, Refused."""
        node = self._any()
        wire = node.wires.get(inbox)
        if not isinstance(wire, Posted):
            raise Cut("not ready")
        async with asyncio.timeout(PATIENCE):
            await self._network.call(node.process, partial(wire.receive, letter))

    def _any(self) -> Node:
        alive = [node for node in self.nodes if node.process.alive and "web" in node.seat.roles]
        if not alive:
            raise Cut("nobody listens")
        return self._kernel.draw.choice(alive)
