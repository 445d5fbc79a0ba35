"""The console with a million conversations: how long the server takes for a list and for a search.

Run: ``python -m bench.console_bench [CONVERSATIONS]``. A hub in a process of its own over a filled store; an agent asks
over HTTP for lists and searches one after the other. The floor is the page of the password, which asks the store
little.
"""

from __future__ import annotations

import asyncio
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

from bench.daemon import COMMAND, configure, running
from bench.office import WORDS, fill
from bench.report import line, percentile
from tests.servers.process import free_port

ROUNDS = 40
LOGIN, PASSWORD = "ola", "zielony tramwaj o świcie"

LISTS = (
    "/inbox?view=unassigned",
    "/inbox?view=all",
    "/inbox?view=overdue",
    "/inbox?view=resolved",
    "/inbox?view=queue&queue=q3",
)


def make_agent(file: Path) -> None:
    """An account that agents of the benchmarks use. Raises CalledProcessError."""
    who = ["--login", LOGIN, "--name", "Ola", "--role", "agent", "--office", "krajowa", "--password-stdin"]
    command = [*COMMAND, "user", "add", "-c", str(file), *who]
    subprocess.run(command, input=PASSWORD, text=True, check=True)


@contextmanager
def hub(rows: int) -> Iterator[str]:
    """A hub over a filled store; its console's address."""
    with tempfile.TemporaryDirectory() as name:
        folder, private = Path(name), free_port()
        file = configure(folder, public=free_port(), private=private, rules=10)
        fill(folder / "data" / "centrala.db", rows, search=True)
        make_agent(file)
        with running([*COMMAND, "run", "-c", str(file)], private):
            yield f"http://127.0.0.1:{private}"


async def log_in(session: aiohttp.ClientSession, address: str, login: str = LOGIN) -> None:
    """Raises SystemExit when it is refused."""
    async with session.get(f"{address}/login") as page:
        found = re.search(r'name="pre" value="([^"]*)"', await page.text())
    data = {"login": login, "password": PASSWORD, "pre": found[1] if found else "", "next": "/"}
    async with session.post(f"{address}/login", data=data, headers={"Sec-Fetch-Site": "same-origin"}) as page:
        if "/login" in str(page.url):
            raise SystemExit("the log-in was refused")


async def timed(session: aiohttp.ClientSession, addresses: Sequence[str]) -> list[float]:
    """Milliseconds of each request."""
    took = []
    for address in addresses:
        began = time.perf_counter()
        async with session.get(address) as page:
            await page.read()
            if page.status != 200:
                raise SystemExit(f"{address}: {page.status}")
        took.append(1000 * (time.perf_counter() - began))
    return took


async def measure(address: str) -> tuple[list[float], list[float], list[float]]:
    """Lists, searches and the floor, in turn."""
    draw = random.Random(3)
    lists: list[float] = []
    searches: list[float] = []
    floor: list[float] = []
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as session:
        await log_in(session, address)
        for number in range(ROUNDS):
            pages = await timed(session, [address + path for path in LISTS])
            asked = [
                f"{address}/search?q={draw.choice(WORDS)}",
                f"{address}/search?q={draw.choice(WORDS)} {draw.choice(WORDS)}",
                f"{address}/search?q=old{draw.randrange(1000) * 3}@example.pl",
            ]
            found = await timed(session, asked)
            bare = await timed(session, [f"{address}/settings/password"])
            if number:  # the first round warms caches and loads the dictionary
                lists, searches, floor = lists + pages, searches + found, floor + bare
    return lists, searches, floor


def main(rows: int = 1_000_000) -> None:
    """Measure and print."""
    with hub(rows) as address:
        lists, searches, floor = asyncio.run(measure(address))
    for name, values in (("lists", lists), ("searches", searches)):
        print(f"{name}: median {percentile(values, 0.5):.1f} ms, p95 {percentile(values, 0.95):.1f} ms")
    base = percentile(floor, 0.95)
    print(line("search p95", percentile(searches, 0.95), "ms", base, inverse=True))
    print(line("conversation list p95", percentile(lists, 0.95), "ms", base, inverse=True))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
