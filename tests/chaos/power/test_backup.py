"""The power is cut at every step of a backup, and of a restore: what bears its name is whole, and what was said to be
done is there."""

from __future__ import annotations

import os
import random
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from tests.chaos.nursery import ROOT
from tests.chaos.power import trace
from tests.chaos.power.disk import WAYS, Disk
from tests.chaos.power.record import need_tracer
from tests.chaos.world import faulty_copy

BLOBS = {"blobs/ab/0001": b"Pismo", "blobs/cd/0002": b"Skan" * 2000}
SECRET = b"a secret for signing, 32 characters."

BACKUP = """
from pathlib import Path
import shutil
shutil._USE_CP_SENDFILE = False  # written by calls whose bytes a record shows
from hub.backup import backup, restore
backup(Path("{data}/centrala.db"), Path("{data}"), Path("{root}/safe/2026/11-22"))
"""
RESTORE = (
    BACKUP
    + """
new = Path("{root}/srv/centrala")
restore(Path("{root}/safe/2026/11-22"), new / "db" / "centrala.db", new / "data", None)
"""
)

pytestmark = [pytest.mark.slow, pytest.mark.servers, pytest.mark.timeout(120)]


def an_office(data: Path) -> None:
    """A database with a conversation, two files of blobs, the secret."""
    for name, content in {**BLOBS, "secret.key": SECRET}.items():
        (data / name).parent.mkdir(parents=True, exist_ok=True)
        (data / name).write_bytes(content)
    with closing(sqlite3.connect(data / "centrala.db")) as database:
        database.execute("CREATE TABLE conversation (id INTEGER PRIMARY KEY, subject TEXT)")
        database.executemany(
            "INSERT INTO conversation (subject) VALUES (?)", [(f"Pytanie {n}" * 50,) for n in range(200)]
        )
        database.commit()


def recorded(folder: Path, what: str, source: Path) -> tuple[str, list[trace.Step]]:
    """What a program did below a folder, which is given, too."""
    need_tracer()
    data, root, record = folder / "data", folder / "disk", folder / "strace.txt"
    data.mkdir()
    root.mkdir()
    an_office(data)
    program = what.format(data=data, root=root)
    subprocess.run(
        [*trace.command(record), sys.executable, "-c", program],
        env={**os.environ, "PYTHONPATH": str(source)},
        cwd=source,
        check=True,
        timeout=60,
    )
    until = time.monotonic() + 10
    while "+++ exited" not in record.read_text()[-200:] and time.monotonic() < until:
        time.sleep(0.05)
    return str(root), list(trace.read(record, root))


def whole(files: dict[str, bytes], place: str, home: str, memory: Path) -> bool:
    """Whether the database in ``place`` and all other files below ``home`` are as they were."""
    kept = {**{f"{home}/{name}": content for name, content in BLOBS.items()}, f"{home}/secret.key": SECRET}
    database = files.get(f"{place}/centrala.db")
    if database is None or any(files.get(name) != content for name, content in kept.items()):
        return False
    memory.write_bytes(database)
    with closing(sqlite3.connect(memory)) as opened:
        try:
            [[count]] = opened.execute("SELECT count(*) FROM conversation")
            [[verdict]] = opened.execute("PRAGMA integrity_check(1)")
        except sqlite3.DatabaseError:
            return False
    return bool(count == 200 and verdict == "ok")


def faults(folder: Path, what: str, source: Path = ROOT) -> list[str]:
    """What cuts break: after each step in each way, and after the last."""
    root, steps = recorded(folder, what, source)
    safe = f"{root}/safe/2026/11-22"
    place, home = (safe, safe) if what == BACKUP else (f"{root}/srv/centrala/db", f"{root}/srv/centrala/data")
    disk, found = Disk(root), []
    for number, step in enumerate(steps):
        disk.step(step)
        # Long runs of writes into a copy without its name differ in nothing.
        if step.what == "write" and number % 20:
            continue
        for way in WAYS:
            files = disk.after_cut(random.Random(number), way)
            there = (
                f"{place}/centrala.db" in files
                if what == RESTORE
                else any(n.startswith(f"{safe}/") for n in files)
            )
            if there and not whole(files, place, home, folder / "opened.db"):
                found.append(f"half of it after step {number} ({step.what} {step.path}), {way}")
    for way in WAYS:
        for seed in range(50):
            if not whole(disk.after_cut(random.Random(seed), way), place, home, folder / "opened.db"):
                found.append(f"not there at the end, {way}")
    return found


@pytest.mark.parametrize("what", [BACKUP, RESTORE], ids=["backup", "restore"])
def test_what_bears_its_name_is_whole_and_what_is_done_stays(tmp_path: Path, what: str) -> None:
    assert faults(tmp_path, what) == []


@pytest.mark.parametrize(
    ("what", "right", "wrong", "fault"),
    [
        (BACKUP, "        yield partial\n        sync(partial)\n", "        yield partial\n", "half of it"),
        (BACKUP, "(target)\n        sync(target.parent)\n", "(target)\n", "not there"),
        (BACKUP, "    for one in new:\n        sync(one.parent)\n", "", "not there"),
        (RESTORE, "    sync(data_dir)\n", "", "half of it"),
    ],
    ids=["names in it", "its own name", "names above it", "names beside the database"],
)
def test_a_missing_sync_is_noticed(tmp_path: Path, what: str, right: str, wrong: str, fault: str) -> None:
    source = tmp_path / "source"
    source.mkdir()
    found = faults(tmp_path, what, faulty_copy(source, "hub/backup.py", right, wrong))
    assert any(one.startswith(fault) for one in found)
