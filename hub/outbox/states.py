"""The states of a delivery, and what a message's state is when it has several. Pure.

``held`` (for undo) → ``queued`` → ``sending`` → ``accepted`` → ``delivered`` → ``read``; ``failed``; ``possibly-sent``
where the channel cannot tell us; ``cancelled`` where the agent took it back in time. Reports never move a state
backwards.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal

State = Literal[
    "held",
    "queued",
    "sending",
    "accepted",
    "delivered",
    "read",
    "failed",
    "possibly-sent",
    "cancelled",
]

MOVES: Mapping[State, frozenset[State]] = {
    "held": frozenset({"queued", "sending", "cancelled", "failed", "possibly-sent"}),
    "queued": frozenset({"sending", "accepted", "cancelled", "failed", "possibly-sent"}),
    "sending": frozenset({"queued", "accepted", "delivered", "failed", "possibly-sent", "held"}),
    "accepted": frozenset({"delivered", "read", "failed"}),
    "delivered": frozenset({"read"}),
    "read": frozenset(),
    "failed": frozenset({"queued", "delivered", "read"}),
    "possibly-sent": frozenset({"queued", "accepted", "delivered", "read", "failed"}),
    "cancelled": frozenset(),
}
"""Where a delivery may go from each state. ``failed`` → ``queued`` is a person's retry, which sends again.
``queued`` → ``accepted``: the answer to an attempt that another process had given up came after all. ``possibly-sent``
before any attempt: the hub was restored from a backup (:mod:`hub.outbox.restored`)."""

_WORST_FIRST: tuple[State, ...] = (
    *("failed", "possibly-sent", "held", "sending", "queued"),
    *("accepted", "delivered", "read", "cancelled"),
)


def may_move(before: State, after: State) -> bool:
    """Whether a delivery in ``before`` may become ``after``."""
    return after in MOVES[before]


def message_state(states: Iterable[State]) -> State:
    """What an agent must know first about a message with deliveries in ``states`` (at least one)."""
    return min(states, key=_WORST_FIRST.index)
