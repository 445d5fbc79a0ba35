"""How long a replay takes: 100,000 messages of 800 characters, the rules that come with the hub and 1,000 more.

Run: ``python -m bench.replay_bench [MESSAGES]``. The messages go through intake into an embedded store, so that their
facts, snapshots and texts are those of a real one; then a draft in which every tenth of the 1,000 rules says something
else is replayed over all of them, as the console would have it done: two child processes, progress and moved messages
written to the store by a hub that stands idle beside them. The floor is the 30 seconds of the requirement. Beside it,
with a floor of 10 ms: the longest time for which the hub's event loop was held meanwhile, and by the preview of a rule;
and the time of a preview once its process is warm, with a floor of a second. A shadow that is far behind catches up in
the hub itself; its floor is the rate at which a busy hub takes messages.
"""

from __future__ import annotations

import asyncio
import random
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import msgspec
import uvloop

from bench.report import line
from connectors.contract import InboxId, Message, Party, Raw
from hub.cli_config import read_config
from hub.clock import SystemClock
from hub.config import Config
from hub.config import Store as StoreSettings
from hub.directory import directory
from hub.house import House
from hub.i18n import translate
from hub.intake.sink import Intake
from hub.logs import logger
from hub.replay import runs
from hub.replay.preview import Previewer
from hub.replay.protocol import Preview
from hub.replay.replaying import run_replays
from hub.replay.shadow import run_shadows
from hub.rulefile import compile_source
from hub.scope import SYSTEM
from hub.store import schema
from hub.store.sqlite import SqliteStore
from hub.store.tx import Tx
from hub.tokens import SignedTokens
from hub.wake import Wake
from rules.files.load import version_of

CONFIG = Path("config/centrala.toml")
SYLLABLES = (
    "za",
    "sił",
    "pra",
    "co",
    "daw",
    "mel",
    "dun",
    "bez",
    "ro",
    "bot",
    "świa",
    "dec",
    "wnio",
    "ter",
    "min",
)
CHARACTERS = 800
BATCH = 250

SECONDS = 30.0
"""The requirement, for 100,000 messages."""

SHADOWED = 5_000
"""Decisions that a shadow makes up leeway of."""

LIVE = 100.0
"""Messages a second that a busy hub takes; a shadow must be faster to catch up."""

HOLD = 10.0
"""Milliseconds for which nothing beside intake may hold the loop."""


def vocabulary(draw: random.Random, size: int) -> list[str]:
    """Distinct invented words."""
    words: dict[str, None] = {}
    while len(words) < size:
        words["".join(draw.choices(SYLLABLES, k=draw.randint(2, 5)))] = None
    return list(words)


def rule_lines(
    draw: random.Random, words: list[str], queues: list[str], number: int, other: bool
) -> list[str]:
    """One rule: words with or without a channel, a phrase, a domain, an expression. ``other``: as the draft has it."""
    some = draw.sample(words, 3)
    kind, queue = draw.random(), draw.choice(queues)
    if kind < 0.5:
        when = f"{{all: [{{channel: [email, form]}}, {{words: [{some[0]}, {some[1]}]}}]}}"
    elif kind < 0.7:
        when = f"{{phrase: {{any: {some[0]} {some[1]}, gap: 3}}}}"
    elif kind < 0.9:
        when = f"{{domain: firma{number}.example.pl}}"
    else:
        when = f"{{regex: '{some[0]}[a-z]*\\s+\\d+'}}"
    target = queues[(queues.index(queue) + 1) % len(queues)] if other and number % 10 == 0 else queue
    return [
        f"  - id: b{number}",
        f"    name: Reguła {number}",
        f"    when: {when}",
        f"    do: {{queue: {target}, tags: [t{number % 50}]}}",
        f"    then: {'stop' if number % 4 else 'continue'}",
    ]


def rule_text(config: Config, words: list[str], *, other: bool) -> str:
    """The hub's own rules, then a thousand more; the default stays the last."""
    text = Path(config.hub.rules_file).read_text(encoding="utf-8")
    draw = random.Random(3)
    queues = [
        queue.id for queue in config.queues if queue.office == config.queues[0].office and not queue.spam
    ]
    made = [line for n in range(1000) for line in rule_lines(draw, words, queues, n, other)]
    head, found, tail = text.partition("\ndefault:")
    before, section, rest = head.partition("\ntests:")
    return "\n".join([before, *made]) + (section + rest) + found + tail


def a_message(
    draw: random.Random, words: list[str], weights: list[float], number: int, inbox: str
) -> Message:
    """A mail of 800 characters; a tenth answer an earlier one."""
    text = f"{number} ".join((" ".join(draw.choices(words, weights, k=150)), ""))[:CHARACTERS]
    keys = (f"mid:{draw.randrange(number)}",) if number and draw.random() < 0.1 else ()
    return msgspec.convert(
        {
            "inbox": InboxId(inbox),
            "external_id": f"event-{number}",
            "sender": Party(
                kind="email", address=f"u{draw.randrange(30_000)}@firma{draw.randrange(30_000)}.example.pl"
            ),
            "subject": " ".join(draw.choices(words, weights, k=4)),
            "text": text,
            "full_text": text,
            "thread_keys": keys,
            "adds_keys": (f"mid:{number}",),
        },
        Message,
    )


class Bench:
    """A hub without listeners over a store of its own."""

    def __init__(self, folder: Path) -> None:
        url = f"sqlite:{folder / 'centrala.db'}"
        config = read_config(CONFIG)
        hub = msgspec.structs.replace(config.hub, data_dir=str(folder))
        self.config = msgspec.structs.replace(config, store=StoreSettings(url=url), hub=hub)
        self.words = vocabulary(random.Random(2), 6_000)
        self.store = SqliteStore(folder / "centrala.db", SystemClock())
        self.before = rule_text(self.config, self.words, other=False)
        self.after = rule_text(self.config, self.words, other=True)

    async def fill(self, count: int) -> None:
        """Publish the rules and let messages come in."""
        await self.store.open()
        version = await self.store.write(lambda tx: _publish(tx, self.before))
        house = self._house(version)
        intake = Intake(self.store, lambda: house, time.monotonic, logger("bench"), lambda key, what: None)
        await intake.refresh_load()
        draw, weights = random.Random(5), [1 / (rank + 3) for rank in range(len(self.words))]
        inbox = next(inbox.id for inbox in self.config.inboxes if inbox.kind == "email")
        for start in range(0, count, BATCH):
            numbers = range(start, min(count, start + BATCH))
            some = [a_message(draw, self.words, weights, n, inbox) for n in numbers]
            await intake.sink(inbox).accept(Raw(content=b"raw"), some)

    def _house(self, version: int) -> House:
        return House(
            directory=directory(self.config),
            capabilities={},
            channels={inbox.id: inbox.kind for inbox in self.config.inboxes},
            rules=compile_source(self.config, self.before, "rules"),
            rules_version=version,
            tokens=SignedTokens(b"the secret of the benchmarks, 32 bytes"),
            translate=translate,
            random=random.Random(1),
        )

    async def replay(self, count: int) -> tuple[float, float, runs.Run]:
        """Seconds, the longest hold of the loop in milliseconds, and what came of it."""
        wake, hold, house = Wake(), Hold(), self._house(1)
        wanted = runs.Wanted(messages=count)
        number = await self.store.write(lambda tx: runs.start(tx, SYSTEM, wanted, source=self.after))
        watch = asyncio.create_task(hold.watch())
        began = time.perf_counter()
        loop = asyncio.create_task(
            run_replays(self.store, SystemClock(), lambda: house, wake, logger("bench"))
        )
        found = await self._ended(number)
        seconds = time.perf_counter() - began
        loop.cancel()
        watch.cancel()
        return seconds, hold.longest, found

    async def _ended(self, number: int) -> runs.Run:
        tick = asyncio.Event()
        while (found := await self.store.read(lambda tx: runs.run(tx, SYSTEM, number))).open:
            asyncio.get_running_loop().call_later(0.1, tick.set)
            await tick.wait()
            tick.clear()
        return found

    async def previews(self) -> tuple[float, float, float]:
        """Seconds of the first preview and the slowest of ten warm ones, and the longest hold of the loop (ms)."""
        previewer, hold = Previewer(SystemClock(), lambda: self.config), Hold()
        watch = asyncio.create_task(hold.watch())
        took = []
        for number in range(11):
            began = time.perf_counter()
            rule = f"- id: nowa\n  when: {{words: [{self.words[number]}]}}\n  do: {{tags: [x{number}]}}\n"
            while (
                not isinstance(answer := await previewer.preview(1, self.after, rule, after="b500"), Preview)
                or not answer.last
            ):
                continue
            took.append(time.perf_counter() - began)
        watch.cancel()
        await previewer.close()
        return took[0], max(took[1:]), hold.longest

    async def shadow(self, count: int) -> tuple[float, float]:
        """Decisions a second of a shadow that is as far behind as can be, and the longest hold of the loop (ms)."""
        wake, hold, house = Wake(), Hold(), self._house(1)
        number = await self.store.write(
            lambda tx: runs.start(tx, SYSTEM, runs.Wanted(), source=self.after, kind="shadow")
        )
        await self.store.write(lambda tx: tx.change(schema.rule_run, number, position=0))
        loop = asyncio.create_task(
            run_shadows(self.store, SystemClock(), lambda: house, wake, logger("bench"))
        )
        await self._done(number, 1)
        watch, began = asyncio.create_task(hold.watch()), time.perf_counter()
        before = (await self.store.read(lambda tx: runs.run(tx, SYSTEM, number))).done
        after = await self._done(number, count)
        seconds = time.perf_counter() - began
        await self.store.write(lambda tx: runs.stop(tx, SYSTEM, number))
        loop.cancel()
        watch.cancel()
        return (after - before) / seconds, hold.longest

    async def _done(self, number: int, count: int) -> int:
        tick = asyncio.Event()
        while (found := await self.store.read(lambda tx: runs.run(tx, SYSTEM, number))).done < count:
            asyncio.get_running_loop().call_later(0.05, tick.set)
            await tick.wait()
            tick.clear()
        return found.done


class Hold:
    """The longest time for which the loop did nothing else, in milliseconds."""

    longest = 0.0

    async def watch(self) -> None:
        """Until cancelled."""
        while True:
            before = time.perf_counter()
            await asyncio.sleep(0.001)
            self.longest = max(self.longest, (time.perf_counter() - before) * 1000 - 1)


def _publish(tx: Tx, text: str) -> int:
    row: dict[str, Any] = {"version": 1, "state": "published", "digest": version_of(text), "source": text}
    tx.execute(schema.ruleset.insert().values(**row, created_at=tx.now, published_at=tx.now))
    return 1


async def _measure(count: int) -> None:
    with tempfile.TemporaryDirectory() as name:
        bench = Bench(Path(name))
        began = time.perf_counter()
        await bench.fill(count)
        print(f"{count:,} messages taken in {time.perf_counter() - began:.0f} s")
        seconds, hold, found = await bench.replay(count)
        first, warm, held = await bench.previews()
        rate, shadowed = await bench.shadow(min(count, SHADOWED))
        await bench.store.close()
    if found.state != "done":
        raise SystemExit(f"the replay ended as {found.state}: {found.failure}")
    print(f"{found.moved:,} of {found.done:,} would move")
    print(f"the first preview took {first:.1f} s, its process being started")
    print(line("longest hold of the loop by a shadow", shadowed, "ms", HOLD, inverse=True))
    print(line("shadow that catches up", rate, "decisions/s", LIVE))
    print(line("preview of a rule", warm, "s", 1.0, inverse=True))
    print(line("longest hold of the loop during previews", held, "ms", HOLD, inverse=True))
    print(line("longest hold of the loop during a replay", hold, "ms", HOLD, inverse=True))
    print(line(f"replay of {count:,} messages", seconds, "s", SECONDS * count / 100_000, inverse=True))


def main(count: int = 100_000) -> None:
    """Measure and print."""
    uvloop.run(_measure(count))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
