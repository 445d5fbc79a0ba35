"""What a predicate says, in a form that lint can reckon with: literals about single facts, joined by and, or.

A formula is true of a message exactly when the condition that it was made from holds (and is known): negations are
pushed down to the literals. Nothing here is guessed: a predicate that lint does not understand becomes a literal that
only implies itself.
"""

from __future__ import annotations

import datetime
import struct
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any as Anything

import msgspec

from rules import model
from rules.engine.readings import JUST_NOW, LISTS
from rules.fold import split_words
from rules.lint.sets import (
    ANY_TEXT,
    EVERYTHING,
    HIGH,
    LOW,
    NO_TEXT,
    Patterns,
    Spans,
    patterns,
    span,
    union,
    without,
)
from rules.lint.vocabulary import Vocabulary

Subject = tuple[str, ...]
"""What a literal is about: ``("text", "channel")``, ``("number", "history")``, ``("words",)``, …"""

Element = tuple[Anything, ...]

ANY_PLACE = "*"


@dataclass(frozen=True, slots=True)
class Numbers:
    """The number of ``subject`` lies in ``spans``; in its negation, in the rest of the universe."""

    subject: Subject
    spans: Spans


@dataclass(frozen=True, slots=True)
class Among:
    """The one text of ``subject`` is among ``texts``, or with ``positive=False`` is not."""

    subject: Subject
    texts: Patterns
    positive: bool = True


@dataclass(frozen=True, slots=True)
class Exists:
    """At least ``least`` of ``options`` are there (words in a text, tags of a conversation), or not so many."""

    subject: Subject
    options: frozenset[Element]
    least: int = 1
    positive: bool = True


Literal = Numbers | Among | Exists


@dataclass(frozen=True, slots=True)
class Both:
    """Every item holds; none: always true."""

    items: tuple[Formula, ...] = ()


@dataclass(frozen=True, slots=True)
class Either:
    """One item holds; none: never true."""

    items: tuple[Formula, ...] = ()


Formula = Literal | Both | Either
TRUE = Both()
FALSE = Either()

# Counts, lengths and times of waiting are never below zero.
_UNIVERSES: Mapping[str, Spans] = {
    "flag": ((0, 1),),
    "present": ((0, 1),),
    "counts": ((0, 1),),
    "number": ((0, HIGH),),
    "recent": ((0, HIGH),),
    "keyed": ((0, HIGH),),
    "minute": ((0, 1439),),
    "day": ((1, 7),),
}

_UNSURE = ("day", "date", "keyed", "unread")
"""Kinds of subjects whose fact may be unknown: then neither a literal nor its negation is true."""


def universe(subject: Subject) -> Spans:
    """The numbers that a subject may have."""
    return _UNIVERSES.get(subject[0], EVERYTHING)


def surely_known(subject: Subject) -> bool:
    """Whether every message has this fact."""
    return subject[0] not in _UNSURE and subject != ("flag", "open_hours")


class Memo(dict[int, "Formula"]):
    """What was worked out, by the identity of nodes that live as long as it does; ``words`` knows their forms."""

    def __init__(self, words: Vocabulary | None = None) -> None:
        super().__init__()
        self.words = words or Vocabulary()


def formula(node: model.Condition, memo: Memo) -> Formula:
    """What must be true for ``node`` to hold."""
    found = memo.get(id(node))
    if found is None:
        found = memo[id(node)] = _formula(node, memo)
    return found


def _formula(node: model.Condition, memo: Memo) -> Formula:
    match node:
        case model.All():
            return both(formula(item, memo) for item in node.items)
        case model.Any():
            return either(formula(item, memo) for item in node.items)
        case model.Not():
            return negated(formula(node.item, memo))
        case model.Named():
            return formula(node.item, memo)
        case model.Words():
            return simple(_words(node, memo))
        case model.Phrase():
            return _phrase(node, memo)
    return simple(_LEAVES.get(type(node), _unread)(node))


def both(items: Iterable[Formula]) -> Formula:
    """``and``, without what is always true and without nesting; single literals stand first."""
    flat: list[Formula] = []
    for item in items:
        flat += item.items if isinstance(item, Both) else (item,)
    return flat[0] if len(flat) == 1 else Both(tuple(sorted(flat, key=_is_joined)))


def _is_joined(item: Formula) -> bool:
    return isinstance(item, Both | Either)


def either(items: Iterable[Formula]) -> Formula:
    """``or``, without what is never true and without nesting; what is said of one subject becomes one literal."""
    flat: list[Formula] = []
    for item in items:
        flat += item.items if isinstance(item, Either) else (item,)
    joined = list(_joined(flat))
    if TRUE in joined:
        return TRUE
    return joined[0] if len(joined) == 1 else Either(tuple(joined))


def _joined(items: Iterable[Formula]) -> Iterator[Formula]:
    """Alternatives with those of one subject put together."""
    spans: dict[Subject, list[tuple[int, int]]] = {}
    texts: dict[Subject, Patterns] = {}
    options: dict[Subject, frozenset[Element]] = {}
    for item in items:
        match item:
            case Numbers(subject, found):
                spans.setdefault(subject, []).extend(found)
            case Among(subject, among, True):
                texts[subject] = texts.get(subject, NO_TEXT).plus(among)
            case Exists(subject, some, 1, True):
                options[subject] = options.get(subject, frozenset()) | some
            case _:
                yield item
    yield from (simple(Numbers(subject, union(parts))) for subject, parts in spans.items())
    yield from (simple(Among(subject, among)) for subject, among in texts.items())
    yield from (simple(Exists(subject, some)) for subject, some in options.items())


def negated(item: Formula) -> Formula:
    """What must be true for ``item`` to be false (not unknown)."""
    match item:
        case Both():
            return either(negated(part) for part in item.items)
        case Either():
            return both(negated(part) for part in item.items)
        case Numbers():
            return simple(Numbers(item.subject, without(universe(item.subject), item.spans)))
        case Among():
            return simple(Among(item.subject, item.texts, not item.positive))
    return Exists(item.subject, item.options, item.least, not item.positive)


def simple(item: Formula) -> Formula:
    """A literal, or TRUE or FALSE where it says as much for every message."""
    match item:
        case Numbers():
            # Of a fact that may be unknown even the negation of "never" is no "always".
            if surely_known(item.subject) and item.spans in ((), universe(item.subject)):
                return TRUE if item.spans else FALSE
        case Among():
            if item.texts == ANY_TEXT or "" in item.texts.starts:
                return TRUE if item.positive else FALSE
            if not item.texts.whole and not item.texts.starts:
                return FALSE if item.positive else TRUE
        case Exists():
            if item.positive and item.least > len(item.options):
                return FALSE
    return item


# Leaves: one small function for each shape of the model.


def _one_of(node: model.OneOf) -> Formula:
    if node.name == "days":
        return Numbers(("day",), union((int(value), int(value)) for value in node.values))
    found = patterns(node.values)
    if node.name in LISTS or node.name == "domain":
        return Exists((node.name,), _elements(found))
    return Among(("text", node.name), found)


def _elements(found: Patterns) -> frozenset[Element]:
    return frozenset((text, False) for text in found.whole) | {(start, True) for start in found.starts}


def _flag(node: model.Flag) -> Formula:
    if node.name in ("automatic", "suspicious"):
        none = frozenset(["no", ""] if node.name == "automatic" else [""])
        return Among(("text", node.name), Patterns(none), not node.value)
    if node.name == "returning":  # the hub counts once and says it in two ways
        return Numbers(("number", "history"), span(1, None) if node.value else span(0, 0))
    return Numbers(("flag", node.name), span(int(node.value), int(node.value)))


def _between(node: model.Between) -> Formula:
    within = simple(Numbers(("number", node.name), span(node.low, node.high)))
    if node.name not in JUST_NOW or node.low is None:
        return within
    # On a timer a duration counts only when it is the one that came true: a longer one says nothing of a shorter.
    counts = Numbers(("counts", node.name, str(node.low)), span(1, 1))
    return both((within, either((Among(("text", "on"), Patterns(frozenset(["timer"])), False), counts))))


def _recent(node: model.Recent) -> Formula:
    return Numbers(("recent", f"{node.days:06}"), span(node.low, node.high))


def _keyed(node: model.Keyed) -> Formula:
    there = Numbers(("present", node.name, node.key), span(1, 1))
    if not node.values:
        return there
    return both((there, simple(Among(("entry", node.name, node.key), patterns(node.values)))))


def _keyed_between(node: model.KeyedBetween) -> Formula:
    return Numbers(("keyed", node.name, node.key), span(node.low, node.high))


def _language(node: model.Language) -> Formula:
    among = Among(("text", "language"), Patterns(frozenset(node.values)))
    return both((simple(among), Numbers(("confidence",), span(_order(node.confidence), None))))


def _order(value: float) -> int:
    """Numbers from 0 on as integers in the same order (IEEE 754): the next integer is the next number."""
    found: int = struct.unpack(">q", struct.pack(">d", max(value, 0.0) + 0.0))[0]
    return found if value > 0 else LOW


def _words(node: model.Words, memo: Memo) -> Exists:
    how = model.spelling(node)
    # Of two that are asked for, one word in the text may be both: they must stay two.
    alone = node.at_least > 1
    rows = (split_words(word) for word in node.words)
    options = frozenset(
        (tuple(row) if alone else _one_word_each(row, how, memo), 0, how, memo.words.wider(row, how))
        for row in rows
    )
    return Exists(("words",), options, node.at_least)


def _one_word_each(row: Iterable[str], how: model.Spelling, memo: Memo) -> tuple[str, ...]:
    return tuple(memo.words.one(part, how) for part in row)


def _phrase(node: model.Phrase, memo: Memo) -> Exists:
    how = model.spelling(node)
    rows = ([part for word in words for part in split_words(word)] for words in node.phrases)
    options = frozenset(
        (_one_word_each(row, how, memo), node.gap if len(row) > 1 else 0, how, memo.words.wider(row, how))
        for row in rows
    )
    return Exists(("words",), options)


def _pattern(node: model.Pattern) -> Formula:
    return Exists(("regex",), frozenset([(node.pattern,)]))


def _hours(node: model.Hours) -> Formula:
    parts: list[tuple[int, int]] = []
    for start, end in node.spans:
        parts += [(start, end - 1)] if start < end else [(start, 1439), (0, end - 1)]
    return Numbers(("minute",), union((first, last) for first, last in parts if first <= last))


def _dates(node: model.Dates) -> Formula:
    try:
        days = [
            datetime.date.fromisoformat(day).toordinal() if day else None for day in (node.first, node.last)
        ]
    except ValueError:
        return _unread(node)
    return Numbers(("date",), span(days[0], days[1]))


def _place(node: model.Place) -> Formula:
    return Exists(("place",), frozenset((office,) for office in node.offices or (ANY_PLACE,)))


def _attachment(node: model.Attachment) -> Formula:
    names = frozenset(name.lower().lstrip("*") for name in node.names)
    types = patterns(node.types) if node.types else ANY_TEXT
    return Exists(("attachment",), frozenset([(types, names or frozenset([""]), node.size)]))


def _unread(node: model.Condition) -> Formula:
    """A predicate that lint cannot take apart: it is what it is."""
    return Numbers(("unread", repr(msgspec.structs.replace(node, line=0))), span(1, 1))


_LEAVES: Mapping[type, Callable[[Anything], Formula]] = {
    model.OneOf: _one_of,
    model.Flag: _flag,
    model.Between: _between,
    model.Recent: _recent,
    model.Keyed: _keyed,
    model.KeyedBetween: _keyed_between,
    model.Language: _language,
    model.Pattern: _pattern,
    model.Hours: _hours,
    model.Dates: _dates,
    model.Place: _place,
    model.Attachment: _attachment,
}
