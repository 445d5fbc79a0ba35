"""Commits a batch that a channel handed out: side by side, so that few transactions hold it, and each person's in turn.

A hub may refuse one message and take the next one (a large one does not fit any more, a small one does). Had both come
from one person, their words would stand in the wrong order for good; so a refusal holds back what they wrote after it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Sequence
from typing import TypeVar

from connectors.contract import Inbound

_T = TypeVar("_T")

Step = tuple[Hashable, Callable[[], Awaitable[_T]]]
"""Whose it is, and what commits it."""


async def in_turn(steps: Sequence[Step[_T]]) -> list[_T | BaseException]:
    """Run all steps and return their outcomes in the order of ``steps``.

    Behind one that failed none of the same person is begun; such a one's outcome is the failure that it waits for.
    """
    chains: dict[Hashable, list[int]] = {}
    for number, (whose, _) in enumerate(steps):
        chains.setdefault(whose, []).append(number)
    outcomes: dict[int, _T | BaseException] = {}

    async def run(chain: Sequence[int]) -> None:
        for done, number in enumerate(chain):
            try:
                outcomes[number] = await steps[number][1]()
            except Exception as error:
                outcomes.update(dict.fromkeys(chain[done:], error))
                return

    await asyncio.gather(*map(run, chains.values()))
    return [outcomes[number] for number in range(len(steps))]


def sender_of(items: Sequence[Inbound], otherwise: Hashable) -> Hashable:
    """Whose an event is: the address of its first item that has a sender, or ``otherwise``."""
    for item in items:
        sender = getattr(item, "sender", None)
        if sender is not None and sender.address:
            return sender.kind, sender.address
    return otherwise
