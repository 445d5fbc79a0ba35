"""What the week's walker has to carry out, as the hub's loops would: timers, effects, deliveries."""

from __future__ import annotations

import msgspec

from hub.outbox import effects
from hub.outbox.claim import next_due as next_delivery
from hub.outbox.handlers import INSIDE
from hub.store.tx import Reader
from hub.timers import next_due as next_timer


class Work(msgspec.Struct, frozen=True, kw_only=True):
    """What there is to do now."""

    timers: bool = False
    effects: bool = False
    deliveries: bool = False


NOTHING = Work()


def _firsts(tx: Reader) -> tuple[int | None, int | None, int | None]:
    """When the first timer, effect and delivery are due."""
    return next_timer(tx), effects.next_due(tx, list(INSIDE)), next_delivery(tx)


def due_now(tx: Reader) -> Work:
    """What is due already."""
    timers, wanted, deliveries = (due is not None and due <= tx.now for due in _firsts(tx))
    return Work(timers=timers, effects=wanted, deliveries=deliveries)


def next_due_of_all(tx: Reader) -> int | None:
    """When something falls due next that is not due already."""
    return min((due for due in _firsts(tx) if due is not None and due > tx.now), default=None)
