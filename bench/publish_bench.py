"""Publishing 10,000 rules while messages come in: how long it takes, what it holds, and whether intake notices.

Run: ``python -m bench.publish_bench [RULES] [RATE]`` (10,000 and 40 messages a second). One process, as in the daemon:
messages come at set moments, whatever the hub does; each is timed until it is acknowledged, on the disk. In turns
nothing happens, and a rule set is compiled as publication does it (:func:`hub.rulefile.compile_source` in a thread) and
taken into force; first with words whose forms nobody has looked up yet, then with known ones. The words are Polish,
those of the product's own texts; the rules are those of :mod:`bench.rules_mix`.

Floors: 5 seconds for publishing, twice the quiet p99 for acknowledging, 100 MB for what is held.
"""

from __future__ import annotations

import asyncio
import random
import re
import sys
import tempfile
import time
import tracemalloc
from pathlib import Path

import msgspec
import uvloop

from bench.office import CONFIG, a_house, bodies
from bench.report import line, percentile
from bench.rules_mix import rule, source
from connectors.contract import Message, Raw
from hub.cli_run import settle
from hub.clock import SystemClock
from hub.config import Config
from hub.house import House
from hub.intake.sink import InboxSink, Intake
from hub.logs import logger
from hub.rulefile import compile_source
from hub.store.sqlite import SqliteStore
from rules import Compiled

ROUNDS = 3
QUIET = 6.0
"""Seconds of a turn in which nothing happens."""

_decode = msgspec.json.Decoder(Message).decode


def polish_words() -> list[str]:
    """The words of the catalogue and the default rules, in an order of their own."""
    root = Path(__file__).parent.parent
    files = [root / "hub/locale/pl/LC_MESSAGES/centrala.po", root / "config/rules.yaml"]
    text = " ".join(file.read_text(encoding="utf-8") for file in files)
    words = sorted(set(re.findall("[a-ząćęłńóśźż]{4,}", text)))
    random.Random(3).shuffle(words)
    return words


def text_of(rules: int, seed: int) -> str:
    """A rule file."""
    rng, words = random.Random(seed), polish_words()
    return source([rule(rng, words, number) for number in range(rules)])


class Turn:
    """Messages at set moments, each timed until its acknowledgement."""

    def __init__(self, sink: InboxSink, messages: list[bytes], rate: float) -> None:
        self._sink, self._left, self._gap = sink, messages, 1 / rate
        self.waits: list[float] = []

    async def _one(self, body: bytes, due: float) -> None:
        await self._sink.accept(Raw(content=body), [_decode(body)])
        self.waits.append(asyncio.get_running_loop().time() - due)

    async def run(self, until: asyncio.Task[object]) -> None:
        """Send until the task has ended, and wait for the last answers."""
        clock, sent = asyncio.get_running_loop().time, []
        due = clock() + self._gap
        while not until.done():
            await asyncio.sleep(max(0.0, due - clock()))
            sent.append(asyncio.create_task(self._one(self._left.pop(), due)))
            due += self._gap
        await asyncio.gather(*sent)


class Publishing:
    """What one run measures, in seconds."""

    def __init__(self, rules: int, folder: Path) -> None:
        self.config: Config = msgspec.structs.replace(
            CONFIG, hub=msgspec.structs.replace(CONFIG.hub, data_dir=str(folder))
        )
        self.house: House = a_house(100)
        self._texts = [text_of(rules, seed) for seed in range(ROUNDS + 1)]
        self.took: list[float] = []

    async def publish(self, seed: int) -> None:
        await asyncio.sleep(0.5)
        began, text = time.perf_counter(), self._texts[seed]
        compiled = await asyncio.to_thread(compile_source, self.config, text, "rules", names=False)
        self.house = msgspec.structs.replace(self.house, rules=compiled)
        self.took.append(time.perf_counter() - began)


async def measure(rules: int, rate: float, folder: Path) -> tuple[Publishing, list[float], list[float]]:
    """Publishing, and the p99 of acknowledgements in quiet and in busy turns."""
    store = SqliteStore(folder / "run.db", SystemClock())
    await store.open()
    job = Publishing(rules, folder)
    intake = Intake(store, lambda: job.house, time.monotonic, logger("bench"), lambda key, what: None)
    sink, messages = intake.sink("kontakt"), bodies(40_000)
    settle()
    quiet, busy = [], []
    for seed in range(ROUNDS + 1):
        calm = Turn(sink, messages, rate)
        await calm.run(asyncio.create_task(asyncio.sleep(QUIET)))
        turn = Turn(sink, messages, rate)
        await turn.run(asyncio.create_task(job.publish(seed)))
        calmly, meanwhile = (percentile(each.waits, 0.99) * 1e3 for each in (calm, turn))
        print(
            f"round {seed}: published in {job.took[-1]:.2f} s; p99 {calmly:.1f} ms, meanwhile {meanwhile:.1f} ms"
        )
        quiet += calm.waits
        busy += turn.waits
    await store.close()
    return job, quiet, busy


def held(config: Config, rules: int) -> float:
    """Megabytes of a compiled set with its rules as data."""
    text = text_of(rules, 99)
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    compiled: Compiled = compile_source(config, text, "rules", names=False)
    size = (tracemalloc.get_traced_memory()[0] - before) / 1e6
    tracemalloc.stop()
    assert len(compiled.rules) == rules
    return size


def main(rules: int = 10_000, rate: float = 40.0) -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as name:
        job, quiet, busy = uvloop.run(measure(rules, rate, Path(name)))
        size = held(job.config, rules)
    calm, meanwhile = (percentile(waits, 0.99) * 1e3 for waits in (quiet, busy))
    print(line(f"memory of {rules} compiled rules", size, "MB", 100.0, inverse=True))
    print(line(f"publishing {rules} rules with new words", job.took[0], "s", 5.0, inverse=True))
    print(line(f"publishing {rules} rules", min(job.took[1:]), "s", 5.0, inverse=True))
    print(line("p99 of acknowledging while rules are published", meanwhile, "ms", calm))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
