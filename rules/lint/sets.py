"""Sets of numbers and of texts, as conditions name them: what lint reckons with.

A set of numbers is a tuple of spans (first, last), both included, in order and apart from each other. A set of texts is
given by :class:`Patterns`: whole texts and beginnings, in lower case.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

Spans = tuple[tuple[int, int], ...]

LOW, HIGH = -(1 << 70), 1 << 70
"""Below and above every number that facts hold."""

EVERYTHING: Spans = ((LOW, HIGH),)


def span(low: int | None, high: int | None) -> Spans:
    """The numbers from ``low`` to ``high``; None leaves that side open."""
    first, last = LOW if low is None else low, HIGH if high is None else high
    return ((first, last),) if first <= last else ()


def union(parts: Iterable[tuple[int, int]]) -> Spans:
    """The numbers in any of ``parts``, which may overlap and need no order."""
    out: list[tuple[int, int]] = []
    for first, last in sorted(parts):
        if out and first <= out[-1][1] + 1:
            out[-1] = (out[-1][0], max(out[-1][1], last))
        else:
            out.append((first, last))
    return tuple(out)


def overlap(one: Spans, other: Spans) -> Spans:
    """The numbers in both."""
    out = []
    i = j = 0
    while i < len(one) and j < len(other):
        first, last = max(one[i][0], other[j][0]), min(one[i][1], other[j][1])
        if first <= last:
            out.append((first, last))
        if one[i][1] < other[j][1]:
            i += 1
        else:
            j += 1
    return tuple(out)


def inside(one: Spans, other: Spans) -> bool:
    """Whether every number of ``one`` is in ``other``."""
    if len(one) == len(other) == 1:
        return other[0][0] <= one[0][0] and one[0][1] <= other[0][1]
    return overlap(one, other) == one


def without(whole: Spans, part: Spans) -> Spans:
    """The numbers of ``whole`` that are not in ``part``."""
    gaps = []
    start = LOW
    for first, last in part:
        gaps.append((start, first - 1))
        start = last + 1
    gaps.append((start, HIGH))
    return overlap(whole, tuple((first, last) for first, last in gaps if first <= last))


class Patterns(NamedTuple):
    """Texts that equal one of ``whole`` or begin with one of ``starts``."""

    whole: frozenset[str] = frozenset()
    starts: frozenset[str] = frozenset()

    def has(self, text: str) -> bool:
        """Whether the set holds one text."""
        return text in self.whole or any(text.startswith(start) for start in self.starts)

    def has_all_from(self, start: str) -> bool:
        """Whether it holds every text that begins with ``start``."""
        return any(start.startswith(own) for own in self.starts)

    def plus(self, other: Patterns) -> Patterns:
        if not (other.whole or other.starts):
            return self
        return Patterns(self.whole | other.whole, self.starts | other.starts)

    def common(self, other: Patterns) -> Patterns:
        """The texts that both hold."""
        if self == ANY_TEXT or other == ANY_TEXT:
            return other if self == ANY_TEXT else self
        whole = {text for text in self.whole if other.has(text)} | {
            text for text in other.whole if self.has(text)
        }
        starts = {start for start in self.starts if other.has_all_from(start)} | {
            start for start in other.starts if self.has_all_from(start)
        }
        return Patterns(frozenset(whole), frozenset(starts))

    def minus(self, other: Patterns) -> Patterns:
        """The set without what ``other`` covers wholly; never less than the difference."""
        if other == NO_TEXT:
            return self
        return Patterns(
            frozenset(text for text in self.whole if not other.has(text)),
            frozenset(start for start in self.starts if not other.has_all_from(start)),
        )

    def within(self, other: Patterns) -> bool:
        """Whether every text of this set is in the other."""
        return (self.whole <= other.whole or all(map(other.has, self.whole))) and (
            self.starts <= other.starts or all(map(other.has_all_from, self.starts))
        )


NO_TEXT = Patterns()
ANY_TEXT = Patterns(starts=frozenset([""]))


def patterns(values: Iterable[str]) -> Patterns:
    """Values of a rule: a ``*`` at the end stands for any rest."""
    lower = [value.lower() for value in values]
    return Patterns(
        frozenset(value for value in lower if not value.endswith("*")),
        frozenset(value[:-1] for value in lower if value.endswith("*")),
    )
