"""Durations without an answer: which ones a rule set asks for, and that each counts once."""

from __future__ import annotations

import pytest

from rules import Compiled, Facts, as_written, compile_rules, evaluate, explain, load
from rules.waits import Wait, watch

RULES = """
conditions:
  langsam: {unanswered: 2d}
rules:
  - {id: four, name: Vier, on: timer, when: {unanswered: 4h}, do: {tags: [four]}, then: continue}
  - id: eight
    name: Acht
    on: timer
    when: {all: [{unanswered: 8h}, {channel: email}]}
    do: {tags: [eight]}
    then: continue
  - id: open
    name: Offen
    on: [timer, status]
    when: {unanswered: {min: 90m, open_hours: true}}
    do: {tags: [open]}
    then: continue
  - {id: off, name: Aus, enabled: false, on: timer, when: {unanswered: 1h}, do: {tags: [off]}, then: continue}
  - {id: other, name: Anders, on: message, when: {unanswered: 3h}, do: {tags: [message]}, then: continue}
  - {id: again, name: Wieder, on: timer, when: {timer: wieder, waiting: {min: 4h}}, do: {tags: [again]}, then: continue}
  - section: spaet
    name: Spät
    when: {condition: langsam}
    rules:
      - {id: late, name: Spät, on: timer, do: {tags: [late]}, then: continue}
  - section: weg
    name: Weg
    enabled: false
    rules:
      - {id: gone, name: Weg, on: timer, when: {unanswered: 5h}, do: {tags: [gone]}}
default: {queue: q}
"""


@pytest.fixture(scope="module")
def compiled() -> Compiled:
    return compile_rules(load(RULES), as_written)


def test_what_is_asked_for(compiled: Compiled) -> None:
    seen = watch(compiled.ruleset)
    assert seen.waits == (Wait(90, True), Wait(240), Wait(480), Wait(2880))
    assert seen.events == {"timer", "status", "message"}


def test_nothing_is_asked_for_without_such_rules() -> None:
    ruleset = load("rules: []\ndefault: {queue: q}")
    assert watch(ruleset).waits == ()


def tags(compiled: Compiled, **facts: object) -> tuple[str, ...]:
    return evaluate(compiled, Facts(on="timer", channel="email", **facts)).actions.tags  # type: ignore[arg-type]


def test_each_counts_once(compiled: Compiled) -> None:
    assert tags(compiled, unanswered_minutes=240, unanswered_due=(240,)) == ("four",)
    assert tags(compiled, unanswered_minutes=480, unanswered_due=(480,)) == ("eight",)
    late = tags(compiled, unanswered_minutes=3000, unanswered_due=(240, 480, 2880))
    assert late == ("four", "eight", "late")
    assert tags(compiled, unanswered_minutes=600, unanswered_open_minutes=90, unanswered_open_due=(90,)) == (
        "open",
    )


def test_a_timer_of_a_rule_makes_no_duration_count_again(compiled: Compiled) -> None:
    """A rule that starts a timer after four hours would start it for ever. How long it has been asks ``waiting``."""
    assert tags(compiled, timer="wieder", unanswered_minutes=300, waiting_minutes=300) == ("again",)
    assert tags(compiled, timer="wieder", unanswered_minutes=200, waiting_minutes=200) == ()


def test_without_knowing_what_came_true_all_that_hold_count(compiled: Compiled) -> None:
    """As a test inside a rule file tells it."""
    assert tags(compiled, unanswered_minutes=500) == ("four", "eight")


def test_it_is_told_why_a_duration_did_not_count(compiled: Compiled) -> None:
    facts = Facts(on="timer", channel="email", unanswered_minutes=480, unanswered_due=(480,))
    (found,) = explain(compiled, facts, "four")
    assert (found.state, found.condition) == ("failed", "unanswered")
    assert str(found.actual) == "480; the rules were asked when it came true"


def test_all_that_matched_and_failed_is_told(compiled: Compiled) -> None:
    rules = "".join(
        f"  - {{id: r{n}, when: {{queue_load: {{nowhere: {{min: 1}}}}}}, do: {{tags: [t{n}]}}, then: continue}}\n"
        f"  - {{id: m{n}, name: M, do: {{tags: [m{n}]}}, then: continue}}\n"
        for n in range(12)
    )
    many = compile_rules(load(f"rules:\n{rules}default: {{queue: q}}"), as_written)
    decision = evaluate(many, Facts())
    assert decision.matched == tuple(f"m{n}" for n in range(12))
    assert {fault.rule for fault in decision.faults} == {f"r{n}" for n in range(12)}
    assert len(decision.trace.matched) < 12
