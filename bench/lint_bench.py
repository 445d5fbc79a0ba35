"""How long lint takes, beside reading the same file: ``python -m bench.lint_bench``.

A plain mix of rules that all stop, and one in which all continue: of the former every earlier rule may hide a later
one. CPU time of this process. Wanted: 1,000 rules in two seconds, 10,000 in twenty.
"""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable

import rules
from bench.report import line, median
from rules.lint import lint

TODAY = "2026-11-16"
ROUNDS = 3


def many(count: int, stopping: bool) -> str:
    """A file of so many rules of a plain mix."""
    rng = random.Random(3)
    words = [f"słowo{number}" for number in range(count)]
    made = []
    for number in range(count):
        kinds: list[dict[str, object]] = [
            {"words": rng.sample(words, 4), "channel": rng.choice(["email", "sms", "form"])},
            {"sender": f"osoba{rng.randint(0, count)}@example.org"},
            {"hours": f"{rng.randint(0, 9):02}:00-12:00", "history": {"min": rng.randint(0, 40)}},
            {"any": [{"words": rng.sample(words, 2)}, {"regex": f"nr {number} \\d+"}]},
            {
                "not": {"channel": "chat"},
                "length": {"min": rng.randint(0, 9_000)},
                "inbox": f"i{number % 97}",
            },
        ]
        made.append(
            {
                "id": f"r{number}",
                "when": rng.choice(kinds),
                "do": {"queue": f"q{number % 30}"},
                "then": "stop" if stopping else "continue",
            }
        )
    return json.dumps({"rules": made, "default": {"queue": "x"}}, ensure_ascii=False)


def seconds(work: Callable[[], object]) -> float:
    """CPU seconds of the median run."""
    took = []
    for _ in range(ROUNDS):
        began = time.process_time()
        work()
        took.append(time.process_time() - began)
    return median(took)


def main() -> None:
    """Measure and print."""
    for count in (1_000, 10_000):
        for stopping in (True, False):
            text = many(count, stopping)
            ruleset = rules.load(text)
            reading = seconds(lambda text=text: rules.load(text))  # type: ignore[misc]
            linting = seconds(lambda found=ruleset: lint(found, today=TODAY))  # type: ignore[misc]
            kind = "stop" if stopping else "continue"
            print(line(f"lint of {count:,} rules that {kind}", linting, "s", reading, inverse=True))


if __name__ == "__main__":
    main()
