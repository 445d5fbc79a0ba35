"""Rules that cannot be evaluated: counted with the reason, told once when it begins and once when it is over."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from hub.ruleset.faults import tell, watch_faults
from hub.ruleset.hits import Failing, Tally, failing, hits, write_hits
from hub.store.store import Store
from rules import Actions, Decision, Fault, Trace
from rules.text import Text
from tests.hub.conftest import FakeClock

WHY = Text("{what} is not known", {"what": "queue_load.x"})


def decision(*matched: str, faults: tuple[str, ...] = ()) -> Decision:
    found = tuple(Fault(rule, WHY) for rule in faults)
    return Decision(actions=Actions(), trace=Trace(), matched=matched, faults=found)


async def count(store: Store, *decisions: Decision) -> None:
    tally = Tally()
    for found in decisions:
        tally.add(found)
    await store.write(lambda tx: write_hits(tx, [tally]))


async def test_a_fault_is_told_with_its_reason(store: Store, clock: FakeClock) -> None:
    await count(store, decision("a", faults=("b", "c")), decision("a", faults=("b",)))
    found = await store.read(failing)
    assert [(item.rule, item.faults, item.why, item.at, item.well) for item in found] == [
        ("b", 2, WHY, clock.now(), False),
        ("c", 1, WHY, clock.now(), False),
    ]


async def test_an_action_that_was_dropped_is_no_fault_of_the_rule(store: Store) -> None:
    dropped = Decision(
        actions=Actions(), trace=Trace(), matched=("a",), faults=(Fault("a", Text("never"), "answer"),)
    )
    await count(store, dropped)
    assert await store.read(failing) == ()


async def test_it_counts_over_midnight_and_is_forgotten_after_a_day(store: Store, clock: FakeClock) -> None:
    clock.move(hours=15)
    await count(store, decision(faults=("b",)))
    clock.move(hours=2)
    await count(store, decision(faults=("b",)))
    (found,) = await store.read(failing)
    assert found.faults == 2
    clock.move(hours=24, seconds=1)
    assert await store.read(failing) == ()


async def test_well_again_once_it_matched_and_an_hour_was_quiet(store: Store, clock: FakeClock) -> None:
    await count(store, decision(faults=("b",)))
    clock.move(minutes=10)
    await count(store, decision("b"))
    assert not (await store.read(failing))[0].well
    clock.move(minutes=51)
    assert (await store.read(failing))[0].well
    await count(store, decision(faults=("b",)))
    assert not (await store.read(failing))[0].well


async def test_tallies_of_one_transaction_are_one(store: Store) -> None:
    tallies = []
    for rules in (("a", "b"), ("b",)):
        tallies.append(Tally())
        tallies[-1].add(decision(*rules))
    await store.write(lambda tx: write_hits(tx, tallies))
    assert {rule: number for rule, (number, _) in (await store.read(hits)).items()} == {"a": 1, "b": 2}


async def test_writers_side_by_side_never_block_each_other(store: Store) -> None:
    """Rows are taken in one order, so of two transactions one waits and none dies."""
    names = tuple(f"rule-{number}" for number in range(20))
    await asyncio.gather(*(count(store, decision(*(names if n % 2 else names[::-1]))) for n in range(40)))
    assert {number for number, _ in (await store.read(hits)).values()} == {40}


class Log:
    """What was logged."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, str, dict[str, Any]]] = []

    def __getattr__(self, level: str) -> Any:
        return lambda text, **fields: self.lines.append((level, text, fields))


async def test_one_line_when_it_begins_and_one_when_it_is_over(sqlite_store: Store, clock: FakeClock) -> None:
    log = Log()
    watching = asyncio.create_task(watch_faults(sqlite_store, clock, log))

    async def look() -> None:
        for _ in range(3):
            clock.move(seconds=16)
            await clock.is_slept_by()

    try:
        await count(sqlite_store, decision(faults=("b",)))
        await look()
        await count(sqlite_store, decision(faults=("b",)))
        await look()
        begun = {"rule": "b", "faults": 1, "reason": "queue_load.x is not known"}
        assert log.lines == [("warning", "a rule cannot be evaluated", begun)]
        clock.move(minutes=1)
        await count(sqlite_store, decision("b"))
        clock.move(hours=1)
        await look()
        assert [line[:2] for line in log.lines[1:]] == [("info", "a rule is evaluated again")]
        assert log.lines[1][2]["minutes"] >= 60
    finally:
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)


@pytest.mark.parametrize("well", [True, False])
def test_what_is_well_is_not_told(well: bool) -> None:
    log = Log()
    found = (Failing(rule="b", faults=1, why=WHY, at=1, well=well),)
    assert tell({}, found, 2, log) == ({} if well else {"b": 1})
    assert len(log.lines) == (0 if well else 1)
