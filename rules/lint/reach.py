"""Rules that never get their turn, or never get their way, because of what earlier ones say."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from rules import model
from rules.language import ACCUMULATING, MERGED
from rules.lint.finding import Finding, Values, called, deeds, finding
from rules.lint.known import MAX_OPEN, Case, Effort, Known, follows, settle
from rules.lint.literals import Among, negated
from rules.lint.order import Cases, Entry, Index
from rules.lint.sets import Patterns
from rules.text import Text, mark

MAX_TRIES = 100
"""Questions that are asked to see whether several earlier rules cover one together."""

MAX_OPTIONS = 24
"""A list of more values is not taken apart."""

DEPTH = 2
"""How often a case is taken apart, one way inside the other."""


@dataclass(slots=True)
class _Budget:
    left: int = MAX_TRIES


def unreached(found: Sequence[Entry], index: Index, cases: Cases, effort: Effort) -> Iterator[Finding]:
    """Findings on rules that cannot match because earlier ones always have, and on what rules ask for in vain.

    ``index`` is empty and is filled on the way. A rule whose own conditions contradict each other is left out.
    """
    for entry in found:
        with effort.on(entry.rule.id) as nothing:
            yield from _unreached_one(entry, index, cases, nothing)
        index.add(entry)


def _unreached_one(entry: Entry, index: Index, cases: Cases, nothing: Known) -> Iterator[Finding]:
    case = cases.of(entry, nothing)
    if case is None:
        return
    implied: list[Entry] = []
    for earlier in index.candidates(case, entry.when):
        if earlier.when == entry.when or follows(case, earlier.when):
            if earlier.ends(entry):
                yield _unreached(entry, [earlier], nothing)
                return
            implied.append(earlier)
    stopping = _together(case, index, entry, _Budget(), DEPTH)
    if stopping:
        yield _unreached(entry, stopping, nothing)
    else:
        yield from _overruled(entry, implied)


def covering(case: Case, index: Index, entry: Entry) -> list[Entry]:
    """Earlier rules that end the evaluation before ``entry`` for every message of the case; empty if none do."""
    return _covering(case, index, entry, _Budget(), DEPTH)


def _covering(case: Case, index: Index, entry: Entry, budget: _Budget, depth: int) -> list[Entry]:
    for earlier in index.candidates(case):
        if earlier.number < entry.number and earlier.ends(entry):
            budget.left -= 1
            if follows(case, earlier.when):
                return [earlier]
            if budget.left <= 0:
                return []
    return _together(case, index, entry, budget, depth)


def _together(case: Case, index: Index, entry: Entry, budget: _Budget, depth: int) -> list[Entry]:
    """Rules that cover a case only between them."""
    for parts in _splits(case, index) if depth else ():
        found: dict[int, Entry] = {}
        for part in parts:
            covering_it = _covering(part, index, entry, budget, depth - 1)
            if not covering_it:
                break
            found |= {earlier.number: earlier for earlier in covering_it}
        else:
            return [found[number] for number in sorted(found)]
    return []


def _splits(case: Case, index: Index) -> Iterator[Iterable[Case]]:
    """Ways to take a case apart: by an open choice, by the values of a text, by the options of which one is there, by
    a condition that holds or not."""
    for number in range(min(len(case.choices), MAX_OPEN)):
        yield case.split(number)
    for subject, (may, _) in case.known.texts.items():
        if 1 < len(may.whole) + len(may.starts) <= MAX_OPTIONS:
            whole = [Patterns(frozenset([text])) for text in sorted(may.whole)]
            starts = [Patterns(starts=frozenset([start])) for start in sorted(may.starts)]
            cases = (settle([Among(subject, texts), *case.choices], case.known) for texts in whole + starts)
            yield (one for one in cases if one is not None)
    for subject, there in case.known.there.items():
        for number, one in enumerate(there):
            few = one.least == 1 and 1 < len(one.options) <= MAX_OPTIONS
            if few and all(index.is_named(subject, option) for option in one.options):
                yield case.narrowed(subject, number)
    for literal in index.opposed:
        with_it, without = (settle([one, *case.choices], case.known) for one in (literal, negated(literal)))
        if with_it is not None and without is not None:
            yield with_it, without


def _unreached(entry: Entry, by: list[Entry], nothing: Known) -> Finding:
    rule = entry.rule
    values: Values = {
        "rule": called(rule.id),
        "by": called(*(earlier.rule.id for earlier in by)),
        "line": by[0].rule.line,
    }
    if len(by) == 1 and _same(by[0], entry, nothing):
        return finding(
            "duplicate",
            rule.id,
            rule.line,
            Text(mark("{rule} says the same as {by} in line {line}, which comes first"), values),
            Text(mark("Remove one of the two."), values),
        )
    if len(by) > 1:
        text = Text(
            mark("{rule} never gets its turn: {by} together match all that it asks for, and stop"), values
        )
    else:
        text = Text(
            mark(
                "{rule} never gets its turn: whatever it matches, {by} in line {line} has matched, and stops"
            ),
            values,
        )
    return finding(
        "unreachable",
        rule.id,
        rule.line,
        text,
        Text(
            mark("Move {rule} before {by}, let {by} go on with `then: continue`, or remove {rule}."), values
        ),
    )


def _same(one: Entry, other: Entry, nothing: Known) -> bool:
    """Whether two rules say the same; that ``other`` implies ``one`` is known already."""
    mine, theirs = one.rule, other.rule
    if mine.actions != theirs.actions or mine.then != theirs.then:
        return False
    if one.when == other.when:
        return True
    case = settle([one.when], nothing)
    return case is not None and follows(case, other.when)


def _overruled(entry: Entry, implied: list[Entry]) -> Iterator[Finding]:
    """What a rule asks for, but an earlier one that always matches with it has decided already."""
    wanted = entry.asks
    taken: dict[str, list[Entry]] = {}
    for earlier in implied:
        shared = wanted.keys() & earlier.asks.keys()
        for name in shared if earlier.precedes(entry) else ():
            taken.setdefault(name, []).append(earlier)
    lost = {
        name: by
        for name, by in taken.items()
        if _decided(name, wanted[name], [earlier.asks[name] for earlier in by])
    }
    if lost:
        yield _lost(entry.rule, lost, whole=lost.keys() == wanted.keys() and entry.rule.then == "continue")


def _decided(name: str, wanted: object, earlier: list[object]) -> bool:
    """Whether nothing of ``wanted`` is left to decide when ``earlier`` rules have asked for theirs."""
    if name in ACCUMULATING and isinstance(wanted, tuple):
        return set(wanted) <= {value for values in earlier if isinstance(values, tuple) for value in values}
    if name in MERGED and isinstance(wanted, Mapping):
        return wanted.keys() <= {
            key for entries in earlier if isinstance(entries, Mapping) for key in entries
        }
    return True


def _lost(rule: model.Rule, lost: Mapping[str, list[Entry]], whole: bool) -> Finding:
    others = {earlier.rule.id: None for name in lost for earlier in lost[name][:2]}
    values: Values = {
        "rule": called(rule.id),
        "actions": deeds(*lost),
        "by": called(*others),
    }
    if whole:
        return finding(
            "no-effect",
            rule.id,
            rule.line,
            Text(
                mark("{rule} changes nothing: whatever it matches, {by} has decided before it: {actions}"),
                values,
            ),
            Text(mark("Move {rule} before {by}, ask for something else, or remove it."), values),
        )
    return finding(
        "overruled",
        rule.id,
        rule.line,
        Text(
            mark("Of {rule} this never wins, as {by} has decided it before: {actions}"),
            values,
        ),
        Text(mark("Move {rule} before {by}, or take that out of one of them."), values),
    )
