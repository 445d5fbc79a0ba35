"""How long the demo takes to be ready, and how much memory it holds then.

Run: ``python -m bench.start_bench``. The week is made once, unmeasured but told; then the demo and its floor start in
turn, five times each. The floor is a Python process that imports aiohttp and SQLAlchemy and answers by aiohttp. Time is
counted from the start of the process to the first good answer to a request (``/readyz`` of the demo); the floor of the
memory is the floor's own. Memory is read some seconds after the start, when the demo is idle but for what comes in by
itself.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path

from bench.report import line, median
from tests.servers.process import free_port

ROUNDS = 5
REST = 4.0
"""Seconds before the memory is read."""

MAKING = 120.0
START = 60.0

FLOOR = """
import sys, aiohttp, sqlalchemy
from aiohttp import web
async def ready(request): return web.Response(text="ready")
app = web.Application(); app.router.add_get("/readyz", ready)
web.run_app(app, host="127.0.0.1", port=int(sys.argv[1]), print=None)
"""


def main() -> None:
    """Print the figures."""
    with tempfile.TemporaryDirectory() as folder:
        made = _made(Path(folder))
        times: list[float] = []
        floors: list[float] = []
        sizes: list[float] = []
        bare: list[float] = []
        for _ in range(ROUNDS):
            floors.append(_start([sys.executable, "-c", FLOOR], {}, bare))
            times.append(_start(_demo(), _environment(Path(folder)), sizes))
    print(f"first start: the week made and the demo ready after {made:.1f} s")
    print(line("start to ready", median(times), "s", median(floors), inverse=True))
    print(line("resident memory", median(sizes), "MB", median(bare), inverse=True))


def _demo() -> Sequence[str]:
    return [sys.executable, "-m", "hub.cli", "demo"]


def _environment(folder: Path) -> dict[str, str]:
    return {"CENTRALA_HUB_DATA_DIR": str(folder / "demo")}


def _made(folder: Path) -> float:
    """Seconds of the first start, week and all."""
    return _start(_demo(), _environment(folder), [])


def _start(command: Sequence[str], environment: dict[str, str], sizes: list[float]) -> float:
    """Seconds until a process answers; its memory in MB goes into ``sizes``."""
    port = free_port()
    own = {**os.environ, **environment, "CENTRALA_PUBLIC_PORT": str(port), "CENTRALA_PRIVATE_PORT": "0"}
    began = time.perf_counter()
    with _process([*command, *([] if environment else [str(port)])], own) as process:
        _await_ready(port, process)
        took = time.perf_counter() - began
        time.sleep(REST)
        sizes.append(_resident(process.pid))
    return took


@contextlib.contextmanager
def _process(command: Sequence[str], environment: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.terminate()
        process.wait(timeout=20)


def _await_ready(port: int, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + (MAKING + START)
    while time.monotonic() < end:
        if process.poll() is not None:
            raise RuntimeError(f"the process ended with {process.returncode} before it was ready")
        with contextlib.suppress(OSError, urllib.error.URLError):
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=2) as answer:
                if answer.status == 200:
                    return
        time.sleep(0.01)
    raise TimeoutError("nothing answered")


def _resident(pid: int) -> float:
    """Megabytes of memory that a process holds."""
    status = Path(f"/proc/{pid}/status").read_text()
    kilobytes = next(row for row in status.splitlines() if row.startswith("VmRSS:")).split()[1]
    return int(kilobytes) / 1000


if __name__ == "__main__":
    main()
