"""One hub process of a world: started with armed failpoints, killed, hung by SIGSTOP and woken again."""

from __future__ import annotations

import re
import signal
import subprocess
import time
from pathlib import Path

from tests.chaos.nursery import Born, Nursery, Order

START_SECONDS = 40.0
"""Longest start, on a loaded machine."""

_READY = re.compile(rb"\bready\b")


class Died(Exception):
    """The hub ended while it started; its log is the message."""


class Node:
    """``config`` is its file, ``roles`` what it does ("" for everything), ``private`` the port of its API.

    ``failpoints`` are armed at the next start; ``largest_file`` bounds its files then, as a full disk does.
    """

    def __init__(
        self, nursery: Nursery, config: Path, public: int, private: int, *, name: str = "hub", roles: str = ""
    ) -> None:
        self.name = name
        self.config = config
        self.public, self.private = public, private
        self.failpoints = ""
        self.largest_file: int | None = None
        self._nursery = nursery
        self._roles = ("--role", roles) if roles else ()
        self._log = config.with_name(f"{name}.log")
        self._passed = config.with_name(f"{name}.passed")
        self._from = 0
        self._born: Born | None = None

    def start(self) -> None:
        """Start the hub and wait until it takes messages. Raises Died when it ends before."""
        self._from = self._log.stat().st_size if self._log.exists() else 0
        order = Order(
            arguments=("run", "-c", str(self.config), *self._roles),
            failpoints=self.failpoints,
            log=str(self._log),
            passed=str(self._passed),
            largest_file=self.largest_file,
        )
        self._born = self._nursery.bear(order)
        until = time.monotonic() + START_SECONDS
        while not _READY.search(self._lines()):
            if not self._born.alive():
                raise Died(self.log())
            if time.monotonic() > until:
                raise TimeoutError(f"{self.name} did not start:\n{self.log()}")
            time.sleep(0.01)

    def kill(self) -> None:
        """SIGKILL, as at a power cut without the disk."""
        if self._born is not None:
            self._born.end(signal.SIGKILL)

    def stop(self) -> None:
        """End it in good order."""
        if self._born is not None:
            self._born.end(signal.SIGTERM)

    def hang(self) -> None:
        """It stands still until :meth:`wake`, and knows nothing of it."""
        if self._born is not None:
            self._born.send(signal.SIGSTOP)

    def wake(self) -> None:
        """It goes on where it was."""
        if self._born is not None:
            self._born.send(signal.SIGCONT)

    def alive(self) -> bool:
        """Whether the process has not ended (an armed failpoint may have ended it)."""
        return self._born is not None and self._born.alive()

    def lift_limit(self) -> None:
        """Let the running hub's files grow again, as when somebody makes room on the disk."""
        if self._born is not None:
            subprocess.run(["prlimit", "--fsize=unlimited:", f"--pid={self._born.pid}"], check=True)

    def _lines(self) -> bytes:
        """What it logged since its latest start."""
        if not self._log.exists():
            return b""
        with self._log.open("rb") as log:
            log.seek(self._from)
            return log.read()

    def log(self) -> str:
        """The end of its log."""
        return self._lines()[-4000:].decode("utf-8", "replace")

    def logged(self, text: str) -> int:
        """How often a text stands in its log, over all of its lives."""
        return self._log.read_text(errors="replace").count(text) if self._log.exists() else 0

    def passed(self) -> set[str]:
        """Named places that it has passed in any of its lives."""
        return set(self._passed.read_text().split()) if self._passed.exists() else set()
