"""A real PostgreSQL, run as the user postgres where we are root, and fresh databases in it."""

from __future__ import annotations

import glob
import itertools
import signal
import subprocess
from pathlib import Path

from tests.servers.process import Process, free_port, is_root, need, own

PACKAGES = "postgresql"

_OWNER = ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups"]
"""It refuses to run as root. ``setpriv`` becomes the server, so that a kill meets no parent in between."""


class Postgres:
    """The server; ``url`` names its maintenance database. ``durable``: a commit is on the disk, for benchmarks."""

    def __init__(self, folder: Path, *, durable: bool = False) -> None:
        binaries = sorted(glob.glob("/usr/lib/postgresql/*/bin"), reverse=True)
        self._as_owner = _OWNER if is_root() else []
        initdb = need("initdb", PACKAGES, binaries)
        self._psql = need("psql", PACKAGES, binaries)
        self.port = free_port()
        self._numbers = itertools.count(1)
        self._data = folder / "data"
        own(folder, "postgres")
        self._run([initdb, "-D", str(self._data), "-A", "trust", "-U", "postgres", "--locale=C.UTF-8", "-N"])
        server = [need("postgres", PACKAGES, binaries), "-D", str(self._data), "-p", str(self.port)]
        options = ["-c", "listen_addresses=127.0.0.1", "-k", str(folder), "-c", "max_connections=200"]
        # A killed process loses nothing that the kernel has: without fsync only a power cut would, and none comes here.
        # But SIGKILL may end a write in the middle of a page, which only a whole page in the log makes good again.
        if not durable:
            options += ["-c", "fsync=off"]
            # With hundreds of databases the tidying goes round without end, and each lives for a second.
            options += ["-c", "autovacuum=off"]
        self._process = Process("postgres", [*self._as_owner, *server, *options], folder / "out.log")

    @property
    def url(self) -> str:
        """The database ``postgres`` itself, as ``store.url`` in the configuration."""
        return self._url("postgres")

    def _url(self, database: str) -> str:
        return f"postgresql://postgres@127.0.0.1:{self.port}/{database}"

    def start(self) -> None:
        """Start it, for the first time or after a kill, and wait until it answers a query."""
        self._process.start_again(self.port, ready=self._answers)

    def _answers(self) -> bool:
        try:
            return self.psql("SELECT 1") == "1"
        except RuntimeError:
            return False

    def ensure_running(self) -> None:
        """Start it if a test left it dead."""
        if not self._process.running():
            self.start()

    def stop(self) -> None:
        """End it without writing out what nobody will read again."""
        self._process.stop(signal.SIGQUIT)

    def kill(self) -> None:
        """End it at once, as a power cut would."""
        self._process.kill()

    def fresh_database(self) -> str:
        """The URL of a new, empty database."""
        name = f"test_{next(self._numbers)}"
        self.psql(f"CREATE DATABASE {name}")
        return self._url(name)

    def psql(self, statement: str, url: str | None = None) -> str:
        """Run one statement and return what it prints, without headers."""
        return self._run([self._psql, "-X", "-q", "-A", "-t", "-d", url or self.url, "-c", statement]).strip()

    def _run(self, command: list[str]) -> str:
        done = subprocess.run(
            [*self._as_owner, *command], capture_output=True, text=True, timeout=60, cwd=self._data.parent
        )
        if done.returncode:
            raise RuntimeError(f"{command[0]} failed: {done.stderr.strip()}")
        return done.stdout
