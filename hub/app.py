"""The composition root: builds the hub from its configuration, runs it, reloads it, drains it.

Only here are connectors looked up by name and parts wired together. Both listeners are bound before anything starts,
so that a port in use is told before a single message is taken.
"""

from __future__ import annotations

import asyncio
import functools
import os
import random
import socket
import ssl
from collections.abc import Callable, Coroutine, Mapping, Set
from pathlib import Path
from typing import Any

import msgspec
from aiohttp import web

from connectors import registry
from connectors.contract import Clock, Connector, Health, Log, Route
from hub.budget import StoredBudget
from hub.building import Supplies, make_blobs, make_connector, make_house, make_store
from hub.calendar import learn_holidays
from hub.callbacks.appointments import CallbackAppointments
from hub.callbacks.offers import on_timer as on_callback_timer
from hub.callbacks.record import TIMER as CALLBACK
from hub.cautions import Cautions
from hub.chats.leaving import HANDLERS as CHAT_TIMERS
from hub.chats.port import StoredChats
from hub.config import Config, Inbox, Listener
from hub.configfile import ConfigError, signing_secret
from hub.deciding.ending import settle
from hub.deciding.existing import TIMERS as DECIDING_TIMERS
from hub.deciding.waiting import keep_armed
from hub.desk.presence import Presence
from hub.desk.showing import Showing
from hub.desk.timed import HANDLERS as DESK_TIMERS
from hub.directory import Directory, directory
from hub.egress import CheckedEgress
from hub.house import House
from hub.i18n import translate
from hub.intake.events import release_target
from hub.intake.reparse import reparse
from hub.intake.sink import Intake
from hub.moderation.thread import StoredThread
from hub.outbox.effects import run_effects
from hub.outbox.handlers import INSIDE, outside
from hub.outbox.sender import Parts, Sender
from hub.people.leaving import HANDLERS as PEOPLE_TIMERS
from hub.phone.follow import TIMER as PHONE
from hub.phone.follow import on_timer as on_phone_timer
from hub.replay.replaying import run_replays
from hub.replay.shadow import run_shadows
from hub.rulefile import read_text
from hub.ruleset import follower
from hub.ruleset.drafts import TIMER as RULES
from hub.ruleset.faults import watch_faults
from hub.ruleset.lifecycle import on_timer as on_rules_timer
from hub.running import Running, start, stop
from hub.search.follower import run_search
from hub.store.tx import Tx
from hub.stream import Stream
from hub.surveys.asking import HANDLERS as SURVEY_TIMERS
from hub.sweep import run_sweeps
from hub.timers import Handler, run_timers
from hub.tokens import SignedTokens
from hub.wake import Wake
from hub.web import console, public, public_watch, survey
from hub.web.desk import Desk

TIMERS: Mapping[str, Handler] = {
    **CHAT_TIMERS,
    **DECIDING_TIMERS,
    **DESK_TIMERS,
    **PEOPLE_TIMERS,
    **SURVEY_TIMERS,
    CALLBACK: on_callback_timer,
    PHONE: on_phone_timer,
    RULES: on_rules_timer,
}

SHUTDOWN = 3.0
"""Seconds that open requests have to finish when a listener closes."""

BACKLOG = 512


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
        self.presence = Presence()
        self.blobs = make_blobs(self.config, self.store, draw)
        self.egress = CheckedEgress(self.config.hub.egress_allow)
        self.tokens = SignedTokens(signing_secret(self.config).encode())
        loops = ("outbox", "effects", "timers", "rules", "armed", "replay", "shadow")
        self.wakes = {name: Wake() for name in loops}
        self.cautions = Cautions(clock, self.log)
        self._house: House | None = None
        self._running: dict[str, tuple[Inbox, Running]] = {}
        self._sockets: dict[str, socket.socket] = {}
        self._runners: dict[str, web.AppRunner] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._sender: Sender | None = None
        self.ready = False
        self.showing = Showing(self.store, self.house, self.connectors, clock, self._logs("console"))
        self.intake = Intake(self.store, self.house, clock.monotonic, self.log, self.stream.signal)

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
        """The health of each inbox."""
        return {inbox: running.health for inbox, (_, running) in self._running.items()}

    def ports(self) -> Mapping[str, int]:
        """The ports of the listeners ``public`` and ``private``."""
        return {name: found.getsockname()[1] for name, found in self._sockets.items()}

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
        """Bind, open, build, run. Raises ConfigError, StorageFault, WrongSchema, OSError (an address in use)."""
        self._bind("public", self.config.public)
        self._bind("private", self.config.private)
        await self.prepare()
        await self.intake.refresh_load()
        await self._serve_public()
        await self._serve_private()
        self._run_loops()
        for _, running in self._running.values():
            start(running, self.clock, self._draw, self._logs(running.inbox))
        self.ready = True
        self.log.info("ready", **self.ports())

    async def prepare(self) -> None:
        """Open the store, build house and connectors, and run nothing: for whoever moves the clock by hand, as the
        demo's past week does. :meth:`stop` ends it too. Raises ConfigError, StorageFault, WrongSchema.
        """
        await self.store.open()
        await self.stream.open()
        self.store.on_events = self.stream.publish
        self.store.on_rings = self._ring
        self.store.on_end = self._settle
        self.store.outage.tell = self._tell_outage
        await self._build(self.config)
        await asyncio.to_thread(learn_holidays, self.house().directory, self.clock.now())

    async def open_public(self) -> None:
        """After :meth:`prepare`, instead of :meth:`start`: take what comes to the public address, and nothing else."""
        self._bind("public", self.config.public)
        await self._serve_public()

    def _bind(self, name: str, listener: Listener) -> None:
        bound = socket.create_server((listener.host, listener.port), backlog=BACKLOG)
        bound.setblocking(False)
        self._sockets[name] = bound

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
            running[inbox.id] = (
                inbox,
                Running(inbox=inbox.id, connector=connector, sink=self.intake.sink(inbox.id)),
            )
        return running

    async def _serve_public(self) -> None:
        """Serve the connectors' routes. On a reload the new server takes over the same listening socket, so that no
        connection is refused in between."""
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
            monotonic=self.clock.monotonic,
        )
        await self._serve("public", app, self.config.public)

    async def _serve_private(self) -> None:
        desk = Desk(
            store=self.store,
            stream=self.stream,
            presence=self.presence,
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
        await self._serve("private", console.build(desk), self.config.private)

    async def _serve(self, name: str, app: web.Application, listener: Listener) -> None:
        runner = web.AppRunner(
            app, access_log=None, shutdown_timeout=SHUTDOWN, keepalive_timeout=public_watch.KEEP_ALIVE
        )
        await runner.setup()
        site = web.SockSite(runner, self._sockets[name].dup(), ssl_context=tls(listener), backlog=BACKLOG)
        await site.start()
        before, self._runners[name] = self._runners.get(name), runner
        if before is not None:
            await before.cleanup()

    def outbox(self) -> Sender:
        """What sends; its ``run`` is one of the hub's loops."""
        parts = Parts(
            store=self.store,
            clock=self.clock,
            house=self.house,
            connectors=self.connectors,
            blobs=self.blobs,
            log=self._logs("outbox"),
            node=socket.gethostname(),
            wake=self.wakes["outbox"],
            on_sent=release_target,
        )
        return Sender(parts)

    async def _watch_public(self) -> None:
        """Close connections to the public listener that never get to a request."""
        while True:
            await self.clock.sleep(public_watch.EVERY)
            runner = self._runners.get("public")
            if runner is not None and runner.server is not None:
                runner.app[public_watch.WATCH].sweep(runner.server.connections, self.clock.monotonic())

    def _run_loops(self) -> None:
        self._sender = self.outbox()
        acts = outside(self.store, self.house, self.connectors, self.egress, self.blobs, self.clock)
        log, clock, house = self._logs("loops"), self.clock, self.house
        self._spawn("outbox", self._sender.run())
        self._spawn(
            "effects", run_effects(self.store, clock, house, INSIDE, acts, self.wakes["effects"], log)
        )
        self._spawn("timers", run_timers(self.store, clock, house, TIMERS, self.wakes["timers"], log))
        self._spawn("sweeps", run_sweeps(self.store, clock, house, self.blobs.sweep))
        self._spawn("public", self._watch_public())
        parts = follower.Parts(
            store=self.store,
            clock=clock,
            house=house,
            swap=self._swap_rules,
            after=self._rules_changed,
            cautions=self.cautions,
            log=log,
        )
        self._spawn("rules", follower.follow_rules(parts, self.wakes["rules"]))
        self._spawn("armed", keep_armed(self.store, clock, house, self.wakes["armed"]))
        self._spawn("faults", watch_faults(self.store, clock, self._logs("rules")))
        self._spawn("search", run_search(self.store, self.stream, clock, log))
        self._spawn("replay", run_replays(self.store, clock, house, self.wakes["replay"], log))
        self._spawn("shadow", run_shadows(self.store, clock, house, self.wakes["shadow"], log))

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
        await asyncio.gather(*(stop(running) for running in gone))
        await self._serve_public()
        for _, running in self._running.values():
            if id(running) not in kept:
                start(running, self.clock, self._draw, self._logs(running.inbox))
        self.log.info("reloaded", inboxes=len(self._running), stopped=len(gone))

    async def stop(self) -> None:
        """Stop taking, finish what is in hand within the configured time, let go of everything."""
        self.ready = False
        await asyncio.gather(*(stop(running) for _, running in self._running.values()))
        for name in ("public", "private"):
            if (runner := self._runners.pop(name, None)) is not None:
                await runner.cleanup()
        if self._sender is not None:
            await self._sender.drain(self.config.outbox.drain_seconds)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.showing.stop()
        await self.store.close()
        await self.egress.close()
        for bound in self._sockets.values():
            bound.close()
        self.log.info("stopped")

    async def _reparse(self, raw: int) -> str:
        """Read quarantined bytes again, with the channel's parser as it is now."""
        return await reparse(self.store, self.blobs, self.intake, self.house(), registry.load, raw)


def tls(listener: Listener) -> ssl.SSLContext | None:
    """The TLS of a listener, or None for plain HTTP. Raises OSError for files that cannot be read."""
    if listener.certificate is None:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(listener.certificate, listener.certificate_key)
    return context
