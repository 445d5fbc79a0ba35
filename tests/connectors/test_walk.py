"""Whatever comes while a list is read, and wherever the reading stops: nothing is skipped."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from connectors import _walk
from connectors._walk import Walk


def page_of(entries: list[int], walk: Walk, size: int) -> tuple[list[int], str]:
    """A page as a provider shows it: the newest first, the token names the last entry of the page before."""
    shown = sorted(entries, reverse=True)
    below = [entry for entry in shown if not walk.page or entry < int(walk.page)]
    following = str(below[size - 1]) if len(below) > size else ""
    return below[:size], following


@given(
    st.lists(st.integers(1, 500), unique=True, max_size=60),
    st.integers(1, 7),
    st.integers(0, 50),
    st.integers(0, 2**32),
)
def test_nothing_is_skipped(numbers: list[int], size: int, start: int, seed: int) -> None:
    draw = random.Random(seed)
    coming, there, told = sorted(numbers), [], []
    walk = Walk(done=start)
    committed = _walk.encode(walk)
    for _ in range(400):
        if coming and draw.random() < 0.3:
            there.append(coming.pop(0))
        from_the_top = not walk.page
        entries, following = page_of(there, walk, size)
        fresh = [entry for entry in entries if entry > walk.done]
        walk = _walk.passed(walk, entries, following)
        if draw.random() < 0.2:  # the process dies before the commit
            walk = _walk.decode(committed, start)
            continue
        told += fresh
        committed = _walk.encode(walk)
        if not coming and from_the_top and not fresh:
            break
    assert set(told) >= {number for number in there if number > start}


@given(st.lists(st.integers(1, 500), unique=True, max_size=60), st.integers(1, 7))
def test_nothing_is_told_twice_where_nothing_stops(numbers: list[int], size: int) -> None:
    walk, told = Walk(), []
    for _ in range(100):
        entries, following = page_of(numbers, walk, size)
        told += [entry for entry in entries if entry > walk.done]
        walk = _walk.passed(walk, entries, following)
    assert sorted(told) == sorted(numbers)


def test_an_overlap_goes_on_below_the_mark() -> None:
    walk = Walk(done=100)
    assert _walk.passed(walk, [120, 95], "next", overlap=10) == Walk(done=100, head=120, page="next")
    assert _walk.passed(walk, [120, 90], "next", overlap=10) == Walk(done=120)


def test_a_cursor_that_nobody_can_read_begins_anew() -> None:
    assert _walk.decode(None, 7) == Walk(done=7)
    assert _walk.decode("{", 7) == Walk(done=7)
    assert _walk.decode('{"done": "x"}', 7) == Walk(done=7)
    walk = Walk(done=3, head=9, page="p")
    assert _walk.decode(_walk.encode(walk), 7) == walk
    assert _walk.restarted(walk) == Walk(done=3)
