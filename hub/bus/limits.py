"""Limits that hold for all nodes together: what each counts is added up in Redis, and the sums go back.

Nobody waits for it: a request is judged by what is known, and Redis learns of it some milliseconds later. Without Redis
each node counts alone. Keys are keyed hashes, because they are made of addresses of people.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Sequence

from connectors.contract import Clock
from hub.bus.links import GONE, Links, execute
from hub.bus.standing import AGAIN, Standing
from hub.rates import Fresh, Rates

GAP = 0.01
"""Seconds between two exchanges: what is counted meanwhile goes together."""

MOST = 500
"""Keys in one exchange."""


async def share_rates(links: Links, rates: Rates, clock: Clock, standing: Standing, secret: bytes) -> None:
    """Until cancelled: exchange counts with the other nodes."""
    stir = asyncio.Event()
    rates.stirred = stir.set
    stir.set()  # for what was counted before
    while True:
        await stir.wait()
        stir.clear()
        fresh = rates.take()
        try:
            if not fresh:
                await execute(links.commands, "PING")
            for start in range(0, len(fresh), MOST):
                part = fresh[start : start + MOST]
                rates.learn(part, await _exchange(links, part, secret))
            standing.worked("counting")
            await clock.sleep(GAP)
        except GONE as error:
            standing.failed("counting", error)
            await clock.sleep(AGAIN)
            stir.set()  # there may be nothing to count for long, and it is over when Redis answers


async def _exchange(links: Links, fresh: Sequence[Fresh], secret: bytes) -> list[tuple[int, int]]:
    async with links.commands.pipeline(transaction=False) as pipe:
        for one in fresh:
            name = _name(links, one, secret)
            pipe.incrby(f"{name}:{one.window}", one.amount)
            pipe.expire(f"{name}:{one.window}", 2 * one.seconds + 10)
            if one.first:
                pipe.get(f"{name}:{one.window - 1}")
        answers = iter(await pipe.execute())
    totals = []
    for one in fresh:
        now, _ = next(answers), next(answers)
        before = int(next(answers) or 0) if one.first else 0
        totals.append((int(now), before))
    return totals


def _name(links: Links, fresh: Fresh, secret: bytes) -> str:
    said = "\0".join((fresh.rate, *fresh.key)).encode()
    return links.key("limit:" + hashlib.blake2b(said, key=secret[:64], digest_size=12).hexdigest())
