"""What serves nothing in a rule file, and what costs every message something: names, expressions, default."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rules import model
from rules.decision import DEFAULT_RULE
from rules.engine.expressions import expression_problem, required_literals
from rules.language import FROM_TEXT
from rules.lint.finding import Finding, Values, called, finding
from rules.lint.known import Effort, Known, settle
from rules.lint.literals import Among
from rules.lint.order import Entry, Index
from rules.lint.reach import covering
from rules.lint.sets import Patterns
from rules.text import Text, mark


def names(ruleset: model.RuleSet, found: Sequence[Entry], index: Index, effort: Effort) -> Iterator[Finding]:
    """Findings on unused names, on expressions and on the default. ``index`` holds all of the rules."""
    used: set[str] = set()
    seen: set[int] = set()
    users: list[model.Rule | model.Section] = [*ruleset.rules, *ruleset.sections]
    for user in users:
        yield from _expressions(user, used, seen)
    yield from _unused(ruleset, used)
    with effort.on(DEFAULT_RULE) as nothing:
        yield from _default(ruleset, found, index, nothing)


def walk(node: model.Condition, seen: set[int]) -> Iterator[model.Condition]:
    """Every condition of a tree that is not in ``seen`` (by identity), where all are put; shared ones come once."""
    todo = [node]
    while todo:
        one = todo.pop()
        if id(one) not in seen:
            seen.add(id(one))
            yield one
            todo += model.children(one)


def _named(node: model.Condition) -> Iterator[str]:
    """What a condition uses by its name: ``words.NAME``, ``conditions.NAME``, ``schedules.NAME``."""
    if isinstance(node, model.Named):
        yield f"{node.kind}s.{node.name}"
    elif isinstance(node, model.Words):
        yield from (f"words.{name}" for name in node.lists)


def _expressions(rule: model.Rule | model.Section, used: set[str], seen: set[int]) -> Iterator[Finding]:
    for node in walk(rule.when, seen):
        used.update(_named(node))
        if not isinstance(node, model.Pattern):
            continue
        values: Values = {"rule": called(rule.id), "pattern": node.pattern[:80]}
        line = node.line or rule.line
        if expression_problem(node.pattern):
            yield finding(
                "expression",
                rule.id,
                line,
                Text(mark("{rule}: the engine refuses the expression {pattern}"), values),
                Text(mark("Write it in RE2 syntax: no look-around, no references to groups."), values),
            )
        elif not required_literals(node.pattern):
            yield finding(
                "loose",
                rule.id,
                line,
                Text(mark("{rule}: {pattern} holds no fixed text, so it is tried on every message"), values),
                Text(mark("Add three letters or more that must stand there, or ask for words."), values),
            )


def _unused(ruleset: model.RuleSet, used: set[str]) -> Iterator[Finding]:
    groups = (
        ("words", ruleset.words, mark("No rule uses the list of words {name}")),
        ("conditions", ruleset.conditions, mark("No rule uses the condition {name}")),
        ("schedules", ruleset.schedules, mark("No rule uses the schedule {name}")),
    )
    for kind, defined, msgid in groups:
        for name in defined:
            if f"{kind}.{name}" not in used:
                line = ruleset.lines.get(f"{kind}.{name}", 0)
                values: Values = {"name": name}
                advice = Text(mark("Use {name} in a rule, or remove it."), values)
                yield finding("unused", "", line, Text(msgid, values), advice)


def _default(
    ruleset: model.RuleSet, found: Sequence[Entry], index: Index, nothing: Known
) -> Iterator[Finding]:
    line = ruleset.lines.get("default", 0)
    if ruleset.default.queue is None and ruleset.default.office in (None, FROM_TEXT):
        yield finding(
            "no-queue",
            DEFAULT_RULE,
            line,
            Text(mark("The default names no queue: what no rule routes stays in the queue of its inbox")),
            Text(mark("Add `queue:` to the default.")),
        )
    event = Among(("text", "on"), Patterns(frozenset(["new"])))
    case = settle([event], nothing)
    last = Entry(len(found), model.Rule(id=DEFAULT_RULE, name=""), event, False, 1)
    by = covering(case, index, last) if case is not None else []
    if by:
        values: Values = {"by": called(*(entry.rule.id for entry in by))}
        yield finding(
            "default-unreached",
            DEFAULT_RULE,
            line,
            Text(mark("The default is never reached: {by} match every new conversation, and stop"), values),
            Text(mark("Let {by} ask for something, or make their actions the default."), values),
        )
