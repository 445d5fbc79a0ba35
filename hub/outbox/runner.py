"""The loop of effects: those of the store alone, and the start of those with I/O (:mod:`hub.outbox.errands`)."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from connectors._failpoint import failpoint
from connectors.contract import Clock, Log
from hub.house import House
from hub.store.store import Store
from hub.wake import Wake, when_due

from .effects import Inside, next_due, run_inside
from .errands import Errands


async def run_effects(
    store: Store,
    clock: Clock,
    house: Callable[[], House],
    inside: Mapping[str, Inside],
    errands: Errands,
    wake: Wake,
    log: Log,
) -> None:
    """Until cancelled: carry out what is due."""

    async def next_one() -> int | None:
        kinds = [*inside, *errands.free()]
        return await store.read(lambda tx: next_due(tx, kinds))

    async def carry_out() -> int:
        failpoint("effects.before")
        done = await store.write(lambda tx: run_inside(tx, house(), inside, log))
        failpoint("effects.inside.after")
        done += await errands.begin()
        failpoint("effects.after")
        return done

    try:
        await when_due(next_one, carry_out, clock, wake)
    finally:
        errands.cancel()
