"""The day the exchange broke: 143,000 contacts in an hour, one minute of it 2,000 a second, half the agents gone.

Run: ``python -m bench.overload_bench [SECONDS]`` (60: the whole minute). The hub is a process of its own with 1,000
rules; this one sends signed webhooks as a provider does: each call is due at its moment, whatever the hub does, and one
that is refused is told again. The other 59 minutes have 23,000 contacts, fewer than seven a second; here they come at
500 a second, so that acknowledging is measured at that rate. Meanwhile 15 agents, in a process of their own, ask for
lists and conversations. The verdict goes by the sender's ledger: what was acknowledged must be there, once.

Floors: 250 ms at p99 for acknowledging at 500 a second; 200 ms at p95 for the console's pages, during the minute too;
for the memory, what the hub held before.
"""

from __future__ import annotations

import asyncio
import json
import random
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import aiohttp

from bench.burst_bench import BURST, CALM, INBOX, burst, check
from bench.console_bench import LISTS, log_in, make_agent
from bench.daemon import COMMAND, configure, running
from bench.report import line, percentile
from tests.servers.process import free_port

MINUTE = 60.0
REST = 23_000
"""Contacts of the other 59 minutes."""

AGENTS = 15
"""Half of thirty."""

LOOKS_EVERY = 3.0
"""Seconds between two pages of one agent."""

SETTLED = 5.0
"""Seconds after the last acknowledgement until the memory is read."""

_LINK = re.compile(r'href="(/conversations/\d+)')


def memory_of(process: int) -> float:
    """Megabytes that a process holds in memory (proc(5), VmRSS)."""
    status = Path(f"/proc/{process}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) / 1024


async def agent(session: aiohttp.ClientSession, address: str, draw: random.Random, took: list[float]) -> None:
    """One agent until cancelled: a list, then one of its conversations. Appends milliseconds of each page."""
    pages: list[str] = []
    while True:
        await asyncio.sleep(LOOKS_EVERY * draw.uniform(0.5, 1.5))
        path = pages.pop() if pages else draw.choice(LISTS)
        began = time.perf_counter()
        async with session.get(address + path) as page:
            text = await page.text()
            took.append(1000 * (time.perf_counter() - began) if page.status == 200 else float("inf"))
        if path in LISTS and (links := _LINK.findall(text)):
            pages = [draw.choice(links)]


async def look(address: str, until: asyncio.StreamReader) -> list[float]:
    """All agents at work until the other process says so; milliseconds of each page."""
    took: list[float] = []
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as session:
        await log_in(session, address)
        tasks = [asyncio.create_task(agent(session, address, random.Random(n), took)) for n in range(AGENTS)]
        await until.read()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    return took


async def desk(address: str) -> None:
    """The process of the agents: works until its standard input ends, then prints what it measured."""
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    print(json.dumps(await look(address, reader)))


@contextmanager
def agents(address: str) -> Iterator[list[float]]:
    """Agents at work in a process of their own; the list is filled at the end."""
    took: list[float] = []
    command = [sys.executable, "-m", "bench.overload_bench", "desk", address]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        yield took
        told, _ = process.communicate()
        took += json.loads(told)


def told(name: str, pages: Sequence[float]) -> str:
    """The console's pages of one part of the day."""
    return line(f"page of the console p95, {name}", percentile(pages, 0.95), "ms", 200.0, inverse=True)


def main(seconds: float = MINUTE) -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as name:
        folder, port, private = Path(name), free_port(), free_port()
        file = configure(folder, public=port, private=private)
        file.write_text(file.read_text() + INBOX)
        make_agent(file)
        address = f"http://127.0.0.1:{private}"
        with running([*COMMAND, "run", "-c", str(file)], port) as process:
            burst(port, CALM, 20.0, "warm")
            before = memory_of(process)
            with agents(address) as busy:
                high, took = burst(port, BURST, seconds, "high")
            time.sleep(SETTLED)
            after = memory_of(process)
            with agents(address) as usual:
                calm, _ = burst(port, CALM, REST / CALM * seconds / MINUTE, "calm")
            counts = {"warm": 20 * CALM, "high": len(high.acknowledged), "calm": len(calm.acknowledged)}
            check(folder / "data" / "centrala.db", counts)
    total = len(high.acknowledged) + len(calm.acknowledged)
    print(f"the day the exchange broke: {total:,} contacts, none lost, none twice; {high.refused:,} were told again, "
          f"the last one waited {max(high.waits):.1f} s")  # fmt: skip
    print(told("during the minute", busy))
    print(told("at 500 contacts a second", usual))
    print(line("memory after the minute", after, "MB", before))
    print(line("contacts taken in the minute", len(high.acknowledged) / took, "/s", float(BURST)))
    late = 1000 * percentile(calm.waits, 0.99)
    print(line("acknowledgement p99 at 500 contacts a second", late, "ms", 250.0, inverse=True))


if __name__ == "__main__":
    if sys.argv[1:2] == ["desk"]:
        asyncio.run(desk(sys.argv[2]))
    else:
        main(*map(float, sys.argv[1:]))
