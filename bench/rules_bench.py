"""How long one decision takes: 1,000 and 10,000 rules, beside a plain loop over the same rules and other engines.

Run: ``python -m bench.rules_bench`` (all of it, two minutes) or ``… quick`` (without other engines). The rules and
messages are those of :mod:`bench.rules_mix`, all from one seed. Every figure is processor time; the sides take turns
in one process, and of several rounds the best counts for each. Before anything is measured, both sides come to the
same matches for every message. The collector of cycles stands where the hub has it.

- The floor is the plain loop of :mod:`bench.plain_loop`: compiled checks that stop early, no index, no tables shared.
- ``own checks in order`` is a stricter peer: the evaluator itself with every rule for a candidate, so that only the
  index is missing. It still profits from the evaluator's word table and its one scan for literals.
- ``nothing can be indexed`` is the worst set for the index: negations and open ranges only.
- Other engines (``pip install -e .[bench]``) get the same conditions as far as each can say them: see
  :mod:`bench.rules_peers`.
"""

from __future__ import annotations

import random
import sys
import time
import tracemalloc
from collections.abc import Callable, Sequence

from bench.plain_loop import plain_loop
from bench.report import line, percentile
from bench.rules_mix import PLACES, Mapping, compiled, expand, hopeless, message, rule, vocabulary
from bench.rules_peers import PEERS
from hub.cli_run import settle
from rules import Compiled, Decision, Facts, evaluate
from rules.engine.evaluate import decide
from rules.engine.scan import Scan

ROUNDS = 7
MESSAGES = 2_000
"""So many that the 99th percentile is that of twenty, and that a message has left the processor's caches when its turn
comes again."""

SOME, FEW = 200, 20
"""Messages for sides that take long, and for those that take milliseconds."""

Run = Callable[[Facts], object]


def microseconds(run: Run, messages: Sequence[Facts]) -> list[float]:
    """Processor time of each message."""
    out = []
    for facts in messages:
        start = time.thread_time_ns()
        run(facts)
        out.append((time.thread_time_ns() - start) / 1_000)
    return out


class Side:
    """One side of a comparison: the mean and the 99th percentile of its best rounds."""

    def __init__(self, run: Run, messages: Sequence[Facts]) -> None:
        self._run, self._messages = run, messages
        self.mean = self.slow = float("inf")

    def round(self) -> None:
        times = microseconds(self._run, self._messages)
        self.mean = min(self.mean, sum(times) / len(times))
        self.slow = min(self.slow, percentile(times, 0.99))


def deciding(everything: Compiled) -> Callable[[Facts], Decision]:
    """What is measured."""
    return lambda facts: evaluate(everything, facts)


def in_order(everything: Compiled) -> Callable[[Facts], Decision]:
    """The evaluator without its index: every rule is a candidate."""
    every = everything.by_event["new"].rules
    return lambda facts: decide(everything, Scan(facts, everything.lexicon), every, False)


def same(everything: Compiled, plain: Callable[[Facts], list[str]], messages: Sequence[Facts]) -> float:
    """Hold all sides against each other; the mean number of rules that match a message."""
    strict, count = in_order(everything), 0
    for facts in messages:
        decision = evaluate(everything, facts)
        assert decision == strict(facts), "the index and the checks in order disagree"
        assert list(decision.matched) == plain(facts), "the evaluator and the plain loop disagree"
        count += len(decision.matched)
    return count / len(messages)


def measure(name: str, everything: Compiled, messages: Sequence[Facts], beside: int) -> Side:
    """Print one set of rules: how long a decision takes, and both peers with the first messages, ``beside`` of them."""
    plain = plain_loop(everything.ruleset, expand, PLACES)
    matching = same(everything, plain, messages[:FEW])
    ours = Side(deciding(everything), messages)
    loop = Side(plain, messages[:beside])
    strict = Side(in_order(everything), messages[:beside])
    for _ in range(ROUNDS):
        for side in (ours, loop, strict):
            side.round()
    print(f"{name}: {matching:.1f} rules match a message")
    print(line(f"{name}, own checks in order", ours.mean, "us", strict.mean, inverse=True))
    print(line(f"{name}, p99 beside its target", ours.slow, "us", 100.0, inverse=True))
    print(line(f"{name}, plain loop", ours.mean, "us", loop.mean, inverse=True))
    return ours


def growth(few: Compiled, many: Compiled, messages: Sequence[Facts]) -> None:
    """What ten times the rules cost, both sides in turns."""
    one, ten = Side(deciding(few), messages), Side(deciding(many), messages)
    for _ in range(2 * ROUNDS):
        one.round()
        ten.round()
    print(line("decision with 10000 rules, floor: with 1000", ten.mean, "us", one.mean))


def others(made: Sequence[Mapping], messages: Sequence[Facts]) -> None:
    """Other engines with the rules that each can say, beside ours with exactly those."""
    for name, peer in PEERS.items():
        said, run = peer(made, expand, PLACES)
        if run is None:
            print(f"{name}: not installed")
            continue
        these = compiled([made[number] for number in said])
        wanted = [list(evaluate(these, facts).matched) for facts in messages[:FEW]]
        agree = sum(run(facts) == ids for facts, ids in zip(messages[:FEW], wanted, strict=True))
        assert agree == FEW, f"{name} agrees on {agree} of {FEW} messages"
        theirs = Side(run, messages[:FEW])
        ours = Side(deciding(these), messages[:FEW])
        for _ in range(3):
            theirs.round()
            ours.round()
        print(line(f"decision beside {name}, {len(said)} rules", ours.mean, "us", theirs.mean, inverse=True))


def memory(made: Sequence[Mapping]) -> None:
    """What a compiled set holds, its rules as data and its text included."""
    tracemalloc.start()
    held = compiled(made)
    size = tracemalloc.get_traced_memory()[0] / 1e6
    tracemalloc.stop()
    print(
        line(f"memory of {len(held.rules)} compiled rules beside its target", size, "MB", 100.0, inverse=True)
    )


def main() -> None:
    rng = random.Random(7)
    words = vocabulary(rng, 200_000)
    some = [message(rng, words[:20_000]) for _ in range(SOME)]
    # Ten times the rules over ten times the words: about as many match a message at both sizes.
    made = {count: [rule(rng, words[200 : 20 * count], n) for n in range(count)] for count in (1_000, 10_000)}
    messages = some + [message(rng, words[:20_000]) for _ in range(MESSAGES - SOME)]
    few, many = compiled(made[1_000]), compiled(made[10_000])
    worst = compiled([hopeless(n) for n in range(1_000)])
    settle()
    measure("1000 rules that nothing can index", worst, some, SOME)
    if "quick" not in sys.argv[1:]:
        others(made[1_000], messages)
        memory(made[10_000])
    measure("decision with 10000 rules", many, messages, FEW)
    measure("decision with 1000 rules", few, some, SOME)
    growth(few, many, some)


if __name__ == "__main__":
    main()
