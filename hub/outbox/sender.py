"""The outbox at work: claims what is due, lets connectors send it side by side, settles what came back.

An attempt is committed before the wire is touched and its outcome after; a crash in between leaves an
attempt without an outcome, which the next start finds.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from typing import NamedTuple

import msgspec
from sqlalchemy.exc import IntegrityError

from connectors._failpoint import failpoint
from connectors.contract import Blobs, Clock, Connector, Log, SendError, Sent, fault
from hub.cluster.leases import Fenced, Lease
from hub.house import House
from hub.i18n import mark as N_
from hub.store.store import StorageFault, Store, StoreFull
from hub.store.tx import Tx
from hub.wake import Wake

from .backoff import Breaker
from .claim import any_left, claim, find_ambiguous, next_due, next_free, release_unheard, release_untried
from .compose import Draft, read_outbound, with_files
from .queue import destination as breaker_key
from .queue import hurry
from .restored import hold_waiting
from .settle import settle, settle_sent

LOST_FILE = N_("An attachment is no longer there.")
SILENT = N_("The person asked not to be written to on this channel.")
WENT_WRONG = N_("Something went wrong while it was being sent.")
UNPREPARED = N_("It could not be made ready for sending.")
STORAGE_AWAY = "the storage was away, nothing was sent"

STORAGE_PAUSE = 5.0
"""Seconds to wait for a storage that failed."""

SOON = 0.2
"""Seconds until it is tried again to claim what seemed free and was not."""

RECOVER = 30.0
"""Seconds between two looks for attempts without an outcome, where there is no other process to leave any."""


class Claimed(NamedTuple):
    """What this process has in hand, of which channel, and when by its stopwatch it began to claim it."""

    delivery: int
    attempt: int
    channel: str
    since: float


def _nobody(*_: object) -> bool:
    return False


def _always(_: float) -> bool:
    return True


def _ignore(_: Fenced) -> None:
    """Where there are no leases."""


class Parts(msgspec.Struct, frozen=True, kw_only=True):
    """What the outbox works with. ``connectors`` by inbox is asked anew each time, because a reload swaps it; ``node``
    names this process as no other, an earlier run of it included."""

    store: Store
    clock: Clock
    house: Callable[[], House]
    connectors: Callable[[], Mapping[str, Connector]]
    blobs: Blobs
    log: Log
    node: str
    wake: Wake
    on_sent: Callable[[Tx, House, str, str], None]
    """Called in the transaction that records a remote id: reports that came before their message wait for it."""

    mine: Callable[[Mapping[str, Connector]], Mapping[str, Lease | None]] = dict.fromkeys
    """The inboxes that this process sends for, with the lease of those for which only its holder may."""

    gone: Callable[[str], bool] = _nobody
    """Whether a process, named as in attempts, begins nothing any more."""

    still_gone: Callable[[Tx, str], bool] = _nobody
    """The same, inside the transaction that acts on it."""

    unbroken: Callable[[float], bool] = _always
    """Whether nobody can have taken this process for ``gone`` since a moment of its stopwatch."""

    recover_seconds: float = RECOVER
    """Seconds between two looks for attempts that another process left without an outcome."""

    fenced: Callable[[Fenced], None] = _ignore
    """Told when a lease turns out to be lost."""


class Sender:
    """Runs until cancelled; :meth:`drain` first lets what is in hand finish."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        settings = parts.house().directory.config.outbox
        self._breaker = Breaker(settings.breaker_failures, settings.breaker_seconds)
        self._workers = settings.workers
        self._tasks: dict[asyncio.Task[None], Claimed] = {}
        self._stumbled: set[int] = set()
        self._draining = False
        self._still = asyncio.Event()
        """Set while the loop does not run: nothing is in hand then."""
        self._still.set()
        self._next_recovery = 0.0

    async def run(self) -> None:
        """Find what a crash left open, then claim and send until cancelled, or until :meth:`drain` ends it."""
        self._still.clear()
        try:
            await self._start()
            while not self._draining:
                await self._recover()
                await self._round()
            if self._tasks:
                await asyncio.wait(self._tasks)
        finally:
            for task in self._tasks:
                task.cancel()
            self._still.set()

    async def work_off(self) -> int:
        """Send everything that is due now and wait for its outcomes, without the loop; returns how many sendings.

        For whoever moves the clock by hand. Raises StorageFault.
        """
        done = 0
        while claimed := await self._claim(self._mine()):
            await asyncio.gather(*(self._deliver(one) for one in claimed))
            done += len(claimed)
        return done

    async def drain(self, seconds: float) -> None:
        """Claim nothing more and wait for what is being sent, also what is being claimed now, at most so long."""
        self._draining = True
        self._parts.wake.ring()
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._still.wait()

    async def _start(self) -> None:
        """What a restart must settle before anything is sent."""
        parts = self._parts
        while True:
            try:
                if held := await parts.store.write(hold_waiting):
                    parts.log.warning("restored from a backup: what waited to be sent is held", count=held)
                await self._find_open()
            except (StorageFault, StoreFull):
                await parts.clock.sleep(STORAGE_PAUSE)
            else:
                return

    async def _recover(self) -> None:
        """Now and then: what another process left without an outcome."""
        if self._parts.clock.monotonic() >= self._next_recovery:
            with suppress(StorageFault, StoreFull):
                await self._find_open()

    async def _find_open(self) -> None:
        parts = self._parts
        limits = {inbox: c.capabilities.send_limit for inbox, c in parts.connectors().items()}
        house, me = parts.house(), parts.node
        self._next_recovery = parts.clock.monotonic() + parts.recover_seconds
        in_hand = {*(claimed.attempt for claimed in self._tasks.values()), *self._stumbled}
        if await parts.store.read(lambda tx: any_left(tx, me, in_hand, limits, parts.gone)):
            found = await parts.store.write(
                lambda tx: find_ambiguous(tx, house, me, limits, parts.still_gone)
            )
            if found:
                parts.log.warning("sendings without an outcome found", count=found)
            await parts.store.write(lambda tx: release_unheard(tx, me, in_hand))

    async def _round(self) -> None:
        """Begin with what is due; without any, or without room, wait."""
        parts = self._parts
        pause = parts.house().directory.config.outbox.poll_seconds
        claimed: list[Claimed] = []
        if mine := self._mine():
            try:
                due = await parts.store.read(lambda tx: next_due(tx, mine))
                if due is not None and due <= parts.clock.now() and not (claimed := await self._claim(mine)):
                    due = await self._next_free(mine)
                if due is not None and not claimed:
                    pause = min(pause, max(SOON, (due - parts.clock.now()) / 1e6))
            except (StorageFault, StoreFull):
                pause = STORAGE_PAUSE
        for one in claimed:
            task = asyncio.create_task(self._deliver(one), name=f"delivery-{one.delivery}")
            self._tasks[task] = one
            task.add_done_callback(self._done)
        if not claimed:
            await parts.wake.wait(parts.clock, pause)

    def _mine(self) -> Mapping[str, Lease | None]:
        """The inboxes that this process may begin another delivery of, with the lease of those that have one."""
        busy, parts = self._busy(), self._parts
        mine = parts.mine(parts.connectors())
        return {inbox: lease for inbox, lease in mine.items() if busy[self._channel(inbox)] < self._workers}

    def _busy(self) -> Counter[str]:
        return Counter(claimed.channel for claimed in self._tasks.values())

    def _channel(self, inbox: str) -> str:
        """What shares its workers: a channel whose far side is silent takes none from the others."""
        return self._parts.house().channels.get(inbox, inbox)

    def _admission(self) -> Callable[[str], bool]:
        """Whether there is room for one more of an inbox, counted for one claim."""
        busy = self._busy()

        def admit(inbox: str) -> bool:
            channel = self._channel(inbox)
            busy[channel] += 1
            return busy[channel] <= self._workers

        return admit

    async def _next_free(self, mine: Collection[str]) -> int | None:
        """When something can be claimed again, by the clock alone: everything else rings, or is found by looking."""
        parts = self._parts
        now = parts.clock.now()
        resting = self._breaker.resting(now)
        free = await parts.store.read(lambda tx: next_free(tx, resting, mine))
        return min((time for time in (free, self._breaker.next_end(now)) if time is not None), default=None)

    def _done(self, task: asyncio.Task[None]) -> None:
        """One delivery less in hand. One whose end could not be recorded at all stays open, shown as being sent, until
        another process takes it for ambiguous."""
        attempt = self._tasks.pop(task).attempt
        if not task.cancelled() and (error := task.exception()) is not None:
            self._stumbled.add(attempt)
            self._parts.log.error("a delivery broke off", attempt=attempt, **fault(error))
        self._parts.wake.ring()

    async def _claim(self, mine: Mapping[str, Lease | None]) -> list[Claimed]:
        """Begin attempts at what is due of these inboxes, as far as their channels have room."""
        parts = self._parts
        began = parts.clock.monotonic()
        if not parts.unbroken(began):
            return []
        failpoint("outbox.claim.before")
        resting = self._breaker.resting(parts.clock.now())
        leases = [lease for lease in mine.values() if lease is not None]
        try:
            begun = await parts.store.write(
                lambda tx: claim(tx, parts.node, self._workers, resting, mine, leases, self._admission())
            )
        except Fenced as fenced:
            parts.fenced(fenced)
            return []
        except IntegrityError:
            # Another process began with the same lane at the same moment, and the database lets only one.
            return []
        failpoint("outbox.claim.after")
        return [Claimed(one.delivery, one.attempt, self._channel(one.inbox), began) for one in begun]

    async def _deliver(self, claimed: Claimed) -> None:
        """One attempt from its claim to its outcome."""
        parts = self._parts
        house = parts.house()
        delivery, attempt, _, since = claimed
        try:
            draft = await parts.store.read(lambda tx: read_outbound(tx, house, delivery, attempt))
            if draft is None:
                return
            failpoint("outbox.read.after")
            outcome = await self._send(draft, since)
        except StorageFault:
            # Only what comes before the wire asks the storage.
            await self._record(lambda tx: release_untried(tx, delivery, attempt, STORAGE_AWAY))
            return
        except Exception as error:
            await self._break_off(claimed, SendError("temporary", UNPREPARED, type(error).__name__))
            return
        failpoint("outbox.outcome.before")
        try:
            await self._record(lambda tx: self._settle(tx, draft, attempt, outcome))
        except Exception as error:
            if not isinstance(outcome, Sent):
                raise
            # It left, and what came back cannot be kept as it is: people are told that it may have arrived.
            await self._break_off(claimed, SendError("ambiguous", WENT_WRONG, type(error).__name__))
            return
        failpoint("outbox.outcome.after")
        if outcome is not None and self._note(draft, outcome):
            await self._record(lambda tx: hurry(tx, draft.outbound.inbox))

    async def _break_off(self, claimed: Claimed, outcome: SendError) -> None:
        """Something unforeseen happened to an attempt; this is how it ends."""
        parts = self._parts
        house = parts.house()
        delivery, attempt = claimed.delivery, claimed.attempt
        parts.log.error("a delivery broke off", attempt=attempt, error=outcome.private)
        await self._record(lambda tx: _settle_failed(tx, house, delivery, attempt, outcome))

    def _settle(self, tx: Tx, draft: Draft, attempt: int, outcome: Sent | SendError | None) -> None:
        """Record what came back, with what waited for it."""
        house, outbound = self._parts.house(), draft.outbound
        if outcome is None:
            release_untried(tx, outbound.delivery, attempt)
        elif isinstance(outcome, Sent):
            settle_sent(tx, house, outbound.delivery, attempt, outcome)
            if outcome.remote_id is not None:
                self._parts.on_sent(tx, house, outbound.inbox, outcome.remote_id)
        else:
            _settle_failed(tx, house, outbound.delivery, attempt, outcome)

    async def _record(self, command: Callable[[Tx], None]) -> None:
        """Write until it is written: what the wire said must not be forgotten because a disk was full for a while."""
        parts = self._parts
        while True:
            try:
                await parts.store.write(command)
            except (StorageFault, StoreFull):
                await parts.clock.sleep(STORAGE_PAUSE)
            else:
                return

    async def _send(self, draft: Draft, since: float) -> Sent | SendError | None:
        """What the channel said; None when it is too late to begin, or somebody may have settled the attempt because
        we were silent for too long at any time ``since`` its claim. Whatever it raises, nothing was sent."""
        parts = self._parts
        inbox = draft.outbound.inbox
        connector = parts.connectors().get(inbox)
        if connector is None:
            return SendError("temporary", N_("The inbox is switched off."))
        if draft.silent:
            return SendError("permanent", SILENT)
        try:
            outbound = await with_files(draft, parts.blobs.get)
        except KeyError:
            return SendError("permanent", LOST_FILE)
        if parts.clock.now() > draft.send_by or not parts.unbroken(since):
            return None
        failpoint("outbox.send.before")
        try:
            async with asyncio.timeout(connector.capabilities.send_limit):
                sent = await connector.send(outbound)
        except SendError as error:
            return error
        except TimeoutError:
            return SendError("ambiguous", N_("The other side did not answer in time."), "send limit reached")
        except (Exception, asyncio.CancelledError) as error:
            if (task := asyncio.current_task()) is not None and task.cancelling():
                raise
            # Also a library that cancels what is waited for, when a line of its ends: nobody asked us to stop.
            parts.log.error("connector failed while sending", inbox=inbox, **fault(error))
            return SendError("ambiguous", WENT_WRONG, repr(type(error)))
        failpoint("outbox.send.after")
        return sent

    def _note(self, draft: Draft, outcome: Sent | SendError) -> bool:
        """Feed the breaker; log once when a destination goes to rest and once when it is back, which is returned."""
        parts, inbox = self._parts, draft.outbound.inbox
        first = next(iter((*draft.outbound.to, *draft.outbound.cc, *draft.outbound.bcc)), None)
        destination = breaker_key(inbox, first.address if first is not None else "")
        if isinstance(outcome, SendError):
            # Why is kept with the attempt: it may name whom the answer was for.
            parts.log.info(
                "sending not done", inbox=inbox, delivery=draft.outbound.delivery, outcome=outcome.kind
            )
        if not isinstance(outcome, SendError) or outcome.kind != "temporary":
            if self._breaker.worked(destination):
                parts.log.info("destination works again", inbox=inbox)
                return True
        elif self._breaker.failed(destination, parts.clock.now()):
            parts.log.warning("destination rests after failures in a row", inbox=inbox)
        return False


def _settle_failed(tx: Tx, house: House, delivery: int, attempt: int, outcome: SendError) -> None:
    settle(
        tx,
        house,
        delivery,
        attempt,
        outcome.kind,
        public=outcome.public,
        private=outcome.private,
        retry_after=outcome.retry_after,
        gone=outcome.gone,
    )
