"""Reading rule files: every mistake is told with its line, key and remedy, and nothing ever crashes the reader."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import rules
from rules.load import MAX_LOOSE

GOOD = "rules:\n  - id: a\n    when: {channel: email}\n    do: {queue: q}\ndefault: {queue: q}\n"


def problems(text: str) -> list[str]:
    with pytest.raises(rules.RuleFileError) as caught:
        rules.load(text, "r.yaml")
    return [str(problem) for problem in caught.value.problems]


def rule(**parts: str) -> str:
    """A file with one rule; the keys of ``parts`` are its entries."""
    lines = "".join(
        f"    {key}: {value}\n" for key, value in {"id": "a", "do": "{queue: q}", **parts}.items()
    )
    return f"default: {{queue: q}}\nrules:\n  -\n{lines}"


def test_a_good_file() -> None:
    ruleset = rules.load(GOOD)
    assert [one.id for one in ruleset.rules] == ["a"]
    assert ruleset.rules[0].on == ("new",)
    assert ruleset.rules[0].line == 2


def test_version_depends_on_the_text_alone() -> None:
    assert rules.load(GOOD, "x").version == rules.load(GOOD, "y").version
    assert rules.load(GOOD).version != rules.load(GOOD + "# more\n").version


def test_all_mistakes_at_once() -> None:
    text = (
        "rules:\n"
        "  - id: a\n"
        "    when: {chanel: email, regex: '('}\n"
        "    do: {que: x}\n"
        "  - id: a\n"
        "    on: nwe\n"
        "    do: {tier: 9}\n"
    )
    found = problems(text)
    assert any(
        line.startswith(
            "r.yaml:3: rules[0] (a).when.chanel: unknown predicate 'chanel'; did you mean 'channel'?"
        )
        for line in found
    )
    assert any("r.yaml:3:" in line and "missing )" in line for line in found)
    assert any("r.yaml:4:" in line and "did you mean 'queue'" in line for line in found)
    assert any("r.yaml:5:" in line and "taken by the one in line 2" in line for line in found)
    assert any("r.yaml:6:" in line and "unknown event 'nwe'; did you mean 'new'?" in line for line in found)
    assert any("r.yaml:7:" in line and "expected 1, 2 or 3" in line for line in found)
    assert any("default: missing" in line for line in found)


@pytest.mark.parametrize(
    ("when", "wanted"),
    [
        ("{words: {list: obelgi}}", "unknown word list 'obelgi'"),
        ("{words: '...'}", "no letter or digit"),
        ("{words: {any: [a], at_least: 2}}", "at_least must be from 1 to the number of words, 1"),
        ("{words: {exact: true}}", "no words"),
        ("{phrase: {any: a b, gap: 99}}", "gap must be from 0 to 50"),
        ("{phrase: {gap: 1}}", "expected `any:`"),
        ("{hours: 8-16}", "not a span such as 08:00-16:00"),
        ("{hours: '08:00-08:00'}", "not a span"),
        ("{days: [monday]}", "unknown day 'monday'; did you mean 'mon'?"),
        ("{dates: {from: 2026-13-01}}", "expected a date as YYYY-MM-DD"),
        ("{dates: {from: 2026-12-01, until: 2026-01-01}}", "never holds"),
        ("{history: {min: 5, max: 2}}", "min 5 is above max 2"),
        ("{history: many}", "expected a whole number"),
        ("{language: polish}", "not a language code"),
        ("{language: {is: pl, confidence: 7}}", "from 0 to 1"),
        ("{direction: inn}", "unknown value 'inn'; did you mean 'in'?"),
        ("{automatic: bounced}", "did you mean 'bounce'?"),
        ("{sender: 'a*b'}", "a * may stand only at the end"),
        ("{attachment: {min_size: big}}", "500 kB or 10 MB"),
        ("{condition: closed}", "unknown condition 'closed'"),
        ("{pesel: maybe}", "expected true or false"),
        ("{contact: x}", "expected names with values"),
        ("{any: []}", "an empty list of conditions"),
        ("{any: 3}", "expected a list of conditions"),
        ("email", "expected conditions"),
        ("{regex: '(?=x)'}", "not valid RE2"),
        ("{regex: '" + "x" * 600 + "'}", "1 to 500 characters"),
        ("{channel: []}", "1 to 20000 texts"),
    ],
)
def test_mistakes_in_conditions(when: str, wanted: str) -> None:
    assert any(wanted in line for line in problems(rule(when=when)))


@pytest.mark.parametrize(
    ("key", "value", "wanted"),
    [
        ("id", "''", "an id is needed"),
        ("id", "default", "kept for traces"),
        ("do", "{}", "expected some of"),
        ("do", "{priority: highest}", "low, normal, high, urgent, top"),
        ("do", "{join: yes}", "suggest, join"),
        ("do", "{spam: 1}", "expected true or false"),
        ("then", "go", "expected one of: stop, continue"),
        ("from", "soon", "YYYY-MM-DD"),
        ("enabled", "perhaps", "expected true or false"),
        ("whn", "{}", "unknown key 'whn'; did you mean 'when'?"),
    ],
)
def test_mistakes_in_rules(key: str, value: str, wanted: str) -> None:
    assert any(wanted in line for line in problems(rule(**{key: value})))


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("", "a rule file is a mapping"),
        ("- a", "a rule file is a mapping"),
        ("a: &x 1", "anchors and aliases"),
        ("default: {queue: q}\ndefault: {queue: r}", "stands here twice"),
        ("default: {queue: q}\n---\na: 1", "one document"),
        ("[" * 100_000, "nested deeper"),
        ("a: [", "not valid YAML"),
        ("? [a]\n: b", "a key must be plain text"),
        ("a: \x00", "not valid YAML"),
        ("a: \ud800", "not valid YAML"),
        ("conditions: {a: {condition: b}, b: {condition: a}}\ndefault: {queue: q}", "go in a circle"),
        ("words: [a]\ndefault: {queue: q}", "expected names with lists"),
        ("rules: {a: 1}\ndefault: {queue: q}", "expected a list of rules"),
    ],
)
def test_mistakes_in_files(text: str, wanted: str) -> None:
    assert any(wanted in line for line in problems(text))


def test_on_and_no_are_words_and_not_booleans() -> None:
    ruleset = rules.load(rule(on="[message, edit]", when="{callback_topic: no, automatic: 'no'}"))
    assert ruleset.rules[0].on == ("message", "edit")


def test_conditions_that_multiply_are_refused() -> None:
    levels = ["c0: {any: [" + ", ".join(["{channel: email}"] * 60) + "]}"]
    levels += [f"c{i}: {{any: [" + ", ".join([f"{{condition: c{i - 1}}}"] * 60) + "]}" for i in range(1, 5)]
    text = "conditions: {" + ", ".join(levels) + "}\n" + rule(when="{condition: c4}")
    assert any("more than 10000 conditions" in line for line in problems(text))


def test_expressions_without_fixed_text_are_capped() -> None:
    many = "".join(
        f"  - {{id: r{i}, when: {{regex: '\\d{{{i + 1}}}'}}, do: {{queue: q}}}}\n"
        for i in range(MAX_LOOSE + 1)
    )
    assert any("contain no fixed text" in line for line in problems(f"default: {{queue: q}}\nrules:\n{many}"))


def test_references_name_what_only_the_configuration_knows() -> None:
    text = rule(
        when="{last_queue: old, place: pup-x, queue_load: {busy: 1}}", do="{answer: t, office: from-text}"
    )
    found = {(one.kind, one.name, one.rule) for one in rules.references(rules.load(text))}
    assert found == {
        ("queues", "old", "a"),
        ("offices", "pup-x", "a"),
        ("queues", "busy", "a"),
        ("answers", "t", "a"),
        ("queues", "q", "default"),
    }


fragments = st.sampled_from(
    ["rules:", "default:", "- id: a", "  when:", "{channel: email}", "do: {queue: q}", "[", "]", "{", "}", "&a", "*a",
     "any:", "not:", "words:", "regex: '('", "\n", "\n  ", "\n    ", "- ", ": ", "'", '"', "|", ">", "!!x", "%", "\t"]
)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(st.one_of(st.lists(fragments, max_size=30).map(" ".join), st.text(max_size=200)))
def test_any_text_gives_a_rule_set_or_an_error(text: str) -> None:
    try:
        ruleset = rules.load(text)
    except rules.RuleFileError as error:
        assert error.problems
        assert all(problem.line >= 1 for problem in error.problems)
    else:
        rules.evaluate(rules.compile_rules(ruleset, rules.as_written), rules.Facts(text="a"))


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_a_damaged_good_file_gives_a_rule_set_or_an_error(data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(GOOD)))
    length = data.draw(st.integers(0, 6))
    text = GOOD[:at] + data.draw(st.text(max_size=4)) + GOOD[at + length :]
    try:
        rules.load(text)
    except rules.RuleFileError as error:
        assert error.problems
