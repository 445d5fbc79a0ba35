"""The sets that lint reckons with, held against plain sets of a small world."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from rules.lint.sets import LOW, Patterns, overlap, patterns, span, union, without

WORLD = range(-3, 12)
TEXTS = [a + b + c for a in "xyz" for b in ("", "x", "y") for c in ("", "x", "z")] + [""]

numbers = st.lists(
    st.tuples(st.integers(-2, 10), st.integers(-2, 10)).filter(lambda pair: pair[0] <= pair[1])
)
values = st.lists(st.sampled_from(["x", "y", "xx", "xy", "x*", "y*", "xx*", "xyz", "*"]), max_size=4).map(
    patterns
)


def plain(spans: tuple[tuple[int, int], ...]) -> set[int]:
    return {number for number in WORLD if any(first <= number <= last for first, last in spans)}


def texts(found: Patterns) -> set[str]:
    return {text for text in TEXTS if found.has(text)}


@given(numbers, numbers)
def test_spans(one: list[tuple[int, int]], other: list[tuple[int, int]]) -> None:
    a, b = union(one), union(other)
    assert plain(a) == plain(tuple(one))
    assert plain(overlap(a, b)) == plain(a) & plain(b)
    assert plain(without(a, b)) == plain(a) - plain(b)
    for found in (a, overlap(a, b), without(a, b)):
        gaps = [second[0] - first[1] for first, second in pairwise(found)]
        assert all(gap > 1 for gap in gaps), "in order, and apart from each other"


def test_open_sides() -> None:
    assert span(None, 3)[0][0] == LOW
    assert span(5, 4) == ()
    assert without(span(None, None), span(2, None)) == span(None, 1)


@given(values, values)
def test_patterns(one: Patterns, other: Patterns) -> None:
    assert texts(one.plus(other)) == texts(one) | texts(other)
    assert texts(one.common(other)) == texts(one) & texts(other)
    assert texts(one.minus(other)) >= texts(one) - texts(other)
    if one.within(other):
        assert texts(one) <= texts(other)
    assert one.within(one.plus(other))
