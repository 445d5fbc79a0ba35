"""A whole hub at work with its disk recorded: what it did to its files, what it acknowledged, what it sent, and when.

The hub runs as its operators run it, from the first start in an empty folder to its end in good order. Senders keep
ledgers of their own; mails and forms are answered by an automatic acknowledgement, so that the outbox works, too.
"""

from __future__ import annotations

import asyncio
import os
import random
import re
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp

from hub.backup import SECRET
from tests.chaos.power import trace
from tests.chaos.power.disk import Disk
from tests.chaos.power.office import ADDRESS, ROOT, Attempt, NotYet, Office
from tests.servers.process import Process, folder, missing, need, wait_until


@dataclass(kw_only=True)
class Recording:
    """What happened, and the clock of it: seconds since 1970, by marker, as senders and the mail server saw it."""

    root: str
    data: str
    steps: list[trace.Step]
    acknowledged: dict[str, float]
    sent: dict[str, float]
    secret: bytes
    """What the hub signs with, made at its first start."""


@dataclass(kw_only=True)
class Seen:
    """The ledgers of a run."""

    acknowledged: dict[str, float] = field(default_factory=dict)
    sent: dict[str, float] = field(default_factory=dict)
    mails: int = 0

    def look(self, office: Office) -> None:
        """Note what the mail server has received. What is seen now was there before, so no time is too early."""
        now, mails = time.time(), office.sink.mails
        for mail in mails[self.mails :]:
            for found in filter(None, map(ADDRESS.match, mail.recipients)):
                self.sent.setdefault(found[1], now)
        self.mails = len(mails)


def need_tracer() -> None:
    """Skip, or fail on CI, where system calls cannot be recorded."""
    tracer = need("strace", "strace")
    if subprocess.run([tracer, "-q", "-o", os.devnull, "true"], check=False).returncode != 0:
        missing("strace may not trace here: the machine, or its container, forbids ptrace")


def record(seconds: float, source: Path = ROOT) -> Recording:
    """Run a hub under load for so long, end it in good order, and read what was recorded.

    ``source`` is the tree that it runs from; a faulty copy proves the harness.
    """
    need_tracer()
    with folder("power") as path:
        office, file = Office(path, source), path / "strace.txt"
        office.sink.start()
        hub = Process("centrala", [*trace.command(file), *office.command], path / "hub.log")
        try:
            hub.start(office.public, office.private, office.lmtp)
            last = re.compile(rf"(?m)^{hub.pid} .*\+\+\+ (exited|killed)")
            seen = asyncio.run(load(office, seconds))
        finally:
            hub.stop()
            office.sink.stop()
        wait_until(lambda: bool(last.search(_end_of(file))), "the record did not end")
        return Recording(
            root=str(path),
            data=str(path / "data"),
            steps=list(trace.read(file, path)),
            acknowledged=seen.acknowledged,
            sent=seen.sent,
            secret=(path / "data" / SECRET).read_bytes(),
        )


def runs_on(recording: Recording, after: int, seed: int = 1) -> bool:
    """Whether a hub starts on what is left by a cut after so many steps, and takes mail again."""
    disk = Disk(recording.root)
    for step in recording.steps[:after]:
        disk.step(step)
    with folder("power") as path:
        office = Office(path)
        for name, content in disk.after_cut(random.Random(seed), "torn").items():
            place = path / Path(name).relative_to(recording.root)
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(content)
        hub = Process("centrala", office.command, path / "hub.log")
        office.sink.start()
        try:
            hub.start(office.public, office.private, office.lmtp)
            again = asyncio.run(load(office, 0.5))
        finally:
            hub.stop()
            office.sink.stop()
        return bool(again.acknowledged)


def _end_of(file: Path) -> str:
    with file.open("rb") as content:
        content.seek(max(0, file.stat().st_size - 2000))
        return content.read().decode(errors="replace")


async def load(office: Office, seconds: float) -> Seen:
    """Send in all ways for so long."""
    seen, end = Seen(), time.monotonic() + seconds

    def goes_on() -> bool:
        return time.monotonic() < end

    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10)) as session:
        loops = [tell(seen, name, way, goes_on) for name, way in office.ways(session).items()]
        await asyncio.gather(*loops, follow(seen, office, goes_on))
    return seen


async def tell(seen: Seen, name: str, attempt: Attempt, goes_on: Callable[[], bool]) -> None:
    """One item after the other, each until it is acknowledged."""
    number = 0
    while goes_on():
        number += 1
        marker = f"{name}{number:05d}x"
        while goes_on():
            try:
                async with asyncio.timeout(10):
                    await attempt(marker)
            except (NotYet, OSError, EOFError, aiohttp.ClientError, TimeoutError):
                await asyncio.sleep(0.05)
            else:
                seen.acknowledged[marker] = time.time()
                break


async def follow(seen: Seen, office: Office, goes_on: Callable[[], bool]) -> None:
    """Look at the mail server's ledger all the time."""
    while goes_on():
        seen.look(office)
        await asyncio.sleep(0.002)
    seen.look(office)
