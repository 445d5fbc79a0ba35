"""The table of states: every state can be reached and left, nothing leaves the end, and no walk ever gets stuck."""

from __future__ import annotations

from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.callbacks.states import (
    FINAL,
    MOVES,
    TALKING,
    WAITING,
    WITH_AGENT,
    Move,
    NoSuchMove,
    State,
    after,
    movable,
)
from hub.callbacks.texts import STATE_NAMES

STATES: tuple[State, ...] = get_args(State)
ALL_MOVES: tuple[Move, ...] = get_args(Move)


def test_the_table_knows_every_state_and_every_move_is_used() -> None:
    assert set(MOVES) == set(STATES) == set(STATE_NAMES)
    assert {move for moves in MOVES.values() for move in moves} == set(ALL_MOVES)


def test_the_way_of_a_call_that_works() -> None:
    state: State = "requested"
    passed = []
    way: tuple[Move, ...] = ("schedule", "fall-due", "offer", "dial", "answer", "hang-up", "finish")
    for move in way:
        state = after(state, move)
        passed.append(state)
    assert passed == ["scheduled", "due", "offered", "dialling", "in-call", "wrap-up", "done"]


@pytest.mark.parametrize("state", sorted(FINAL))
def test_nothing_leaves_the_end(state: State) -> None:
    assert MOVES[state] == {}
    assert not movable(state)


def _reachable(start: State) -> set[State]:
    found, todo = {start}, [start]
    while todo:
        for state in MOVES[todo.pop()].values():
            if state not in found:
                found.add(state)
                todo.append(state)
    return found


def test_every_state_is_reached_from_the_first() -> None:
    assert _reachable("requested") == set(STATES)


@pytest.mark.parametrize("state", STATES)
def test_every_state_can_come_to_an_end(state: State) -> None:
    assert _reachable(state) & FINAL


@pytest.mark.parametrize("state", sorted(TALKING))
def test_the_citizen_cannot_change_a_call_that_is_being_made(state: State) -> None:
    assert not movable(state)


def test_kinds_of_states_do_not_overlap() -> None:
    assert not FINAL & (WITH_AGENT | WAITING)
    assert not WAITING & WITH_AGENT
    assert TALKING < WITH_AGENT


@given(st.lists(st.sampled_from(ALL_MOVES), max_size=60))
def test_any_moves_keep_to_the_table(moves: list[Move]) -> None:
    state: State = "requested"
    for move in moves:
        try:
            new = after(state, move)
        except NoSuchMove:
            assert move not in MOVES[state]
            continue
        # A call is only ever made after it was offered, and only ends well after somebody answered.
        assert not (new == "dialling" and state != "offered")
        assert not (new == "in-call" and state != "dialling")
        assert not (new == "done" and state not in ("in-call", "wrap-up"))
        assert state not in FINAL
        state = new
