"""Intake on PostgreSQL: JSON → 1,000 rules → commit → acknowledgement, beside bare asyncpg COPY of the same rows.

Run: ``python -m bench.postgres_bench [MESSAGES] [FILLED]`` (20,000 messages into a store that holds a million). The
server is a real one on this machine with its defaults (each commit waits for its fsync). The floor is the run's own
rows copied into the empty product schema in batches of 100, each its own transaction. Hub and floor alternate, five
times each, the medians count.

Then the wait for an acknowledgement at half of that rate (floor: 50 ms), and two processes that take in messages into
one store at once: what share of a batch's time passes from asking for the head row of the stream until the commit has
let go of it (floor: 10 %), in one process alone, where nobody waits for it, and in two, where the wait for the other
one is part of it; and the rate of the two beside that of one, which says something only where there are four cores.
"""

from __future__ import annotations

import itertools
import json
import os
import random
import re
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from unittest import mock

import asyncpg
import msgspec
import uvloop
from sqlalchemy import Boolean, Integer, Table

from bench.ingest import Taken, flood, latency
from bench.office import a_house, bodies, fill
from bench.report import line, median
from hub.clock import SystemClock
from hub.house import House
from hub.store import schema
from hub.store.places import place_events
from hub.store.postgres import PostgresStore
from hub.store.tx import Tx
from tests.servers.postgres import Postgres

ROUNDS = 5
BATCH = 100
WAIT = 50.0
"""Milliseconds that a message may wait for its acknowledgement at half load, at p99."""

SERIAL = 0.10
"""Largest share of a batch's time for which others may have to wait."""

LISTED = ("id_block", "stream_head")
"""Tables of one row that is changed, not added."""

SEEDED = (*LISTED, "setting")
"""Tables that a new store has rows in."""

Rows = dict[str, list[tuple[Any, ...]]]


async def _make(url: str) -> None:
    opened = PostgresStore(url, SystemClock())
    await opened.open()
    await opened.close()


async def _fill(url: str, path: Path) -> None:
    """The rows of a filled SQLite store."""
    await _make(url)
    source, target = sqlite3.connect(path), await asyncpg.connect(url)
    for table in schema.metadata.tables.values():
        flags = [number for number, column in enumerate(table.c) if isinstance(column.type, Boolean)]
        found = source.execute(f'SELECT {_listed(table)} FROM "{table.name}"')
        if table.name in SEEDED:
            await target.execute(f'DELETE FROM "{table.name}"')
        while rows := found.fetchmany(20_000):
            records = [_with_flags(row, flags) for row in rows]
            await target.copy_records_to_table(table.name, columns=list(table.c.keys()), records=records)
    await target.execute("VACUUM ANALYZE")
    await target.close()


def _listed(table: Table) -> str:
    return ", ".join(f'"{column.name}"' for column in table.c)


def _with_flags(row: tuple[Any, ...], flags: Sequence[int]) -> tuple[Any, ...]:
    values = list(row)
    for number in flags:
        values[number] = None if values[number] is None else bool(values[number])
    return tuple(values)


async def _new_rows(filled: str, url: str) -> Rows:
    """The rows that a run wrote, by table."""
    before, after = await asyncpg.connect(filled), await asyncpg.connect(url)
    found: Rows = {}
    for table in schema.metadata.tables.values():
        if table.name in LISTED:
            continue
        first = next(iter(table.primary_key.columns))
        grows = f'"{first.name if isinstance(first.type, Integer) or "at" not in table.c else "at"}"'
        last = await before.fetchval(f'SELECT max({grows}) FROM "{table.name}"')
        where = "" if last is None else f"WHERE {grows} > $1"
        select = f'SELECT {_listed(table)} FROM "{table.name}" {where}'
        rows = await after.fetch(select, *(() if last is None else (last,)))
        if rows:
            found[table.name] = list(map(tuple, rows))
    await before.close()
    await after.close()
    return found


async def _replay(url: str, rows: Rows, messages: int) -> Taken:
    """Bare COPY of the same rows into an empty store."""
    await _make(url)
    bare = await asyncpg.connect(url)
    batches = max(1, messages // BATCH)
    columns = {name: list(schema.metadata.tables[name].c.keys()) for name in rows}
    began, used = time.perf_counter(), time.process_time()
    for batch in range(batches):
        async with bare.transaction():
            for name, found in rows.items():
                part = found[batch * len(found) // batches : (batch + 1) * len(found) // batches]
                if part:
                    await bare.copy_records_to_table(name, columns=columns[name], records=part)
    took, used = time.perf_counter() - began, time.process_time() - used
    await bare.close()
    return Taken(rate=messages / took, cpu=used / messages * 1e6)


class Serial:
    """Seconds of intake's batches, and of the end of each: from asking for the head row until the commit is done."""

    def __init__(self) -> None:
        self.batches, self.head = 0.0, 0.0
        self._asked = 0.0

    def watch(self) -> ExitStack:
        """While open, batches of intake are timed where they happen."""
        attempt = PostgresStore._try

        def asking(tx: Tx) -> int:
            self._asked = time.perf_counter()
            return place_events(tx)

        async def timed(of: PostgresStore, works: Any) -> Any:
            began = time.perf_counter()
            committed = await attempt(of, works)
            if len(works) > 1:  # a command of its own is no batch
                ended = time.perf_counter()
                self.batches += ended - began
                self.head += ended - self._asked
            return committed

        stack = ExitStack()
        stack.enter_context(mock.patch.object(PostgresStore, "_try", timed))
        stack.enter_context(mock.patch("hub.store.store.place_events", asking))
        return stack


async def _take(url: str, house: House, messages: Sequence[bytes]) -> tuple[Taken, float]:
    """How it went, and the share of a batch's time that the head row took."""
    opened, serial = PostgresStore(url, SystemClock()), Serial()
    await opened.open()
    with serial.watch():
        taken = await flood(opened, house, messages)
    await opened.close()
    return taken, serial.head / serial.batches


async def _wait(url: str, house: House, messages: Sequence[bytes], rate: float) -> float:
    opened = PostgresStore(url, SystemClock())
    await opened.open()
    found = await latency(opened, house, messages, rate)
    await opened.close()
    return found


def child(url: str, seed: int, count: int) -> None:
    """One of two processes: take messages of its own, say how it went."""
    # Else both would draw the same references, and be told the same messages of the same people.
    house = msgspec.structs.replace(a_house(), random=random.Random(seed))
    own = [re.sub(rb'"(u|mid:|event-)(\d)', rb'"\g<1>%d-\2' % seed, body) for body in bodies(count, seed)]
    taken, share = uvloop.run(_take(url, house, own))
    print(json.dumps([taken.rate, share]))


def _two(url: str, count: int) -> list[tuple[float, float]]:
    """Rate and share of the head row of two processes at once."""
    commands = [
        [sys.executable, "-m", "bench.postgres_bench", "child", url, str(seed), str(count)] for seed in (2, 3)
    ]
    environment = {**os.environ, "PYTHONPATH": os.getcwd()}
    running = [
        subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) for command in commands
    ]
    return [tuple(json.loads(process.communicate()[0].splitlines()[-1])) for process in running]


class Databases:
    """Databases of one server: a filled one, copies of it, empty ones."""

    def __init__(self, server: Postgres) -> None:
        self._server = server
        self._numbers = itertools.count(1)
        self.full = server.fresh_database()

    def copied(self) -> str:
        """The URL of a copy of the filled one."""
        name = f"run_{next(self._numbers)}"
        self._server.psql(f"CREATE DATABASE {name} TEMPLATE {self.full.rsplit('/', 1)[1]}")
        self._server.psql("CHECKPOINT")
        return f"{self.full.rsplit('/', 1)[0]}/{name}"

    def empty(self) -> str:
        """The URL of an empty one."""
        return self._server.fresh_database()

    def drop(self, *urls: str) -> None:
        """Delete them."""
        for url in urls:
            self._server.psql(f"DROP DATABASE {url.rsplit('/', 1)[1]}")


def main(count: int = 20_000, filled: int = 1_000_000) -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        (folder / "server").mkdir()
        server = Postgres(folder / "server", durable=True)
        server.start()
        try:
            _measure(Databases(server), folder, count, filled)
        finally:
            server.stop()


def _measure(databases: Databases, folder: Path, count: int, filled: int) -> None:
    house, messages = a_house(), bodies(count)
    fill(folder / "full.db", filled)
    uvloop.run(_fill(databases.full, folder / "full.db"))
    hub, own, shares = [], [], []
    for number in range(ROUNDS):
        url, bare = databases.copied(), databases.empty()
        taken, share = uvloop.run(_take(url, house, messages))
        own.append(uvloop.run(_replay(bare, uvloop.run(_new_rows(databases.full, url)), count)))
        hub.append(taken)
        shares.append(share)
        databases.drop(url, bare)
        print(
            f"round {number + 1}: {taken.rate:,.0f} a second, {taken.cpu:.0f} us of processor time; floor "
            f"{own[-1].rate:,.0f}, {own[-1].cpu:.0f} us; head row {share:.1%} of a batch"
        )
    rate = median([one.rate for one in hub])
    url = databases.copied()
    wait = uvloop.run(_wait(url, house, messages, rate / 2))
    databases.drop(url)
    url = databases.copied()
    both = _two(url, count // 2)
    databases.drop(url)
    print(line("p99 of the acknowledgement at half load", wait, "ms", WAIT, inverse=True))
    print(line("head row in one process", median(shares), "of a batch", SERIAL, inverse=True))
    print(
        line(
            "head row in two, waits included",
            max(share for _, share in both),
            "of a batch",
            SERIAL,
            inverse=True,
        )
    )
    together, floor = sum(rate for rate, _ in both), median([one.rate for one in own])
    print(line("two processes beside one", together, "messages/s", rate))
    print(line("two processes beside bare COPY", together, "messages/s", floor))
    print(line("intake on PostgreSQL", rate, "messages/s", floor))


if __name__ == "__main__":
    if sys.argv[1:2] == ["child"]:
        child(sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
    else:
        main(*map(int, sys.argv[1:]))
