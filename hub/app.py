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
from connectors.contract import Clock, Connector, Health, Log, Route
from hub.budget import StoredBudget
from hub.building import Supplies, make_blobs, make_connector, make_house, make_rates, make_store
from hub.bus.wiring import PUBLISHER, Ends, open_bus
from hub.calendar import learn_holidays
from hub.callbacks.appointments import CallbackAppointments
from hub.cautions import Cautions
from hub.chats.port import StoredChats
from hub.cluster.keeper import Keeper
from hub.cluster.leases import Lease
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
from hub.intake.events import release_target
from hub.intake.reparse import reparse
from hub.intake.sink import Intake
from hub.loops import WAKES, everywhere, keep_leased
from hub.loops import Parts as LoopParts
from hub.moderation.thread import StoredThread
from hub.outbox.sender import Parts, Sender
from hub.rulefile import read_text
from hub.ruleset import follower
from hub.running import STARTING, Means, Running, lease_of, start, stop
from hub.serving import Listeners
from hub.store.tx import Tx
from hub.stream import Stream
from hub.tokens import SignedTokens
from hub.wake import Wake
from hub.web import console, public, survey
from hub.web.desk import Desk


class Hub:
    """A hub in this process. ``load`` reads the configuration anew; ``log`` gives a logger by name."""

    def __init__(
        self, load: Callable[[], Config], clock: Clock, draw: random.Random, log: Callable[[str], Log]
    ) -> None:
        self.config = load()
        self.clock = clock
        self._load = load
        self._draw = draw
        self._logs = log
        self.log = log("hub")
        self.store = make_store(self.config, clock)
        self.stream = Stream(self.store, buffer=self.config.stream.buffer)
        self.presence, self.drafts = Presence(), Presence()
        self.blobs = make_blobs(self.config, self.store, draw)
        self.egress = CheckedEgress(self.config.hub.egress_allow)
        self.tokens = SignedTokens(signing_secret(self.config).encode())
        self.wakes = {name: Wake() for name in WAKES}
        self.cautions = Cautions(clock, self.log)
        self._house: House | None = None
        self._running: dict[str, tuple[Inbox, Running]] = {}
        self._listeners = Listeners()
        self.displaced = asyncio.Event()
        """Set when another process has taken our name: this one must end."""
        self._tasks: list[asyncio.Task[None]] = []
        self._sender: Sender | None = None
        self.ready = False
        self.showing = Showing(self.store, self.house, self.connectors, clock, self._logs("console"))
        self.keeper = Keeper(
            self.store,
            clock,
            this_node(self.config, boot=os.urandom(4).hex()),
            log("cluster"),
            alone=self.config.store.sqlite_path() is not None,
            ttl=self.config.hub.lease_seconds,
            health=self._read_here,
            displaced=self.displaced.set,
        )
        self.intake = Intake(
            self.store, self.house, clock.monotonic, self.log, self.stream.signal, self.keeper.lost
        )
        self.rates = make_rates(self.config, clock)
        self.bus = open_bus(self.config, self._ends())

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
        """Connectors at work, by inbox."""
        return {inbox: running.connector for inbox, (_, running) in self._running.items()}

    def health(self) -> Mapping[str, Health]:
        """The health of each inbox, as the process tells that reads it."""
        told = {inbox: health for member in self.keeper.members for inbox, health in member.health.items()}
        here = self._read_here()
        return {inbox: here.get(inbox) or told.get(inbox, STARTING) for inbox in self._running}

    def _read_here(self) -> Mapping[str, Health]:
        """The health of inboxes that this process reads."""
        return {
            inbox: running.health
            for inbox, (_, running) in self._running.items()
            if self.keeper.held(lease_of(inbox)) is not None
        }

    def ports(self) -> Mapping[str, int]:
        """The ports of the listeners ``public`` and ``private``."""
        return self._listeners.ports()

    def _settle(self, tx: Tx) -> None:
        """The end of a transaction that left something for it; before the first house there is nothing to settle."""
        if self._house is not None:
            settle(tx, self._house, self.log)

    def _ring(self, loops: Set[str]) -> None:
        for name in loops:
            self.wakes[name].ring()

    def _tell_outage(self, reason: str | None) -> None:
        if reason is not None:
            self.log.error("the storage failed: nothing is taken until it works", reason=reason)
        else:
            self.log.info("the storage works again")

    # --- start -------------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Bind, open, build, run. Raises ConfigError, StorageFault, WrongSchema, CannotJoin, OSError
        (an address in use)."""
        if self._does("web"):
            self._listeners.bind("public", self.config.public)
            self._listeners.bind("private", self.config.private)
        await self.prepare()
        await self.keeper.enter()
        await self.intake.refresh_load()
        if self._does("web"):
            await self._serve_public()
            await self._serve_private()
        self._run_loops()
        for _, running in self._running.values():
            start(running, self._means(), self._logs(running.inbox))
        self.ready = True
        self.log.info("ready", **self.ports(), node=self.keeper.me.name, roles=",".join(self.keeper.me.roles))

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
        self.store.outage.tell = self._tell_outage
        await self._build(self.config)
        await asyncio.to_thread(learn_holidays, self.house().directory, self.clock.now())

    async def open_public(self) -> None:
        """After :meth:`prepare`, instead of :meth:`start`: take what comes to the public address, and nothing else."""
        self._listeners.bind("public", self.config.public)
        await self._serve_public()

    async def _build(self, config: Config) -> None:
        """The house and the connectors of a configuration; inboxes whose settings are the same go on undisturbed."""
        found = directory(config)
        name = config.hub.rules_file
        source = await asyncio.to_thread(read_text, Path(name))
        await follower.import_file(self.store, config, source, name, self.clock.now())
        rules = await follower.usable(self.store, config, self.cautions, older=self._house is None)
        running = self._make_running(found)
        channels = {inbox.id: registry.load(inbox.kind).channel for inbox in config.inboxes}
        capabilities = {inbox: r.connector.capabilities for inbox, (_, r) in running.items()}
        self._house = make_house(
            found,
            capabilities,
            channels,
            rules.compiled,
            rules.version,
            self.tokens,
            translate,
            self._draw,
        )
        self._running = running
        self.config = config

    def _make_running(self, found: Directory) -> dict[str, tuple[Inbox, Running]]:
        supplies = Supplies(
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
        running: dict[str, tuple[Inbox, Running]] = {}
        for inbox in found.config.inboxes:
            if not inbox.enabled:
                continue
            kept = self._running.get(inbox.id)
            if kept is not None and kept[0] == inbox:
                running[inbox.id] = kept
                continue
            connector = make_connector(found, inbox, registry.load(inbox.kind), supplies)
            running[inbox.id] = (inbox, Running(inbox=inbox.id, connector=connector))
        return running

    def _means(self) -> Means:
        return Means(
            keeper=self.keeper,
            sink=self.intake.sink,
            reads=self._does("connectors"),
            clock=self.clock,
            draw=self._draw,
        )

    async def _serve_public(self) -> None:
        """Serve the connectors' routes."""
        routes: list[Route] = [
            route for _, running in self._running.values() for route in running.connector.routes()
        ]
        routes += survey.routes(self.store, self.house, self._draw)
        app = public.build(
            routes=routes,
            settings=public.Settings(
                public_url=self.config.hub.public_url,
                language=self.config.hub.language,
                per_address=self.config.limits.public_per_address,
                trusted_proxies=self.config.public.trusted_proxies,
            ),
            translate=translate,
            log=self._logs("public"),
            ready=lambda: self.ready,
            rates=self.rates,
        )
        await self._listeners.serve("public", app, self.config.public)

    async def _serve_private(self) -> None:
        desk = Desk(
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
            health=self.health,
            reparse=self._reparse,
            ready=lambda: self.ready,
            cautions=self.cautions.all,
            show=self.showing.show,
        )
        await self._listeners.serve("private", console.build(desk), self.config.private)

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
            mine=self._mine,
            dead=self.keeper.certainly_dead,
            fenced=self.keeper.lost,
        )
        return Sender(parts)

    def _mine(self, connectors: Mapping[str, Connector]) -> Mapping[str, Lease | None]:
        """Inboxes that this process may send for, with the lease where only its holder may."""
        anywhere = {
            inbox: None
            for inbox, connector in connectors.items()
            if self.keeper.alone or (connector.capabilities.sends_from == "anywhere" and self._does("outbox"))
        }
        held = {inbox: self.keeper.held(lease_of(inbox)) for inbox in connectors.keys() - anywhere.keys()}
        return anywhere | {inbox: lease for inbox, lease in held.items() if lease is not None}

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
        self._spawn("leases", self.keeper.run())
        if self._does("outbox", "connectors"):
            self._sender = self.outbox()
            self._spawn("outbox", self._sender.run())
        if self._does("web"):
            self._spawn("public", self._listeners.watch_public(self.clock))
        for name, loop in everywhere(parts, self.keeper.me.roles).items():
            self._spawn(name, loop)
        for name, loop in self.bus.loops():
            self._spawn(name, loop)
        if self._does("timers"):
            keep_leased(self.keeper, parts)
            if self.bus.publishes:
                self.keeper.keep(PUBLISHER, lambda lease: self.bus.publish())
        self._spawn("rules", self._follow_rules())

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

    def _spawn(self, name: str, loop: Coroutine[Any, Any, None]) -> None:
        """Run a loop; one that ends by itself is a fault worth a line and the end of the process's readiness."""
        task = asyncio.create_task(loop, name=name)
        task.add_done_callback(self._ended)
        self._tasks.append(task)

    def _ended(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            self.ready = False
            self.log.error("a loop of the hub ended", loop=task.get_name(), error=repr(error))

    # --- reload, stop ------------------------------------------------------------------------------------------

    async def reload(self) -> None:
        """Take over changed rules and inboxes; what did not change goes on. A wrong configuration changes nothing.

        Store, listeners and the secret need a restart.
        """
        before = dict(self._running)
        try:
            await self._build(await asyncio.to_thread(self._load))
        except ConfigError as error:
            self.log.error("the new configuration is wrong, the old one stays", problems=str(error))
            return
        gone = [r for inbox, (_, r) in before.items() if self._running.get(inbox, (None, None))[1] is not r]
        kept = {id(r) for _, r in before.values()}
        await stop(*gone, keeper=self.keeper)
        if self._does("web"):
            await self._serve_public()
        for _, running in self._running.values():
            if id(running) not in kept:
                start(running, self._means(), self._logs(running.inbox))
        self.keeper.reloaded(setup_of(self.config))
        self.log.info("reloaded", inboxes=len(self._running), stopped=len(gone))

    async def stop(self) -> None:
        """Stop taking, finish what is in hand within the configured time, let go of everything."""
        self.ready = False
        await self.keeper.retire()
        await stop(*(running for _, running in self._running.values()), keeper=self.keeper)
        await self._listeners.stop()
        if self._sender is not None:
            await self._sender.drain(self.config.outbox.drain_seconds)
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

    async def _reparse(self, raw: int) -> str:
        """Read quarantined bytes again, with the channel's parser as it is now."""
        return await reparse(self.store, self.blobs, self.intake, self.house(), registry.load, raw)
