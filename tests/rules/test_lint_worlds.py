"""Lint is never wrong: what it says of random sets is held against what random messages do."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

import rules
from rules import Compiled, Facts, RuleSet
from rules.lint import lint
from rules.lint.conditions import is_always, is_never
from rules.lint.finding import CODES, Finding
from rules.lint.literals import Memo, formula
from rules.lint.vocabulary import Expand
from tests.rules.lint_worlds import FORMS, PLACES, World, nested, same


def claims(world: World, expand: Expand = same) -> tuple[RuleSet, tuple[Finding, ...]]:
    ruleset = world.ruleset()
    return ruleset, lint(ruleset, expand=expand)


def broken(compiled: Compiled, found: tuple[Finding, ...], facts: Facts) -> Iterator[str]:
    """What a message does that lint said it cannot."""
    decision = rules.evaluate(compiled, facts)
    for one in found:
        if one.code in ("unreachable", "duplicate", "contradiction") and one.rule in decision.matched:
            yield f"{one.code} {one.rule}"
        if one.code == "contradiction":
            states = {told.state for told in rules.explain(compiled, facts, one.rule)}
            if states & {"matched", "stopped"}:
                yield f"contradiction {one.rule} holds"
        if one.code in ("overruled", "no-effect"):
            for action in str(one.text.values["actions"]).split(", "):
                if one.rule in decision.trace.winners.get(action, "").split(","):
                    yield f"{one.rule} wins {action}"
        if (
            one.code == "default-unreached"
            and facts.on == "new"
            and "default" in decision.trace.winners.values()
        ):
            yield "default reached"


def try_worlds(seeds: range, messages: int, expand: Expand = same) -> int:
    """Hold what lint says of random sets against what random messages do; how many claims there were."""
    count = 0
    for seed in seeds:
        world = World(seed)
        ruleset, found = claims(world, expand)
        held = tuple(one for one in found if one.level != "hint" or one.code == "default-unreached")
        if not held:
            continue
        count += len(held)
        compiled = rules.compile_rules(ruleset, expand, PLACES)
        for _ in range(messages):
            facts = world.facts()
            assert not list(broken(compiled, held, facts)), (seed, facts)
    return count


@pytest.mark.slow
@pytest.mark.parametrize("expand", [same, nested], ids=["one form each", "forms within forms"])
def test_lint_is_never_wrong(expand: Expand) -> None:
    """Thousands of random messages do nothing that lint says they cannot."""
    assert try_worlds(range(120), 60, expand) > 200


@pytest.mark.slow
def test_words_that_have_all_forms_of_others_are_found_with_them() -> None:
    """Two rules about words alone, many times: what lint says of the second holds for texts of nothing but words."""
    count = 0
    for seed in range(600):
        world = World(seed)
        first, second = (
            rules.Rule(id=name, name="", when=world.words(), actions=rules.Actions(queue=name))
            for name in "ab"
        )
        ruleset = RuleSet(version="t", source="t", rules=(first, second), default=rules.Actions(queue="d"))
        if "unreachable" in {one.code for one in lint(ruleset, expand=nested)}:
            count += 1
            compiled = rules.compile_rules(ruleset, nested)
            for _ in range(40):
                text = " ".join(world.draw.choices(FORMS, k=world.draw.randint(1, 4)))
                assert "b" not in rules.evaluate(compiled, Facts(text=text)).matched, (seed, text)
    assert count > 50


def test_never_and_always_mean_it() -> None:
    """A condition that is said never to hold does not, one that always holds never fails (it may be unknown)."""
    told_of = {"failed": 0, "matched": 0}
    for seed in range(400):
        world = World(seed)
        node = world.condition(3)
        never, always = is_never(formula(node, Memo())), is_always(formula(node, Memo()))
        if not never and not always:
            continue
        wrong = "matched" if never else "failed"
        told_of["failed" if never else "matched"] += 1
        rule = rules.Rule(id="r", name="", on=("new", "message", "timer"), when=node)
        ruleset = RuleSet(version="t", source="t", rules=(rule,), default=rules.Actions())
        compiled = rules.compile_rules(ruleset, same, PLACES)
        for _ in range(60):
            facts = world.facts()
            assert rules.explain(compiled, facts)[0].state != wrong, (seed, facts)
    assert min(told_of.values()) > 10


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_lint_is_never_wrong_at_length() -> None:
    assert try_worlds(range(10_000, 10_600), 300) > 1_000
    assert try_worlds(range(20_000, 20_300), 300, nested) > 500


def test_every_finding_has_a_known_code_and_says_what_to_do() -> None:
    seen = set()
    for seed in range(40):
        for one in claims(World(seed))[1]:
            seen.add(one.code)
            assert CODES[one.code] == one.level
            assert not re.search(r"\{\w+\}", f"{one.text} {one.advice}")
            assert str(one.advice).endswith(".")
    assert len(seen) > 4
