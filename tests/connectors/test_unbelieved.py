"""Calls of strangers are one line an hour, with how many there were."""

from __future__ import annotations

from connectors._unbelieved import EVERY, Unbelieved
from tests.connectors.quick import QuickClock
from tests.contract.world import Log


def test_a_flood_is_one_line_and_what_follows_is_told_with_its_number() -> None:
    log, clock = Log(), QuickClock()
    strangers = Unbelieved(log, clock, "signature")
    for _ in range(1000):
        strangers.came()
        clock.pass_(1)
    assert log.lines == ["warning calls are not believed {'what': 'signature', 'count': 1}"]
    clock.pass_(EVERY)
    strangers.came()
    assert log.lines[1:] == ["warning calls are not believed {'what': 'signature', 'count': 1000}"]
