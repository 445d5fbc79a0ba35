"""The child process of replays and previews: works on the store beside the hub and never writes to it.

``python -m hub.replay.worker`` reads orders from standard input and answers on standard output, one JSON object a line
(:mod:`hub.replay.protocol`). It ends with its input. It runs at a lower priority than the hub, because a replay has
time and a message has not.
"""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Callable

from hub.clock import SystemClock
from hub.configfile import ConfigError
from hub.directory import directory
from hub.replay.compare import Move, Tally, silent_rules, take
from hub.replay.previewing import Unreadable, Workshop
from hub.replay.protocol import (
    Order,
    Part,
    Problem,
    Ready,
    ReplayOrder,
    Said,
    Whole,
    config_of,
    decode_order,
    line,
)
from hub.replay.stored import batches
from hub.rulefile import compile_source
from hub.store.reading import Ask, reading
from rules.text import Text, mark

NICE = 10

DRAFT, PUBLISHED = "draft", "published rules"

WRONG = mark("The rules cannot be used as they are: {problems}")

UNREADABLE = mark("The rule cannot be read yet: {problem}")

Say = Callable[[Said], None]


def replay(order: ReplayOrder, ask: Ask, say: Say) -> None:
    """Carry out one replay. Raises ConfigError for rules that cannot be compiled."""
    config = config_of(order.setting)
    house = directory(config)
    published = compile_source(config, order.published, PUBLISHED)
    draft = compile_source(config, order.draft, DRAFT)
    gc.freeze()  # the compiled sets live as long as the process: looking them through again and again costs a fifth
    say(Ready())
    tally, room = Tally(), Room(order.moves, order.others)
    for some in batches(ask, order.first, order.last):
        found = [take(tally, house, published, draft, stored) for stored in some]
        say(Part(done=len(some), moves=tuple(move for move in found if move is not None and room.has(move))))
    tally.silent = silent_rules(draft, tally)
    say(Whole(tally=tally))


class Room:
    """How many more of each kind are told."""

    def __init__(self, moves: int, others: int) -> None:
        self._left = {True: moves, False: others}

    def has(self, move: Move) -> bool:
        """Whether this one may still be told; counts it."""
        self._left[move.moves] -= 1
        return self._left[move.moves] >= 0


def carry_out(order: Order, workshop: Workshop, say: Say) -> None:
    """One order; what is wrong with its rules is told as a sentence."""
    setting = order.setting
    try:
        with reading(setting.url, setting.password, SystemClock().now) as ask:
            if isinstance(order, ReplayOrder):
                replay(order, ask, say)
            else:
                workshop.preview(order, ask, say)
    except Unreadable as error:
        say(Problem(text=Text(UNREADABLE), detail=error.text))
    except ConfigError as error:
        problems = "; ".join(
            f"{problem.file}, line {problem.line}: {problem.text}" for problem in error.problems[:3]
        )
        say(Problem(text=Text(WRONG, {"problems": problems})))


def _say(message: Said) -> None:
    sys.stdout.buffer.write(line(message))
    sys.stdout.buffer.flush()


def main() -> None:
    """Until the input ends, or nobody reads the answers any more."""
    os.nice(NICE)
    workshop = Workshop()
    for wanted in sys.stdin.buffer:
        try:
            carry_out(decode_order(wanted), workshop, _say)
        except BrokenPipeError:
            sys.stdout = open(os.devnull, "w")  # noqa: SIM115 - else the interpreter complains as it ends
            return


if __name__ == "__main__":
    main()
