"""Intake in one process: JSON → 1,000 rules → commit → acknowledgement, beside two floors of bare ``sqlite3``.

Run: ``python -m bench.intake_bench [MESSAGES] [FILLED]`` (20,000 messages into a store that holds a million).
Floor one: the run's own rows replayed into the empty product schema in batches of 100. Floor two, for the record: three
tables (message, conversation upsert, event) and nothing else. Signatures do not apply in process; limits, language,
trace and the group commit are on. Hub and floors alternate, five times each, the medians count.
"""

from __future__ import annotations

import asyncio
import sqlite3
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec
import uvloop
from sqlalchemy import Integer, create_engine

from bench.office import a_house, bodies, copy, fill
from bench.report import line, median
from connectors.contract import Message, Raw
from hub.cli_run import settle
from hub.clock import SystemClock
from hub.deciding.ending import settle as settle_end
from hub.house import House
from hub.intake.sink import Intake
from hub.logs import logger
from hub.store import schema
from hub.store.migrate import ensure_schema
from hub.store.sqlite import SqliteStore

ROUNDS = 5
WAITING = 1024
"""Calls in flight: four groups, so that others are prepared while one is committed."""

WARM = 500
"""Messages before the measured ones, for what a process does only once."""

BATCH = 100

_decode = msgspec.json.Decoder(Message).decode


async def _take(path: Path, house: House, messages: Sequence[bytes]) -> float:
    """Messages a second."""
    store = SqliteStore(path, SystemClock())
    await store.open()
    store.on_end = lambda tx: settle_end(tx, house, logger("bench"))
    intake = Intake(store, lambda: house, time.monotonic, logger("bench"), lambda key, what: None)
    sink = intake.sink("kontakt")
    rest = iter(messages)

    async def connection(waiting: Iterator[bytes]) -> None:
        for body in waiting:
            await sink.accept(Raw(content=body), [_decode(body)])

    await asyncio.gather(*(connection(islice(rest, 1)) for _ in range(WARM)))
    settle()
    began = time.perf_counter()
    await asyncio.gather(*(connection(rest) for _ in range(WAITING)))
    rate = (len(messages) - WARM) / (time.perf_counter() - began)
    await store.close()
    return rate


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


def _replay(folder: Path, rows: dict[str, list[tuple[Any, ...]]], messages: int) -> float:
    """Messages a second of bare ``executemany`` with the same rows."""
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
    began = time.perf_counter()
    for batch in range(batches):
        bare.execute("BEGIN IMMEDIATE")
        for table, found in rows.items():
            part = found[batch * len(found) // batches : (batch + 1) * len(found) // batches]
            if part:
                bare.executemany(statements[table], part)
        bare.execute("COMMIT")
    rate = messages / (time.perf_counter() - began)
    bare.close()
    return rate


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
        full, house, messages = folder / "full.db", a_house(), bodies(count)
        fill(full, filled)
        hub, own, three = [], [], []
        for number in range(ROUNDS):
            path = folder / "run.db"
            for leftover in folder.glob("run.db*"):
                leftover.unlink()
            copy(full, path)
            hub.append(uvloop.run(_take(path, house, messages)))
            rows = _new_rows(full, path)
            own.append(_replay(folder, rows, count))
            three.append(_three_tables(folder, messages))
            print(f"round {number + 1}: {hub[-1]:,.0f} a second; floors {own[-1]:,.0f} and {three[-1]:,.0f}")
        print(f"rows of one run: { {table: len(found) for table, found in rows.items()} }")
    print(line("intake beside three bare tables", median(hub), "messages/s", median(three)))
    print(line("intake", median(hub), "messages/s", median(own)))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
