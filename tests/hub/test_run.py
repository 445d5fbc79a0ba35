"""The hub as a process: it starts, answers commands, reloads, drains, and says in words why it cannot start."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from hub.cli_common import Exit
from tests.servers.fault_proxy import fault_proxy
from tests.servers.postgres import Postgres
from tests.servers.process import answers, free_port, wait_until

CONFIG = """\
[hub]
data_dir = "{folder}/data"

[store]
url = "sqlite:{folder}/data/centrala.db"

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

[[inboxes]]
id = "formularz"
kind = "form"
name = "Formularz"
office = "krajowa"
queue = "informacja"
"""

RULES = "default:\n  queue: informacja\n"


class Hub:
    """A hub of its own process, with its folder and ports."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.public, self.private = free_port(), free_port()
        self.config = folder / "centrala.toml"
        self.config.write_text(CONFIG.format(folder=folder, public=self.public, private=self.private))
        (folder / "rules.yaml").write_text(RULES)
        self.log = folder / "log"
        self._process: subprocess.Popen[bytes] | None = None

    def command(self, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        """Another command on the same configuration."""
        words = [sys.executable, "-m", "hub.cli", *arguments, "-c", str(self.config)]
        return subprocess.run(words, input=stdin, capture_output=True, text=True, timeout=60)

    def launch(self) -> None:
        with self.log.open("ab") as log:
            words = [sys.executable, "-m", "hub.cli", "run", "-c", str(self.config)]
            self._process = subprocess.Popen(words, stderr=log, stdout=log)

    def start(self) -> None:
        self.launch()
        wait_until(lambda: answers(self.public) and self._is_ready(), f"the hub did not start: {self.text()}")

    def _is_ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.public}/readyz", timeout=5) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    def text(self) -> str:
        return self.log.read_text() if self.log.exists() else ""

    def send(self, sign: signal.Signals) -> None:
        assert self._process is not None
        os.kill(self._process.pid, sign)

    def wait(self, seconds: float) -> int:
        assert self._process is not None
        return self._process.wait(seconds)

    def end(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait()


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Hub]:
    made = Hub(tmp_path)
    yield made
    made.end()


@pytest.mark.slow
def test_a_running_hub_takes_commands_reloads_and_drains(hub: Hub) -> None:
    hub.start()
    add = ("user", "add", "--login", "ewa", "--name", "Ewa", "--role", "agent", "--office", "krajowa")
    assert hub.command(*add, "--password-stdin", stdin="dlugie-haslo-1\n").returncode == 0
    assert "Ewa" in hub.command("user", "list").stdout
    checked = hub.command("check")
    assert checked.returncode == 0 and "inbox formularz: ok" in checked.stdout
    assert hub.command("backup", str(hub.folder / "copy")).returncode == 0

    second = hub.command("run")
    assert second.returncode == Exit.IN_USE and "is in use by a running hub" in second.stderr
    refused = hub.command("restore", str(hub.folder / "copy"))
    assert refused.returncode == Exit.IN_USE

    hub.config.write_text(hub.config.read_text() + "[desk]\nreopen_dayz = 1\n")
    hub.send(signal.SIGHUP)
    wait_until(lambda: "the old one stays" in hub.text(), "the wrong configuration was not told")
    assert "did you mean" in hub.text()
    right = hub.config.read_text().replace("reopen_dayz", "reopen_days")
    hub.config.write_text(right.replace(f"port = {hub.private}", f"port = {free_port()}"))
    hub.send(signal.SIGHUP)
    wait_until(lambda: "reloaded" in hub.text(), "the right configuration was not taken over")
    wait_until(lambda: "['private.port']" in hub.text(), "that a setting waits for a restart was not told")

    begun = time.monotonic()
    hub.send(signal.SIGTERM)
    assert hub.wait(10) == 0
    assert time.monotonic() - begun < 10
    assert "Ewa" in hub.command("user", "list").stdout


@pytest.mark.slow
def test_a_killed_hub_leaves_nothing_in_the_way(hub: Hub) -> None:
    hub.start()
    hub.send(signal.SIGKILL)
    hub.wait(10)
    assert hub.command("user", "list").returncode == 0
    hub.start()
    hub.send(signal.SIGINT)
    assert hub.wait(10) == 0


@pytest.mark.slow
def test_why_it_cannot_start_is_a_sentence(hub: Hub) -> None:
    with socket.create_server(("127.0.0.1", hub.private)):
        taken = hub.command("run")
    assert taken.returncode == Exit.UNREACHABLE
    where = f"The hub cannot listen on 127.0.0.1 port {hub.private} ([private])"
    assert where in taken.stderr and "stop it, or change port" in taken.stderr
    assert "Traceback" not in taken.stderr
    (hub.folder / "rules.yaml").write_text("rules: 3\n")
    wrong = hub.command("run")
    assert wrong.returncode == Exit.CONFIGURATION and "rules.yaml:1" in wrong.stderr
    assert "Traceback" not in wrong.stderr
    (hub.folder / "data").rename(hub.folder / "away")
    (hub.folder / "data").write_text("not a folder")
    blocked = hub.command("run")
    assert blocked.returncode == Exit.UNREACHABLE and "A folder is needed there" in blocked.stderr
    assert "Traceback" not in blocked.stderr


@pytest.mark.slow
def test_a_hub_that_waits_for_its_database_can_be_stopped(hub: Hub) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"postgresql://centrala@127.0.0.1:{silent.getsockname()[1]}/centrala"
        text = hub.config.read_text()
        hub.config.write_text(text.replace(f"sqlite:{hub.folder}/data/centrala.db", url))
        hub.launch()
        silent.settimeout(30)
        connection, _ = silent.accept()
        with connection:
            begun = time.monotonic()
            hub.send(signal.SIGTERM)
            assert hub.wait(10) == 0
            assert time.monotonic() - begun < 5
    assert "stopped before it was ready" in hub.text()


@pytest.mark.slow
@pytest.mark.servers
async def test_a_database_that_has_gone_silent_holds_up_no_stop(hub: Hub, postgres: Postgres) -> None:
    url = postgres.fresh_database()
    async with fault_proxy(postgres.port) as line:
        text = hub.config.read_text()
        through = url.replace(f":{postgres.port}/", f":{line.port}/")
        hub.config.write_text(text.replace(f"sqlite:{hub.folder}/data/centrala.db", through))
        await asyncio.to_thread(hub.start)
        line.black_hole()
        hub.send(signal.SIGTERM)
        assert await asyncio.to_thread(hub.wait, 13) == 0
        line.heal()
    assert "stopped before everything had ended" in hub.text()
