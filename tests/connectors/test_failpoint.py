"""Failpoints: unset they do nothing, armed they kill, fail or delay at the pass that was asked for."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from connectors._failpoint import VARIABLE, FailpointError, armed, failpoint, names


def test_unset_it_does_nothing() -> None:
    failpoint("test.place")


def test_error_on_the_nth_pass_only() -> None:
    with armed("test.place=error@3") as passed:
        failpoint("test.place")
        failpoint("test.place")
        failpoint("test.other")
        with pytest.raises(FailpointError, match=r"test\.place"):
            failpoint("test.place")
        failpoint("test.place")
    assert passed == {"test.place": 4}
    failpoint("test.place")


def _draws(spec: str) -> list[bool]:
    outcomes = []
    with armed(spec):
        for _ in range(200):
            try:
                failpoint("test.place")
                outcomes.append(False)
            except FailpointError:
                outcomes.append(True)
    return outcomes


def test_probability_comes_from_the_seed() -> None:
    first = _draws("test.place=error%0.25~7")
    assert first == _draws("test.place=error%0.25~7")
    assert first != _draws("test.place=error%0.25~8")
    assert 25 < sum(first) < 75


def test_sleep_delays() -> None:
    with armed("test.place=sleep:0.05"):
        before = time.monotonic()
        failpoint("test.place")
    assert time.monotonic() - before >= 0.05


@pytest.mark.parametrize("spec", ["test", "test=burn", "test=kill@0", "test=error%2~1", "test=sleep"])
def test_a_spec_that_cannot_be_read_is_refused(spec: str) -> None:
    with pytest.raises(ValueError, match="NAME="), armed(spec):
        raise AssertionError("not reached")


def test_the_environment_kills_the_process_at_the_third_pass() -> None:
    code = "from connectors._failpoint import failpoint\nfor n in range(9): print(n, flush=True); failpoint('a.b')"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, VARIABLE: "a.b=kill@3"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == -signal.SIGKILL
    assert done.stdout.split() == ["0", "1", "2"]


def test_names_are_read_from_the_source(tmp_path: Path) -> None:
    (tmp_path / "one.py").write_text("failpoint('b.second')\ndef f():\n    failpoint('a.first')\n")
    assert names(tmp_path) == ("a.first", "b.second")
    (tmp_path / "two.py").write_text("name = 'x'\nfailpoint(name)\n")
    with pytest.raises(ValueError, match="line 2"):
        names(tmp_path)
