"""Try the few tests that failed once more, by themselves: ``python -m scripts.second_try``, after pytest.

Browsers and real servers share two cores with everything else during a run; one of them can be late for reasons that
are not ours. What fails alone, too, has failed, and what passed at the second try is named, so that it gets mended.
Tests that judge what was lost or doubled have no second try: there, once is a fault.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest

FAILED = Path(__file__).parents[1] / ".pytest_cache" / "v" / "cache" / "lastfailed"
"""What pytest remembers of its last run: a mapping whose keys are the tests that failed."""

FEW = 5
"""More failures than this are no accident."""

JUDGES = ("tests/chaos/test_", "tests/chaos/power/", "tests/simulation/")
"""Where losses are judged."""


def refusal(failed: Iterable[str]) -> str | None:
    """Why there is no second try for these tests; None if there is one."""
    tests = list(failed)
    if not tests:
        return "pytest failed without a failing test"
    if len(tests) > FEW:
        return f"{len(tests)} tests failed, which is no accident"
    if judging := [test for test in tests if test.startswith(JUDGES)]:
        return f"{judging[0]} judges losses: what it finds once is a fault"
    if broken := [test for test in tests if "::" not in test]:
        return f"{broken[0]} cannot be collected"
    return None


def main() -> int:
    """Try again where that is allowed; the exit code."""
    failed = list(json.loads(FAILED.read_text(encoding="utf-8"))) if FAILED.exists() else []
    why = refusal(failed)
    if why is not None:
        print(f"No second try: {why}.")
        return 1
    print("A second try, each alone:", *failed, sep="\n  ")
    code = pytest.main(["-q", "-n", "0", "-m", "slow or not slow", *failed])
    if code == pytest.ExitCode.OK:
        print("Failed beside other tests and passed alone, which wants mending:", *failed, sep="\n  ")
    return int(code)


if __name__ == "__main__":
    sys.exit(main())
