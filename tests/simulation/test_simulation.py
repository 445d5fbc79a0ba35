"""The hub's core under bad luck drawn from seeds: whatever happens, the promises hold; a seed replays exactly."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from connectors.contract import Micros
from tests.simulation.story import Plan, disk, run, tell
from tests.simulation.year import YEAR, OfficeYear, at_leisure

SEEDS = int(os.environ.get("CENTRALA_SEEDS", "200"))
"""How many seeds the slow part runs; a failing one is seen again with ``python -m tests.simulation --seed N``."""


@pytest.mark.slow
def test_a_few_seeds() -> None:
    """The everyday part: enough to notice when the simulation itself no longer runs."""
    results = [run(seed, Plan()) for seed in range(3)]
    assert {result.seed: result.faults for result in results if result.faults} == {}
    assert sum(result.letters for result in results) > 15
    assert sum(result.answers for result in results) > 5
    assert sum(result.crashes for result in results) > 1


@pytest.mark.slow
def test_a_seed_replays_step_by_step() -> None:
    assert run(3, Plan()) == run(3, Plan())


@pytest.mark.slow
def test_a_seed_replays_step_by_step_in_another_process_too() -> None:
    """Whatever Python draws for its hashes: nothing in the hub's core may hang on the order of a set."""
    here = run(7, Plan())
    command = [sys.executable, "-m", "tests.simulation", "--seed", "7", "--notes", "0"]
    for hashes in ("1", "2"):
        environment = {**os.environ, "PYTHONHASHSEED": hashes}
        told = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout
        assert here.digest in told


SPRING = Micros(1_806_087_600_000_000)
"""2027-03-26 19:00 UTC, a Friday evening: on Sunday the clocks are put forward."""


@pytest.mark.slow
def test_some_days_of_an_office_over_a_change_of_the_clock() -> None:
    """The whole year is ``python -m tests.simulation --days 365``."""
    disk().empty()
    with at_leisure():
        result = tell(OfficeYear(1, YEAR, 5, SPRING))
    assert result.faults == ()
    assert result.letters > 20
    assert result.answers > 20


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_every_seed_keeps_the_promises() -> None:
    faults = {}
    for seed in range(SEEDS):
        result = run(seed, Plan())
        if result.faults:
            faults[seed] = result.faults
    assert faults == {}
