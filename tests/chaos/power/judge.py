"""What must hold after a cut: nothing acknowledged is missing, nothing sent is unknown, and everything is whole.

The files are laid out in a folder and opened as the hub opens them after a power cut, so that SQLite recovers; what was
acknowledged and sent until then comes from the ledgers of senders and peers.
"""

from __future__ import annotations

import contextlib
import hashlib
import random
import sqlite3
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from hub.backup import DATABASE, SECRET
from tests.chaos.power.disk import WAYS, Disk, Way
from tests.chaos.power.office import ADDRESS, MARKER
from tests.chaos.power.record import Recording

MEMORY = "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108 - a private folder is made below it
"""Where cuts are laid out, by default: nothing of it need reach a disk."""

SHARED = DATABASE + "-shm"
"""SQLite's index of the log: memory, never synced. After a cut it holds anything, so it is filled with noise."""


@dataclass(frozen=True, kw_only=True)
class Cut:
    """A cut after so many steps, and what broke the promise in what was left."""

    after: int
    way: Way
    faults: list[str]


def cuts(recording: Recording, count: int, seed: int, folder: Path) -> Iterator[Cut]:
    """Cut the power so many times, at places by lot, and judge each; ``folder`` is worked in."""
    draw = random.Random(seed)
    places = sorted(draw.randrange(len(recording.steps)) for _ in range(count))
    disk, done = Disk(recording.root), 0
    for number, place in enumerate(places):
        for step in recording.steps[done : place + 1]:
            disk.step(step)
        done = place + 1
        way = WAYS[number % len(WAYS)]
        files = disk.after_cut(draw, way)
        found = judge(recording, files, recording.steps[place].at, draw, folder)
        yield Cut(after=place, way=way, faults=found)


def judge(
    recording: Recording, files: Mapping[str, bytes], at: float, draw: random.Random, folder: Path
) -> list[str]:
    """Everything that breaks the promise in these files, given what was acknowledged and sent before ``at``."""
    told = {marker for marker, when in recording.acknowledged.items() if when < at}
    sent = {marker for marker, when in recording.sent.items() if when < at}
    lay_out(recording, files, draw, folder)
    try:
        with contextlib.closing(sqlite3.connect(folder / DATABASE, isolation_level=None)) as database:
            found = [
                *whole(database),
                *missing(database, told, sent),
                *files_of_blobs(database, recording, files),
            ]
    except sqlite3.DatabaseError as error:
        # A cut in the first second may leave a folder without tables; the hub then begins anew.
        found = [f"the database: {error}"] if told or "no such table" not in str(error) else []
    if told and files.get(f"{recording.data}/{SECRET}") != recording.secret:
        found.append("the signing secret is another")
    return found


def lay_out(recording: Recording, files: Mapping[str, bytes], draw: random.Random, folder: Path) -> None:
    """The database and its log as they were left."""
    for name in (DATABASE, DATABASE + "-wal", DATABASE + "-journal"):
        content = files.get(f"{recording.data}/{name}")
        if content is None:
            (folder / name).unlink(missing_ok=True)
        else:
            (folder / name).write_bytes(content)
    (folder / SHARED).write_bytes(draw.randbytes(32_768))


def whole(database: sqlite3.Connection) -> Iterator[str]:
    """SQLite's own check, and that places in the stream have no gap."""
    [found] = database.execute("PRAGMA integrity_check(1)").fetchone()
    if found != "ok":
        yield f"integrity: {found}"
    [places, last] = database.execute("SELECT count(*), coalesce(max(place), 0) FROM event").fetchone()
    [head] = database.execute("SELECT place FROM stream_head").fetchone()
    if not places == last == head:
        yield f"{places} events up to place {last}, the head says {head}"


def missing(database: sqlite3.Connection, told: set[str], sent: set[str]) -> Iterator[str]:
    """Acknowledged and not there, there twice, sent without a trace of an attempt."""
    rows = database.execute("SELECT text FROM message WHERE kind = 'inbound'")
    there = Counter(found[1] for [text] in rows if (found := MARKER.search(text)))
    yield from (f"lost {marker}" for marker in sorted(told - set(there)))
    yield from (f"{count} times {marker}" for marker, count in there.items() if count > 1)
    tried = database.execute("SELECT recipients FROM delivery WHERE id IN (SELECT delivery FROM attempt)")
    known = {found[1] for [recipients] in tried for found in ADDRESS.finditer(recipients)}
    yield from (f"sent to {marker} without an attempt" for marker in sorted(sent - known))


def files_of_blobs(
    database: sqlite3.Connection, recording: Recording, files: Mapping[str, bytes]
) -> Iterator[str]:
    """A row that names a file promises it, whole."""
    for name, digest in database.execute("SELECT name, sha256 FROM blob WHERE place = 'file'"):
        content = files.get(f"{recording.data}/blobs/{name[:2]}/{name}")
        if content is None or hashlib.sha256(content).hexdigest() != digest:
            yield f"blob {name} is {'gone' if content is None else 'torn'}"
