"""Keeping connectors running: one task an inbox, restarted with growing gaps, its health kept for the screens."""

from __future__ import annotations

import asyncio
import random

import msgspec

from connectors.contract import Clock, Connector, Health, Log, Sink

FIRST_GAP = 1.0
LONGEST_GAP = 60.0
CHECK_EVERY = 60.0
"""Seconds between two health checks of an inbox."""

CHECK_LIMIT = 20.0

WARN_DAYS = 14
"""So long before an inbox's credentials end people are told, once a day in the log and all the time on the screen."""

DAY = 86_400_000_000


class Running(msgspec.Struct, kw_only=True):
    """One inbox at work."""

    inbox: str
    connector: Connector
    sink: Sink
    health: Health = Health(state="starting")
    told_days: int | None = None
    tasks: list[asyncio.Task[None]] = []


def start(running: Running, clock: Clock, draw: random.Random, log: Log) -> None:
    """Begin reading its wire and checking its health."""
    running.tasks = [
        asyncio.create_task(_keep(running, clock, draw, log), name=f"inbox-{running.inbox}"),
        asyncio.create_task(_watch(running, clock, log), name=f"health-{running.inbox}"),
    ]


async def stop(running: Running) -> None:
    """Cancel it and wait until its sockets are closed."""
    for task in running.tasks:
        task.cancel()
    await asyncio.gather(*running.tasks, return_exceptions=True)


async def _keep(running: Running, clock: Clock, draw: random.Random, log: Log) -> None:
    failures = 0
    while True:
        began = clock.monotonic()
        try:
            await running.connector.run(running.sink)
        except Exception as error:
            log.error("inbox stopped", inbox=running.inbox, error=type(error).__name__)
        if clock.monotonic() - began > LONGEST_GAP:
            failures = 0
        gap = min(FIRST_GAP * 2**failures, LONGEST_GAP) * (0.8 + 0.4 * draw.random())
        failures = min(failures + 1, 16)
        await clock.sleep(gap)


async def _watch(running: Running, clock: Clock, log: Log) -> None:
    while True:
        before = running.health.state
        running.health = await _check(running.connector)
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
