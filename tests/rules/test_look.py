"""What is found in a text ahead of the decision changes nothing about the decision."""

from __future__ import annotations

import pytest

from rules import Compiled, Facts, as_written, compile_rules, evaluate, load, look
from rules.engine.scan import Scan

RULES = r"""
rules:
  - {id: word, name: A, when: {words: [zasiłek, staż]}, do: {tags: [w]}, then: continue}
  - {id: phrase, name: B, when: {phrase: "termin wypłaty"}, do: {tags: [p]}, then: continue}
  - {id: regex, name: C, when: {regex: 'nr\s+\d{3}'}, do: {tags: [r]}, then: continue}
  - {id: pesel, name: D, when: {pesel: true}, do: {tags: [n]}, then: continue}
  - {id: topic, name: E, when: {words: [dotacja]}, do: {queue: q1}}
default: {queue: q0}
"""

TEXTS = (
    "",
    "Pytam o zasiłek i termin wypłaty, nr 123, PESEL 44051401359.",
    "zasilek termin wyplaty",
    "Доброго дня, zasiłek 🙂",
    "\ud800 zasiłek \x00",
    "staż " * 20_000,
)


@pytest.fixture(scope="module")
def compiled() -> Compiled:
    return compile_rules(load(RULES), as_written)


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("topic", ["", "dotacja"])
@pytest.mark.parametrize("on", ["new", "message"])
def test_the_same_decision(compiled: Compiled, text: str, topic: str, on: str) -> None:
    facts = Facts(on=on, subject="Pytanie", text=text, callback_topic=topic, channel="email")  # type: ignore[arg-type]
    looked = look(compiled, "Pytanie", text, topic)
    wanted = evaluate(compiled, facts)
    assert evaluate(compiled, facts, looked) == wanted
    assert evaluate(compiled, facts, looked) == wanted, "asked again about the same message"


def test_of_another_rule_set_it_is_left_alone(compiled: Compiled) -> None:
    other = compile_rules(load("rules: []\ndefault: {queue: q7}"), as_written)
    facts = Facts(text="Pytam o zasiłek.")
    looked = look(other, "", facts.text)
    assert evaluate(compiled, facts, looked) == evaluate(compiled, facts)
    assert evaluate(compiled, facts, looked).matched == ("word",)


def test_it_never_raises(compiled: Compiled, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_: Scan) -> None:
        raise ValueError("odd text")

    monkeypatch.setattr(Scan, "look", broken)
    facts = Facts(text="Pytam o zasiłek.")
    assert evaluate(compiled, facts, look(compiled, "", facts.text)) == evaluate(compiled, facts)
