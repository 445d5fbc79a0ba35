"""Explaining: for any rule, whether it would match a message, and if not, which condition failed on what value."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from rules import model
from rules.compiled import Compiled, CompiledRule, gates
from rules.decision import Explanation, Fault
from rules.describe import describe, negated
from rules.evaluate import observed, settle, show
from rules.facts import Facts
from rules.probes import NO, Probe, Tree, judge
from rules.scan import Scan
from rules.text import Text


def explain(compiled: Compiled, facts: Facts, rule_id: str | None = None) -> list[Explanation]:
    """What each rule (or only the one with ``rule_id``) says about a message, in the order of the file.

    Agrees with :func:`rules.evaluate`: the rules told as ``matched`` are those of its trace. An unknown ``rule_id``
    gives an empty list.
    """
    scan = Scan(facts, compiled.lexicon)
    enabled = {rule.rule.id: rule for rule in compiled.rules}
    disabled = {rule.rule.id: rule for rule in compiled.disabled}
    out = []
    stopped_by = ""
    for rule in compiled.ruleset.rules:
        if rule.id in enabled:
            found = _explain(enabled[rule.id], scan, stopped_by)
            if found.state == "matched" and rule.then == "stop":
                stopped_by = rule.id
        else:
            found = _plain(disabled[rule.id].rule, "off", condition="enabled", actual=NO)
        if rule_id is None or rule.id == rule_id:
            out.append(found)
    return out


def _explain(rule: CompiledRule, scan: Scan, stopped_by: str) -> Explanation:
    faults: list[Fault] = []
    if settle(rule, scan, faults):
        return Explanation(
            rule=rule.rule.id,
            name=rule.rule.name,
            line=rule.rule.line,
            state="stopped" if stopped_by else "matched",
            by=stopped_by,
            seen=observed(rule.tree, scan),
        )
    if faults:
        return _plain(rule.rule, "fault", actual=faults[0].why)
    probe, held = _failing(rule.tree, scan)
    is_gate = probe.node in gates(rule.rule)
    wanted = describe(probe.node)
    return _plain(
        rule.rule,
        "off" if is_gate else "failed",
        condition=probe.name if held is False else f"not {probe.name}",
        wanted=wanted if held is False else negated(wanted),
        actual=show(probe, scan),
        line=probe.node.line,
    )


def _failing(tree: Tree, scan: Scan, wanted: bool = True) -> tuple[Probe, bool]:
    """The first predicate that kept ``tree`` from coming out as ``wanted``, and what it came out as."""
    if isinstance(tree, Probe):
        return tree, not wanted
    if tree.kind == "not":
        return _failing(tree.items[0], scan, not wanted)
    return _failing(_first(tree.items, scan, not wanted), scan, wanted)


def _first(items: Iterable[Tree], scan: Scan, held: bool) -> Tree:
    return next(item for item in items if judge(item, scan) is held)


def _plain(
    rule: model.Rule,
    state: Literal["failed", "off", "fault"],
    *,
    condition: str = "",
    wanted: Text | None = None,
    actual: Text | None = None,
    line: int = 0,
) -> Explanation:
    return Explanation(
        rule=rule.id,
        name=rule.name,
        line=line or rule.line,
        state=state,
        condition=condition,
        wanted=wanted,
        actual=actual,
    )
