"""Rules that cannot be evaluated: one log line when that begins and one when it is over.

What is said here is read from the counts of :mod:`hub.ruleset.hits`, so that every node and a restarted one say the
same, and a decision costs nothing more.
"""

from __future__ import annotations

from contextlib import suppress

from connectors.contract import Clock, Log
from hub.ruleset.hits import MINUTE, Failing, failing
from hub.store.store import StorageFault, Store, StoreFull

LOOK = 15.0
"""Seconds between two looks."""


async def watch_faults(store: Store, clock: Clock, log: Log) -> None:
    """Until cancelled: tell when rules begin to fail and when they are well again."""
    known: dict[str, int] = {}
    while True:
        with suppress(StorageFault, StoreFull):  # the store tells of its outage itself
            known = tell(known, await store.read(failing), clock.now(), log)
        await clock.sleep(LOOK)


def tell(known: dict[str, int], found: tuple[Failing, ...], now: int, log: Log) -> dict[str, int]:
    """Log what is new against ``known`` (rule → since when, µs) and what is over; returns what fails now."""
    ill = {item.rule: item for item in found if not item.well}
    for rule, item in ill.items():
        if rule not in known:
            log.warning("a rule cannot be evaluated", rule=rule, faults=item.faults, reason=str(item.why))
    for rule, since in known.items():
        if rule not in ill:
            log.info("a rule is evaluated again", rule=rule, minutes=(now - since) // MINUTE)
    return {rule: known.get(rule, item.at) for rule, item in ill.items()}
