"""A hub in a process of its own, for benchmarks that ask it over the network."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from bench.office import rule_text

SECRET = "the secret of the benchmarks"  # noqa: S105 - signs nothing but this run

COMMAND = (sys.executable, "-m", "hub.cli")

_CONFIG = """
[hub]
data_dir = "{folder}/data"
rules_file = "rules.yaml"
log_level = "warning"
[store]
url = "sqlite:{folder}/data/centrala.db"
[public]
port = {public}
trusted_proxies = ["127.0.0.1"]
[private]
port = {private}
[limits]
public_per_address = "100000000/minute"
[[offices]]
id = "krajowa"
name = "Infolinia"
{queues}
[[inboxes]]
id = "system"
kind = "webhook"
name = "System"
office = "krajowa"
queue = "q0"
[inboxes.settings]
secret = "{secret}"
per_address = "100000000/minute"
"""

_QUEUE = '[[queues]]\nid = "q{n}"\nname_pl = "K{n}"\nname_en = "Q{n}"\noffice = "krajowa"\n'

_START_SECONDS = 120.0


def configure(folder: Path, *, public: int, private: int, rules: int = 1000) -> Path:
    """Writes the configuration of a hub with a signed webhook ``system`` and 20 queues; returns its file."""
    queues = "\n".join(_QUEUE.format(n=n) for n in range(20))
    (folder / "data").mkdir()
    (folder / "rules.yaml").write_text(rule_text(rules))
    file = folder / "centrala.toml"
    file.write_text(
        _CONFIG.format(folder=folder, public=public, private=private, secret=SECRET, queues=queues)
    )
    return file


def _is_ready(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5) as answer:
            return int(answer.status) == 200
    except OSError:
        return False


@contextmanager
def running(command: Sequence[str], port: int) -> Iterator[int]:
    """A server in a process of its own, once its ``/readyz`` says so; yields the id of the process."""
    process = subprocess.Popen(command, env={**os.environ, "PYTHONPATH": os.getcwd()})
    try:
        give_up = time.monotonic() + _START_SECONDS
        while not _is_ready(port):
            if process.poll() is not None or time.monotonic() > give_up:
                raise SystemExit("the server did not start")
            time.sleep(0.05)
        yield process.pid
    finally:
        process.terminate()
        process.wait(15)
