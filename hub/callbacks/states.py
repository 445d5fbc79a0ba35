"""The states of a callback and what moves it from one to another. Pure, one table.

``requested`` → ``scheduled`` → ``due`` → ``offered`` → ``dialling`` → ``in-call`` → ``wrap-up`` → ``done``. Nobody
answered: ``no-answer`` → ``retry-wait`` or, after the last attempt, ``unreachable``. The agent did not take it in time:
``offer-lapsed`` → ``due``. ``no-answer`` and ``offer-lapsed`` are passed through within one transaction.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

State = Literal[
    "requested",
    "scheduled",
    "due",
    "offered",
    "dialling",
    "in-call",
    "wrap-up",
    "done",
    "no-answer",
    "retry-wait",
    "offer-lapsed",
    "unreachable",
    "cancelled",
    "expired",
    "rejected",
]

Move = Literal[
    "schedule",
    "reject",
    "fall-due",
    "offer",
    "lapse",
    "wait",
    "dial",
    "answer",
    "hang-up",
    "finish",
    "miss",
    "retry",
    "give-up",
    "wrong-number",
    "release",
    "move",
    "cancel",
    "expire",
]

MOVES: Mapping[State, Mapping[Move, State]] = {
    "requested": {"schedule": "scheduled", "reject": "rejected"},
    "scheduled": {"fall-due": "due", "move": "scheduled", "cancel": "cancelled"},
    "retry-wait": {"fall-due": "due", "move": "scheduled", "cancel": "cancelled"},
    "due": {"offer": "offered", "move": "scheduled", "cancel": "cancelled", "expire": "expired"},
    "offered": {
        "dial": "dialling",
        "lapse": "offer-lapsed",
        "release": "due",
        "miss": "no-answer",
        "wrong-number": "rejected",
        "move": "scheduled",
        "cancel": "cancelled",
    },
    "offer-lapsed": {"wait": "due"},
    "dialling": {
        "answer": "in-call",
        "miss": "no-answer",
        "wrong-number": "rejected",
        "release": "due",
    },
    "in-call": {
        "hang-up": "wrap-up",
        "finish": "done",
        "wrong-number": "rejected",
        "move": "scheduled",
        "cancel": "cancelled",
    },
    "wrap-up": {"finish": "done", "wrong-number": "rejected", "move": "scheduled", "cancel": "cancelled"},
    "no-answer": {"retry": "retry-wait", "give-up": "unreachable"},
    "done": {},
    "unreachable": {},
    "cancelled": {},
    "expired": {},
    "rejected": {},
}
"""Where each move leads from each state. ``miss`` is "nobody answered". What is not here is refused."""

FINAL: frozenset[State] = frozenset({"done", "unreachable", "cancelled", "expired", "rejected"})
"""States that nothing leaves: a further wish for the same number is a new callback."""

WITH_AGENT: frozenset[State] = frozenset({"offered", "dialling", "in-call", "wrap-up"})
"""States in which exactly one agent has it; an agent has at most one."""

WAITING: frozenset[State] = frozenset({"scheduled", "due", "retry-wait"})
"""States in which it waits for its time or for an agent."""

TALKING: frozenset[State] = frozenset({"dialling", "in-call", "wrap-up"})
"""States in which the citizen cannot change it: the telephone rings, or it has rung."""


class NoSuchMove(Exception):
    """The state does not allow it."""


def after(state: State, move: Move) -> State:
    """The state that ``move`` leads to. Raises :class:`NoSuchMove`."""
    found = MOVES[state].get(move)
    if found is None:
        raise NoSuchMove(f"{move} from {state}")
    return found


def movable(state: State) -> bool:
    """Whether the citizen may still move or cancel it."""
    return state not in TALKING and "move" in MOVES[state]
