"""The JSON Schema: as the tables say, up to date beside the configuration, and of one mind with the reader."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

import rules
from rules.editing.dump import dump_entries
from rules.files.predicate_shapes import PREDICATE_SHAPES
from rules.language import ACTIONS, PREDICATES
from tests.rules import generated
from tests.rules.test_docs import ACTS, CONDITIONS, FILE, data, indented, parts

CONFIG = Path(__file__).parents[2] / "config"
SCHEMA = rules.json_schema()


def valid(text: str) -> bool:
    return fits(data(text), SCHEMA)


TYPES = {
    "object": dict,
    "array": list,
    "string": str,
    "boolean": bool,
    "integer": int,
    "number": (int, float),
    "null": type(None),
}


def has_type(value: Any, name: str) -> bool:
    wanted: Any = TYPES[name]
    return isinstance(value, wanted) and (not isinstance(value, bool) or name == "boolean")


def fits(value: Any, schema: dict[str, Any]) -> bool:
    """JSON Schema as far as ours goes; a keyword that is not known here fails the test."""
    return all(holds(key, wanted, value, schema) for key, wanted in schema.items())


def holds(key: str, wanted: Any, value: Any, schema: dict[str, Any]) -> bool:
    match key:
        case "$ref":
            return fits(value, SCHEMA["$defs"][wanted.rpartition("/")[2]])
        case "type":
            return any(has_type(value, name) for name in ([wanted] if isinstance(wanted, str) else wanted))
        case "anyOf":
            return any(fits(value, one) for one in wanted)
        case "enum":
            return value in wanted and type(value) in {type(item) for item in wanted}
        case "oneOf":
            return sum(fits(value, one) for one in wanted) == 1
        case "pattern":
            return not isinstance(value, str) or re.search(wanted, value) is not None
        case "maxLength":
            return not isinstance(value, str) or len(value) <= wanted
        case "minimum":
            return not has_type(value, "number") or bool(value >= wanted)
        case "maximum":
            return not has_type(value, "number") or bool(value <= wanted)
        case "$schema" | "title" | "description" | "$defs" | "default" | "format":
            return True
    return value is None or held_by_container(key, wanted, value, schema)


def held_by_container(key: str, wanted: Any, value: Any, schema: dict[str, Any]) -> bool:
    match key:
        case "items":
            return all(fits(item, wanted) for item in value)
        case "minItems" | "minProperties":
            return bool(len(value) >= wanted)
        case "maxItems" | "maxProperties":
            return bool(len(value) <= wanted)
        case "required":
            return set(wanted) <= set(value)
        case "properties":
            return all(fits(value[name], one) for name, one in wanted.items() if name in value)
        case "additionalProperties":
            others = [item for name, item in value.items() if name not in schema.get("properties", {})]
            return not others if wanted is False else all(fits(item, wanted) for item in others)
    raise AssertionError(f"keyword {key!r} is not known to this test")


def test_the_file_is_up_to_date() -> None:
    text = (CONFIG / "rules.schema.json").read_text(encoding="utf-8")
    assert json.loads(text) == SCHEMA, "run: make reference"


def test_every_predicate_and_action_is_in_it() -> None:
    schema = SCHEMA["$defs"]
    assert set(PREDICATES) < set(schema["condition"]["oneOf"][0]["properties"])
    assert set(ACTIONS) == set(schema["actions"]["properties"]) == set(rules.Actions.__struct_fields__)


def test_every_shape_is_read() -> None:
    assert {predicate.shape for predicate in PREDICATES.values()} == set(PREDICATE_SHAPES)


def test_the_default_rules_fit() -> None:
    assert valid((CONFIG / "rules.yaml").read_text(encoding="utf-8"))
    assert valid(FILE)


def a_rule(when: str = " {}", do: str = " {queue: q}") -> str:
    return f"default: {{queue: q}}\nrules:\n  - id: r\n    when:{indented(when)}\n    do:{indented(do)}\n"


@pytest.mark.parametrize("text", [text for _, text in CONDITIONS])
def test_conditions_of_the_page_fit(text: str) -> None:
    assert valid(a_rule(when=parts(text)["when"]))


@pytest.mark.parametrize("text", [text for _, text in ACTS])
def test_actions_of_the_page_fit(text: str) -> None:
    assert valid(a_rule(do=parts(text)["do"]))


@pytest.mark.parametrize(
    "text", ["rules:", "words:", "conditions:", "schedules:", "tests:", "rules: [{section: a, rules: }]"]
)
def test_a_key_alone_is_an_empty_list(text: str) -> None:
    assert valid(f"{text}\ndefault: {{queue: q}}")
    assert not rules.load(f"{text}\ndefault: {{queue: q}}").rules


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(file=generated.files)
def test_what_the_reader_takes_fits(file: dict[str, Any]) -> None:
    text = dump_entries(file)
    rules.load(text)
    assert valid(text), text


@pytest.mark.parametrize(
    "when",
    ["{chanel: x}", "{history: many}", "{days: monday}", "{hours: 8-16}", "{direction: inn}", "{any: 3}", "{pesel: 1}",
     "{phrase: {gap: 1}}", "{automatic: bounced}", "{language: {confidence: 1}}", "{channel: []}",
     "{unanswered: 4}", "{unanswered: {open_hours: true}}", "{waiting: soon}", "{queue_waiting: {a: later}}",
     "{history: {days: 7}}", "{history: {min: 99, days: 7}}", "{history: {min: 1, days: 0}}", "{returning: {days: 91}}",
     "{words: {any: a, typos: 2}}", "{words: {any: a, diacritics: true}}", "{words: {any: a, language: xx}}",
     "{words: {typos: 1}}", "{timer: []}"],
)  # fmt: skip
def test_what_the_reader_refuses_does_not_fit(when: str) -> None:
    assert not valid(a_rule(when=f" {when}"))
    with pytest.raises(rules.RuleFileError):
        rules.load(a_rule(when=f" {when}"))


@pytest.mark.parametrize(
    "do",
    ["{callback: soon}", "{callback: {when: 3}}", "{timer: {a: 5}}", "{timer: {}}", "{set_contact: {a: [b]}}",
     "{split: 1}", "{join: yes}"],
)  # fmt: skip
def test_actions_that_the_reader_refuses_do_not_fit(do: str) -> None:
    assert not valid(a_rule(do=f" {do}"))
    with pytest.raises(rules.RuleFileError):
        rules.load(a_rule(do=f" {do}"))


@pytest.mark.parametrize(
    "text",
    ["schedules: {a: [{words: x}]}", "schedules: {a: []}", "rules: [{section: a, id: b, rules: []}]",
     "rules: [{section: a}]", "rules: [{section: a, rules: [{section: b, rules: []}]}]",
     "rules: [{id: a, do: {queue: q}, then: leave}]", "tests: [{name: a}]"],
)  # fmt: skip
def test_files_that_the_reader_refuses_do_not_fit(text: str) -> None:
    assert not valid(f"{text}\ndefault: {{queue: q}}")
    with pytest.raises(rules.RuleFileError):
        rules.load(f"{text}\ndefault: {{queue: q}}")
