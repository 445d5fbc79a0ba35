"""Writing: what is written reads back as the same rules, and reads as a person would have written it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml
from hypothesis import HealthCheck, given, settings

import rules
from rules import model
from rules.editing.dump import dump_entries
from rules.files.write import write, write_condition, write_rule, write_sample
from tests.rules import generated
from tests.rules.test_docs import CONDITIONS, FILE, indented, parts, ruleset_with

CONFIG = Path(__file__).parents[2] / "config" / "rules.yaml"


def without_lines(value: Any) -> Any:
    """A rule set as plain data in which nothing says where it stood or what text it was."""
    if isinstance(value, msgspec.Struct):
        fields = {name: getattr(value, name) for name in value.__struct_fields__}
        dropped = ("line", "lines", "version", "source")
        return type(value).__name__, {k: without_lines(v) for k, v in fields.items() if k not in dropped}
    if isinstance(value, dict):
        return {key: without_lines(item) for key, item in value.items()}
    if isinstance(value, tuple):
        return tuple(without_lines(item) for item in value)
    return value


def comes_back(ruleset: rules.RuleSet) -> None:
    text = dump_entries(write(ruleset))
    assert without_lines(rules.load(text)) == without_lines(ruleset), text


@pytest.mark.slow
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(file=generated.files)
def test_whatever_can_be_read_comes_back(file: dict[str, Any]) -> None:
    comes_back(rules.load(dump_entries(file)))


@pytest.mark.slow
@settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))
@given(file=generated.files)
def test_whatever_can_be_read_comes_back_at_length(file: dict[str, Any]) -> None:
    comes_back(rules.load(dump_entries(file)))


def test_the_default_rules_come_back() -> None:
    comes_back(rules.load(CONFIG.read_text(encoding="utf-8")))
    comes_back(rules.load(FILE))


def test_writing_is_settled_after_the_first_time() -> None:
    once = write(rules.load(CONFIG.read_text(encoding="utf-8")))
    assert write(rules.load(dump_entries(once))) == once


@pytest.mark.parametrize(
    "when",
    [
        "{channel: [email, form], words: zasiłek}",
        "{days: [mon-fri, sun]}",
        "{hours: 08:00-16:00}",
        "{history: {min: 3, days: 7}, returning: {days: 14}}",
        "{unanswered: 4h}",
        "{unanswered: {min: 4h, open_hours: true}}",
        "{queue_waiting: {informacja: {min: 1h}, techniczne: false}}",
        "{any: [{channel: email}, {place: false}], not: {holiday: true}}",
        "{contact: {city: [Łomża, Suwałki], ward: true, street: false}}",
        "{words: {any: [zasiłek, staż], at_least: 2, diacritics: required}}",
        "{phrase: {any: zasiłek dla bezrobotnych, gap: 3, typos: 1}}",
        "{attachment: {type: image/*, min_size: 5 MB}}",
        "{language: {is: uk, confidence: 0.4}}",
        "{waiting: {min: 1000000}}",
        "{queue_waiting: {informacja: {max: 600001}}}",
        "{condition: po_godzinach, automatic: 'no'}",
    ],
)
def test_it_is_written_as_a_person_would(when: str) -> None:
    compiled = ruleset_with(f"    when: {when}\n    do: {{tags: hit}}")
    assert write_condition(compiled.ruleset.rules[0].when) == yaml.safe_load(when)


@pytest.mark.parametrize("text", [text for _, text in CONDITIONS])
def test_examples_of_the_page_come_back(text: str) -> None:
    when = indented(parts(text)["when"])
    comes_back(ruleset_with(f"    when:{when}\n    do: {{tags: hit}}").ruleset)


def test_a_rule_says_only_what_is_its_own() -> None:
    text = "rules: [{id: a, when: {}, do: {mask: false, queue: q, tags: x, timer: {t: 90m}}}]\ndefault: {queue: q}"
    (rule,) = rules.load(text).rules
    assert write_rule(rule) == {"id": "a", "do": {"queue": "q", "tags": ["x"], "timer": {"t": "90m"}}}


def test_a_test_is_written_with_the_words_of_conditions() -> None:
    facts = rules.Facts(
        text="Nie mam zasiłku", sender_address="a@example.org", sender_kind="email", history_count=2,
        local_date="2026-11-16", local_minutes=600, weekday=1,
    )  # fmt: skip
    sample = model.Sample(name="t", facts=facts, expect={"queue": None, "priority": 1, "rule": "r"})
    assert write_sample(sample) == {
        "name": "t",
        "message": {
            "at": "2026-11-16T10:00",
            "text": "Nie mam zasiłku",
            "sender": "a@example.org",
            "sender_kind": "email",
            "history": 2,
        },
        "expect": {"queue": None, "priority": "high", "rule": "r"},
    }
