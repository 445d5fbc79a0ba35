"""Keeping connectors running: what fails is begun again with growing gaps, and health is kept for the screens.

Two things are done with a connector. Every process that works on an inbox *serves*: it keeps the sink for the routes,
and for what a sending tells. The one that holds the inbox's lease also *reads* its wire and checks its health.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable

import msgspec

from connectors.contract import Clock, Connector, Health, Log, Refused, Serves, Sink, fault
from hub.cluster.keeper import Keeper
from hub.cluster.leases import Lease
from hub.i18n import mark as N_

FIRST_GAP = 1.0
LONGEST_GAP = 60.0
CHECK_EVERY = 60.0
"""Seconds between two health checks of an inbox."""

CHECK_LIMIT = 20.0

STOP_LIMIT = 5.0
"""Seconds that an inbox may take to let go of its sockets."""

WARN_DAYS = 14
"""So long before an inbox's credentials end people are told, once a day in the log and all the time on the screen."""

DAY = 86_400_000_000


STARTING = Health(state="starting")

BREAKS_OFF = N_("It answers, but reading it breaks off again and again; the log of the hub names the error.")


class Ends(msgspec.Struct, kw_only=True, eq=False):
    """How often in a row an inbox's work ended by an error, and since when, by the stopwatch, it goes on; None while it
    rests."""

    count: int = 0
    since: float | None = None

    def well(self, now: float) -> bool:
        """Whether it goes on: an end or so is nothing, one after the other is, until it has gone on for a while."""
        return self.count < 2 or (self.since is not None and now - self.since > LONGEST_GAP)


class Running(msgspec.Struct, kw_only=True, eq=False):
    """One inbox at work. Its health is known only where it is read."""

    inbox: str
    connector: Connector
    health: Health = STARTING
    told_days: int | None = None
    serving: asyncio.Task[None] | None = None


class Means(msgspec.Struct, frozen=True, kw_only=True):
    """What inboxes run by. ``sink(inbox, lease)`` is where they put what they take; without a lease it is for what
    any process may take. ``reads``: whether this process reads inboxes at all."""

    keeper: Keeper
    sink: Callable[[str, Lease | None], Sink]
    reads: bool
    clock: Clock
    draw: random.Random


def lease_of(inbox: str) -> str:
    """The name of the lease under which an inbox is read."""
    return f"inbox:{inbox}"


def start(running: Running, means: Means, log: Log) -> None:
    """Begin serving it, and reading it whenever we hold its lease."""
    connector, inbox = running.connector, running.inbox
    if isinstance(connector, Serves):
        serving = _keep(lambda: connector.serve(means.sink(inbox, None)), inbox, Ends(), means, log)
        running.serving = asyncio.create_task(serving, name=f"serve-{inbox}")
    if means.reads:
        means.keeper.keep(lease_of(inbox), lambda lease: _read(running, lease, means, log), role="connectors")


async def stop(*several: Running, keeper: Keeper, log: Callable[[str], Log]) -> None:
    """Cancel them and wait until their sockets are closed; others may read them from then on. One that does not end is
    told and left behind: those that did must not wait for it to be begun anew."""
    serving = {running.serving: running.inbox for running in several if running.serving is not None}
    for task in serving:
        task.cancel()
    if serving:
        _, stuck = await asyncio.wait(serving, timeout=STOP_LIMIT)
        for task in stuck:
            log(serving[task]).error("inbox does not stop", inbox=serving[task], seconds=STOP_LIMIT)
    await keeper.drop(*(lease_of(running.inbox) for running in several))


async def _read(running: Running, lease: Lease, means: Means, log: Log) -> None:
    """Read its wire and check its health, while the lease is ours."""
    sink, ends = means.sink(running.inbox, lease), Ends()
    try:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(_keep(lambda: running.connector.run(sink), running.inbox, ends, means, log))
            tasks.create_task(_watch(running, ends, means.clock, log))
    finally:
        running.health = STARTING


async def _keep(run: Callable[[], Awaitable[None]], inbox: str, ends: Ends, means: Means, log: Log) -> None:
    failures = 0
    while True:
        began = ends.since = means.clock.monotonic()
        try:
            await run()
        except Exception as error:
            if (refusal := _refusal(error)) is not None:
                # The storage is away, which it tells itself; the channel must not stay away for longer than that.
                await means.clock.sleep(refusal.retry_after * (0.8 + 0.4 * means.draw.random()))
                continue
            ends.since = None
            log.error("inbox stopped", inbox=inbox, **fault(error))
        if means.clock.monotonic() - began > LONGEST_GAP:
            failures = ends.count = 0
        if ends.since is None:
            ends.count += 1
        gap = min(FIRST_GAP * 2**failures, LONGEST_GAP) * (0.8 + 0.4 * means.draw.random())
        failures = min(failures + 1, 16)
        await means.clock.sleep(gap)


def _refusal(error: Exception) -> Refused | None:
    """The hub's own refusal, where an inbox ended for nothing else; in a group of tasks several may have met it."""
    if isinstance(error, ExceptionGroup):
        found = [_refusal(one) for one in error.exceptions]
        return found[0] if all(found) else None
    return error if isinstance(error, Refused) else None


async def _watch(running: Running, ends: Ends, clock: Clock, log: Log) -> None:
    while True:
        before = running.health.state
        running.health = _as_read(await _check(running.connector), ends, clock.monotonic())
        _tell_change(running, before, log)
        _tell_end(running, clock, log)
        await clock.sleep(CHECK_EVERY if running.health.state == "ok" else CHECK_EVERY / 6)


async def _check(connector: Connector) -> Health:
    try:
        async with asyncio.timeout(CHECK_LIMIT):
            return await connector.check()
    except TimeoutError:
        return Health(state="unreachable", detail="the check took too long")
    except Exception as error:
        return Health(state="degraded", detail=f"the check failed: {type(error).__name__}")


def _as_read(health: Health, ends: Ends, now: float) -> Health:
    """A channel that answers is not well while nobody reads it."""
    if ends.well(now) or health.state not in ("ok", "degraded"):
        return health
    return msgspec.structs.replace(health, state="unreachable", detail=BREAKS_OFF)


def _tell_change(running: Running, before: str, log: Log) -> None:
    """One line when an inbox goes down, one when it is back."""
    now = running.health.state
    if now == before or (before == "starting" and now == "ok"):
        return
    if now == "ok":
        log.info("inbox works again", inbox=running.inbox)
    elif before in ("ok", "starting"):
        log.warning("inbox does not work", inbox=running.inbox, state=now)


def days_left(health: Health, now: int) -> int | None:
    """Whole days until the credentials end, 0 on the last and after it; None while that is far away or never."""
    if health.expires_at is None or health.expires_at - now > WARN_DAYS * DAY:
        return None
    return max(0, (health.expires_at - now) // DAY)


def _tell_end(running: Running, clock: Clock, log: Log) -> None:
    """One line a day while the credentials are about to end."""
    days = days_left(running.health, clock.now())
    if days is not None and days != running.told_days:
        log.warning("the credentials of an inbox end", inbox=running.inbox, days=days)
    running.told_days = days
