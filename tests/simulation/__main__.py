"""``python -m tests.simulation``: many seeds, or one seed again with everything that happened."""

from __future__ import annotations

import argparse
import sys
import time

from tests.simulation.story import Plan, Result, disk, run, tell
from tests.simulation.year import YEAR, OfficeYear, at_leisure


def main() -> int:
    """Returns 1 when a seed failed."""
    options = argparse.ArgumentParser(prog="tests.simulation", description=__doc__)
    options.add_argument("--seeds", type=int, default=200, help="how many seeds to run")
    options.add_argument("--first", type=int, default=0, help="the first of them")
    options.add_argument("--seed", type=int, help="run one seed and show the end of what happened")
    options.add_argument("--notes", type=int, default=200, help="how many lines of it")
    options.add_argument("--days", type=int, help="so many days of an office instead")
    asked = options.parse_args()
    if asked.days is not None:
        return _year(asked.first, asked.days, asked.notes)
    if asked.seed is not None:
        result = run(asked.seed, Plan())
        print(*result.notes[-asked.notes :], sep="\n")
        return _tell(result)
    return _many(range(asked.first, asked.first + asked.seeds))


def _many(seeds: range) -> int:
    began, failed, letters, answers, crashes, seconds = time.process_time(), 0, 0, 0, 0, 0.0
    for seed in seeds:
        result = run(seed, Plan())
        failed += bool(result.faults)
        letters, answers, crashes = (
            letters + result.letters,
            answers + result.answers,
            crashes + result.crashes,
        )
        seconds += result.seconds
        if result.faults:
            _tell(result)
    took = time.process_time() - began
    print(
        f"{len(seeds)} seeds, {failed} failed; {letters} letters, {answers} answers, {crashes} crashes, "
        f"{seconds / 3600:.1f} virtual hours in {took:.1f} s of processor time "
        f"({took / len(seeds) * 1000:.0f} ms a seed)"
    )
    return 1 if failed else 0


def _year(seed: int, days: int, notes: int) -> int:
    began = time.process_time()

    def dawn(day: int) -> None:
        if day % 7 == 0:
            print(
                f"day {day} of {days}: {time.process_time() - began:.0f} s of processor time",
                file=sys.stderr,
                flush=True,
            )

    with at_leisure():
        disk().empty()
        result = tell(OfficeYear(seed, YEAR, days, dawn=dawn))
    if result.faults:
        print(*result.notes[-notes:], sep="\n")
    print(
        f"{days} days: {result.letters} letters, {result.answers} answers, {result.crashes} crashes "
        f"in {time.process_time() - began:.0f} s of processor time"
    )
    return _tell(result)


def _tell(result: Result) -> int:
    print(f"seed {result.seed}: {result.digest}, {result.steps} steps, {result.seconds:.0f} virtual seconds")
    for fault in result.faults:
        print(f"  {fault}")
    return 1 if result.faults else 0


if __name__ == "__main__":
    sys.exit(main())
