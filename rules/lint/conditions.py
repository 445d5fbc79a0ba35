"""Conditions that can never hold, always hold, or hold no more."""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Mapping, Sequence

from rules import model
from rules.describe import describe
from rules.facts import On
from rules.language import LEFT_UNDONE
from rules.lint.finding import Finding, Values, called, deeds, finding
from rules.lint.known import Case, Known, TooMuch, settle
from rules.lint.literals import Formula, Memo, Numbers, Subject, both, formula, negated
from rules.lint.order import Entry, literals
from rules.lint.sets import span
from rules.text import Text, mark, verbatim

MAX_SPLITS = 64
"""Cases into which the conditions of one rule are taken apart to see whether they contradict each other."""

_BROUGHT_BY: Mapping[str, tuple[On, ...]] = {
    "timer": ("timer",),
    "status_from": ("status", "timer"),
    "tag_added": ("status", "timer"),
    "tag_removed": ("status", "timer"),
    "unanswered": ("timer", "message", "edit", "status"),
    "waiting": ("timer", "message", "edit", "status"),
}
"""Predicates whose fact only certain events have; in a conversation that opens or reopens nobody has waited yet."""

_WAITING: Mapping[Subject, str] = {
    ("number", "unanswered"): "unanswered",
    ("number", "unanswered_open"): "unanswered",
    ("number", "waiting"): "waiting",
}

_WAKING: tuple[Subject, ...] = (("number", "unanswered"), ("number", "unanswered_open"), ("text", "timer"))
"""What has the rules asked when time passes."""

MAX_SHOWN = 120
"""Longest condition in a finding, in characters."""


def conditions(
    entry: Entry, case: Case | None, guard: Formula, memo: Memo, today: str, nothing: Known
) -> Iterator[Finding]:
    """Findings on one rule's own conditions, of which ``case`` was made. ``guard`` is what holds anyway: its section's;
    ``nothing`` is known."""
    if case is None or impossible(case):
        yield _never(entry.rule, guard, memo, nothing)
        return
    if today and settle([_from(today), *case.choices], case.known) is None:
        yield _expired(entry.rule, today)
        return
    yield from _wrong_events(entry, case.known)
    yield from _not_woken(entry, case.known)
    yield from _undone(entry)
    items = _items(entry.rule.when)
    for i, item in enumerate(items):
        if is_always(formula(item, memo), nothing):
            yield _always(entry.rule, item)
        elif isinstance(item, model.Any):
            rest = [formula(other, memo) for j, other in enumerate(items) if j != i]
            yield from _dead_branches(entry.rule, item, [guard, *rest], memo, nothing)


def _wrong_events(entry: Entry, known: Known) -> Iterator[Finding]:
    """What a rule asks for, though no event on which it is tried brings it."""
    asked = {
        subject[1] for subject, (may, _) in known.texts.items() if subject[0] == "text" and not may.has("")
    }
    asked |= {subject[0] for subject, there in known.there.items() if there}
    asked |= {
        name
        for subject, name in _WAITING.items()
        if subject in known.numbers and known.numbers[subject][0][0] > 0
    }
    for name, events in _BROUGHT_BY.items():
        if name in asked and not {*events} & {*entry.rule.on}:
            values: Values = {"rule": called(entry.rule.id), "name": name, "event": events[0]}
            yield finding(
                "wrong-event",
                entry.rule.id,
                entry.rule.line,
                Text(mark("{rule} asks for `{name}`, which is only known with `on: {event}`"), values),
                Text(mark("Write `on: {event}`, or take `{name}` out."), values),
            )


def _not_woken(entry: Entry, known: Known) -> Iterator[Finding]:
    """A rule for timers that asks for `waiting` and for nothing that sets one."""
    waiting = ("number", "waiting")
    if entry.rule.on != ("timer",) or waiting not in known.numbers or known.numbers[waiting][0][0] <= 0:
        return
    about = {literal.subject for literal in literals(entry.when)}
    if about.isdisjoint(_WAKING):
        values: Values = {"rule": called(entry.rule.id)}
        yield finding(
            "wrong-event",
            entry.rule.id,
            entry.rule.line,
            Text(mark("`waiting` does not have {rule} tried: only `unanswered` and `timer` do"), values),
            Text(mark("Write `unanswered:` in the place of `waiting:`."), values),
        )


def _undone(entry: Entry) -> Iterator[Finding]:
    """What a rule asks for, though it is done on none of its events."""
    rule = entry.rule
    undone = [name for name in entry.asks if all(name in LEFT_UNDONE[event] for event in rule.on)]
    if undone:
        values: Values = {"rule": called(rule.id), "actions": deeds(*undone), "events": ", ".join(rule.on)}
        yield finding(
            "wrong-event",
            rule.id,
            rule.line,
            Text(mark("Of {rule} this is never carried out with `on: {events}`: {actions}"), values),
            Text(mark("Take it out, or have the rule tried on another event."), values),
        )


def impossible(case: Case, budget: int = MAX_SPLITS) -> bool:
    """Whether no message fits a case, as far as taking its choices apart tells."""
    todo = [case]
    while todo:
        one = todo.pop()
        if not one.choices:
            return False
        budget -= len(one.choices[0].items)
        if budget < 0:
            return False
        todo += one.split(0)
    return True


def is_always(item: Formula, nothing: Known | None = None) -> bool:
    """Whether a condition holds of every message that has the facts it looks at."""
    return is_never(negated(item), nothing)


def _from(day: str) -> Numbers:
    return Numbers(("date",), span(datetime.date.fromisoformat(day).toordinal(), None))


def _items(node: model.Condition) -> Sequence[model.Condition]:
    """The conditions that must all hold."""
    return node.items if isinstance(node, model.All) else (node,)


def shown(node: model.Condition) -> Text:
    """A condition as the rule language writes it, cut."""
    told = describe(node)
    text = str(told)
    return told if len(text) <= MAX_SHOWN else verbatim(text[: MAX_SHOWN - 1] + "…")


def _never(rule: model.Rule, guard: Formula, memo: Memo, nothing: Known) -> Finding:
    """The finding that a rule never matches, with the conditions that are to blame, if they can be told."""
    try:
        text, advice, one, other = _blamed(rule, guard, memo, nothing)
    except TooMuch:
        text, advice, one, other = _NEVER, _ONE_OF_THEM, None, None
    values: Values = {"rule": called(rule.id), "section": called(rule.section)}
    line = (other.line if other else 0) or rule.line
    if other is not None:
        values |= {"one": shown(one or other), "other": shown(other), "line": line}
    return finding("contradiction", rule.id, line, Text(text, values), Text(advice, values))


_Blame = tuple[str, str, "model.Condition | None", "model.Condition | None"]
_NEVER = mark("{rule} never matches: its conditions contradict each other")
_ONE_OF_THEM = mark("Change one of them, or remove {rule}.")


def _blamed(rule: model.Rule, guard: Formula, memo: Memo, nothing: Known) -> _Blame:
    """What to say and to advise of a rule that never matches, and the one condition or the two that it is about."""
    dates = formula(model.Dates(first=rule.first, last=rule.last), Memo())
    for item in _items(rule.when):
        own = formula(item, memo)
        if is_never(own, nothing):
            text = mark("{rule} never matches: {one} can never hold (line {line})")
            return text, mark("Change this condition, or remove {rule}."), None, item
        if is_never(both((guard, own)), nothing):
            text = mark(
                "{rule} never matches: {one} (line {line}) contradicts the guard of its section {section}"
            )
            advice = mark("Change this condition or the guard, or move {rule} out of {section}.")
            return text, advice, None, item
        if (rule.first or rule.last) and is_never(both((dates, own)), nothing):
            text = mark("{rule} never matches: {one} (line {line}) never holds between its own dates")
            return text, mark("Change the dates or the condition, or remove {rule}."), None, item
    pair = _clash(rule, guard, memo, nothing)
    if pair is None:
        return _NEVER, _ONE_OF_THEM, None, None
    text = mark("{rule} never matches: nothing is both {one} and {other} (line {line})")
    return text, mark("Change one of the two, join them by `any`, or remove {rule}."), *pair


def _clash(
    rule: model.Rule, guard: Formula, memo: Memo, nothing: Known
) -> tuple[model.Condition, model.Condition] | None:
    """Two conditions that exclude each other (beside the guard)."""
    items = _items(rule.when)
    for i, item in enumerate(items[:50]):
        for other in items[i + 1 : 50]:
            if is_never(both((guard, formula(item, memo), formula(other, memo))), nothing):
                return item, other
    return None


def _expired(rule: model.Rule, today: str) -> Finding:
    values: Values = {"rule": called(rule.id), "today": today}
    return finding(
        "expired",
        rule.id,
        rule.line,
        Text(mark("{rule} matches no more: its dates are past"), values),
        Text(mark("Give it new dates, or remove it."), values),
    )


def _always(rule: model.Rule, item: model.Condition) -> Finding:
    values: Values = {"rule": called(rule.id), "one": shown(item)}
    return finding(
        "always",
        rule.id,
        item.line or rule.line,
        Text(mark("{one} holds for every message, so it decides nothing in {rule}"), values),
        Text(mark("Take it out, or write what was meant."), values),
    )


def _dead_branches(
    rule: model.Rule, choice: model.Any, rest: Sequence[Formula], memo: Memo, nothing: Known
) -> Iterator[Finding]:
    for item in choice.items:
        if is_never(both((*rest, formula(item, memo))), nothing):
            values: Values = {"rule": called(rule.id), "one": shown(item)}
            yield finding(
                "dead-branch",
                rule.id,
                item.line or choice.line or rule.line,
                Text(mark("{one} can never hold beside the other conditions of {rule}"), values),
                Text(mark("Take it out of `any`, or change the conditions beside it."), values),
            )


def guard_of(section: model.Section, memo: Memo, nothing: Known) -> Iterator[Finding]:
    """Findings on a section: switched off, or with a guard that never holds."""
    values: Values = {"section": called(section.id), "one": shown(section.when)}
    if not section.enabled:
        yield finding(
            "switched-off",
            section.id,
            section.line,
            Text(mark("The section {section} is switched off, so none of its rules is tried"), values),
            Text(mark("Switch it on, or remove it with its rules."), values),
        )
    elif is_never(formula(section.when, memo), nothing):
        yield finding(
            "contradiction",
            section.id,
            section.when.line or section.line,
            Text(mark("No rule of the section {section} is ever tried: {one} never holds"), values),
            Text(mark("Change the guard of the section."), values),
        )


def is_never(item: Formula, nothing: Known | None = None) -> bool:
    """Whether a formula is true of no message."""
    case = settle([item], nothing)
    return case is None or impossible(case)


def whole_guard(section: model.Section | None, memo: Memo) -> Formula:
    """What holds of every message for which the rules of a section are tried."""
    return both(()) if section is None else formula(section.when, memo)
