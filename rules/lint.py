"""Lint: what is wrong with a rule set though it can be read, found by what the rules say and never by trying them out.

Rules that cannot match or never win, conditions that contradict each other, circles of answers and transfers, names
that nobody uses. What needs the office (queues, duty, messages of last month) is looked up by the hub.
"""

from __future__ import annotations

from collections.abc import Iterator

from rules import model
from rules.finding import CODES, Finding, Level
from rules.lint_conditions import conditions, guards, whole_guard
from rules.lint_literals import Formula
from rules.lint_loops import loops
from rules.lint_names import names
from rules.lint_order import Entry, Index, entries, weights
from rules.lint_overlap import overlaps
from rules.lint_reach import unreached

__all__ = ["CODES", "Finding", "Level", "lint"]

_ORDER = {"error": 0, "warning": 1, "hint": 2}


def lint(ruleset: model.RuleSet, *, today: str = "") -> tuple[Finding, ...]:
    """Everything that lint finds, errors first, then by line.

    ``today`` (``YYYY-MM-DD``) tells rules whose dates are past; without it none is.
    """
    memo: dict[int, Formula] = {}
    found = entries(ruleset, memo)
    told = _findings(ruleset, found, memo, today)
    return tuple(sorted(told, key=lambda one: (_ORDER[one.level], one.line, one.code, one.rule)))


def _findings(
    ruleset: model.RuleSet, found: list[Entry], memo: dict[int, Formula], today: str
) -> Iterator[Finding]:
    sections = {section.id: section for section in ruleset.sections}
    closed = set()
    for finding in guards(ruleset.sections, memo):
        closed.add(finding.rule)
        yield finding
    for entry in found:
        if entry.rule.section not in closed:
            guard = whole_guard(sections.get(entry.rule.section), memo)
            yield from conditions(entry, guard, memo, today)
    index = Index(weights(found))
    yield from unreached(found, index)
    yield from overlaps(found)
    yield from loops(found, index, ruleset.default)
    yield from names(ruleset, found, index)
