"""docs/rules.md is true: every predicate and action has an example there, and every example does what it says."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

import rules
from rules.errors import Problems
from rules.files.yamltree import Mapping, Node, Scalar, Sequence, parse
from rules.language import ACTIONS, EVENTS, PREDICATES
from rules.samples import check
from rules.words import forms

PAGE = (Path(__file__).parents[2] / "docs" / "rules.md").read_text(encoding="utf-8")
PLACES = {"18-4": "pup-lomza", "Łomża": "pup-lomza", "Piła": "pup-pila", "00": "up-warszawa"}


def examples() -> Iterator[tuple[str, str]]:
    """(heading, text) of every YAML example."""
    heading = ""
    for found in re.finditer(r"^### `(\w+)`$|^```yaml\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL):
        if found[1]:
            heading = found[1]
        else:
            yield heading, found[2]


EXAMPLES = list(examples())
FILE = next(text for _, text in EXAMPLES if "# example: file" in text)
CONDITIONS = [(h, t) for h, t in EXAMPLES if t.startswith("when:")]
ACTS = [(h, t) for h, t in EXAMPLES if t.startswith("do:")]


def plain(node: Node | None) -> Any:
    """A tree as the values that an editor sees."""
    match node:
        case Scalar():
            return node.value
        case Sequence():
            return [plain(item) for item in node.items]
        case Mapping():
            return {key: plain(item) for key, item in node.entries.items()}
    return None


def data(text: str) -> Any:
    """YAML as rule files mean it: ``on`` is a word."""
    return plain(parse(text, Problems("t")))


def facts_of(values: Any) -> rules.Facts:
    return msgspec.convert(values or {}, rules.Facts)


def parts(text: str) -> dict[str, str]:
    """The top-level entries of an example as YAML texts."""
    found = re.findall(r"^(\w+):(.*?)(?=^\w+:|\Z)", text, re.MULTILINE | re.DOTALL)
    return {key: value.rstrip("\n") for key, value in found}


def ruleset_with(rule: str) -> rules.Compiled:
    named = FILE[FILE.index("schedules:") : FILE.index("rules:")]
    text = f"{named}rules:\n  - id: r\n    on: [{', '.join(EVENTS)}]\n{rule}\ndefault: {{topic: none}}\n"
    return rules.compile_rules(rules.load(text), forms, PLACES)


def indented(text: str) -> str:
    return text.replace("\n", "\n    ")


def test_every_predicate_has_an_example() -> None:
    assert {heading for heading, _ in CONDITIONS if heading} == set(PREDICATES)


def test_every_action_has_an_example() -> None:
    assert {heading for heading, _ in ACTS} == set(ACTIONS)


def test_nothing_is_left_untested() -> None:
    assert len(CONDITIONS) + len(ACTS) + 1 == len(EXAMPLES)


@pytest.mark.parametrize(("heading", "text"), CONDITIONS)
def test_predicate(heading: str, text: str) -> None:
    part = parts(text)
    compiled = ruleset_with(f"    when:{indented(part['when'])}\n    do: {{tags: hit}}")
    assert not heading or re.search(rf"\b{heading}:", part["when"])
    for key, wanted in (("yes", True), ("no", False)):
        facts = facts_of(data(part[key]))
        assert (rules.evaluate(compiled, facts).actions.tags == ("hit",)) is wanted, key
        (told,) = rules.explain(compiled, facts)
        assert told.state == ("matched" if wanted else "failed")
        assert wanted or (told.condition and told.actual is not None)


@pytest.mark.parametrize(("heading", "text"), ACTS)
def test_action(heading: str, text: str) -> None:
    example = data(text)
    compiled = ruleset_with(f"    do:{indented(parts(text)['do'])}")
    decision = rules.evaluate(compiled, facts_of(example.get("facts")))
    assert decision.actions == msgspec.convert(example["gives"], rules.Actions)
    assert heading in example["do"]


def test_the_file_of_the_page() -> None:
    compiled = rules.compile_rules(rules.load(FILE), forms)
    facts = rules.Facts(channel="form", text="PILNE! Nie mam zasiłku", holiday=True, local_date="2026-11-11")
    actions = rules.evaluate(compiled, facts).actions
    assert actions == rules.Actions(queue="bezrobotni", priority=1, tags=("pilne",))
    later = msgspec.structs.replace(facts, local_date="2028-01-01")
    assert rules.evaluate(compiled, later).actions == rules.Actions(queue="bezrobotni")
    elsewhere = msgspec.structs.replace(later, channel="sms", weekday=6, local_minutes=600)
    assert rules.evaluate(compiled, elsewhere).actions == rules.Actions(queue="informacja", tags=("sobota",))
    (verdict,) = check(compiled)
    assert verdict.passed
