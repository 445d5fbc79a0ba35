"""Explaining: for any rule, whether it would match a message, and if not, which condition failed on what value."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal

import msgspec

from rules import model
from rules.decision import Explanation, Fault
from rules.describe import describe, negated
from rules.engine.compiled import Compiled, CompiledRule, gates
from rules.engine.evaluate import Walk, observed, settle, show
from rules.engine.probes import NO, Probe
from rules.engine.scan import Scan
from rules.engine.trees import Tree, judge, observers
from rules.facts import Facts


def explain(compiled: Compiled, facts: Facts, rule_id: str | None = None) -> list[Explanation]:
    """What each rule (or only the one with ``rule_id``) says about a message, in the order of the file.

    Agrees with :func:`rules.engine.evaluate`: the rules told as ``matched`` are those of its trace. A rule whose
    section is closed is told with what closed it, and ``by`` names the section. An unknown ``rule_id`` gives an empty
    list.
    """
    scan = Scan(facts, compiled.lexicon)
    enabled = {rule.rule.id: rule for rule in compiled.rules}
    sections = {section.id: section for section in compiled.ruleset.sections}
    walk = Walk(scan, [])
    out = []
    for rule in compiled.ruleset.rules:
        if rule.id in enabled:
            found = _enabled(enabled[rule.id], scan, walk)
        else:
            off = rule if not rule.enabled else sections[rule.section]
            by = "" if off is rule else off.id
            found = _plain(rule, "off", condition="enabled", actual=NO, by=by, line=off.line)
        if rule_id is None or rule.id == rule_id:
            out.append(found)
    return out


def _enabled(rule: CompiledRule, scan: Scan, walk: Walk) -> Explanation:
    """What an enabled rule says; ``walk`` comes past it."""
    section = rule.section
    if section is not None and scan.facts.on in rule.rule.on and not walk.open(section):
        faults: list[Fault] = []
        settle(section.section.id, section.tree, scan, faults)
        by = section.section.id
        return _fault(rule, faults, by) if faults else _failed(rule, section.tree, section.section, scan)
    passed = walk.passes(rule)
    found = _own(rule, scan)
    if found.state == "matched":
        if passed:
            return msgspec.structs.replace(found, state="stopped", by=walk.by)
        if rule.then != "continue":
            walk.after(rule)
    return found


def _own(rule: CompiledRule, scan: Scan) -> Explanation:
    """What a rule says for itself, whatever the others do."""
    faults: list[Fault] = []
    if settle(rule.id, rule.tree, scan, faults):
        # A trace leaves the guard out, because it would stand there once for each rule of the section.
        guard = observed(observers(rule.section.tree), scan) if rule.section is not None else ()
        seen = (*guard, *observed(rule.seen, scan))
        return msgspec.structs.replace(_plain(rule.rule, "matched"), seen=seen)
    return _fault(rule, faults, "") if faults else _failed(rule, rule.tree, rule.rule, scan)


def _fault(rule: CompiledRule, faults: list[Fault], by: str) -> Explanation:
    return _plain(rule.rule, "fault", actual=faults[0].why, by=by)


def _failed(rule: CompiledRule, tree: Tree, of: model.Rule | model.Section, scan: Scan) -> Explanation:
    """The condition of ``tree`` that failed: of the rule itself, or of its section."""
    probe, held, within = _failing(tree, scan)
    wanted = describe(probe.node)
    return _plain(
        rule.rule,
        "off" if probe.node in gates(of) else "failed",
        condition=f"not {probe.name}" if held else probe.name,
        wanted=negated(wanted) if held else wanted,
        actual=show(probe, scan),
        line=probe.node.line,
        within=within,
        by="" if of is rule.rule else of.id,
    )


def _failing(tree: Tree, scan: Scan, wanted: bool = True, within: str = "") -> tuple[Probe, bool, str]:
    """The first predicate that kept ``tree`` from coming out as ``wanted``, what it came out as, and the outermost
    named condition that it is part of."""
    if isinstance(tree, Probe):
        return tree, not wanted, within
    if tree.kind == "not":
        return _failing(tree.items[0], scan, not wanted, within)
    return _failing(_first(tree.items, scan, not wanted), scan, wanted, within or tree.name)


def _first(items: Iterable[Tree], scan: Scan, held: bool) -> Tree:
    return next(item for item in items if judge(item, scan) is held)


def _plain(
    rule: model.Rule, state: Literal["matched", "failed", "off", "fault"], *, line: int = 0, **told: Any
) -> Explanation:
    return Explanation(rule=rule.id, name=rule.name, line=line or rule.line, state=state, **told)
