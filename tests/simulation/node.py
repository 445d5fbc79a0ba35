"""One node of a simulated hub: the hub's own intake, outbox, effects, timers and inboxes in a simulated process."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Coroutine, Mapping, Set
from typing import Any, TypeVar

import msgspec

from connectors.contract import BlobId, Connector, Health
from hub.loops import TIMERS
from hub.deciding.ending import settle
from hub.deciding.waiting import keep_armed
from hub.house import House
from hub.intake.events import release_target
from hub.intake.sink import Intake
from hub.outbox.effects import run_effects
from hub.outbox.handlers import INSIDE
from hub.outbox.sender import Parts, Sender
from hub.running import Running, start
from hub.store.tx import Tx
from hub.stream import Stream
from hub.sweep import run_sweeps
from hub.timers import run_timers
from hub.wake import Wake
from tests.simulation import setting
from tests.simulation.channel import Mailbox, Peer, Polled, Posted, Wire
from tests.simulation.disk import Disk, SimStore, Wear
from tests.simulation.kernel import Kernel, Process, SimClock
from tests.simulation.network import Network

T = TypeVar("T")

LOOPS = ("outbox", "effects", "timers", "armed")

WIRES: Mapping[str, type[Wire]] = {setting.MAIL: Mailbox, setting.TEXTS: Polled, setting.APP: Posted}

BORNE = ("inbox stopped", "the storage failed: nothing is taken until it works")
"""Errors in the log that a failing storage explains; any other one is a fault of the run."""


class Surroundings(msgspec.Struct, frozen=True, kw_only=True):
    """What all nodes of a run share."""

    kernel: Kernel
    network: Network
    disk: Disk
    wear: Wear
    outside: Process
    peers: Mapping[str, Peer]
    house: Callable[[random.Random], House]


class SimLog:
    """See :class:`connectors.contract.Log`: every line is part of the run; an error that nothing explains, a fault."""

    def __init__(self, kernel: Kernel, name: str) -> None:
        self._kernel = kernel
        self._name = name

    def info(self, event: str, **details: Any) -> None:
        self._kernel.note(f"{self._name}: {event} {details}")

    def warning(self, event: str, **details: Any) -> None:
        self._kernel.note(f"{self._name}: {event} {details}")

    def error(self, event: str, **details: Any) -> None:
        if event in BORNE:
            self._kernel.note(f"{self._name}: {event} {details}")
        else:
            self._kernel.fault(f"{self._name}: {event} {details}")


class NoBlobs:
    """Nothing in a simulation is large."""

    async def put(self, content: Any) -> BlobId:
        raise AssertionError("nothing is large here")

    async def get(self, blob: BlobId) -> bytes:
        raise KeyError(blob)

    async def sweep(self) -> int:
        return 0


class Node:
    """Runs from its making on; :meth:`kill` and :meth:`hang` are the process's."""

    def __init__(self, around: Surroundings, name: str, *, alone: bool, skew: int = 0) -> None:
        self.name = name
        self.process = around.kernel.process(name)
        self.clock = SimClock(around.kernel, skew)
        self.log = SimLog(around.kernel, name)
        self.wires: dict[str, Wire] = {}
        self._around = around
        self._draw = random.Random(around.kernel.draw.getrandbits(64))
        self.house = around.house(self._draw)
        self.store = SimStore(around.disk, around.kernel, self.clock, around.wear, alone=alone)
        self.process.create_task(self._run(), name=name)

    # --- what agents and applications reach ----------------------------------------------------------------------

    async def act(self, command: Callable[[Tx], T]) -> T:
        """What the console and the API do with a request. Raises StorageFault and what the command raises."""
        return await self.store.write(command)

    # --- the process ---------------------------------------------------------------------------------------------

    async def _run(self) -> None:
        """What ``hub.app`` does, without listeners and pages."""
        wakes = {name: Wake() for name in LOOPS}
        stream = Stream(self.store, buffer=64)
        self.store.on_rings = lambda loops: self._ring(wakes, loops)
        self.store.on_end = lambda tx: settle(tx, self.house, self.log)
        self.store.outage.tell = self._tell_outage
        await self._until_it_works(stream.open)
        self.store.on_events = stream.publish
        intake = Intake(self.store, self._house, self.clock.monotonic, self.log, stream.signal)
        await intake.refresh_load()
        self._spawn("outbox", self._sender(wakes["outbox"]).run())
        self._spawn("effects", self._effects(wakes["effects"]))
        self._spawn("timers", self._timers(wakes["timers"]))
        self._spawn("armed", keep_armed(self.store, self.clock, self._house, wakes["armed"]))
        self._spawn("sweeps", run_sweeps(self.store, self.clock, self._house, NoBlobs().sweep))
        self._start_inboxes(intake)
        self._around.kernel.note(f"{self.name}: ready")

    async def _until_it_works(self, step: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """A supervisor starts again what could not start."""
        while True:
            try:
                return await step()
            except Exception as error:
                self.log.warning("did not start", error=repr(error))
                await self.clock.sleep(1.0)

    def _house(self) -> House:
        return self.house

    @staticmethod
    def _ring(wakes: Mapping[str, Wake], loops: Set[str]) -> None:
        for name in sorted(loops & wakes.keys()):
            wakes[name].ring()

    def _tell_outage(self, reason: str | None) -> None:
        self.log.info("the storage works again" if reason is None else f"the storage failed: {reason}")

    def _sender(self, wake: Wake) -> Sender:
        parts = Parts(
            store=self.store,
            clock=self.clock,
            house=self._house,
            connectors=self._connectors,
            blobs=NoBlobs(),
            log=self.log,
            node=self.name,
            wake=wake,
            on_sent=release_target,
        )
        return Sender(parts)

    def _connectors(self) -> Mapping[str, Connector]:
        return self.wires

    def _effects(self, wake: Wake) -> Coroutine[Any, Any, None]:
        return run_effects(self.store, self.clock, self._house, INSIDE, {}, wake, self.log)

    def _timers(self, wake: Wake) -> Coroutine[Any, Any, None]:
        return run_timers(self.store, self.clock, self._house, TIMERS, wake, self.log)

    def _start_inboxes(self, intake: Intake) -> None:
        around = self._around
        for inbox, kind in WIRES.items():
            self.wires[inbox] = kind(
                around.peers[inbox],
                setting.CAPABILITIES[inbox],
                network=around.network,
                outside=around.outside,
                clock=self.clock,
                tokens=setting.TOKENS,
            )
            running = Running(
                inbox=inbox, connector=self.wires[inbox], sink=intake.sink(inbox), health=Health(state="ok")
            )
            start(running, self.clock, self._draw, self.log)

    def _spawn(self, name: str, loop: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(loop, name=name)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        """A loop that ends by itself is a fault: the hub would not be ready any more."""
        if not task.cancelled():
            self._around.kernel.fault(f"{self.name}: the loop {task.get_name()} ended: {task.exception()!r}")
