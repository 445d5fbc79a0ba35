"""Who wins when rules ask for different things: every row of the table in docs/rules.md, tried."""

from __future__ import annotations

import re

import pytest

import rules
from rules import Actions, Facts, On
from rules.decision import CallbackOrder
from tests.rules.test_docs import PAGE

DISTRESS = "distress: kryzys"
CASES: dict[str, tuple[tuple[str, ...], Facts, Actions]] = {
    "Two rules set the same action": (
        ("queue: a, topic: t, tier: 1", "queue: b, topic: u, assign: anna"),
        Facts(),
        Actions(queue="a", topic="t", tier=1, assign="anna"),
    ),
    "`tags`, `notify`, `webhook`": (
        ("queue: q, tags: [x, y], notify: a, webhook: w", "tags: [y, z], notify: b, webhook: w"),
        Facts(),
        Actions(queue="q", tags=("x", "y", "z"), notify=("a", "b"), webhook=("w",)),
    ),
    "`set_contact`, `timer`": (
        ("queue: q, set_contact: {k: v}, timer: {t: 1h}", "set_contact: {k: w, l: x}, timer: {t: 2h, u: 3h}"),
        Facts(),
        Actions(queue="q", set_contact={"k": "v", "l": "x"}, timer={"t": 60, "u": 180}),
    ),
    "A rule and `default`": (("queue: a",), Facts(), Actions(queue="a")),
    "`distress` and `answer`, `callback`, `close`, `spam`": (
        ("queue: spam, spam: true", f"{DISTRESS}, priority: top", "answer: t, callback: true, close: true"),
        Facts(),
        Actions(distress="kryzys", priority=3),
    ),
    "`distress` and `priority`": (
        ("queue: q, priority: low", DISTRESS),
        Facts(),
        Actions(queue="q", distress="kryzys", priority=3),
    ),
    "`spam` and `answer`, `callback`": (
        ("queue: q, answer: t, callback: {topic: x}", "spam: true"),
        Facts(),
        Actions(queue="q", spam=True),
    ),
    "`answer`, `callback` and a machine's or suspicious message": (
        ("queue: q, answer: t, callback: true",),
        Facts(automatic="list"),
        Actions(queue="q"),
    ),
    "`join: join` and a sender who is not verified": (
        ("queue: q, join: join",),
        Facts(join_candidates=(1,)),
        Actions(queue="q", join="suggest"),
    ),
    "`from-text` and a text that names no office": (
        ("queue: q, office: from-text, suggest_office: from-text",),
        Facts(text="Gdzie to jest?"),
        Actions(queue="q"),
    ),
    "`split` and anything but a further message": (("queue: q, split: true",), Facts(), Actions(queue="q")),
}
"""By the first column of the table: what the matching rules do, one after another, and what comes of it."""

IN_THE_HUB = {
    "`queue` and `office`",
    "`join: join` and `queue`, `assign`, `close`, `spam`",
    "`hold` and `close`",
    "A rule and what a person set (topic, suggested office)",
}
"""Rows about carrying out, which the tests of hub/deciding and hub/intake try."""


def decided(does: tuple[str, ...], facts: Facts) -> rules.Decision:
    lines = "".join(f"  - {{id: r{i}, do: {{{do}}}, then: continue}}\n" for i, do in enumerate(does))
    text = f"rules:\n{lines}default: {{queue: fallback}}\n"
    return rules.evaluate(rules.compile_rules(rules.load(text), rules.as_written), facts)


def test_every_row_of_the_table_is_tried() -> None:
    table = PAGE[PAGE.index("| what conflicts | who wins |") :].split("\n\n")[0]
    rows = re.findall(r"^\| (.*?) \| ", table, re.MULTILINE)[1:]
    assert set(rows) == {*CASES, *IN_THE_HUB}
    assert len(rows) == len(CASES) + len(IN_THE_HUB)


@pytest.mark.parametrize("row", CASES)
def test_who_wins(row: str) -> None:
    does, facts, wanted = CASES[row]
    assert decided(does, facts).actions == wanted


@pytest.mark.parametrize(
    ("event", "undone"),
    [
        ("new", {"split"}),
        ("message", {"queue", "office", "tier", "assign", "close", "join"}),
        ("edit", {"queue", "office", "tier", "assign", "close", "join", "split"}),
        ("status", {"split", "join", "hold", "mask"}),
        ("timer", {"split", "join", "hold", "mask"}),
    ],
)
def test_what_is_not_carried_out_is_not_said_to_be_decided(event: On, undone: set[str]) -> None:
    do = "queue: q, office: o, tier: 2, assign: a, close: true, join: suggest, split: true, hold: h, mask: true"
    text = f"rules: [{{id: r, on: {event}, do: {{{do}}}}}]\ndefault: {{queue: fallback}}\n"
    compiled = rules.compile_rules(rules.load(text), rules.as_written)
    decision = rules.evaluate(compiled, Facts(on=event, join_candidates=(1,)))
    asked = {entry.split(":")[0] for entry in do.split(", ")}
    assert set(decision.trace.winners) == asked - undone
    assert {fault.action for fault in decision.faults} == undone
    assert all(fault.rule == "r" and str(fault.why) for fault in decision.faults)


@pytest.mark.parametrize("suspicious", ["forged office sender", ""])
def test_what_is_suspicious_gets_no_answer(suspicious: str) -> None:
    got = decided(("answer: t, callback: true",), Facts(suspicious=suspicious)).actions
    assert (got.answer, got.callback) == ((None, None) if suspicious else ("t", CallbackOrder()))
