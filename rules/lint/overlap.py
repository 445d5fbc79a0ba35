"""Pairs of rules whose order alone decides: both can match one message, ask for different things, and neither is the
more special one.

Nearly any two rules can meet in some message. A pair is told only where the two ask for the same thing (a word, a
sender, a topic, …), or where neither asks for a thing of that kind at all.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import islice

from rules.lint.finding import Finding, Values, called, deeds, finding
from rules.lint.known import Case, Effort, Known, follows, settle
from rules.lint.literals import Among, Exists, Literal, Numbers
from rules.lint.order import Cases, Entry, Key, keys_of, literals
from rules.text import Text, mark

DECIDING = ("queue", "office", "assign", "priority", "tier", "answer", "topic", "hold")
"""Actions of which one conversation can have only one."""

NEAREST = 40
"""Earlier rules that one is compared with: of those that share a thing with it, the ones right before it."""

_TOLD = 3
_EVIDENCE = ("sender", "article", "section", "callback_topic", "suspicious", "timer")


def overlaps(found: Sequence[Entry], cases: Cases, effort: Effort) -> Iterator[Finding]:
    """A hint for each rule whose outcome depends on its place behind others."""
    filed: defaultdict[Key, list[Entry]] = defaultdict(list)
    bare: list[Entry] = []
    for entry in found:
        keys = {key for literal in literals(entry.when) if _is_evidence(literal) for key in keys_of(literal)}
        near = {one.number: one for key in keys for one in filed[key][-NEAREST:]} if keys else {}
        others = [near[number] for number in sorted(near)[-NEAREST:]] if keys else bare[-NEAREST:]
        with effort.on(entry.rule.id) as nothing:
            yield from _told(entry, [one for one in others if _differ(one, entry)], nothing, cases)
        for key in keys:
            filed[key].append(entry)
        if not keys:
            bare.append(entry)


def _is_evidence(literal: Literal) -> bool:
    """Whether a literal asks for a thing that few messages have."""
    match literal:
        case Exists(positive=True) | Numbers(("counts", *_)):
            return True
        case Among(subject, _, True):
            return subject[0] == "entry" or subject[1] in _EVIDENCE
    return False


def _differ(one: Entry, other: Entry) -> bool:
    mine, theirs = one.rule.actions, other.rule.actions
    return any(
        getattr(mine, name) is not None
        and getattr(theirs, name) is not None
        and getattr(mine, name) != getattr(theirs, name)
        for name in DECIDING
    )


def _told(entry: Entry, others: list[Entry], nothing: Known, cases: Cases) -> Iterator[Finding]:
    case = cases.of(entry, nothing) if others else None
    if case is None:
        return
    alike = (
        other
        for other in reversed(others)
        if _says_no_more(other, entry, nothing, cases) and _may_meet(case, other)
    )
    # One more than is told, to know whether there are more.
    equal = list(islice(alike, _TOLD + 1))
    if not equal:
        return
    rule = entry.rule
    values: Values = {
        "rule": called(rule.id),
        "others": called(*(other.rule.id for other in equal[:_TOLD])),
        "more": " …" if len(equal) > _TOLD else "",
        "actions": deeds(*sorted(_differing(entry, equal[0]))),
    }
    yield finding(
        "order",
        rule.id,
        rule.line,
        Text(
            mark("A message can match {rule} and {others}{more} alike; only their order decides: {actions}"),
            values,
        ),
        Text(mark("Check that the first is the one that you want, or tell their conditions apart."), values),
    )


def _differing(one: Entry, other: Entry) -> Iterator[str]:
    for name in DECIDING:
        mine, theirs = getattr(one.rule.actions, name), getattr(other.rule.actions, name)
        if mine is not None and theirs is not None and mine != theirs:
            yield name


def _may_meet(case: Case, other: Entry) -> bool:
    """Whether a message of the case may be one of the other rule, and need not be."""
    return not follows(case, other.when) and settle([other.when, *case.choices], case.known) is not None


def _says_no_more(other: Entry, entry: Entry, nothing: Known, cases: Cases) -> bool:
    """Whether a message of the other rule need not be one of ``entry``."""
    theirs = cases.of(other, nothing)
    return theirs is not None and not follows(theirs, entry.when)
