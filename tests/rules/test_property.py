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
from rules.decision import CallbackOrder
from rules.engine.evaluate import decide
from rules.engine.scan import Scan
from rules.language import LEFT_UNDONE, MERGED
from rules.model import Section
from tests.rules.naive import Naive

ROOTS = ("zasił", "prac", "błąd", "urząd", "łomż", "staż")
ENDINGS = ("", "a", "u", "em", "ów")
PLACES = {"18": "pup-b", "18-4": "pup-a", "łomż": "pup-a", "urząd prac": "pup-c"}
CHANNELS = ("email", "sms", "comments")


def expand(word: str, language: str = "") -> frozenset[str]:
    """Forms of an invented word: its root with every ending."""
    root = next((root for root in ROOTS if word.startswith(root)), None)
    return frozenset(root + ending for ending in ENDINGS) if root else frozenset([word])


words = st.sampled_from([root + ending for root in ROOTS for ending in ENDINGS])
small = st.integers(-1, 9)
bounds = st.one_of(st.none(), small)
values = st.lists(st.sampled_from([*CHANNELS, "x", "e*", "*"]), min_size=1, max_size=3).map(tuple)
text_names = st.sampled_from(
    [
        "channel",
        "inbox",
        "kind",
        "direction",
        "sender",
        "sender_kind",
        "last_queue",
        "previous_queue",
        "office",
        "article",
        "section",
        "automatic",
        "suspicious",
        "callback_topic",
        "status",
        "status_from",
        "timer",
        "tags",
        "tag_added",
        "tag_removed",
        "button",
        "domain",
    ]
)
flag_names = st.sampled_from(
    [
        "sender_verified",
        "returning",
        "automatic",
        "suspicious",
        "reply_to_automatic",
        "holiday",
        "open_hours",
        "pesel",
        "phone",
        "account",
        "email",
    ]
)
number_names = st.sampled_from(
    [
        "history",
        "open_elsewhere",
        "duplicates",
        "join_candidates",
        "length",
        "waiting",
        "unanswered",
        "unanswered_open",
        "links",
    ]
)
minutes = st.integers(0, 1439)

spellings = st.sampled_from(
    [
        {"exact": exact, **how}
        for exact in (False, True)
        for how in ({}, {}, {"diacritics": True}, {"typos": 1})
    ]
)

leaves: st.SearchStrategy[model.Condition] = st.one_of(
    st.builds(model.OneOf, name=text_names, values=values),
    st.builds(
        model.OneOf,
        name=st.just("days"),
        values=st.lists(st.sampled_from("1234567"), min_size=1, max_size=3).map(tuple),
    ),
    st.builds(model.Flag, name=flag_names, value=st.booleans()),
    st.builds(model.Between, name=number_names, low=bounds, high=bounds),
    st.builds(
        model.Keyed,
        name=st.sampled_from(["contact", "fields"]),
        key=st.sampled_from("ab"),
        values=st.one_of(st.just(()), values),
    ),
    st.builds(
        model.KeyedBetween,
        name=st.sampled_from(["queue_load", "queue_waiting", "agents_on_duty"]),
        key=st.sampled_from("ab"),
        low=bounds,
        high=bounds,
    ),
    st.builds(
        model.Language,
        values=st.lists(st.sampled_from(["pl", "uk"]), min_size=1).map(tuple),
        confidence=st.sampled_from([0.0, 0.8]),
    ),
    st.builds(
        lambda words, at_least, how: model.Words(words=words, at_least=at_least, **how),
        st.lists(
            st.one_of(words, st.tuples(words, words).map(" ".join)), min_size=1, max_size=3, unique=True
        ).map(tuple),
        st.integers(1, 2),
        spellings,
    ),
    st.builds(
        lambda phrases, gap, how: model.Phrase(phrases=phrases, gap=gap, **how),
        st.lists(st.lists(words, min_size=1, max_size=3).map(tuple), min_size=1, max_size=2).map(tuple),
        st.integers(0, 3),
        spellings,
    ),
    st.builds(
        model.Recent,
        name=st.sampled_from(["history", "returning"]),
        days=st.integers(1, 9),
        low=bounds,
        high=bounds,
    ),
    st.builds(
        model.Pattern,
        pattern=st.sampled_from(
            ["zasił", r"błąd\s*5\d\d", "prac(a|y)", r"^urząd", r"\d{3}", "staż|błąd", "[łl]om"]
        ),
    ),
    st.builds(
        model.Hours,
        spans=st.lists(
            st.tuples(minutes, minutes).filter(lambda s: s[0] != s[1]), min_size=1, max_size=2
        ).map(tuple),
    ),
    st.builds(
        model.Dates, first=st.sampled_from(["", "2026-11-10"]), last=st.sampled_from(["", "2026-11-20"])
    ),
    st.builds(model.Place, offices=st.sampled_from([(), ("pup-a",), ("pup-b", "pup-c")])),
    st.builds(
        model.Attachment,
        types=st.sampled_from([(), ("image/*",), ("text/plain",)]),
        names=st.sampled_from([(), (".png",)]),
        size=st.sampled_from([0, 100]),
    ),
)
conditions = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.builds(model.All, items=st.lists(inner, max_size=3).map(tuple)),
        st.builds(model.Any, items=st.lists(inner, max_size=3).map(tuple)),
        st.builds(model.Not, item=inner),
        st.builds(model.Named, kind=st.just("condition"), name=st.just("c"), item=inner),
    ),
    max_leaves=6,
)
events = st.lists(st.sampled_from(["new", "message", "edit", "timer"]), min_size=1, max_size=2).map(tuple)
thens = st.sampled_from(["stop", "continue", "continue", "next-section", "stop-after-section"])
starts = st.sampled_from(["", "", "2026-11-12"])
switched = st.sampled_from([True, True, True, False])


def numbered(drawn: list[Rule], sections: tuple[Section, ...] = ()) -> RuleSet:
    kept = tuple(msgspec.structs.replace(rule, id=f"r{i}") for i, rule in enumerate(drawn))
    default = Actions(queue="informacja")
    return RuleSet(version="t", source="t", rules=kept, sections=sections, default=default)


def sectioned(groups: list[tuple[Section | None, list[Rule]]]) -> RuleSet:
    """Rules in groups, of which some are sections."""
    drawn: list[Rule] = []
    sections = []
    for number, (section, group) in enumerate(groups):
        name = f"s{number}" if section else ""
        if section:
            sections.append(msgspec.structs.replace(section, id=name))
        drawn += [msgspec.structs.replace(rule, section=name) for rule in group]
    return numbered(drawn, tuple(sections))


some_rules = st.lists(
    st.builds(
        Rule,
        id=st.just(""),
        name=st.just(""),
        on=events,
        when=conditions,
        first=starts,
        actions=st.builds(
            Actions,
            queue=st.sampled_from([None, "a", "b"]),
            tags=st.sampled_from([(), ("t",), ("u", "t")]),
            spam=st.booleans(),
            answer=st.sampled_from([None, "x"]),
            office=st.sampled_from([None, "from-text"]),
            distress=st.sampled_from([None, None, "kryzys"]),
            join=st.sampled_from([None, "join"]),
            split=st.booleans(),
            callback=st.sampled_from([None, CallbackOrder(topic="t")]),
            timer=st.sampled_from([{}, {"a": 1}, {"b": 2, "a": 3}]),
            set_contact=st.sampled_from([{}, {"k": "v"}, {"l": "w", "k": "x"}]),
        ),
        then=thens,
        enabled=switched,
    ),
    max_size=6,
)
some_sections = st.builds(
    Section, id=st.just(""), name=st.just(""), when=conditions, first=starts, enabled=switched
)
rulesets = st.lists(st.tuples(st.one_of(st.none(), some_sections), some_rules), max_size=4).map(sectioned)

pieces = st.one_of(
    words,
    words.map(str.upper),
    st.sampled_from(
        [
            "i",
            "503",
            "18-400",
            "18-100",
            "44051401359",
            "601 234 567",
            "https://a.pl",
            "a@b.pl",
            ",",
            "\n",
            "lomzy",
            "blad",
            "zasilke",
            "zasiek",
            "zasiłęk",
            "urzzad",
            "prca",
        ]
    ),
)
texts = st.lists(pieces, max_size=12).map(" ".join)
short = st.sampled_from(["", *CHANNELS, "x", "X"])
mappings = st.dictionaries(st.sampled_from("ab"), short, max_size=2)
loads = st.dictionaries(st.sampled_from("ab"), small, max_size=2)
all_facts = st.builds(
    Facts,
    on=st.sampled_from(["new", "new", "message", "timer"]),
    channel=short,
    inbox=short,
    kind=short,
    direction=short,
    language=st.sampled_from(["", "pl", "uk"]),
    language_confidence=st.sampled_from([0.0, 0.5, 0.9]),
    subject=texts,
    text=texts,
    sender_address=st.sampled_from(["", "x", "email", "a@x", "a@b.x", "@", "sms@comments"]),
    sender_kind=short,
    sender_verified=st.booleans(),
    contact=mappings,
    history_count=small,
    history_ages=st.lists(st.integers(0, 9), max_size=5).map(lambda ages: tuple(sorted(ages))),
    last_queue=short,
    open_elsewhere=small,
    returning=st.booleans(),
    office=short,
    article=short,
    section=short,
    attachments=st.lists(
        st.tuples(
            st.sampled_from(["image/png", "text/plain"]),
            st.sampled_from([0, 100]),
            st.sampled_from(["a.PNG", "b"]),
        ),
        max_size=2,
    ).map(tuple),
    automatic=st.sampled_from(["no", "list", ""]),
    local_minutes=minutes,
    local_date=st.sampled_from(["", "2026-11-10", "2026-11-21"]),
    weekday=st.integers(0, 7),
    holiday=st.booleans(),
    open_hours=st.sampled_from([None, True, False]),
    queue_load=loads,
    queue_waiting=loads,
    agents_on_duty=loads,
    reply_to_automatic=st.booleans(),
    duplicates=small,
    join_candidates=st.lists(st.integers(1, 9), max_size=2).map(tuple),
    previous_queue=short,
    tags=st.lists(short, max_size=2).map(tuple),
    status=short,
    status_before=short,
    tags_added=st.lists(short, max_size=2).map(tuple),
    tags_removed=st.lists(short, max_size=2).map(tuple),
    button=st.lists(short, max_size=2).map(tuple),
    waiting_minutes=small,
    unanswered_minutes=small,
    unanswered_open_minutes=small,
    unanswered_due=st.lists(small, max_size=2).map(tuple),
    unanswered_open_due=st.lists(small, max_size=2).map(tuple),
    timer=short,
    callback_topic=st.one_of(short, words),
    suspicious=short,
    fields=mappings,
)


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
