"""What holds up the event loop: a heartbeat within a hub under load, and where the loop was when it came late.

Run: ``python -m bench.lag_bench [SECONDS]``. A hub in this process takes signed events and large bodies, shows lists
and searches to an agent, and reloads its rules, all asked for by another process. The heartbeat tells how much
processor time the loop spent between two beats, which other programs on the machine do not change (wanted: at most 10
ms), and the time that passed, which they do.
"""

from __future__ import annotations

import asyncio
import random
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path
from types import FrameType

import aiohttp
import uvloop

from bench.console_bench import LISTS, log_in, make_agent, timed
from bench.daemon import configure
from bench.http_bench import late_answers, requests
from bench.office import WORDS, fill
from bench.report import line, percentile
from hub import logs
from hub.app import Hub
from hub.cli_config import read_config
from hub.cli_run import settle
from hub.clock import SystemClock
from hub.randomness import BufferedRandom
from tests.servers.process import free_port

RATE = 400
"""Events a second."""

LATE = 0.010
OURS = ("/hub/", "/connectors/", "/rules/")


class Heart:
    """Beats every millisecond; a thread beside it looks where the loop is when a beat is late."""

    def __init__(self) -> None:
        self.held: list[float] = []
        self.passed: list[float] = []
        self.places: Counter[str] = Counter()
        self._beat = time.perf_counter()
        self._over = threading.Event()
        self._loop = threading.get_ident()

    async def beat(self) -> None:
        """Until cancelled."""
        threading.Thread(target=self._watch, daemon=True).start()
        try:
            while True:
                cpu, self._beat = time.thread_time(), time.perf_counter()
                await asyncio.sleep(0.001)
                self.held.append(time.thread_time() - cpu)
                self.passed.append(time.perf_counter() - self._beat)
        finally:
            self._over.set()

    def _watch(self) -> None:
        told = 0.0
        while not self._over.wait(0.002):
            if self._beat != told and time.perf_counter() - self._beat > LATE:
                told = self._beat
                self.places[_place(sys._current_frames().get(self._loop))] += 1


def _place(frame: FrameType | None) -> str:
    """The innermost function of ours in a stack."""
    while frame is not None:
        file = frame.f_code.co_filename
        if any(part in file for part in OURS) and "/site-packages/" not in file:
            return f"{Path(file).parent.name}/{Path(file).name} {frame.f_code.co_name}"
        frame = frame.f_back
    return "outside of our code"


async def _hub(file: Path, seconds: int, public: int, private: int) -> Heart:
    hub = Hub(lambda: read_config(file), SystemClock(), BufferedRandom(), logs.logger)
    await hub.start()
    settle()
    command = (sys.executable, "-m", "bench.lag_bench", "--drive", *map(str, (seconds, public, private)))
    await _driven((*command[:-3], "2", *command[-2:]))  # what is only slow once: templates, the dictionary
    heart = Heart()
    beating = asyncio.create_task(heart.beat())
    await _driven(command)
    await hub.reload()
    beating.cancel()
    await asyncio.gather(beating, return_exceptions=True)
    await hub.stop()
    return heart


async def _driven(command: tuple[str, ...]) -> None:
    process = await asyncio.create_subprocess_exec(*command)
    if await process.wait():
        raise SystemExit("the other process failed")


async def _drive(seconds: int, public: int, private: int) -> None:
    """The other process: events, now and then one of 900 kB, and an agent who reads."""
    prefix = str(time.time_ns())
    wire = requests(RATE * seconds, public, prefix)
    large = requests(seconds, public, f"large-{prefix}", words=100_000)
    await asyncio.gather(
        late_answers(public, wire, RATE), late_answers(public, large, 1.0), _read(private, seconds)
    )


async def _read(private: int, seconds: int) -> None:
    address, draw = f"http://127.0.0.1:{private}", random.Random(4)
    until = time.monotonic() + seconds
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as session:
        await log_in(session, address)
        while time.monotonic() < until:
            await timed(session, [address + path for path in LISTS])
            await timed(session, [f"{address}/search?q={draw.choice(WORDS)}"])


def main(seconds: int = 15) -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as name:
        folder, public, private = Path(name), free_port(), free_port()
        file = configure(folder, public=public, private=private)
        fill(folder / "data" / "centrala.db", 20_000, search=True)
        make_agent(file)
        heart = uvloop.run(_hub(file, seconds, public, private))
    for place, count in heart.places.most_common(12):
        print(f"late {count} times in {place}")
    passed = 1000 * percentile(heart.passed, 0.99)
    print(f"between two beats p99 {passed:.1f} ms, at most {1000 * max(heart.passed):.1f} ms by the clock")
    print(line("event loop held, p99", 1000 * percentile(heart.held, 0.99), "ms", 10, inverse=True))
    print(line("event loop held, at most", 1000 * max(heart.held), "ms", 10, inverse=True))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--drive"]:
        uvloop.run(_drive(*map(int, sys.argv[2:])))
    else:
        main(*map(int, sys.argv[1:]))
