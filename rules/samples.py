"""Tests inside the rule set: what the compiled rules make of each example message, held against what it expects."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

import msgspec

from rules import model
from rules.calling import called, names_in, queue_called
from rules.decision import DEFAULT_RULE, Decision, Explanation
from rules.diff_values import ACTION_NAMES
from rules.engine.compiled import Compiled
from rules.engine.evaluate import evaluate
from rules.engine.explain import explain
from rules.files.write import write_action
from rules.language import ACCUMULATING
from rules.text import Text, mark

_WRITTEN = ("priority", "timer", "callback")
"""Actions whose value is another one in the decision than in the file."""


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """How one test came out. ``differences`` say what was expected and what came instead, the first the most telling;
    ``decision`` is the whole one. ``line`` is where the test stands in the file."""

    name: str
    line: int
    passed: bool
    differences: tuple[Text, ...] = ()
    decision: Decision


def check(compiled: Compiled, only: Collection[str] | None = None) -> tuple[Verdict, ...]:
    """The verdicts on the tests of a rule set in the order of the file, or only on those with these names."""
    return tuple(
        verdict(compiled, sample)
        for sample in compiled.ruleset.samples
        if only is None or sample.name in only
    )


def verdict(compiled: Compiled, sample: model.Sample) -> Verdict:
    """How one test comes out; it need not be one of the rule set's own."""
    decision = evaluate(compiled, sample.facts)
    differences = tuple(_differences(compiled, sample, decision))
    return Verdict(
        name=sample.name,
        line=sample.line,
        passed=not differences,
        differences=differences,
        decision=decision,
    )


def told(verdicts: Sequence[Verdict], source: str) -> list[str]:
    """The verdicts as lines for a terminal: one for each test, its differences indented below, and a sum at the end."""
    lines = []
    for one in verdicts:
        lines.append(f"{'ok  ' if one.passed else 'FAIL'}  {source}:{one.line}: {one.name}")
        lines += [f"        {difference}" for difference in one.differences]
    failed = sum(not one.passed for one in verdicts)
    tests = "1 test" if len(verdicts) == 1 else f"{len(verdicts)} tests"
    lines.append(f"{tests}, {failed} failed" if verdicts else f"{source}: no tests")
    return lines


def _differences(compiled: Compiled, sample: model.Sample, decision: Decision) -> Iterator[Text]:
    found = [
        text
        for name, wanted in sample.expect.items()
        if name != "rule" and (text := _difference(compiled, name, wanted, decision)) is not None
    ]
    yield from found
    wanted_rule = sample.expect.get("rule")
    winner = decision.trace.winners.get("queue", "")
    if wanted_rule is not None and wanted_rule != winner:
        yield from _other_rule(compiled, sample, str(wanted_rule), winner)
    elif not found:
        return
    for fault in decision.trace.faults:
        rule = called(names_in(compiled.ruleset), fault.rule)
        yield Text(mark("rule {rule} could not be told: {why}"), {"rule": rule, "why": fault.why})


def _difference(compiled: Compiled, name: str, wanted: Any, decision: Decision) -> Text | None:
    got = getattr(decision.actions, name)
    by = decision.trace.winners.get(name, "")
    as_expected = not by if wanted is None else _meets(name, wanted, got)
    if as_expected:
        return None
    values: dict[str, str | int | Text] = {
        "action": Text(ACTION_NAMES[name]),
        "wanted": _said(name, wanted),
        "got": _said(name, got),
        "rule": called(names_in(compiled.ruleset), by),
    }
    if wanted is None:
        return Text(mark("{action}: nobody was to ask for it, but {rule} asks for {got}"), values)
    if not by:
        return Text(mark("{action}: expected {wanted}, but no rule asks for it"), values)
    return Text(mark("{action}: expected {wanted}, but {rule} asks for {got}"), values)


def _meets(name: str, wanted: Any, got: Any) -> bool:
    if name in ACCUMULATING:
        return set(wanted) <= set(got)
    if isinstance(wanted, Mapping):
        return isinstance(got, Mapping) and wanted.items() <= got.items()
    return bool(wanted == got)


def _other_rule(compiled: Compiled, sample: model.Sample, wanted: str, winner: str) -> Iterator[Text]:
    names = names_in(compiled.ruleset)
    values = {"wanted": called(names, wanted), "got": called(names, winner)}
    if winner:
        yield Text(mark("queue: it was to be decided by {wanted}, but {got} decides it"), values)
    else:
        yield Text(mark("queue: it was to be decided by {wanted}, but no rule decides it"), values)
    if wanted != DEFAULT_RULE:
        for explanation in explain(compiled, sample.facts, wanted):
            yield from _why_not(explanation, names)


def _why_not(explanation: Explanation, names: Mapping[str, str]) -> Iterator[Text]:
    """Why the rule that was expected has no say."""
    values: dict[str, str | int | Text] = {
        "rule": called(names, explanation.rule),
        "wanted": explanation.wanted or "",
        "actual": explanation.actual or "",
        "line": explanation.line,
        "by": called(names, explanation.by),
    }
    match explanation.state:
        case "failed":
            yield Text(
                mark("{rule} does not match: line {line} asks for {wanted}, the message has {actual}"), values
            )
        case "stopped":
            yield Text(mark("{rule} would match, but {by} comes first and stops"), values)
        case "off":
            yield Text(mark("{rule} is switched off, out of its dates or for other events"), values)
        case _:
            return


def _said(name: str, value: Any) -> str | Text:
    return queue_called(value) if name == "queue" and value is not None else shown(name, value)


def shown(name: str, value: Any) -> str:
    """The value of an action as a rule file writes it."""
    if value is not None and name in _WRITTEN:
        value = write_action(name, value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Mapping):
        return ", ".join(f"{key}: {entry}" for key, entry in value.items())
    if isinstance(value, tuple | list):
        return ", ".join(str(entry) for entry in value)
    return str(value)
