"""Lint: what is wrong with a rule set though it can be read, found by what the rules say and never by trying them out.

Rules that cannot match or never win, conditions that contradict each other, circles of answers and transfers, names
that nobody uses. What needs the office (queues, duty, messages of last month) is looked up by the hub.
"""

from __future__ import annotations

from collections.abc import Iterator

from rules import model
from rules.engine.compiled import words_of
from rules.lint.conditions import conditions, guard_of, whole_guard
from rules.lint.finding import CODES, Finding, Level, Values, called, finding, with_names
from rules.lint.known import Effort
from rules.lint.literals import Memo
from rules.lint.loops import loops
from rules.lint.names import names
from rules.lint.nights import nights
from rules.lint.order import Cases, Entry, Index, entries, weights
from rules.lint.overlap import overlaps
from rules.lint.reach import unreached
from rules.lint.values import values
from rules.lint.vocabulary import Expand, Vocabulary
from rules.text import Text, mark

__all__ = ["CODES", "Finding", "Level", "lint"]

_ORDER = {"error": 0, "warning": 1, "hint": 2}


def lint(ruleset: model.RuleSet, *, today: str = "", expand: Expand | None = None) -> tuple[Finding, ...]:
    """Everything that lint finds, errors first, then by line.

    ``today`` (``YYYY-MM-DD``) tells rules whose dates are past; without it none is. ``expand`` gives the forms of
    words, by which ``zasiłek`` and ``zasiłku`` are one word and ``zatrudnić`` finds all that ``zatrudniony`` does;
    without it they are words that have nothing to do with each other.
    """
    memo = Memo(Vocabulary(expand, words_of(ruleset, ()) if expand is not None else ()))
    told = _findings(ruleset, entries(ruleset, memo), memo, today)
    return tuple(
        sorted(with_names(ruleset, told), key=lambda one: (_ORDER[one.level], one.line, one.code, one.rule))
    )


def _findings(ruleset: model.RuleSet, found: list[Entry], memo: Memo, today: str) -> Iterator[Finding]:
    effort, cases = Effort(), Cases()
    yield from _of_conditions(ruleset, found, cases, memo, today, effort)
    index = Index(weights(found))
    yield from unreached(found, index, cases, effort)
    yield from overlaps(found, cases, effort)
    yield from loops(ruleset, found, index, cases, effort)
    yield from names(ruleset, found, index, effort)
    yield from values(ruleset)
    yield from nights(ruleset)
    lines = {rule.id: rule.line for rule in ruleset.rules}
    for rule in effort.given_up:
        yield _too_much(rule, lines.get(rule, 0))


def _of_conditions(
    ruleset: model.RuleSet,
    found: list[Entry],
    cases: Cases,
    memo: Memo,
    today: str,
    effort: Effort,
) -> Iterator[Finding]:
    sections = {section.id: section for section in ruleset.sections}
    closed = set()
    for section in ruleset.sections:
        with effort.on(section.id) as nothing:
            for one in guard_of(section, memo, nothing):
                closed.add(one.rule)
                yield one
    for entry in found:
        if entry.rule.section not in closed:
            guard = whole_guard(sections.get(entry.rule.section), memo)
            with effort.on(entry.rule.id) as nothing:
                case = cases.of(entry, nothing)
                yield from conditions(entry, case, guard, memo, today, nothing)


def _too_much(rule: str, line: int) -> Finding:
    values: Values = {"rule": called(rule)}
    text = Text(mark("{rule} has so many conditions that lint has not looked at all of them"), values)
    return finding(
        "too-much", rule, line, text, Text(mark("Make several rules of it, or use lists."), values)
    )
