"""The limits of the public listener under a clock that the test moves."""

from __future__ import annotations

from hub.rates import Rates
from hub.web.public_limits import ALL_AT_ONCE, AT_ONCE, Limits


class Moved:
    """Seconds that only the test moves."""

    def __init__(self) -> None:
        self.now = 600.0

    def __call__(self) -> float:
        return self.now


def test_a_rate_is_granted_and_then_refused_with_a_wait() -> None:
    limits = Limits(Rates(Moved()))
    assert [limits.wait("3/minute", "a") for _ in range(4)] == [0, 0, 0, 20]


def test_others_and_other_rates_are_counted_apart() -> None:
    limits = Limits(Rates(Moved()))
    assert limits.wait("1/minute", "a") == 0
    assert limits.wait("1/minute", "b") == 0
    assert limits.wait("2/minute", "a") == 0
    assert limits.wait("1/minute", "a") > 0


def test_no_rate_is_no_limit() -> None:
    limits = Limits(Rates(Moved()))
    assert {limits.wait("", "a") for _ in range(1000)} == {0}


def test_the_window_slides_instead_of_beginning_anew() -> None:
    clock = Moved()
    limits = Limits(Rates(clock))
    assert [limits.wait("10/minute", "a") for _ in range(11)][-1] > 0
    clock.now += 61  # a second into the next window: 59/60 of the last one still count
    assert [limits.wait("10/minute", "a") for _ in range(2)] == [0, 6]
    clock.now += 29  # half of it
    assert [limits.wait("10/minute", "a") for _ in range(5)] == [0, 0, 0, 0, 6]


def test_after_two_windows_all_is_forgotten() -> None:
    clock = Moved()
    limits = Limits(Rates(clock))
    assert [limits.wait("2/minute", "a") for _ in range(3)][-1] > 0
    clock.now += 121
    assert limits.wait("2/minute", "a") == 0


def test_one_address_has_only_so_much_in_hand() -> None:
    limits = Limits(Rates(Moved()))
    held = [limits.in_hand("a") for _ in range(AT_ONCE)]
    assert all(one.__enter__() for one in held)
    with limits.in_hand("a") as granted, limits.in_hand("b") as other:
        assert not granted
        assert other
    held.pop().__exit__(None, None, None)
    with limits.in_hand("a") as granted:
        assert granted


def test_all_together_have_only_so_much_in_hand() -> None:
    limits = Limits(Rates(Moved()))
    held = [limits.in_hand(f"address-{n}") for n in range(ALL_AT_ONCE)]
    assert all(one.__enter__() for one in held)
    with limits.in_hand("late") as granted:
        assert not granted
