"""A hub in a process of its own with five inboxes, and the peers around it, each with a ledger of its own."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from hub.clock import SystemClock
from hub.configfile import load
from hub.directory import directory
from hub.people.tokens import make_token
from hub.scope import SYSTEM
from hub.store.sqlite import SqliteStore
from hub.store.tx import Tx
from tests.servers.mailsink import MailSink
from tests.servers.process import Process, answers, folder, free_port

ROOT = Path(__file__).parents[2]
WEBHOOK_SECRET = "a secret of the chaos tests, long enough"
TOKEN = "ctl_a-token-of-the-chaos-tests-only"

RULES = """
rules:
  - id: acknowledge
    name: Potwierdzenie
    when: {automatic: "no"}
    do: {answer: acknowledgement}
    then: continue
default: {queue: bezrobotni}
"""

CONFIG = """
[hub]
name = "Infolinia"
public_url = "http://127.0.0.1:{public}"
console_url = "http://127.0.0.1:{private}"
data_dir = "{data}"
rules_file = "rules.yaml"
secret = "a secret for tokens in the chaos tests 0123456789"
egress_allow = ["127.0.0.0/8"]
log_level = "warning"

[store]
url = "sqlite:{data}/centrala.db"

[public]
port = {public}

[private]
port = {private}

[limits]
public_per_address = ""

[outbox]
gap_seconds = 0.2
gap_seconds_most = 1.0
poll_seconds = 0.5
undo_seconds = 0.0

[[offices]]
id = "krajowa"
name = "Infolinia"

[[queues]]
id = "bezrobotni"
name_pl = "Bezrobotni"
name_en = "Job seekers"
office = "krajowa"

[[inboxes]]
id = "kontakt"
kind = "email"
name = "Infolinia"
office = "krajowa"
queue = "bezrobotni"
[inboxes.settings]
address = "kontakt@example.org"
listen = {{ port = {lmtp}, protocol = "lmtp" }}
smtp = {{ host = "127.0.0.1", port = {smtp}, security = "plain" }}

[[inboxes]]
id = "artykuly"
kind = "comments"
name = "Komentarze"
office = "krajowa"
queue = "bezrobotni"
[inboxes.settings]
moderation = "post"
per_address = ""
per_site = ""

[[inboxes]]
id = "formularz"
kind = "form"
name = "Formularz"
office = "krajowa"
queue = "bezrobotni"
[inboxes.settings]
per_address = ""
per_site = ""

[[inboxes]]
id = "oddzwonimy"
kind = "callback"
name = "Oddzwonimy"
office = "krajowa"
queue = "bezrobotni"
[inboxes.settings]
per_address = ""
per_site = ""

[[inboxes]]
id = "system"
kind = "webhook"
name = "System urzędu"
office = "krajowa"
queue = "bezrobotni"
[inboxes.settings]
secret = "{secret}"
url = "http://127.0.0.1:{hook}/"
per_address = ""
"""


class World:
    """The hub's folder, ports and process. ``source`` is the tree it runs from (a faulty copy proves the harness)."""

    def __init__(self, path: Path, source: Path = ROOT) -> None:
        self.path = path
        self.source = source
        self.sink = MailSink()
        self.public, self.private, self.lmtp, self.hook = free_port(), free_port(), free_port(), free_port()
        self.failpoints = ""
        self.largest_file: int | None = None
        (path / "rules.yaml").write_text(RULES)
        (path / "centrala.toml").write_text(self._config())
        self._process: Process | None = None

    def _config(self) -> str:
        return CONFIG.format(
            public=self.public,
            private=self.private,
            lmtp=self.lmtp,
            smtp=self.sink.port,
            data=self.path / "data",
            hook=self.hook,
            secret=WEBHOOK_SECRET,
        )

    @property
    def environment(self) -> Mapping[str, str]:
        """Of the hub and of commands beside it."""
        return {**os.environ, "PYTHONPATH": str(self.source), "CENTRALA_FAILPOINTS": self.failpoints}

    def command(self, *arguments: str) -> list[str]:
        """A command of ``centrala`` with this world's configuration."""
        return [sys.executable, "-m", "hub.cli", *arguments, "-c", str(self.path / "centrala.toml")]

    def run(self, *arguments: str, text: str = "") -> str:
        """Run a command to its end and return what it printed."""
        done = subprocess.run(
            self.command(*arguments),
            env=dict(self.environment),
            cwd=self.source,
            input=text,
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout

    async def prepare(self) -> None:
        """Make the store, and in it the token of the agent who answers by the API."""
        store = SqliteStore(self.path / "data" / "centrala.db", SystemClock())
        await store.open()
        config = load(self.path / "centrala.toml", environ={})
        house = directory(config)

        def make(tx: Tx) -> int:
            grants = ("read", "write")
            return make_token(tx, SYSTEM, house, name="Agent", office="krajowa", grants=grants, token=TOKEN)

        await store.write(make)
        await store.close()

    def start(self) -> None:
        """Start the hub and wait until it takes messages."""
        command = [
            "env",
            f"--chdir={self.source}",
            f"CENTRALA_FAILPOINTS={self.failpoints}",
            f"PYTHONPATH={self.source}",
        ]
        if self.largest_file is not None:
            command = ["prlimit", f"--fsize={self.largest_file}:unlimited", *command]
        self._process = Process("centrala", [*command, *self.command("run")], self.path / "hub.log")
        self._process.start(self.public, self.private, self.lmtp)

    def lift_limit(self) -> None:
        """Let the running hub's files grow again, as when somebody makes room on the disk."""
        if self._process is not None:
            subprocess.run(["prlimit", "--fsize=unlimited:", f"--pid={self._process.pid}"], check=True)

    def kill(self) -> None:
        """SIGKILL, as at a power cut without the disk."""
        if self._process is not None:
            self._process.kill()

    def running(self) -> bool:
        """Whether the hub is up (an armed failpoint may have ended it)."""
        return self._process is not None and self._process.running() and answers(self.public)

    def stop(self) -> None:
        """End it in good order."""
        if self._process is not None:
            self._process.stop()

    def log(self) -> str:
        """The end of the hub's log."""
        return self._process.output() if self._process is not None else ""


@contextlib.contextmanager
def a_world(source: Path = ROOT) -> Iterator[World]:
    """A world with its mail sink running; the hub is not started yet."""
    with folder("chaos") as path:
        world = World(path, source)
        world.sink.start()
        try:
            yield world
        finally:
            world.kill()
            world.sink.stop()


def faulty_copy(target: Path, file: str, right: str, wrong: str) -> Path:
    """A copy of the source tree in which ``right`` is replaced by ``wrong`` in one file; the text must be there."""
    for package in ("hub", "connectors", "rules"):
        shutil.copytree(ROOT / package, target / package, ignore=shutil.ignore_patterns("__pycache__"))
    path = target / file
    text = path.read_text()
    if right not in text:
        raise AssertionError(f"{file} does not contain what is to be broken: {right!r}")
    path.write_text(text.replace(right, wrong))
    return target
