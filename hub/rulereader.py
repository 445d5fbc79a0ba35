"""Reading a large rule set in a process of its own, so that the daemon's interpreter stays free for messages.

The child (``python -m hub.rulereader``) reads and checks the text and finds the forms of its words; what it hands back
comes in pieces. What remains for the daemon, compiling, is done by a thread that rests between small pieces of work
(:class:`Breath`).

On the wire: the :class:`Order` as MessagePack goes in. Out come frames, each behind its length in four bytes (big
endian): first a :class:`Read` (or a :class:`Refused`, and nothing more), then as many :class:`SomeRules` as it takes,
which are decoded and compiled while the child looks words up, a :class:`Complete`, then :class:`Forms`, those that had
to be looked up as they were found, and a :class:`Marked`. The child never waits until the daemon has taken something.
"""

from __future__ import annotations

import contextlib
import gc
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import chain, islice
from pathlib import Path
from typing import BinaryIO, cast

import msgspec

from hub.wordforms import WordForms
from rules import Compiled, Problem, RuleFileError, RuleSet, load
from rules.engine.compiled import Compiling, words_of
from rules.engine.spelling import read_form
from rules.engine.towns import TOWN
from rules.model import Rule

LIMIT = 120.0
"""Seconds that the child may take."""

PIECE = 100
"""Rules, or words with their forms, in one frame: decoding it takes about a millisecond."""

WORK, REST = 0.001, 0.000_25
"""Seconds of work in the daemon after which the thread rests, and for how long at least; at most four times that. Who
waits for the interpreter gets it in between as well (:data:`hub.rulefile.SWITCH`)."""

Word = tuple[str, str]
Form = tuple[str, int]


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be read: the text, what problems call it, the names of places, and where forms are kept."""

    source: str
    name: str
    places: tuple[str, ...]
    forms_file: str


class Refused(msgspec.Struct, frozen=True, tag="refused"):
    """The text is wrong."""

    problems: tuple[Problem, ...]


class Read(msgspec.Struct, frozen=True, tag="read"):
    """The rule set without its rules."""

    ruleset: RuleSet


class Complete(msgspec.Struct, frozen=True, tag="complete"):
    """That were all rules."""


class Marked(msgspec.Struct, frozen=True, tag="marked"):
    """The marked forms of the words in names of places."""

    words: list[tuple[Word, list[str]]]


class Forms(msgspec.Struct, frozen=True, tag="forms"):
    """Words with their forms as :func:`rules.engine.spelling.read_form` reads them."""

    words: list[tuple[Word, list[Form]]]


class SomeRules(msgspec.Struct, frozen=True, tag="rules"):
    """The next rules."""

    rules: list[Rule]


Frame = Refused | Read | SomeRules | Complete | Marked | Forms


class Breath:
    """Called between small pieces of work, it rests for half the time that they took, for others."""

    def __init__(
        self, now: Callable[[], float] = time.perf_counter, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._now, self._sleep = now, sleep
        self._since = now()

    def __call__(self) -> None:
        worked = self._now() - self._since
        if worked > WORK:
            self._sleep(min(max(worked / 2, REST), 4 * REST))
            self._since = self._now()


def compile_order(
    order: Order,
    served: Mapping[str, str],
    check: Callable[[RuleSet], None],
    breathe: Callable[[], None],
    *,
    here: bool = False,
) -> Compiled:
    """Have ``order`` read by a child and compile it here meanwhile; ``here``, or where no child can be had, read it in
    this process. ``served`` maps places to offices. ``check`` may refuse the rule set before it is finished.

    Raises RuleFileError, and what ``check`` raises.
    """
    if not here:
        with contextlib.suppress(OSError, subprocess.SubprocessError, msgspec.MsgspecError, EOFError):
            return _compile(_from_child(order), served, check, breathe)
    return _compile(frames(order), served, check, breathe)


def _from_child(order: Order) -> Iterator[Frame]:
    command = [sys.executable, "-m", "hub.rulereader"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:  # noqa: S603 - ours
        wire, answers = cast(BinaryIO, child.stdin), cast(BinaryIO, child.stdout)
        try:
            wire.write(msgspec.msgpack.encode(order))
            wire.close()
            decoder = msgspec.msgpack.Decoder(Frame)
            while head := answers.read(4):
                yield decoder.decode(answers.read(int.from_bytes(head, "big")))
            if child.wait(LIMIT) != 0:
                raise EOFError("the child that reads rules has failed")
        finally:
            child.kill()


def _compile(
    wire: Iterator[Frame],
    served: Mapping[str, str],
    check: Callable[[RuleSet], None],
    breathe: Callable[[], None],
) -> Compiled:
    first = next(wire, None)
    if isinstance(first, Refused):
        raise RuleFileError(first.problems)
    if not isinstance(first, Read):
        raise EOFError("the child that reads rules said nothing")
    rules: list[Rule] = []
    marked: dict[Word, frozenset[str]] = {}
    forms: dict[Word, Sequence[Form]] = {}
    ruleset: RuleSet | None = None
    compiling = Compiling(first.ruleset, breathe)
    for frame in wire:
        match frame:
            case SomeRules():
                rules += frame.rules
                compiling.add(frame.rules)
            case Complete():
                ruleset = msgspec.structs.replace(first.ruleset, rules=tuple(rules))
                check(ruleset)
            case Marked():
                marked = {word: frozenset(found) for word, found in frame.words}
            case Forms():
                forms.update(frame.words)
        breathe()
    if ruleset is None:
        raise EOFError("the child that reads rules stopped half-way")

    def expand(word: str, language: str) -> frozenset[str]:
        return marked.get((word, language), frozenset([word.lower()]))

    def spelt(word: str, language: str) -> Sequence[Form]:
        return forms.get((word, language)) or [read_form(word)]

    return compiling.finish(ruleset, expand, served, spelt)


def frames(order: Order) -> Iterator[Frame]:
    """What the child says."""
    try:
        ruleset = load(order.source, order.name)
    except RuleFileError as error:
        yield Refused(error.problems)
        return
    yield Read(msgspec.structs.replace(ruleset, rules=()))
    for start in range(0, len(ruleset.rules), PIECE):
        yield SomeRules(list(ruleset.rules[start : start + PIECE]))
    yield Complete()
    known = WordForms(Path(order.forms_file))
    words = sorted(words_of(ruleset, order.places))
    here = [word for word in words if known.knows(*word)]
    for word in words:
        known.expand(*word)
    for piece in _pieces(chain(known.learn() if known.missing else (), here)):
        yield Forms([(word, [read_form(form) for form in sorted(known.expand(*word))]) for word in piece])
    yield Marked([(word, sorted(known.expand(*word))) for word in words if word[1] == TOWN])


def _pieces(words: Iterable[Word]) -> Iterator[list[Word]]:
    left = iter(words)
    while piece := list(islice(left, PIECE)):
        yield piece


def main() -> None:
    """The child process."""
    # Whatever this takes, messages come first.
    os.nice(5)
    # It ends before cycles could add up; looking for them would take a third of its time.
    gc.disable()
    order = msgspec.msgpack.decode(sys.stdin.buffer.read(), type=Order)
    _say(sys.stdout.buffer, frames(order))
    # As above: whoever waits for the end need not wait until all of it has been freed.
    os._exit(0)


def _say(wire: BinaryIO, said: Iterator[Frame]) -> None:
    def write(data: bytes) -> None:
        wire.write(len(data).to_bytes(4, "big") + data)
        wire.flush()

    encoder = msgspec.msgpack.Encoder()
    # Whoever listens may be slower; that must not hold up the work.
    with ThreadPoolExecutor(1) as writer:
        for written in [writer.submit(write, encoder.encode(frame)) for frame in said]:
            written.result()


if __name__ == "__main__":
    main()
