"""One node of a simulated hub: what ``hub.app`` puts together, without listeners and pages, in a simulated process.

Several nodes share the store and go by leases; alone, a node holds everything at once, as on the embedded size.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Coroutine, Mapping, Set
from typing import Any, TypeVar

import msgspec
from sqlalchemy import and_, select

from connectors.contract import BlobId, Fetched, Outbound
from hub.bus.follower import Carrier, watch_head
from hub.cluster.keeper import Keeper
from hub.cluster.members import Me
from hub.cluster.roles import ROLES, Role
from hub.config import Inbox
from hub.deciding.ending import settle
from hub.directory import Directory
from hub.house import House
from hub.inboxes import Inboxes
from hub.intake.events import release_target
from hub.intake.sink import Intake
from hub.loops import WAKES, Parts, everywhere, keep_leased
from hub.outbox import sender
from hub.running import Means
from hub.store.schema import attempt
from hub.store.tx import Tx
from hub.stream import Stream
from hub.wake import Wake
from tests.simulation import setting
from tests.simulation.channel import Mailbox, Peer, Polled, Posted, Wire
from tests.simulation.disk import Disk, SimStore, Wear
from tests.simulation.kernel import Kernel, Process, SimClock
from tests.simulation.network import Network

T = TypeVar("T")

TTL = 20.0
"""Seconds that a lease lasts."""

WIRES: Mapping[str, type[Wire]] = {setting.MAIL: Mailbox, setting.TEXTS: Polled, setting.APP: Posted}

BORNE = ("the storage failed: nothing is taken until it works",)
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


class Seat(msgspec.Struct, frozen=True, kw_only=True):
    """The place of a node, which one process after the other takes. ``home`` is its data folder."""

    name: str
    home: str
    roles: tuple[Role, ...] = ROLES
    alone: bool = True
    skew: int = 0
    """How wrong its wall clock goes, in microseconds."""


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


class NoEgress:
    """Nobody outside is called but by channels."""

    async def request(self, method: str, url: str, **details: Any) -> Fetched:
        raise AssertionError("nobody is called here")


class NoBlobs:
    """Nothing in a simulation is large."""

    async def put(self, content: Any) -> BlobId:
        raise AssertionError("nothing is large here")

    async def get(self, blob: BlobId) -> bytes:
        raise KeyError(blob)

    async def sweep(self) -> int:
        return 0


class Node:
    """Runs from its making on; killing and hanging are its process's."""

    def __init__(self, around: Surroundings, seat: Seat) -> None:
        self.seat = seat
        kernel = around.kernel
        self.process = kernel.process(seat.name)
        self.clock = SimClock(kernel, seat.skew)
        self.log = SimLog(kernel, seat.name)
        self.wires: dict[str, Wire] = {}
        self.ready = False
        self._tasks: list[asyncio.Task[None]] = []
        self._around = around
        self._draw = random.Random(kernel.draw.getrandbits(64))
        self.house = around.house(self._draw)
        self.store = SimStore(around.disk, kernel, self.clock, around.wear, alone=seat.alone)
        self._wakes = {name: Wake() for name in WAKES}
        me = Me(
            name=seat.name,
            boot=f"{self._draw.getrandbits(32):08x}",
            home=seat.home,
            roles=seat.roles,
            version="simulated",
        )
        self._keeper = Keeper(
            self.store,
            self.clock,
            me,
            self.log,
            alone=seat.alone,
            ttl=TTL,
            displaced=self.process.kill,
        )
        self.process.create_task(self._run(), name=seat.name)

    # --- what agents and applications reach ----------------------------------------------------------------------

    async def act(self, command: Callable[[Tx], T]) -> T:
        """What the console and the API do with a request. Raises StorageFault and what the command raises."""
        return await self.store.write(command)

    # --- the process ---------------------------------------------------------------------------------------------

    async def _run(self) -> None:
        stream = Stream(self.store, buffer=64)
        store = self.store
        store.on_rings = self._ring
        store.on_end = lambda tx: settle(tx, self.house, self.log)
        store.outage.tell = self._tell_outage
        await self._until_it_works(stream.open)
        store.on_events = stream.publish
        await self._until_it_works(self._keeper.enter)
        intake = Intake(store, self._house, self.clock.monotonic, self.log, stream.signal, self._keeper.lost)
        await intake.refresh_load()
        self._inboxes = self._connect(intake)
        self._spawn("leases", self._keeper.run())
        if not self.seat.alone:
            self._follow_others(stream)
        self._start_loops(stream, self._inboxes)
        self.ready = True
        self._around.kernel.note(f"{self.seat.name}: ready")

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

    def _ring(self, loops: Set[str]) -> None:
        for name in sorted(loops & self._wakes.keys()):
            self._wakes[name].ring()

    def _tell_outage(self, reason: str | None) -> None:
        self.log.info("the storage works again" if reason is None else f"the storage failed: {reason}")

    def _connect(self, intake: Intake) -> Inboxes:
        """Every node has all connectors; which it reads, leases decide."""
        means = Means(
            keeper=self._keeper,
            sink=intake.sink,
            reads="connectors" in self.seat.roles,
            clock=self.clock,
            draw=self._draw,
        )
        inboxes = Inboxes(means, self._make, lambda inbox: self.log, sends="outbox" in self.seat.roles)
        inboxes.swap(inboxes.build(self.house.directory))
        inboxes.start()
        return inboxes

    def _make(self, found: Directory, inbox: Inbox) -> Wire:
        around = self._around
        self.wires[inbox.id] = WIRES[inbox.id](
            around.peers[inbox.id],
            setting.CAPABILITIES[inbox.id],
            network=around.network,
            outside=around.outside,
            clock=self.clock,
            tokens=setting.TOKENS,
        )
        self.wires[inbox.id].begins = self._begins
        return self.wires[inbox.id]

    def _begins(self, outbound: Outbound) -> None:
        """Whoever begins to send has a claim that nobody has settled meanwhile."""
        mine = and_(attempt.c.delivery == outbound.delivery, attempt.c.node == self._keeper.me.id)
        latest = select(attempt.c.finished_at).where(mine).order_by(attempt.c.number.desc()).limit(1)
        if self._around.disk.read(lambda tx: tx.scalar(latest), self.clock) is not None:
            self._around.kernel.fault(f"{self.seat.name} sends by a claim that others have settled")

    def _start_loops(self, stream: Stream, inboxes: Inboxes) -> None:
        blobs = NoBlobs()
        parts = Parts(
            store=self.store,
            stream=stream,
            clock=self.clock,
            house=self._house,
            connectors=inboxes.connectors,
            egress=NoEgress(),
            blobs=blobs,
            sweep_blobs=blobs.sweep,
            wakes=self._wakes,
            log=lambda name: self.log,
        )
        if {"outbox", "connectors"} & set(self.seat.roles):
            self._spawn("outbox", self._sender(inboxes).run())
        for name, loop in everywhere(parts, self.seat.roles).items():
            self._spawn(name, loop())
        if "timers" in self.seat.roles:
            keep_leased(self._keeper, parts)

    def _follow_others(self, stream: Stream) -> None:
        """What the other nodes commit is found by looking, as without Redis."""
        carrier = Carrier(self.clock)
        stream.patience = carrier.patience
        self._spawn("bus-head", watch_head(self.store, stream, carrier, self.clock, self.log))

    def _sender(self, inboxes: Inboxes) -> sender.Sender:
        parts = sender.Parts(
            store=self.store,
            clock=self.clock,
            house=self._house,
            connectors=inboxes.connectors,
            blobs=NoBlobs(),
            log=self.log,
            node=self._keeper.me.id,
            wake=self._wakes["outbox"],
            on_sent=release_target,
            mine=inboxes.mine,
            gone=self._keeper.gone,
            still_gone=self._keeper.still_gone,
            unbroken=self._keeper.unbroken,
            recover_seconds=sender.RECOVER if self.seat.alone else TTL / 4,
            fenced=self._keeper.lost,
        )
        return sender.Sender(parts)

    def _spawn(self, name: str, loop: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(loop, name=name)
        self._tasks.append(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        """A loop that ends by itself is a fault: the hub would not be ready any more."""
        if not task.cancelled():
            self._around.kernel.fault(
                f"{self.seat.name}: the loop {task.get_name()} ended: {task.exception()!r}"
            )
