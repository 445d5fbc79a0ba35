"""Intake in one process: JSON → 1,000 rules → commit → acknowledgement, beside two floors of bare ``sqlite3``.

Run: ``python -m bench.intake_bench [MESSAGES] [FILLED]`` (20,000 messages into a store that holds a million).
Floor one: the run's own rows replayed into the empty product schema in batches of 100. Floor two, for the record: three
tables (message, conversation upsert, event) and nothing else. Hub and floors alternate, five times each, the medians
count. Processor time is printed beside the rates: other programs on the machine change it less. At the end the wait
for an acknowledgement at half of the rate, with a floor of 50 ms.
"""

from __future__ import annotations

import sqlite3
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import uvloop
from sqlalchemy import Integer, create_engine

from bench.ingest import Taken, flood, latency
from bench.office import a_house, bodies, copy, fill
from bench.report import line, median
from hub.clock import SystemClock
from hub.house import House
from hub.store import schema
from hub.store.migrate import ensure_schema
from hub.store.sqlite import SqliteStore

ROUNDS = 5
BATCH = 100

WAIT = 50.0
"""Milliseconds that a message may wait for its acknowledgement at half load, at p99."""


async def _take(path: Path, house: House, messages: Sequence[bytes]) -> Taken:
    store = SqliteStore(path, SystemClock())
    await store.open()
    taken = await flood(store, house, messages)
    await store.close()
    return taken


async def _wait(path: Path, house: House, messages: Sequence[bytes], rate: float) -> float:
    store = SqliteStore(path, SystemClock())
    await store.open()
    found = await latency(store, house, messages, rate)
    await store.close()
    return found


def _new_rows(filled: Path, path: Path) -> dict[str, list[tuple[Any, ...]]]:
    """The rows that a run wrote, by table."""
    before, after = sqlite3.connect(filled), sqlite3.connect(path)
    found: dict[str, list[tuple[Any, ...]]] = {}
    for table in schema.metadata.tables.values():
        if table.name in ("id_block", "stream_head"):
            continue
        first = next(iter(table.primary_key.columns))
        grows = f'"{first.name if isinstance(first.type, Integer) or "at" not in table.c else "at"}"'
        last = before.execute(f'SELECT max({grows}) FROM "{table.name}"').fetchone()[0]
        where, parameters = ("", ()) if last is None else (f"WHERE {grows} > ?", (last,))
        rows = after.execute(f'SELECT * FROM "{table.name}" {where}', parameters).fetchall()
        if rows:
            found[table.name] = rows
    return found


def _bare(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    return connection


def _replay(folder: Path, rows: dict[str, list[tuple[Any, ...]]], messages: int) -> Taken:
    """Bare ``executemany`` with the same rows."""
    path = folder / "floor.db"
    for leftover in folder.glob("floor.db*"):
        leftover.unlink()
    engine = create_engine(f"sqlite:///{path}")
    with engine.begin() as connection:
        ensure_schema(connection)
    engine.dispose()
    bare = _bare(path)
    batches = max(1, messages // BATCH)
    statements = {
        table: f'INSERT INTO "{table}" VALUES ({", ".join("?" * len(found[0]))})'
        for table, found in rows.items()
    }
    began, used = time.perf_counter(), time.process_time()
    for batch in range(batches):
        bare.execute("BEGIN IMMEDIATE")
        for table, found in rows.items():
            part = found[batch * len(found) // batches : (batch + 1) * len(found) // batches]
            if part:
                bare.executemany(statements[table], part)
        bare.execute("COMMIT")
    took, used = time.perf_counter() - began, time.process_time() - used
    bare.close()
    return Taken(rate=messages / took, cpu=used / messages * 1e6)


def _three_tables(folder: Path, messages: Sequence[bytes]) -> float:
    """Messages a second of the smallest thing that could be called a hub."""
    path = folder / "three.db"
    for leftover in folder.glob("three.db*"):
        leftover.unlink()
    bare = _bare(path)
    bare.execute("CREATE TABLE message (id INTEGER PRIMARY KEY, conversation INTEGER, body BLOB)")
    bare.execute("CREATE TABLE conversation (id INTEGER PRIMARY KEY, at INTEGER, n INTEGER)")
    bare.execute("CREATE TABLE event (place INTEGER PRIMARY KEY, message INTEGER)")
    upsert = (
        "INSERT INTO conversation VALUES (?, ?, 1) ON CONFLICT (id) DO UPDATE SET at = excluded.at, n = n + 1"
    )
    began = time.perf_counter()
    for start in range(0, len(messages), BATCH):
        part = range(start, min(start + BATCH, len(messages)))
        bare.execute("BEGIN IMMEDIATE")
        bare.executemany("INSERT INTO message VALUES (?, ?, ?)", [(n, n // 2, messages[n]) for n in part])
        bare.executemany(upsert, [(n // 2, n) for n in part])
        bare.executemany("INSERT INTO event VALUES (?, ?)", [(n, n) for n in part])
        bare.execute("COMMIT")
    rate = len(messages) / (time.perf_counter() - began)
    bare.close()
    return rate


def main(count: int = 20_000, filled: int = 1_000_000) -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        full, path, house, messages = folder / "full.db", folder / "run.db", a_house(), bodies(count)
        fill(full, filled)
        hub, own, three = [], [], []
        for number in range(ROUNDS):
            _fresh(full, path)
            hub.append(uvloop.run(_take(path, house, messages)))
            rows = _new_rows(full, path)
            own.append(_replay(folder, rows, count))
            three.append(_three_tables(folder, messages))
            rates = f"{hub[-1].rate:,.0f} a second; floors {own[-1].rate:,.0f} and {three[-1]:,.0f}"
            print(f"round {number + 1}: {rates}; processor {hub[-1].cpu:.0f} us beside {own[-1].cpu:.0f}")
        print(f"rows of one run: { {table: len(found) for table, found in rows.items()} }")
        rate, floor = median([one.rate for one in hub]), median([one.rate for one in own])
        _fresh(full, path)
        wait = uvloop.run(_wait(path, house, messages, rate / 2))
    cpu = median([one.cpu for one in hub]), median([one.cpu for one in own])
    print(line("intake beside three bare tables", rate, "messages/s", median(three)))
    print(line("processor time of intake", cpu[0], "us/message", cpu[1], inverse=True))
    print(line("p99 of the acknowledgement at half load", wait, "ms", WAIT, inverse=True))
    print(line("intake", rate, "messages/s", floor))


def _fresh(full: Path, path: Path) -> None:
    """The filled store again."""
    for leftover in path.parent.glob(f"{path.name}*"):
        leftover.unlink()
    copy(full, path)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
