"""The rules of a set as lint sees them, in their order, and an index that finds the earlier ones that a rule may imply.

Whether one rule implies another is a question about two formulas; asking it of every pair would take minutes. Each rule
is therefore filed under what one of its conditions names (its *anchor*), and a rule is only held against those that are
filed under something that it names itself. The index may hand out too many, never too few.
"""

from __future__ import annotations

from bisect import insort
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import cast

from rules import model
from rules.engine.compiled import asked
from rules.lint.known import MAX_OPEN, Case, Known, settle
from rules.lint.literals import (
    ANY_PLACE,
    Among,
    Both,
    Either,
    Element,
    Exists,
    Formula,
    Literal,
    Memo,
    Numbers,
    Subject,
    both,
    formula,
    negated,
    surely_known,
)
from rules.lint.sets import LOW

Key = tuple[object, ...]

MAX_KEYS = 5_000
"""A condition that names more is no anchor."""

MAX_PAIRS = 60
"""Earlier rules that one rule is held against, so that no file takes longer than its length times this. Those that ask
for the least come first: they are the likeliest to be implied."""

MAX_FILED = 120
"""Rules that are kept under one key."""

MAX_OPPOSED = 4
"""Pairs of opposites by which cases are taken apart."""

_DEPTH = 2


@dataclass(frozen=True, slots=True)
class Entry:
    """A rule that can run. ``when`` is all that must be true for it to match: event, dates, its section's guard, its
    own conditions. ``skippable``: an earlier rule of its section may end the section before it is tried. ``size``
    counts the literals. ``asks`` are its actions by name."""

    number: int
    rule: model.Rule
    when: Formula
    skippable: bool
    size: int
    asks: Mapping[str, object] = field(default_factory=dict, hash=False)

    def ends(self, later: Entry) -> bool:
        """Whether ``later``, which stands behind it, is never tried once this one matched."""
        section, same = self.rule.section, self.together(later)
        match self.rule.then:
            case "stop":
                return same or not self.skippable
            case "stop-after-section":
                return not same and not self.skippable
            case "next-section":
                return bool(section) and same
        return False

    def precedes(self, later: Entry) -> bool:
        """Whether it is always tried before ``later`` is."""
        return self.together(later) or not self.skippable

    def together(self, later: Entry) -> bool:
        """Whether both stand in one section."""
        return bool(self.rule.section) and self.rule.section == later.rule.section


def entries(ruleset: model.RuleSet, memo: Memo) -> list[Entry]:
    """The rules that can run, in order: those that are enabled, in sections that are."""
    sections = {section.id: section for section in ruleset.sections}
    found: list[Entry] = []
    may_skip: set[str] = set()
    for rule in ruleset.rules:
        section = sections.get(rule.section)
        if not rule.enabled or (section is not None and not section.enabled):
            continue
        skippable = rule.section in may_skip
        when = _whole(rule, section, memo)
        size = sum(1 for _ in literals(when))
        found.append(Entry(len(found), rule, when, skippable, size, dict(asked(rule.actions))))
        if rule.section and rule.then == "next-section":
            may_skip.add(rule.section)
    return found


def _whole(rule: model.Rule, section: model.Section | None, memo: Memo) -> Formula:
    parts: list[model.Condition] = [model.OneOf(name="on", values=rule.on), *_dates(rule)]
    shared: list[Formula] = []
    if section is not None:
        parts += _dates(section)
        shared.append(formula(section.when, memo))
    # What tells rules apart comes first: it is asked first. A memo goes by identity, so nodes that are made here must
    # not enter the one that is shared.
    own = (formula(part, Memo()) for part in parts)
    return both([formula(rule.when, memo), *shared, *own])


def _dates(item: model.Rule | model.Section) -> list[model.Condition]:
    return [model.Dates(first=item.first, last=item.last)] if item.first or item.last else []


class Cases:
    """The case of each rule's own conditions, worked out when first asked for: all of lint begins with it."""

    def __init__(self) -> None:
        self._found: dict[int, Case | None] = {}

    def of(self, entry: Entry, nothing: Known) -> Case | None:
        """The case of ``entry``, None when it can never match; what is asked of it is paid for by ``nothing``."""
        if entry.number not in self._found:
            self._found[entry.number] = settle([entry.when], nothing)
        case = self._found[entry.number]
        return case and case.paid_by(nothing)


class Index:
    """Rules by their anchors. Filled in the order of the rules, so that it holds the earlier ones when one is asked
    for. ``opposed`` are conditions that one rule asks for and another one's opposite of, such as the guards of two
    sections: every message has one of the two."""

    def __init__(self, weights: Mapping[Key, int]) -> None:
        self.opposed: list[Literal] = []
        self._decisive: set[Literal] = set()
        self._weights = weights
        self._filed: defaultdict[Key, list[Entry]] = defaultdict(list)
        self._free: list[Entry] = []
        self._same: dict[Formula, Entry] = {}

    def add(self, entry: Entry) -> None:
        anchor = self._anchor(entry.when)
        self._same.setdefault(entry.when, entry)
        for lane in [self._free] if anchor is None else [self._filed[key] for key in anchor]:
            insort(lane, entry, key=_rank)
            del lane[MAX_FILED:]
        if entry.rule.then != "continue" and len(self.opposed) < MAX_OPPOSED:
            self._oppose(entry.when)

    def _oppose(self, when: Formula) -> None:
        """Take note of the single conditions of a rule that every message has or has not."""
        for item in when.items if isinstance(when, Both) else (when,):
            if isinstance(item, Both | Either) or not surely_known(item.subject):
                continue
            opposite = negated(item)
            if opposite in self._decisive and item not in self._decisive:
                self.opposed.append(item)
            self._decisive.add(item)

    def candidates(self, case: Case, when: Formula | None = None) -> list[Entry]:
        """Earlier rules that may be true of the whole case, those that ask for the least first. One with the very
        formula ``when`` stands before all others."""
        found = {entry.number: entry for entry in self._free}
        for key in set(named_by(case)):
            for entry in self._filed.get(key, ()):
                found[entry.number] = entry
        ranked = sorted(found.values(), key=_rank)[:MAX_PAIRS]
        same = self._same.get(when) if when is not None else None
        return ranked if same is None else [same, *(entry for entry in ranked if entry is not same)]

    def is_named(self, subject: Subject, option: Element) -> bool:
        """Whether some rule may be implied by one option being there."""
        return any(key in self._filed for key in _of_option(subject, option))

    def _anchor(self, item: Formula) -> frozenset[Key] | None:
        if isinstance(item, Both):
            found = [anchor for part in item.items if (anchor := self._anchor(part)) is not None]
            return min(found, key=self._weight, default=None)
        if isinstance(item, Either):
            parts = [self._anchor(part) for part in item.items]
            known = [part for part in parts if part is not None]
            return frozenset().union(*known) if len(known) == len(parts) else None
        keys = frozenset(keys_of(item))
        return keys if len(keys) <= MAX_KEYS else None

    def _weight(self, anchor: frozenset[Key]) -> int:
        return sum(self._weights.get(key, 0) for key in anchor)


def _rank(entry: Entry) -> tuple[int, int]:
    return entry.size, entry.number


def weights(found: Iterable[Entry]) -> Counter[Key]:
    """How often each key is named in a set of rules."""
    counts: Counter[Key] = Counter()
    for entry in found:
        counts.update(key for literal in literals(entry.when) for key in keys_of(literal))
    return counts


def literals(item: Formula) -> Iterator[Literal]:
    """Every literal of a formula."""
    if isinstance(item, Both | Either):
        for part in item.items:
            yield from literals(part)
    else:
        yield item


def keys_of(literal: Literal) -> Iterator[Key]:
    """What a literal is filed under: whatever implies it names one of these (see :func:`named_by`)."""
    subject = literal.subject
    match literal:
        case Numbers(_, spans):
            yield from _number_keys(subject, spans[0][0], spans[-1][1]) if spans else ((subject, "never"),)
        case Among(_, texts, True):
            yield from ((subject, text) for text in texts.whole)
            yield from ((subject, start, "*") for start in texts.starts)
        case Among() | Exists(positive=False):
            yield subject, "not"
        case Exists(_, options):
            yield from (_option_key(subject, option) for option in options)


def _number_keys(subject: Subject, first: int, last: int) -> Iterator[Key]:
    if subject[0] in ("recent", "date", "confidence"):
        yield (subject[0],)
    else:
        yield from ((subject, bucket) for bucket in range(_bucket(first), _bucket(last) + 1))


def _bucket(number: int) -> int:
    """Numbers by how many binary digits they have; all below zero together."""
    return -1 if number == LOW else min(max(number, 0).bit_length(), 40)


def _option_key(subject: Subject, option: tuple[object, ...]) -> Key:
    match subject[0]:
        case "words":
            words = option[0]
            return (subject, words[0] if isinstance(words, tuple) and words else "")
        case "tags" | "tag_added" | "tag_removed" | "button" | "domain":
            return (subject, option[0], "*") if option[1] else (subject, option[0])
        case "attachment":
            return (subject,)
    return (subject, option[0])


def named_by(case: Case, depth: int = _DEPTH) -> Iterator[Key]:
    """Under what rules are filed that may be true of the whole case. Of what is one of several things, one is enough:
    a rule that is true whichever it is names that one too."""
    yield from _named(case.known)
    if depth:
        for number in range(min(len(case.choices), MAX_OPEN)):
            for one in islice(case.split(number), 1):
                yield from named_by(one, depth - 1)


def _named(known: Known) -> Iterator[Key]:
    for subject, spans in known.numbers.items():
        yield from _number_keys(subject, spans[0][0], spans[0][0])
    for subject, (may, _) in known.texts.items():
        yield subject, "not"
        text = min(may.whole, default=None)
        if text is not None:
            yield subject, text
            if subject == ("text", "sender"):
                yield from _of_text(("domain",), text.rpartition("@")[2], host=True)
        yield from _beginnings(subject, text if text is not None else min(may.starts, default=""))
    for subject, found in known.there.items():
        for one in found:
            for option in islice(one.options, one.least):
                yield from _of_option(subject, option)
    for subject, absent in known.absent.items():
        if absent:
            yield subject, "not"


def _of_option(subject: Subject, option: tuple[object, ...]) -> Iterator[Key]:
    match subject[0]:
        case "words":
            words, _, _, wider = cast("tuple[tuple[str, ...], int, object, frozenset[str]]", option)
            yield from ((subject, word) for word in (*words, *sorted(wider)))
        case "tags" | "tag_added" | "tag_removed" | "button" | "domain":
            yield from _of_text(subject, str(option[0]), host=subject == ("domain",) and not option[1])
        case "attachment":
            yield (subject,)
        case "place":
            yield subject, ANY_PLACE
            yield subject, option[0]
        case _:
            yield subject, option[0]


def _of_text(subject: Subject, text: str, host: bool) -> Iterator[Key]:
    parts = text.split(".") if host else []
    for name in [text, *(".".join(parts[i:]) for i in range(1, len(parts)))]:
        yield subject, name
        yield from _beginnings(subject, name)


def _beginnings(subject: Subject, text: str) -> Iterator[Key]:
    return ((subject, text[:length], "*") for length in range(len(text) + 1))
