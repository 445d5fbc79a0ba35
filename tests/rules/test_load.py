"""Reading rule files: every mistake is told with its line, key and remedy, and nothing ever crashes the reader."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import rules
from rules import model
from rules.editing.dump import dump_entries
from rules.engine.lexicon import as_written
from rules.files.load import MAX_LOOSE
from rules.text import Text
from tests.rules import generated
from tests.rules.test_docs import FILE

GOOD = "rules:\n  - id: a\n    when: {channel: email}\n    do: {queue: q}\ndefault: {queue: q}\n"

SECTIONED = """
schedules:
  duty: [{days: mon-fri, hours: 08:00-16:00}, {days: sat}]
  always: {open_hours: true}
rules:
  - section: s
    name: Section
    enabled: false
    from: 2026-01-01
    when: {schedule: duty}
    rules:
      - {id: a, do: {queue: q}, then: next-section}
      - {id: b, do: {queue: q}, then: stop-after-section}
  - {id: c, when: {schedule: [duty, always]}, do: {queue: q}}
  - {section: empty, rules: []}
default: {queue: q}
"""


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
        ("{dates: {from: 2026-13-01}}", "2026-13-01 is not in the calendar"),
        ("{dates: {from: 2025-02-29}}", "2025-02-29 is not in the calendar"),
        ("{dates: {from: 20260101}}", "expected a date as YYYY-MM-DD"),
        ("{dates: {from: 2026-W01-1}}", "expected a date as YYYY-MM-DD"),
        ("{holiday: no}", "expected true or false, not the word 'no'"),
        ("{holiday: 'true'}", "expected true or false, not the word 'true'"),
        ("{words: [tak, true]}", "true means yes, no or nothing: put it in quotation marks"),
        ("{words: [~]}", "~ means yes, no or nothing"),
        ("{automatic: yes}", "known are: no, auto-reply, bounce, list, report, complaint"),
        ("{days: pn}", "known are: mon, tue, wed, thu, fri, sat, sun"),
        ("{regex: '(?<=a)bcd'}", "(?<= (look-around) is not possible in RE2"),
        ("{regex: '(?>abc)'}", "(?> (look-around) is not possible"),
        ("{regex: '(abc)\\1'}", "\\1 (the text of a group again) is not possible"),
        ('{tags: "a\\0b"}', "a control character cannot stand in a text"),
        ('{contact: {"\\e": x}}', "a control character cannot stand in a text"),
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
        ("{regex: '(?=x)'}", "look-around"),
        ("{regex: '(x'}", "not valid RE2"),
        ("{regex: '" + "x" * 600 + "'}", "1 to 500 characters"),
        ("{channel: []}", "1 to 20000 texts"),
        ("{unanswered: 4}", "such as 30m, 4h or 2d"),
        ("{unanswered: 400d}", "a year at most"),
        ("{unanswered: {open_hours: true}}", "`min:` or `max:` with a time"),
        ("{unanswered: {min: 4h, max: 30m}}", "min 240 is above max 30"),
        ("{waiting: {min: soon}}", "such as 30m, 4h or 2d"),
        ("{queue_waiting: {informacja: {min: 1w}}}", "such as 30m, 4h or 2d"),
        ("{history: {min: 3, days: 91}}", "from 1 to 90"),
        ("{history: {min: 60, days: 7}}", "at most 50 conversations"),
        ("{history: {days: 7}}", "beside `days:`"),
        ("{returning: {days: 0}}", "from 1 to 90"),
        ("{words: {any: sąd, diacritics: true}}", "required, optional"),
        ("{words: {any: sąd, typos: 2}}", "from 0 to 1"),
        ("{words: {any: sąd, typos: 1, diacritics: required}}", "not both"),
        ("{words: {any: sąd, language: xx}}", "pl, en, uk, ru, de, ro, it"),
        ("{phrase: {any: a b, typos: -1}}", "from 0 to 1"),
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
        ("do", "{callback: {when: 3}}", "unknown key 'when'"),
        ("do", "{callback: now}", "expected true or false"),
        ("do", "{callback: {in: 5}}", "such as 30m, 4h or 2d"),
        ("do", "{timer: 5m}", "1 to 20 names"),
        ("do", "{timer: {a: 0m}}", "such as 30m, 4h or 2d"),
        ("do", "{set_contact: {city: [a]}}", "1 to 500 characters"),
        ("do", "{split: maybe}", "expected true or false"),
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
        ("a: [", "something is missing here"),
        ("a: [b\nc: d", "r.yaml:1: the list in brackets that begins here has no end"),
        ("? [a]\n: b", "a key must be plain text"),
        ("b: 1\na: \x00", "r.yaml:2: the character U+0000 cannot stand in a rule file"),
        ("a: b: c", "a colon that does not belong here"),
        ("a:\n\t- x", "r.yaml:2: a tab stands here: indent with spaces"),
        ("a:\n  b: c\n\td: e", "r.yaml:3: a tab stands here: indent with spaces"),
        ("a: - b", "r.yaml:1: a hyphen that does not belong here"),
        ("a: *.gov.pl", "r.yaml:1: no text can begin with * unless it stands in quotation marks"),
        ("a: &, b", "r.yaml:1: no text can begin with & unless"),
        ('a: "\\xzz"', "a backslash in double quotation marks begins an escape"),
        ("a: | b", "r.yaml:1: behind | or > a text begins on the next line"),
        ("a: |\n\tx", "a tab stands here"),
        ("a: 1\nb: @x\n", "r.yaml:2: no text can begin with @ unless"),
        ('a: 1\nb: "x\nc: 2\n', "r.yaml:2: the text that begins here with a quotation mark has no end"),
        ("a: {b: 1\nc: 2\n", "r.yaml:1: the mapping in braces that begins here has no end"),
        ("a:\n  - b\n c: d\n", "r.yaml:3: this line does not fit to the ones above"),
        ('a: "\\d+"', "begins an escape: use single ones"),
        ("%YAML 3\n---\na", "not valid YAML"),
        ("a: \ud800", "not valid YAML"),
        ("conditions: {a: {condition: b}, b: {condition: a}}\ndefault: {queue: q}", "go in a circle"),
        ("words: [a]\ndefault: {queue: q}", "expected names with lists"),
        ("rules: {a: 1}\ndefault: {queue: q}", "expected a list of rules"),
    ],
)
def test_mistakes_in_files(text: str, wanted: str) -> None:
    assert any(wanted in line for line in problems(text))


def test_a_word_that_is_never_found_is_told_with_its_own_line() -> None:
    text = "words:\n  a:\n    - kot\n    - '!!!'\ndefault: {queue: q}\n"
    assert problems(text) == ["r.yaml:4: words.a: '!!!' has no letter or digit, so it is never found"]


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


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_a_damaged_good_file_gives_a_rule_set_or_an_error(data: st.DataObject) -> None:
    good = data.draw(st.sampled_from([GOOD, SECTIONED, FILE]))
    at = data.draw(st.integers(0, len(good)))
    length = data.draw(st.integers(0, 6))
    text = good[:at] + data.draw(st.text(max_size=4)) + good[at + length :]
    try:
        rules.load(text)
    except rules.RuleFileError as error:
        assert error.problems


odd: st.SearchStrategy[Any] = st.one_of(
    st.sampled_from(
        [None, True, -1, 0.5, "", "x", "4h", "a*b", [], {}, [[]], [None], {"": 1}, {"x": {}}, 10**14]
    ),
    st.text(max_size=5),
)


def with_something_odd(value: Any, draw: Any) -> Any:
    """``value`` with one part of it, somewhere, replaced by what does not belong there, or with a key too many."""
    if isinstance(value, dict) and value and draw(st.integers(0, 4)):
        key = draw(st.sampled_from(sorted(value)))
        return {**value, key: with_something_odd(value[key], draw)}
    if isinstance(value, list) and value and draw(st.integers(0, 4)):
        place = draw(st.integers(0, len(value) - 1))
        return [*value[:place], with_something_odd(value[place], draw), *value[place + 1 :]]
    if isinstance(value, dict) and draw(st.booleans()):
        return {**value, draw(st.sampled_from(["x", "any", "then", "do", "section", "id", "min"])): draw(odd)}
    return draw(odd)


@pytest.mark.slow
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(file=generated.files, data=st.data())
def test_a_file_with_something_odd_in_it_gives_a_rule_set_or_an_error(
    file: dict[str, Any], data: st.DataObject
) -> None:
    text = dump_entries(with_something_odd(file, data.draw))
    try:
        ruleset = rules.load(text)
    except rules.RuleFileError as error:
        assert error.problems
    else:
        rules.evaluate(rules.compile_rules(ruleset, as_written), rules.Facts(text="a"))


def test_references_of_sections_and_named_conditions() -> None:
    text = (
        "conditions: {busy: {queue_waiting: {a: {min: 2h}}}}\n"
        "rules: [{section: s, when: {condition: busy, inbox: kontakt}, rules: []}]\n"
        "default: {queue: q}"
    )
    found = [(one.kind, one.name, one.rule) for one in rules.references(rules.load(text))]
    assert found == [("queues", "a", "s"), ("inboxes", "kontakt", "s"), ("queues", "q", "default")]


def test_a_file_with_sections_and_schedules() -> None:
    ruleset = rules.load(SECTIONED)
    assert [(one.id, one.section, one.then, one.line) for one in ruleset.rules] == [
        ("a", "s", "next-section", 12),
        ("b", "s", "stop-after-section", 13),
        ("c", "", "stop", 14),
    ]
    section, empty = ruleset.sections
    assert (section.name, section.enabled, section.first, section.line) == ("Section", False, "2026-01-01", 6)
    assert isinstance(section.when, model.Named)
    assert (section.when.kind, section.when.name) == ("schedule", "duty")
    assert section.when.item is ruleset.schedules["duty"]
    assert (empty.id, empty.name, empty.when) == ("empty", "empty", model.All(items=()))
    both = ruleset.rules[2].when
    assert isinstance(both, model.All)
    assert [item.name for item in both.items if isinstance(item, model.Named)] == ["duty", "always"]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("rules: [{section: s, rules: [{section: t, rules: []}]}]", "cannot stand in another"),
        ("rules: [{section: s}]", "a section needs `rules:`"),
        ("rules: [{section: s, rules: []}, {id: s, do: {queue: q}}]", "'s' is taken by the one in line 1"),
        ("rules: [{section: default, rules: []}]", "kept for traces"),
        ("rules: [{section: s, rules: [], then: stop}]", "unknown key 'then'"),
        ("rules: [{section: s, rules: {a: 1}}]", "expected a list of rules"),
        ("schedules: {a: {channel: email}}", "unknown key 'channel'"),
        ("schedules: {a: []}", "an empty schedule"),
        ("schedules: {a: [mon]}", "expected times"),
        ("schedules: [a]", "expected names with definitions"),
        ("rules: [{id: r, when: {schedule: duty}, do: {queue: q}}]", "unknown schedule 'duty'"),
    ],
)
def test_mistakes_in_sections_and_schedules(text: str, wanted: str) -> None:
    found = problems(f"{text}\ndefault: {{queue: q}}")
    assert any(wanted in line for line in found), found


def test_problems_can_be_told_in_another_language() -> None:
    with pytest.raises(rules.RuleFileError) as caught:
        rules.load(rule(when="{chanel: email}"))
    (problem,) = caught.value.problems
    assert problem.text == Text(
        "unknown predicate {name}; did you mean {near}?", {"name": "'chanel'", "near": "'channel'"}
    )
    assert problem.text.said(lambda msgid: msgid.replace("unknown predicate", "nieznany warunek")).startswith(
        "nieznany warunek 'chanel'"
    )
