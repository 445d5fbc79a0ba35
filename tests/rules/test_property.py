"""The compiled engine against the naive reading of the language, over random rule sets and facts."""

from __future__ import annotations

import os
import random
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

import rules
from rules import Actions, Facts, Rule, RuleSet, model
from rules.engine.evaluate import decide
from rules.engine.scan import Scan
from rules.language import LEFT_UNDONE, MERGED
from tests.rules.drawn import (
    PLACES,
    all_facts,
    expand,
    numbered,
    rulesets,
)
from tests.rules.naive import Naive


@settings(max_examples=120, deadline=None)
@given(ruleset=rulesets, messages=st.lists(all_facts, min_size=1, max_size=4))
def test_compiled_equals_naive(ruleset: RuleSet, messages: list[Facts]) -> None:
    agree(ruleset, messages)


def agree(ruleset: RuleSet, messages: list[Facts]) -> None:
    """Both readings come to the same matches, and the engine tells no fault that the other doesn't see."""
    compiled = rules.compile_rules(ruleset, expand, PLACES)
    naive = Naive(ruleset, expand, PLACES)
    for facts in messages:
        decision = rules.evaluate(compiled, facts)
        trace = decision.trace
        matched, unknown = naive.matched(facts)
        assert list(decision.matched) == matched
        assert [match.rule for match in trace.matched] == matched[:8]
        assert decision.actions == in_order(compiled, facts).actions
        by_default = "default" in ",".join(trace.winners.values()).split(",")
        assert not (by_default and naive.decides(facts))
        told = {fault.rule for fault in trace.faults if not fault.action}
        assert told <= unknown


def in_order(compiled: rules.Compiled, facts: Facts) -> rules.Decision:
    """The decision without the index: every rule for the event is tried."""
    every = [rule for rule in compiled.rules if facts.on in rule.rule.on]
    return decide(compiled, Scan(facts, compiled.lexicon), every, False)


LENGTH = int(os.environ.get("CENTRALA_ORACLE", "2500"))


def mixed(pool: list[Facts], draw: random.Random) -> Facts:
    """Facts of which each comes from another message: far cheaper than drawing all of them anew."""
    return Facts(**{name: getattr(draw.choice(pool), name) for name in Facts.__struct_fields__})


@pytest.mark.slow
@pytest.mark.timeout(7_200)
@pytest.mark.parametrize("part", range(2))
def test_compiled_equals_naive_at_length(part: int) -> None:
    """Ten thousand pairs of a rule set and a message on CI; ``CENTRALA_ORACLE=10000`` takes so many rule sets."""
    pool: list[Facts] = []

    @settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
    @seed(part)
    @given(facts=all_facts)
    def collect(facts: Facts) -> None:
        pool.append(facts)

    @settings(max_examples=LENGTH // 2, deadline=None, suppress_health_check=list(HealthCheck))
    @seed(part)
    @given(ruleset=rulesets, number=st.integers(0, 1 << 32))
    def check(ruleset: RuleSet, number: int) -> None:
        draw = random.Random(number)
        agree(ruleset, [mixed(pool, draw) for _ in range(4)])

    collect()
    check()


@settings(max_examples=150, deadline=None)
@given(
    phrase=st.lists(st.sampled_from("abc"), min_size=1, max_size=3).map(tuple),
    gap=st.integers(0, 3),
    text=st.lists(st.sampled_from("abcd"), max_size=12).map(" ".join),
)
def test_phrases_in_a_small_alphabet(phrase: tuple[str, ...], gap: int, text: str) -> None:
    when = model.Phrase(phrases=(phrase,), gap=gap)
    agree(numbered([Rule(id="", name="", when=when)]), [Facts(text=text)])


@settings(max_examples=80, deadline=None)
@given(ruleset=rulesets, facts=all_facts)
def test_explain_agrees_with_evaluate(ruleset: RuleSet, facts: Facts) -> None:
    compiled = rules.compile_rules(ruleset, expand, PLACES)
    naive = Naive(ruleset, expand, PLACES)
    matched = [match.rule for match in rules.evaluate(compiled, facts).trace.matched]
    told = rules.explain(compiled, facts)
    assert [one.rule for one in told] == [rule.id for rule in ruleset.rules]
    assert [one.rule for one in told if one.state == "matched"][:8] == matched
    for rule, one in zip(ruleset.rules, told, strict=True):
        open_ = naive.holds(naive.guard(rule), facts)
        held = naive.rule(rule, facts) if open_ else open_
        assert (one.state in ("matched", "stopped")) == (held is True)
        assert (one.state == "fault") == (held is None and rule.enabled and facts.on in rule.on)
        if one.state == "failed":
            assert one.condition
            assert rules.explain(compiled, facts, rule.id) == [one]


@settings(max_examples=60, deadline=None)
@given(ruleset=rulesets, facts=all_facts)
def test_one_winner_for_each_action(ruleset: RuleSet, facts: Facts) -> None:
    decision = rules.evaluate(rules.compile_rules(ruleset, expand, PLACES), facts)
    actions = decision.actions
    by_id = {rule.id: rule.actions for rule in ruleset.rules}
    matched = [by_id[match.rule] for match in decision.trace.matched]
    first = next((one.queue for one in matched if one.queue is not None), None)
    undone = LEFT_UNDONE[facts.on]
    assert all(getattr(actions, name) == getattr(Actions(), name) for name in undone)
    if first is not None and actions.distress is None and "queue" not in undone:
        assert actions.queue == first
    if len(matched) < 8:
        wanted: list[str] = []
        for one in matched:
            wanted += [tag for tag in one.tags if tag not in wanted]
        assert list(actions.tags) == wanted
        for name in MERGED:
            merged: dict[str, Any] = {}
            for one in reversed(matched):
                merged |= getattr(one, name)
            assert getattr(actions, name) == merged
    if actions.distress is not None:
        assert actions.priority == 3
        assert not (actions.answer or actions.callback or actions.close or actions.spam)
    if facts.automatic != "no" or facts.suspicious or actions.spam:
        assert not (actions.answer or actions.callback)


odd: st.SearchStrategy[Any] = st.one_of(
    st.none(),
    st.integers(),
    st.text(),
    st.text(st.characters(categories=["Cs"]), max_size=3),
    st.binary(),
    st.floats(),
    st.lists(st.none()),
    st.just({"a": None}),
    st.dictionaries(
        st.one_of(st.none(), st.sampled_from("ab")), st.one_of(st.none(), st.integers(), st.text())
    ),
    st.just(("x" * 70_000,)),
    st.just("praca \ud800 18-400 " * 20_000),
    st.just(((None, "1", 2),)),
)


@settings(max_examples=120, deadline=None)
@given(ruleset=rulesets, fields=st.dictionaries(st.sampled_from(Facts.__struct_fields__), odd, max_size=6))
def test_mangled_facts_raise_nothing_and_lose_nothing(ruleset: RuleSet, fields: dict[str, Any]) -> None:
    compiled = rules.compile_rules(ruleset, expand, PLACES)
    facts = Facts(**fields)
    decision = rules.evaluate(compiled, facts)
    assert decision.matched == in_order(compiled, facts).matched
    rules.explain(compiled, facts)


@settings(max_examples=60, deadline=None)
@given(ruleset=rulesets, facts=all_facts)
def test_a_rule_that_cannot_be_told_changes_nothing_for_the_others(ruleset: RuleSet, facts: Facts) -> None:
    broken = Rule(
        id="broken",
        name="",
        on=("new", "message", "edit"),
        when=model.KeyedBetween(name="queue_load", key="?", low=1),
    )
    more = msgspec.structs.replace(ruleset, rules=(broken, *ruleset.rules))
    before, after = (
        rules.evaluate(rules.compile_rules(one, expand, PLACES), facts) for one in (ruleset, more)
    )
    assert (after.actions, after.matched) == (before.actions, before.matched)
    assert ("broken" in {fault.rule for fault in after.faults}) == (facts.on in broken.on)


@settings(max_examples=60, deadline=None)
@given(facts=all_facts)
def test_facts_survive_storage(facts: Facts) -> None:
    assert msgspec.json.decode(msgspec.json.encode(facts), type=Facts) == facts


@settings(max_examples=40, deadline=None)
@given(ruleset=rulesets, facts=all_facts)
def test_traces_survive_storage(ruleset: RuleSet, facts: Facts) -> None:
    trace = rules.evaluate(rules.compile_rules(ruleset, expand, PLACES), facts).trace
    assert rules.decode_trace(rules.encode_trace(trace)) == trace
