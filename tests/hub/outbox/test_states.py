"""The states of a delivery, the waits between attempts, the breaker: pure, so tried on whatever comes to mind."""

from __future__ import annotations

import random
from typing import get_args

from hypothesis import given
from hypothesis import strategies as st

from hub.config import Outbox
from hub.outbox.backoff import SECOND, Breaker, gap
from hub.outbox.states import MOVES, State, may_move, message_state

STATES: tuple[State, ...] = get_args(State)
REPORTED = ("accepted", "delivered", "read")


def test_every_state_is_described() -> None:
    assert set(MOVES) == set(STATES)
    assert set().union(*MOVES.values()) <= set(STATES)


def test_every_state_can_be_reached_from_the_two_beginnings() -> None:
    reached: set[State] = {"held", "queued"}
    while more := {after for state in reached for after in MOVES[state]} - reached:
        reached |= more
    assert reached == set(STATES)


@given(st.sampled_from(REPORTED), st.sampled_from(REPORTED))
def test_reports_never_move_backwards(before: State, after: State) -> None:
    if REPORTED.index(after) <= REPORTED.index(before):
        assert not may_move(before, after)


@given(st.lists(st.sampled_from(STATES)))
def test_what_was_taken_back_is_never_sent(walk: list[State]) -> None:
    state: State = "held"
    for wanted in walk:
        if may_move(state, wanted):
            assert state != "cancelled"
            state = wanted


@given(st.lists(st.sampled_from(STATES), min_size=1))
def test_a_message_shows_its_worst_delivery_first(states: list[State]) -> None:
    shown = message_state(states)
    assert shown in states
    if "failed" in states:
        assert shown == "failed"
    elif "possibly-sent" in states:
        assert shown == "possibly-sent"
    if shown == "cancelled":
        assert set(states) == {"cancelled"}


@given(st.integers(min_value=1, max_value=10**6), st.integers())
def test_gaps_grow_and_are_bounded(attempts: int, seed: int) -> None:
    settings = Outbox()
    wait = gap(settings, attempts, random.Random(seed))
    bare = min(settings.gap_seconds * 2 ** min(attempts - 1, 32), settings.gap_seconds_most) * SECOND
    assert bare * (1 - settings.jitter) - 1 <= wait <= bare * (1 + settings.jitter) + 1


def test_a_destination_rests_after_failures_in_a_row_and_is_tried_again() -> None:
    breaker = Breaker(3, 60.0)
    assert [breaker.failed("a", 0) for _ in range(3)] == [False, False, True]
    assert breaker.resting(0) == ["a"]
    assert breaker.resting(60 * SECOND) == []
    assert not breaker.failed("a", 60 * SECOND), "a rest that goes on is told once"
    assert breaker.resting(61 * SECOND) == ["a"]
    assert breaker.worked("a")
    assert breaker.resting(61 * SECOND) == []
    assert not breaker.worked("a")


def test_a_success_in_between_starts_the_count_anew() -> None:
    breaker = Breaker(2, 60.0)
    breaker.failed("a", 0)
    breaker.worked("a")
    assert not breaker.failed("a", 0)
