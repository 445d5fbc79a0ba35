"""The side that data comes from: the embedded store, held so that no hub can change it, and the files beside it."""

# ruff: noqa: S608 - statements are built from our own schema's names only; every value is a parameter

from __future__ import annotations

import contextlib
import hashlib
import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec

from hub.blobs import CHUNK
from hub.moving.shapes import BYTES, Immovable, Row, Shape, as_taken

ROWS = 1000
SIZE = 8 << 20
"""Most rows, and about how many bytes, of one piece: what is committed at once and read again after a kill."""

WAIT_SECONDS = 2.0


class Origin(msgspec.Struct, frozen=True, kw_only=True):
    """The held database, the folder of its large files, and the names of those that are ``lost``."""

    connection: sqlite3.Connection
    files: Path
    lost: frozenset[str]


class Piece(msgspec.Struct, frozen=True, kw_only=True):
    """Rows that are written in one transaction, the key of the last of them, and how many had a text mended."""

    rows: list[Row]
    last: list[Any]
    mended: int


@contextlib.contextmanager
def held(path: Path) -> Iterator[sqlite3.Connection]:
    """The database, so that nobody else can open it meanwhile. Raises :class:`Immovable` where a hub has it open.

    A connection in exclusive mode keeps a lock that no other process of any data folder can have beside it.
    """
    if not path.is_file():
        raise Immovable(f"There is no database at {path}.")
    connection = sqlite3.connect(path, isolation_level=None, timeout=WAIT_SECONDS, check_same_thread=False)
    with contextlib.closing(connection):
        try:
            connection.execute("PRAGMA locking_mode = EXCLUSIVE")
            connection.execute("BEGIN EXCLUSIVE")
        except sqlite3.OperationalError as error:
            raise Immovable(
                f"The database {path} cannot be held ({error}): stop the hub that runs on it first."
            ) from error
        except sqlite3.DatabaseError as error:
            raise Immovable(f"{path} cannot be read as a database ({error}).") from error
        yield connection


def version_of(connection: sqlite3.Connection) -> str:
    """The schema's revision. Raises :class:`Immovable` where there is none."""
    try:
        found = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    except sqlite3.Error as error:
        raise Immovable(f"The database to move is none of Centrala's ({error}).") from error
    return str(found[0]) if found else ""


def counts(connection: sqlite3.Connection, tables: Sequence[Shape]) -> dict[str, int]:
    """Rows of each table."""
    found = {}
    for shape in tables:
        (found[shape.name],) = connection.execute(f'SELECT count(*) FROM "{shape.name}"').fetchone()
    return found


def mark_of(connection: sqlite3.Connection, version: str, known: dict[str, int]) -> str:
    """What tells this state of the source from others: nearly every change draws an id or takes a place."""
    heads = [
        connection.execute("SELECT name, next FROM id_block ORDER BY name").fetchall(),
        connection.execute("SELECT id, place FROM stream_head ORDER BY id").fetchall(),
    ]
    return hashlib.sha256(msgspec.json.encode([version, heads, sorted(known.items())])).hexdigest()


def lost_files(connection: sqlite3.Connection, folder: Path) -> list[str]:
    """Names of files that rows refer to, and that are not there or have another size."""
    rows = connection.execute("SELECT name, size FROM blob WHERE place = 'file' ORDER BY id")
    return [name for name, size in rows if _size(file_of(folder, name)) != size]


def file_of(folder: Path, name: str) -> Path:
    """Where the file of a blob lies below the folder of all."""
    return folder / name[:2] / name


def _size(path: Path) -> int | None:
    try:
        return path.stat().st_size
    except OSError:
        return None


def pieces(origin: Origin, shape: Shape, after: list[Any] | None) -> Iterator[Piece]:
    """The rows of a table behind the key ``after``, in the order of the key."""
    read = _chunks if shape.name == BYTES else _rows
    rows = read(origin, shape, after)
    while piece := _piece(shape, rows, origin.lost):
        yield piece


def _piece(shape: Shape, rows: Iterator[Sequence[Any]], lost: frozenset[str]) -> Piece | None:
    """The next rows, as PostgreSQL takes them; None when there are none left."""
    gathered: list[Row] = []
    size = mended = 0
    for row in rows:
        taken, changed = as_taken(shape, _without_file(shape, row, lost))
        gathered.append(taken)
        mended += changed
        size += sum(len(value) for value in taken if isinstance(value, (str, bytes)))
        if len(gathered) >= ROWS or size >= SIZE:
            break
    return Piece(rows=gathered, last=shape.key_of(row), mended=mended) if gathered else None


def _rows(origin: Origin, shape: Shape, after: list[Any] | None) -> Iterator[Sequence[Any]]:
    columns = ", ".join(f'"{column}"' for column in shape.columns)
    key = ", ".join(f'"{column}"' for column in shape.key)
    behind = f"WHERE ({key}) > ({', '.join('?' * len(shape.key))})" if after is not None else ""
    statement = f'SELECT {columns} FROM "{shape.name}" {behind} ORDER BY {key}'
    return origin.connection.execute(statement, after or [])


def _without_file(shape: Shape, row: Sequence[Any], lost: frozenset[str]) -> Sequence[Any]:
    """A blob whose bytes were in a file has them in chunks from now on."""
    if shape.name != "blob":
        return row
    values = dict(zip(shape.columns, row, strict=True))
    if values["place"] == "file" and values["name"] not in lost:
        values |= {"place": "chunks", "name": None}
    return tuple(values.values())


def _chunks(origin: Origin, shape: Shape, after: list[Any] | None) -> Iterator[Row]:
    """The bytes of all files as rows of the table of chunks. Raises :class:`Immovable` for a changed file."""
    first, begun = (after[0], after[1] + 1) if after is not None else (0, 0)
    files = origin.connection.execute(
        "SELECT id, name, sha256 FROM blob WHERE place = 'file' AND id >= ? ORDER BY id", (first,)
    )
    for blob, name, sha256 in files:
        if name in origin.lost:
            continue
        values = {"blob": blob}
        try:
            for number, content in _parts(file_of(origin.files, name), name, sha256):
                if blob != first or number >= begun:
                    values |= {"number": number, "content": content}
                    yield tuple(values[column] for column in shape.columns)
        except OSError as error:
            raise Immovable(
                f"The file {name} in {origin.files} cannot be read ({error.strerror}). Mend that, then run the same "
                "command again to go on."
            ) from error


def _parts(path: Path, name: str, sha256: str) -> Iterator[tuple[int, bytes]]:
    digest, number = hashlib.sha256(), 0
    with path.open("rb") as file:
        while content := file.read(CHUNK):
            digest.update(content)
            yield number, content
            number += 1
    if digest.hexdigest() != sha256:
        raise Immovable(
            f"The file {name} is not what was stored: its hash is another one. Bring it back from a backup."
        )
