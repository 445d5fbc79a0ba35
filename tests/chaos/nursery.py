"""Hubs that start at once: a process that has everything imported and forks a whole hub for each life.

A kill harness starts hubs all the time, and most of a start is importing. What is born here is a process of its own
with its own session, as if the command line had begun it; SIGKILL to it ends it and nothing else. One nursery serves
one source tree, so that a faulty copy of the tree has one too.
"""

from __future__ import annotations

import contextlib
import gc
import os
import resource
import select
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Sequence
from pathlib import Path

import msgspec

import hub.app
import hub.cli_run  # noqa: F401 - imported so that its children need not
from connectors import registry
from connectors._failpoint import armed
from hub.cli import run

ROOT = Path(__file__).parents[2]


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """One life: the arguments of ``centrala``, armed failpoints, and files for its output and the places passed."""

    arguments: tuple[str, ...]
    failpoints: str
    log: str
    passed: str
    largest_file: int | None = None
    """Bytes; what is written beyond fails, as on a full disk."""


class Born:
    """A process that the nursery made. ``pid`` is also its process group."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        try:
            self._handle: int | None = os.pidfd_open(pid)
        except ProcessLookupError:  # over already
            self._handle = None

    def alive(self) -> bool:
        """Whether it has not ended."""
        if self._handle is not None and select.select([self._handle], [], [], 0)[0]:
            os.close(self._handle)
            self._handle = None
        return self._handle is not None

    def send(self, sign: signal.Signals) -> None:
        """To it and whatever it started; nothing when they are gone."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, sign)

    def end(self, sign: signal.Signals, seconds: float = 10.0) -> None:
        """A signal, and SIGKILL to what is left after a while; returns when it is over."""
        self.send(sign)
        until = time.monotonic() + seconds
        while self.alive():
            if time.monotonic() > until:
                self.send(signal.SIGKILL)
            time.sleep(0.005)
        self.send(signal.SIGKILL)


class Nursery:
    """The process, seen from the test. ``source`` is the tree that its hubs are of."""

    def __init__(self, source: Path) -> None:
        path = os.pathsep.join(dict.fromkeys((str(source), str(ROOT))))
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.chaos.nursery"],
            cwd=source,
            env={**os.environ, "PYTHONPATH": path},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def bear(self, order: Order) -> Born:
        """A new hub, not ready yet. Raises RuntimeError when the nursery is gone."""
        if self._process.stdin is None or self._process.stdout is None:
            raise RuntimeError("the nursery has no pipes")
        self._process.stdin.write(msgspec.json.encode(order).decode() + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        if not answer:
            raise RuntimeError("the nursery ended; its errors are above")
        return Born(int(answer))

    def close(self) -> None:
        """End it; what was born there goes on."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()


class _Passed:
    """Writes the name of a place down when it is passed for the first time in this life."""

    def __init__(self, path: str) -> None:
        self._file = os.open(path, os.O_CREAT | os.O_APPEND | os.O_WRONLY)
        self._seen: set[str] = set()

    def __call__(self, name: str) -> None:
        if name not in self._seen:
            self._seen.add(name)
            os.write(self._file, name.encode() + b"\n")


def _live(order: Order) -> int:
    """A whole life in a forked child; returns the exit code."""
    os.setsid()
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    nothing = os.open(os.devnull, os.O_RDONLY)
    log = os.open(order.log, os.O_CREAT | os.O_APPEND | os.O_WRONLY)
    for ours, theirs in ((nothing, 0), (log, 1), (log, 2)):
        os.dup2(ours, theirs)
    if order.largest_file is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (order.largest_file, resource.RLIM_INFINITY))
    code = 70
    try:
        with armed(order.failpoints, _Passed(order.passed)):
            code = run(order.arguments)
    except BaseException:
        traceback.print_exc()
    sys.stdout.flush()
    sys.stderr.flush()
    return code


def _serve(kinds: Sequence[str]) -> None:
    for kind in kinds:
        registry.load(kind)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for the dead: they vanish by themselves
    gc.collect()
    gc.freeze()
    for line in sys.stdin:
        order = msgspec.json.decode(line, type=Order)
        pid = os.fork()
        if pid == 0:
            os._exit(_live(order))
        print(pid, flush=True)


if __name__ == "__main__":
    _serve(tuple(registry.CHANNELS))
