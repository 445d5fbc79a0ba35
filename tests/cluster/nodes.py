"""Hubs as processes of their own on one PostgreSQL: started with roles, killed, stopped and continued by signals."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.servers.process import free_port, wait_until

SECRET = "a-secret-for-tests-that-is-long-enough"

CONFIG = """\
[hub]
node = "{node}"
data_dir = "{folder}/{node}"
secret = "{secret}"
lease_seconds = {lease}
egress_allow = ["127.0.0.0/8"]
rules_file = "{folder}/rules.yaml"

[store]
url = "{url}"

[public]
port = {public}

[private]
port = {private}

[[offices]]
id = "krajowa"
name = "Infolinia"

[[queues]]
id = "informacja"
name_pl = "Informacja"
name_en = "Information"
office = "krajowa"
"""

RULES = "default:\n  queue: informacja\n"


class Node:
    """One process. ``more`` is what its configuration has besides: inboxes, other sections."""

    def __init__(
        self, folder: Path, url: str, name: str, more: str, *, roles: Sequence[str] = (), lease: float = 1.0
    ) -> None:
        self.name = name
        self.public, self.private = free_port(), free_port()
        self.log = folder / f"{name}.log"
        self._roles = roles
        self.config = folder / f"{name}.toml"
        self._process: subprocess.Popen[bytes] | None = None
        self._from = 0
        (folder / "rules.yaml").write_text(RULES)
        plain = CONFIG.format(
            node=name,
            folder=folder,
            secret=SECRET,
            lease=lease,
            url=url,
            public=self.public,
            private=self.private,
        )
        self.config.write_text(plain + more)

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Another command on the same configuration."""
        words = [sys.executable, "-m", "hub.cli", *arguments, "-c", str(self.config)]
        return subprocess.run(words, capture_output=True, text=True, timeout=60)

    def begin(
        self, *, program: Sequence[str] = ("-m", "hub.cli"), environ: Mapping[str, str] | None = None
    ) -> None:
        """Start the process without waiting for it."""
        roles = [word for role in self._roles for word in ("--role", role)]
        words = [sys.executable, *program, "run", "-c", str(self.config), *roles]
        with self.log.open("ab") as log:
            self._from = log.tell()
            self._process = subprocess.Popen(
                words, stderr=log, stdout=log, env={**os.environ, **(environ or {})}
            )

    def change(self, before: str, after: str) -> None:
        """Another configuration for the next start."""
        text = self.config.read_text()
        assert before in text
        self.config.write_text(text.replace(before, after))

    def start(self) -> None:
        """Start it and wait until it is ready."""
        self.begin()
        self.wait_ready()

    def wait_ready(self) -> None:
        """Until it says so in its log."""
        wait_until(lambda: "ready" in self.lines(), f"{self.name} did not start: {self.lines()}")

    def lines(self) -> str:
        """What it logged since its latest start."""
        return self.log.read_bytes()[self._from :].decode() if self.log.exists() else ""

    def says(self, text: str) -> None:
        """Wait until the log has a text."""
        wait_until(lambda: text in self.lines(), f"{self.name} never said {text!r}: {self.lines()}")

    def send(self, sign: signal.Signals) -> None:
        """A signal to the process."""
        assert self._process is not None
        os.kill(self._process.pid, sign)

    def kill(self) -> None:
        """End it at once, as the kernel would."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def wait(self, seconds: float) -> int:
        """Its exit code."""
        assert self._process is not None
        return self._process.wait(seconds)

    def post(self, path: str, body: bytes, headers: Mapping[str, str]) -> int:
        """POST to its public listener; the status, or 0 where nobody answers."""
        request = urllib.request.Request(f"http://127.0.0.1:{self.public}{path}", body, dict(headers))
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:  # noqa: S310 - our own address
                return int(answer.status)
        except urllib.error.HTTPError as error:
            return error.code
        except OSError:
            return 0

    def end(self) -> None:
        """Make sure that it is gone, also when it was stopped by a signal."""
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait()
