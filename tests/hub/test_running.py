"""Inboxes at work: begun again after what ended them, and the end of their credentials told in time, once a day."""

from __future__ import annotations

import asyncio
import random
from typing import Any, cast

import pytest

from connectors.contract import Health, Micros
from hub import running
from hub.cluster.leases import Lease
from hub.running import DAY, Ends, Means, Running, _keep, _read, _tell_end, days_left
from hub.store.store import StorageFault, StoreFull
from tests.connectors.quick import QuickClock
from tests.contract.world import FixedClock, Log
from tests.hub.conftest import FakeClock


async def _ends(*errors: Exception) -> tuple[list[float], Log]:
    """The gaps behind each of these ends of an inbox, and what was logged."""
    clock, log, left, kept = QuickClock(), Log(), list(errors), asyncio.Event()

    async def run() -> None:
        if left:
            raise left.pop(0)
        kept.set()
        await asyncio.Event().wait()

    nobody: Any = None
    means = Means(keeper=nobody, sink=nobody, reads=True, clock=clock, draw=random.Random(1))
    task = asyncio.create_task(_keep(run, "poczta", Ends(), means, log))
    async with asyncio.timeout(30):
        await kept.wait()
    task.cancel()
    await asyncio.wait({task})
    return clock.slept, log


async def test_after_a_storage_that_was_away_an_inbox_is_back_within_seconds() -> None:
    """However long it was away, also where several of an inbox's tasks met it; the storage told it, once."""
    several = ExceptionGroup("tasks", [StorageFault("no disk"), StoreFull("too much")])
    gaps, log = await _ends(*[StorageFault("no disk")] * 10, several)
    assert len(gaps) == 11 and max(gaps) < 7
    assert not log.lines


async def test_after_a_fault_of_its_own_an_inbox_waits_longer_each_time() -> None:
    mixed = ExceptionGroup("tasks", [StorageFault("no disk"), ValueError("ours")])
    gaps, log = await _ends(*[ValueError("ours")] * 8, mixed)
    assert gaps[0] < 2 and gaps[-1] > 45
    assert log.count("error inbox stopped") == 9


class Broken:
    """An inbox whose server answers every check, and whose wire nobody can read for a while."""

    def __init__(self, times: int) -> None:
        self.times = times

    async def run(self, sink: object) -> None:
        if self.times:
            self.times -= 1
            raise KeyError("subject")
        await asyncio.Event().wait()

    async def check(self) -> Health:
        return Health(state="ok")


async def test_an_inbox_that_answers_and_is_not_read_is_not_well() -> None:
    clock, log, nobody = FakeClock(), Log(), cast(Any, None)
    means = Means(
        keeper=nobody, sink=lambda inbox, lease: nobody, reads=True, clock=clock, draw=random.Random(1)
    )
    running = Running(inbox="poczta", connector=cast(Any, Broken(4)))
    task = asyncio.create_task(_read(running, Lease(name="inbox:poczta", fence=1), means, log))
    told = []
    for _ in range(40):
        for _ in range(5):
            clock.move(1)
            await asyncio.sleep(0.001)
        told.append(running.health.state)
    task.cancel()
    await asyncio.wait({task})
    assert told[0] == "ok" and "unreachable" in told and told[-1] == "ok"
    assert log.count("inbox does not work") == 1 and log.count("inbox works again") == 1


class Deaf:
    """An inbox that does not hear that it is to stop, the first time."""

    def __init__(self) -> None:
        self.heard = asyncio.Event()

    async def serve(self, sink: object) -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.heard.set()
            await asyncio.Event().wait()


class Dropping:
    """Of a keeper, that leases are given up."""

    def __init__(self) -> None:
        self.dropped: tuple[str, ...] = ()

    def keep(self, name: str, work: object, *, role: str) -> None:
        """Nothing is read here."""

    async def drop(self, *names: str) -> None:
        """Given up."""
        self.dropped = names


async def test_an_inbox_that_does_not_stop_holds_up_no_other_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "STOP_LIMIT", 0.05)
    keeper, log, deaf = cast(Any, Dropping()), Log(), Deaf()
    means = Means(
        keeper=keeper,
        sink=lambda inbox, lease: cast(Any, None),
        reads=False,
        clock=FakeClock(),
        draw=random.Random(1),
    )
    gone = [Running(inbox="xmpp", connector=cast(Any, deaf)), Running(inbox="sms", connector=cast(Any, None))]
    running.start(gone[0], means, log)
    await asyncio.sleep(0)
    async with asyncio.timeout(30):
        await running.stop(*gone, keeper=keeper, log=lambda inbox: log)
    assert deaf.heard.is_set() and keeper.dropped == ("inbox:xmpp", "inbox:sms")
    assert log.count("error inbox does not stop") == 1
    assert gone[0].serving is not None
    gone[0].serving.cancel()


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
