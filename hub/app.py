"""The composition root: builds the hub from its configuration, runs it, reloads it, drains it.

Only here are connectors looked up by name and parts wired together. Both listeners are bound before anything starts,
so that a port in use is told before a single message is taken.
"""

from __future__ import annotations

import asyncio
import functools
import os
import random
from collections.abc import Callable, Coroutine, Mapping, Set
from pathlib import Path
from typing import Any

import msgspec

from connectors import registry
from connectors.contract import Clock, Connector, Log
from hub import building
from hub.budget import StoredBudget
from hub.bus.wiring import PUBLISHER, Ends, open_bus
from hub.calendar import learn_holidays
from hub.callbacks.appointments import CallbackAppointments
from hub.cautions import Cautions
from hub.chats.port import StoredChats
from hub.cluster.keeper import Keeper
from hub.cluster.node import setup_of, this_node
from hub.cluster.roles import Role
from hub.config import Config, Inbox
from hub.configfile import ConfigError, signing_secret
from hub.deciding.ending import settle
from hub.desk.presence import Presence
from hub.desk.showing import Showing
from hub.directory import Directory, directory
from hub.egress import CheckedEgress
from hub.house import House
from hub.i18n import translate
from hub.inboxes import Inboxes
from hub.intake.events import release_target
from hub.intake.reparse import reparse
from hub.intake.sink import Intake
from hub.keeping import Loop, keep_up
from hub.loops import WAKES, everywhere, keep_leased
from hub.loops import Parts as LoopParts
from hub.moderation.thread import StoredThread
from hub.outbox.sender import RECOVER, Parts, Sender
from hub.rulefile import read_text
from hub.ruleset import follower
from hub.running import Means
from hub.store.tx import Tx
from hub.stream import Stream
from hub.tokens import SignedTokens
from hub.wake import Wake
from hub.web import console, probes, public, survey
from hub.web.desk import Desk
from hub.web.health import Readiness
from hub.web.serving import Listeners


class Hub:
    """A hub in this process. ``load`` reads the configuration anew; ``log`` gives a logger by name."""

    def __init__(
        self, load: Callable[[], Config], clock: Clock, draw: random.Random, log: Callable[[str], Log]
    ) -> None:
        self.config = self._begun_with = load()
        self.clock = clock
        self._load = load
        self._draw = draw
        self._logs = log
        self.log = log("hub")
        self.store = building.make_store(self.config, clock)
        self.stream = Stream(self.store, buffer=self.config.stream.buffer)
        self.presence, self.drafts = Presence(), Presence()
        self.blobs = building.make_blobs(self.config, self.store, draw)
        self.egress = CheckedEgress(self.config.hub.egress_allow)
        self.tokens = SignedTokens(signing_secret(self.config).encode())
        self.wakes = {name: Wake() for name in WAKES}
        self.cautions = Cautions(clock, self.log)
        self._house: House | None = None
        self._listeners = Listeners()
        self.displaced = asyncio.Event()
        """Set when another process has taken our name: this one must end."""
        self._tasks: list[asyncio.Task[None]] = []
        self._sender: Sender | None = None
        self._down: set[str] = set()
        self.ready = False
        self._readiness = Readiness(self.is_ready, self.store, clock)
        self.showing = Showing(self.store, self.house, self.connectors, clock, self._logs("console"))
        self.keeper = Keeper(
            self.store,
            clock,
            this_node(self.config, boot=os.urandom(4).hex()),
            log("cluster"),
            alone=self.config.store.sqlite_path() is not None,
            ttl=self.config.hub.lease_seconds,
            health=lambda: self.inboxes.read_here(),
            displaced=self.displaced.set,
        )
        self.intake = Intake(
            self.store, self.house, clock.monotonic, self.log, self.stream.signal, self.keeper.lost
        )
        self.rates = building.make_rates(self.config, clock)
        self.bus = open_bus(self.config, self._ends())
        means = Means(
            keeper=self.keeper, sink=self.intake.sink, reads=self._does("connectors"), clock=clock, draw=draw
        )
        self.inboxes = Inboxes(means, self._make_connector, log, sends=self._does("outbox"))

    def _ends(self) -> Ends:
        return Ends(
            sender=self.keeper.me.id,
            store=self.store,
            stream=self.stream,
            clock=self.clock,
            log=self._logs("bus"),
            cautions=self.cautions,
            ring=self._ring,
            marks={"conversation": self.presence, "draft": self.drafts},
            rates=self.rates,
            secret=signing_secret(self.config).encode(),
        )

    # --- what parts ask for ------------------------------------------------------------------------------------

    def house(self) -> House:
        """The house as it is now. Raises RuntimeError before the start."""
        if self._house is None:
            raise RuntimeError("the hub has not started")
        return self._house

    def connectors(self) -> Mapping[str, Connector]:
        """Connectors of all inboxes."""
        return self.inboxes.connectors()

    def ports(self) -> Mapping[str, int]:
        """The ports of the listeners ``public``, ``private`` and ``metrics``, as far as there are."""
        return self._listeners.ports()

    def _settle(self, tx: Tx) -> None:
        """The end of a transaction that left something for it; before the first house there is nothing to settle."""
        if self._house is not None:
            settle(tx, self._house, self.log)

    def _ring(self, loops: Set[str]) -> None:
        for name in loops:
            self.wakes[name].ring()

    # --- start -------------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Bind, open, build, run. Raises CannotListen, ConfigError, StorageFault, WrongSchema, CannotJoin."""
        if self._does("web"):
            self._listeners.bind("public", self.config.public)
            self._listeners.bind("private", self.config.private)
        if self._is_watched():
            self._listeners.bind("metrics", self.config.metrics)
        await self.prepare()
        await self.intake.refresh_load()
        await self.keeper.enter()
        if self._does("web"):
            await self._serve_public()
            await self._serve_private()
        if self._is_watched():
            await self._listeners.serve("metrics", probes.build(self._desk()), self.config.metrics)
        self._run_loops()
        self.inboxes.start()
        self.ready = True
        self.log.info("ready", **self.ports(), node=self.keeper.me.name, roles=",".join(self.keeper.me.roles))

    def _is_watched(self) -> bool:
        """Whether health and figures have a listener of their own."""
        return bool(self.config.metrics.port) or not self._does("web")

    def _does(self, *roles: Role) -> bool:
        return any(role in self.keeper.me.roles for role in roles)

    async def prepare(self) -> None:
        """Open the store, build house and connectors, and run nothing: for whoever moves the clock by hand, as the
        demo's past week does. :meth:`stop` ends it too. Raises ConfigError, StorageFault, WrongSchema.
        """
        await self.store.open()
        await self.stream.open()
        self.store.on_events = self.bus.on_events
        self.store.on_rings = self.bus.on_rings
        self.store.on_end = self._settle
        self.store.outage.tell = building.outage_teller(self.log)
        await self._build(self.config)

    async def open_public(self) -> None:
        """After :meth:`prepare`, instead of :meth:`start`: take what comes to the public address, and nothing else."""
        self._listeners.bind("public", self.config.public)
        await self._serve_public()

    async def _build(self, config: Config) -> None:
        """The house and the connectors of a configuration; inboxes whose settings are the same go on undisturbed."""
        found = directory(config)
        await asyncio.to_thread(learn_holidays, found, self.clock.now())
        name = config.hub.rules_file
        source = await asyncio.to_thread(read_text, Path(name))
        await follower.import_file(self.store, config, source, name, self.clock.now())
        rules = await follower.usable(self.store, config, self.cautions, older=self._house is None)
        built = self.inboxes.build(found)
        channels = {inbox.id: registry.load(inbox.kind).channel for inbox in config.inboxes}
        capabilities = {inbox: running.connector.capabilities for inbox, (_, running) in built.items()}
        self._house = building.make_house(
            found,
            capabilities,
            channels,
            rules.compiled,
            rules.version,
            self.tokens,
            translate,
            self._draw,
        )
        self.inboxes.swap(built)
        self.egress.admit(config.hub.egress_allow)
        self.config = config

    def _make_connector(self, found: Directory, inbox: Inbox) -> Connector:
        supplies = building.Supplies(
            clock=self.clock,
            draw=self._draw,
            egress=self.egress,
            blobs=self.blobs,
            tokens=self.tokens,
            translate=translate,
            threads=StoredThread(self.store, self.house),
            appointments=CallbackAppointments(self.store, self.house, self.clock),
            budget=functools.partial(StoredBudget, self.store, self.clock),
            chats=StoredChats(self.store, self.stream, self.blobs, self.house, self.clock),
            siblings=self.bus.siblings.of,
            log=self._logs,
        )
        return building.make_connector(found, inbox, registry.load(inbox.kind), supplies)

    async def _serve_public(self) -> None:
        """Serve the connectors' routes."""
        app = public.build(
            routes=[*self.inboxes.routes(), *survey.routes(self.store, self.house, self._draw)],
            settings=public.Settings(
                public_url=self.config.hub.public_url,
                name=self.config.hub.name,
                language=self.config.hub.language,
                per_address=self.config.limits.public_per_address,
                trusted_proxies=self.config.public.trusted_proxies,
            ),
            translate=translate,
            log=self._logs("public"),
            ready=self._readiness.now,
            rates=self.rates,
        )
        await self._listeners.serve("public", app, self.config.public)

    async def _serve_private(self) -> None:
        await self._listeners.serve("private", console.build(self._desk()), self.config.private)

    def _desk(self) -> Desk:
        return Desk(
            store=self.store,
            stream=self.stream,
            presence=self.presence,
            drafts=self.drafts,
            redis_up=self.bus.up,
            house=self.house,
            clock=self.clock,
            blobs=self.blobs,
            log=self._logs("console"),
            entropy=os.urandom,
            health=self.inboxes.health,
            reparse=self._reparse,
            ready=self.is_ready,
            invite=self.inboxes.invite,
            cautions=self.cautions.all,
            show=self.showing.show,
        )

    def outbox(self) -> Sender:
        """What sends; its ``run`` is one of the hub's loops."""
        parts = Parts(
            store=self.store,
            clock=self.clock,
            house=self.house,
            connectors=self.connectors,
            blobs=self.blobs,
            log=self._logs("outbox"),
            node=self.keeper.me.id,
            wake=self.wakes["outbox"],
            on_sent=release_target,
            mine=self.inboxes.mine,
            gone=self.keeper.gone,
            still_gone=self.keeper.still_gone,
            unbroken=self.keeper.unbroken,
            recover_seconds=RECOVER if self.keeper.alone else self.config.hub.lease_seconds / 4,
            fenced=self.keeper.lost,
        )
        return Sender(parts)

    def _run_loops(self) -> None:
        parts = LoopParts(
            store=self.store,
            stream=self.stream,
            clock=self.clock,
            house=self.house,
            connectors=self.connectors,
            egress=self.egress,
            blobs=self.blobs,
            sweep_blobs=self.blobs.sweep,
            wakes=self.wakes,
            log=self._logs,
        )
        self._spawn("leases", self.keeper.run)
        if self._does("outbox", "connectors"):
            self._sender = self.outbox()
            self._spawn("outbox", self._sender.run)
        if self._does("web"):
            self._spawn("public", lambda: self._listeners.watch_public(self.clock))
        for name, loop in everywhere(parts, self.keeper.me.roles).items():
            self._spawn(name, loop)
        for name, loop in self.bus.loops():
            self._spawn(name, loop)
        if self._does("timers"):
            keep_leased(self.keeper, parts)
            if self.bus.publishes:
                self.keeper.keep(PUBLISHER, lambda lease: self.bus.publish())
        self._spawn("rules", self._follow_rules)

    def _follow_rules(self) -> Coroutine[Any, Any, None]:
        parts = follower.Parts(
            store=self.store,
            clock=self.clock,
            house=self.house,
            swap=self._swap_rules,
            after=self._rules_changed,
            cautions=self.cautions,
            log=self._logs("loops"),
        )
        return follower.follow_rules(parts, self.wakes["rules"])

    def _swap_rules(self, before: House, taken: follower.Taken) -> bool:
        """Other rules in the house as it was; False when it was swapped meanwhile (a reload)."""
        if self._house is not before:
            return False
        self._house = msgspec.structs.replace(before, rules=taken.compiled, rules_version=taken.version)
        return True

    async def _rules_changed(self, house: House) -> None:
        """What else must happen after rules were taken over: conversations wait for other deadlines."""
        self.wakes["armed"].ring()

    def _spawn(self, name: str, loop: Loop) -> None:
        self._tasks.append(
            asyncio.create_task(keep_up(name, loop, self.clock, self.log, self._down), name=name)
        )

    def is_ready(self) -> bool:
        """Whether the process takes work: it has started, does not stop, and all of its loops run."""
        return self.ready and not self._down

    # --- reload, stop ------------------------------------------------------------------------------------------

    async def reload(self) -> None:
        """Take over changed rules and inboxes; what did not change goes on. A wrong configuration changes nothing.

        Store, listeners and the secret need a restart, which the log says when they changed.
        """
        try:
            await self._build(await asyncio.to_thread(self._load))
        except ConfigError as error:
            self.log.error("the new configuration is wrong, the old one stays", problems=str(error))
            return
        stopped = await self.inboxes.stop_gone()
        if self._does("web"):
            await self._serve_public()
        self.inboxes.start()
        self.keeper.reloaded(setup_of(self.config))
        self.log.info("reloaded", inboxes=len(self.connectors()), stopped=stopped)
        if waiting := building.waits_for_restart(self._begun_with, self.config):
            self.log.warning("these settings wait for a restart", settings=waiting)

    async def stop(self) -> None:
        """Stop taking, finish what is in hand within the configured time, let go of everything."""
        self.ready = False
        await self.keeper.retire()
        await self.inboxes.stop()
        await asyncio.gather(self._listeners.stop(), self._drain())
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.keeper.leave()
        await self.showing.stop()
        await self.bus.close()
        await self.store.close()
        await self.egress.close()
        self._listeners.close()
        self.log.info("stopped")

    async def _drain(self) -> None:
        if self._sender is not None:
            await self._sender.drain(self.config.outbox.drain_seconds)

    async def _reparse(self, raw: int) -> str:
        """Read quarantined bytes again, with the channel's parser as it is now."""
        return await reparse(self.store, self.blobs, self.intake, self.house(), registry.load, raw)
