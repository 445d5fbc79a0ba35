"""Tests inside the rule set: how they are read, how they are held against decisions, what is said when one fails."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

import rules
from rules import Facts
from rules.files.sample_reader import MESSAGE
from rules.samples import Verdict, check, told
from rules.words import forms
from tests.rules.lint_worlds import same

RULES = """
rules:
  - id: kryzys
    when: {words: koniec}
    do: {priority: top, tags: [kryzys, pilne], distress: kryzys}
    then: continue
  - id: nocą
    enabled: true
    when: {open_hours: false}
    do: {tags: [noc]}
    then: continue
  - id: zasilki
    when: {words: zasiłek, channel: [email, form]}
    do: {queue: bezrobotni}
  - id: reszta
    when: {words: [zasiłek, staż]}
    do: {queue: inne, set_contact: {miasto: Łomża}}
default: {queue: informacja, priority: normal}
""".replace("nocą", "noca")


def verdicts(tests: str) -> list[Verdict]:
    """The verdicts on tests that are written in flow style, one to a line."""
    lines = "".join(f"  - {line.strip()}\n" for line in tests.strip().splitlines())
    ruleset = rules.load(f"{RULES}tests:\n{lines}")
    return list(check(rules.compile_rules(ruleset, same)))


def problems(test: str) -> list[str]:
    with pytest.raises(rules.RuleFileError) as error:
        rules.load(f"{RULES}tests:\n{test}")
    return [
        f"{problem.line - RULES.count(chr(10)) - 1} {problem.key}: {problem.text}"
        for problem in error.value.problems
    ]


def test_what_holds_passes() -> None:
    found = verdicts("""
        {name: a, message: {channel: email, text: Zasiłek}, expect: {queue: bezrobotni, rule: zasilki, priority: null}}
        {name: b, message: {channel: sms, text: Zasiłek}, expect: {queue: inne, set_contact: {miasto: Łomża}}}
        {name: c, message: {text: To koniec}, expect: {tags: [kryzys], priority: top, distress: kryzys, spam: false}}
        {name: d, message: {text: Nic}, expect: {queue: informacja, rule: default, hold: null, tags: null}}
        {name: e, message: {open_hours: false, channel: form, subject: zasiłek}, expect: {tags: noc}}
        {name: f, message: {on: message, text: staż}, expect: {queue: null}}
    """)
    assert [(one.name, one.passed, one.differences) for one in found] == [
        (name, True, ()) for name in "abcdef"
    ]
    assert found[0].decision.trace.winners["queue"] == "zasilki"


def test_what_fails_says_what_came_and_why() -> None:
    found = verdicts("""
        {name: a, message: {channel: sms, text: zasiłek}, expect: {queue: bezrobotni, rule: zasilki}}
        {name: b, message: {text: staż}, expect: {priority: high, tags: x, queue: null, set_contact: {miasto: Łódź}}}
        {name: c, message: {channel: email, text: zasiłek}, expect: {rule: reszta, hold: spam}}
        {name: d, message: {text: zasiłek}, expect: {rule: noca}}
    """)
    said = {one.name: [str(text) for text in one.differences] for one in found}
    assert not any(one.passed for one in found)
    assert said["a"][0] == "queue: expected bezrobotni, but “reszta” asks for inne"
    assert said["a"][1] == "queue: it was to be decided by “zasilki”, but “reszta” decides it"
    assert "“zasilki” does not match" in said["a"][2]
    assert "channel" in said["a"][2]
    assert "sms" in said["a"][2]
    assert "priority: expected high, but no rule asks for it" in said["b"]
    assert "tags: expected x, but no rule asks for it" in said["b"]
    assert "queue: nobody was to ask for it, but “reszta” asks for inne" in said["b"]
    assert (
        "attributes of the contact: expected miasto: Łódź, but “reszta” asks for miasto: Łomża" in said["b"]
    )
    assert "“reszta” would match, but “zasilki” comes first and stops" in said["c"]
    assert "rule “noca” could not be told: open_hours is not known" in said["d"]
    lines = told(found, "rules.yaml")
    assert lines[0].startswith("FAIL  rules.yaml:")
    assert lines[-1] == "4 tests, 4 failed"


def test_values_are_told_as_the_file_writes_them() -> None:
    (found,) = verdicts("""
        {name: a, message: {open_hours: true}, expect: {priority: low, callback: {topic: a, in: 30m}, timer: {b: 2d}}}
    """)
    assert [str(text) for text in found.differences] == [
        "priority: expected low, but the default asks for normal",
        "callback order: expected topic: a, in: 30m, but no rule asks for it",
        "timers: expected b: 2d, but no rule asks for it",
    ]


def test_only_some() -> None:
    tests = """
        {name: a, message: {text: x}, expect: {queue: informacja}}
        {name: b, message: {text: x}, expect: {queue: informacja}}
    """
    lines = "".join(f"  - {line.strip()}\n" for line in tests.strip().splitlines())
    compiled = rules.compile_rules(rules.load(f"{RULES}tests:\n{lines}"), same)
    assert [one.name for one in check(compiled, {"b", "z"})] == ["b"]


def test_every_fact_can_be_told() -> None:
    values: dict[str, Any] = {
        "on": "status",
        "channel": "email",
        "language": "uk",
        "language_confidence": 0.9,
        "sender": "Jan@example.org",
        "sender_verified": "true",
        "contact": "{miasto: Łomża}",
        "history": 3,
        "history_ages": "[1, 5]",
        "at": "2026-11-16T10:05",
        "holiday": "true",
        "open_hours": "false",
        "waiting": "2h",
        "queue_waiting": "{informacja: 90m}",
        "queue_load": "{informacja: 7}",
        "attachment": "[{type: image/png, size: 5, name: a.png}]",
        "join_candidates": "[4, 5]",
        "tags": "[a, b]",
        "tag_added": "a",
        "status_from": "open",
        "automatic": "true",
        "suspicious": "dkim",
        "fields": "{temat: x}",
        "text": "Tak: no",
    }
    message = "\n".join(
        f"      {key}: {value!r}" if key in ("text",) else f"      {key}: {value}"
        for key, value in values.items()
    )
    text = f"{RULES}tests:\n  - name: a\n    message:\n{message}\n    expect: {{tags: null}}\n"
    (sample,) = rules.load(text).samples
    facts = sample.facts
    assert facts.sender_address == "Jan@example.org"
    assert facts.sender_kind == "email"
    assert (facts.local_date, facts.local_minutes, facts.weekday) == ("2026-11-16", 605, 1)
    assert (facts.waiting_minutes, facts.queue_waiting) == (120, {"informacja": 90})
    assert facts.attachments == (("image/png", 5, "a.png"),)
    assert (facts.tags_added, facts.status_before, facts.automatic) == (("a",), "open", "auto-reply")
    assert facts.text == "Tak: no"
    assert set(MESSAGE.values()) == set(Facts.__struct_fields__)


def test_a_language_that_is_named_is_sure() -> None:
    (sample,) = rules.load(
        f"{RULES}tests:\n  - {{name: a, message: {{language: uk}}, expect: {{queue: x}}}}\n"
    ).samples
    assert sample.facts.language_confidence == 1.0


@pytest.mark.parametrize(
    ("test", "said"),
    [
        (
            "  - {name: a, message: {chanel: email}, expect: {queue: x}}\n",
            "1 tests[0].message.chanel: unknown key 'chanel'; did you mean 'channel'?",
        ),
        (
            "  - name: a\n    message: {}\n    expect: {queu: x}\n",
            "3 tests[0].expect.queu: unknown key 'queu'; did you mean 'queue'?",
        ),
        (
            "  - {name: a, message: {}, expect: {rule: zasilek}}\n",
            "1 tests[0].expect.rule: unknown rule 'zasilek'; did you mean 'zasilki'?",
        ),
        (
            "  - {name: a, message: {on: nw}, expect: {queue: x}}\n",
            "1 tests[0].message.on: unknown value 'nw'; did you mean 'new'?",
        ),
        (
            "  - {name: a, message: {automatic: lst}, expect: {queue: x}}\n",
            "1 tests[0].message.automatic: unknown value 'lst'; did you mean 'list'?",
        ),
        (
            "  - {name: a, message: {at: 2026-02-30T10:00}, expect: {queue: x}}\n",
            "1 tests[0].message.at: expected a local time such as 2026-11-16T10:00",
        ),
        (
            "  - {name: a, message: {at: 10:00}, expect: {queue: x}}\n",
            "1 tests[0].message.at: expected a local time such as 2026-11-16T10:00",
        ),
        (
            "  - {name: a, message: {history: -1}, expect: {queue: x}}\n",
            "1 tests[0].message.history: expected a whole number that is not below 0",
        ),
        (
            "  - {name: a, message: {history: 1, history_count: 2}, expect: {queue: x}}\n",
            "1 tests[0].message.history_count: history_count is said twice",
        ),
        (
            "  - {name: a, message: {language_confidence: 7}, expect: {queue: x}}\n",
            "1 tests[0].message.language_confidence: expected a number from 0 to 1",
        ),
        (
            "  - {name: a, message: {contact: x}, expect: {queue: x}}\n",
            "1 tests[0].message.contact: expected names with values, such as `city: Łomża`",
        ),
        ("  - {name: a, message: {}}\n", "1 tests[0]: a test needs `expect:`"),
        ("  - {message: {}, expect: {queue: x}}\n", "1 tests[0]: a test needs `name:`"),
        (
            "  - {name: a, message: {}, expect: {queue: x}}\n  - {name: a, message: {}, expect: {queue: x}}\n",
            "2 tests[1].name: there is a test of this name in line",
        ),
        ("  name: a\n", "1 tests: expected a list of up to 5000 tests, each with name, message and expect"),
    ],
)
def test_mistakes_are_told_with_line_and_key(test: str, said: str) -> None:
    assert problems(test)[0].startswith(said)


def test_an_unknown_fact_never_breaks_a_verdict() -> None:
    """Whatever a test leaves out, it gets a verdict."""
    draw = random.Random(5)
    for _ in range(50):
        keys = draw.sample(
            ["channel: email", "text: zasiłek", "open_hours: true", "tags: [a]", "history: 2"], 2
        )
        (found,) = verdicts(f"{{name: a, message: {{{', '.join(keys)}}}, expect: {{queue: bezrobotni}}}}")
        assert found.passed == (found.decision.actions.queue == "bezrobotni")


def test_the_example_of_the_page() -> None:
    """The example in docs/rules-changing.md passes."""
    page = (Path(__file__).parents[2] / "docs" / "rules-changing.md").read_text(encoding="utf-8")
    example = page.partition("```yaml\n# example: tests\n")[2].partition("```")[0]
    found = check(rules.compile_rules(rules.load(example), forms))
    assert [one.passed for one in found] == [True, True]
