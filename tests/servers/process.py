"""Start and end real servers for tests: found or skipped, on free loopback ports, in a folder that goes with them."""

from __future__ import annotations

import contextlib
import itertools
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NoReturn

import pytest

START_SECONDS = 20.0
"""How long a server may take until it answers; a loaded machine is slow."""


def need(program: str, packages: str, folders: Sequence[str] = ()) -> str:
    """The path of a program.

    Where it is missing the test is skipped, with the line that installs it; on CI (``CI`` is set) it fails,
    because there a skipped test would count as a passed one.
    """
    places = [*folders, *os.environ["PATH"].split(os.pathsep), "/usr/sbin", "/sbin"]
    found = shutil.which(program, path=os.pathsep.join(places))
    if found:
        return found
    missing(f"{program} is missing; install it with: apt-get install {packages}")


def missing(reason: str) -> NoReturn:
    """Skip the test for something that is not installed; on CI fail it."""
    if os.environ.get("CI"):
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


FIRST_PORT, PORTS = 20_000, 12_000
"""Where ports for servers are taken: below those from which Linux takes the near ends of connections (32768 on, see
``ip_local_port_range`` in ip(7)). A hub that is killed and started again would else find its port in use by one."""

_drawn = itertools.count(os.getpid() * 97)
"""Processes that test side by side begin at different places."""


def free_port() -> int:
    """A TCP port that nobody listens on just now, and no connection takes for its own end meanwhile."""
    for number in itertools.islice(_drawn, PORTS):
        port = FIRST_PORT + number % PORTS
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
            return port
    raise OSError(f"every port from {FIRST_PORT} to {FIRST_PORT + PORTS - 1} is in use")


@contextlib.contextmanager
def folder(name: str) -> Iterator[Path]:
    """A short-pathed temporary folder that other users can enter (Unix sockets allow 107 characters)."""
    path = Path(tempfile.mkdtemp(prefix=f"{name}-", dir="/tmp"))
    path.chmod(0o755)
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


def is_root() -> bool:
    """Whether servers must, and can, be told to run as another user."""
    return os.geteuid() == 0


def own(path: Path, user: str) -> None:
    """Give a folder or file to a user, where we may."""
    if is_root():
        entry = pwd.getpwnam(user)
        os.chown(path, entry.pw_uid, entry.pw_gid)


def answers(port: int) -> bool:
    """Whether somebody accepts connections on a loopback port."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def wait_until(condition: Callable[[], bool], what: str, seconds: float = START_SECONDS) -> None:
    """Return when ``condition`` holds; fail the test when it does not in time."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            pytest.fail(f"{what} within {seconds:.0f} s", pytrace=False)
        time.sleep(0.02)


class Process:
    """A server in the foreground, its output in a file."""

    def __init__(self, name: str, command: Sequence[str], log: Path) -> None:
        self._name = name
        self._command = list(command)
        self._log = log
        self._running: subprocess.Popen[bytes] | None = None

    def start(self, *ports: int, ready: Callable[[], bool] | None = None) -> None:
        """Start it and wait until all its ports answer and ``ready`` holds."""
        if not self._comes_up(ports, ready or (lambda: True)):
            pytest.fail(f"{self._name} ended at once:\n{self.output()}", pytrace=False)

    def start_again(self, *ports: int, ready: Callable[[], bool]) -> None:
        """Start what was killed; children of the dead one may hold its files for a moment, so try for a while."""
        end = time.monotonic() + START_SECONDS
        while not self._comes_up(ports, ready):
            if time.monotonic() > end:
                pytest.fail(f"{self._name} did not come back:\n{self.output()}", pytrace=False)
            time.sleep(0.1)

    def _comes_up(self, ports: Sequence[int], ready: Callable[[], bool]) -> bool:
        with self._log.open("ab") as log:
            self._running = subprocess.Popen(
                self._command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )
        wait_until(
            lambda: not self.running() or (all(answers(port) for port in ports) and ready()),
            f"{self._name} did not start",
        )
        return self.running()

    @property
    def pid(self) -> int:
        """Of the running process. Raises RuntimeError when there is none."""
        if self._running is None:
            raise RuntimeError(f"{self._name} does not run")
        return self._running.pid

    def running(self) -> bool:
        """Whether it was started and has not ended."""
        return self._running is not None and self._running.poll() is None

    def kill(self) -> None:
        """End it and all its children at once, as a power cut would."""
        self._end(signal.SIGKILL)

    def stop(self, sign: signal.Signals = signal.SIGTERM) -> None:
        """Ask it to end; kill what is left after three seconds."""
        self._end(sign)

    def _end(self, sign: signal.Signals) -> None:
        if self._running is None:
            return
        for attempt in (sign, signal.SIGKILL):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._running.pid, attempt)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._running.wait(3)
                break
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._running.pid, signal.SIGKILL)
        self._running = None

    def output(self) -> str:
        """The last of what it printed."""
        return self._log.read_text(errors="replace")[-4000:] if self._log.exists() else ""
