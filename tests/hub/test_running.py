"""Inboxes at work: the end of their credentials is told in time, once a day."""

from __future__ import annotations

from connectors.contract import Health, Micros
from hub.running import DAY, Running, _tell_end, days_left
from tests.contract.world import FixedClock, Log


def ending(days: float) -> Health:
    """Credentials that end so many days after the fixed moment."""
    return Health(state="ok", expires_at=Micros(FixedClock().at + int(days * DAY)))


def test_days_are_counted_when_the_end_is_near() -> None:
    now = FixedClock().at
    assert days_left(Health(state="ok"), now) is None
    assert [days_left(ending(days), now) for days in (90, 14.5, 13.9, 1.2, 0.5, -3)] == [
        None,
        None,
        13,
        1,
        0,
        0,
    ]


def test_one_line_a_day_and_none_after_renewal() -> None:
    clock, log = FixedClock(), Log()
    running = Running(inbox="fb", connector=None, health=ending(2.5))  # type: ignore[arg-type]
    for _ in range(3):
        _tell_end(running, clock, log)
    assert log.count("the credentials of an inbox end") == 1
    clock.at += DAY
    _tell_end(running, clock, log)
    assert log.lines[-1].endswith("{'inbox': 'fb', 'days': 1}")
    running.health = Health(state="ok", expires_at=Micros(clock.at + 60 * DAY))
    _tell_end(running, clock, log)
    assert len(log.lines) == 2
