"""Random rule files: a clear error with its line, or a working rule set; never a crash, never a hang.

``CENTRALA_FUZZ=100000 pytest -m slow tests/rules/test_fuzz.py`` tries as many as are asked for.
"""

from __future__ import annotations

import os
import time

import pytest

import rules
from rules import Facts, RuleFileError, RuleSet
from rules.diff import diff
from rules.lint import lint
from rules.samples import check
from tests.rules.broken import SMALL, WHOLE, Breaker
from tests.rules.lint_worlds import PLACES, World, same

SECONDS = 3.0
"""CPU time that no document may take; most take a few milliseconds."""

BASE = rules.load(SMALL)
MESSAGES = [World(seed).facts() for seed in range(3)] + [
    Facts(
        text="kot dotacja \ud800 wniosek 44051401359", sender_address="\ud800@", tags=("a",), local_date="x"
    ),
    Facts(on="timer", timer="e1", unanswered_minutes=500, unanswered_open_minutes=500, history_ages=(1, 2)),
]


def told_clearly(error: RuleFileError, text: str) -> None:
    """Every problem has a sentence, and a place in the text."""
    assert error.problems
    lines = (
        text.count("\n")
        + text.count("\r")
        + text.count("\x85")
        + text.count("\u2028")
        + text.count("\u2029")
        + 2
    )
    for problem in error.problems:
        assert 1 <= problem.line <= lines
        assert str(problem.text).strip()
        assert len(str(problem)) < 5_000
        str(problem).encode(errors="strict")


def works(ruleset: RuleSet) -> None:
    """A rule set that was read can be compiled, asked, linted, tested and compared."""
    compiled = rules.compile_rules(ruleset, same, PLACES)
    for facts in MESSAGES:
        decision = rules.evaluate(compiled, facts)
        rules.encode_trace(decision.trace)
        assert len(rules.explain(compiled, facts)) == len(ruleset.rules)
    for finding in lint(ruleset, today="2026-11-21"):
        assert str(finding.text) and str(finding.advice)
    check(compiled)
    for change in diff(BASE, ruleset):
        str(change)


def attempt(text: str) -> str:
    """What became of a document."""
    start = time.process_time()
    try:
        ruleset = rules.load(text)
    except RuleFileError as error:
        told_clearly(error, text)
        outcome = "refused"
    else:
        works(ruleset)
        outcome = "works"
    assert time.process_time() - start < SECONDS
    return outcome


def fuzz(seed: int, count: int) -> dict[str, int]:
    breaker = Breaker(seed)
    outcomes = {"works": 0, "refused": 0}
    for number in range(count):
        text = breaker.document()
        try:
            outcomes[attempt(text)] += 1
        except Exception as error:
            error.add_note(f"seed {seed}, document {number}: {text[:2_000]!r}")
            raise
    return outcomes


def test_the_whole_file_is_valid() -> None:
    assert attempt(WHOLE) == "works"


@pytest.mark.slow
def test_random_files() -> None:
    outcomes = fuzz(1, 300)
    assert outcomes["works"] > 30
    assert outcomes["refused"] > 90


@pytest.mark.slow
@pytest.mark.timeout(7_200)
def test_very_many_random_files() -> None:
    count = int(os.environ.get("CENTRALA_FUZZ", "5000"))
    outcomes = fuzz(2, count)
    assert outcomes["works"] > count // 20
