"""An outage is one line when it starts and one when it ends."""

from __future__ import annotations

from connectors._outage import Outage
from tests.connectors.quick import QuickClock
from tests.contract.world import Log


def test_an_outage_is_told_when_it_begins_changes_and_ends() -> None:
    log, clock = Log(), QuickClock()
    outage = Outage(log, clock, "polling")
    outage.worked()
    for reason in ("HTTP 500", "HTTP 500", "HTTP 503", "HTTP 503"):
        outage.failed(reason)
        clock.pass_(10)
    outage.worked()
    outage.worked()
    assert log.lines == [
        "warning polling failed {'reason': 'HTTP 500'}",
        "warning polling failed {'reason': 'HTTP 503'}",
        "info polling works again {'seconds': 40}",
    ]
