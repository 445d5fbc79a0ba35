"""What is moved: tables with columns and keys, their rows as PostgreSQL takes them, sums to compare both sides by."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
from sqlalchemy import Boolean, Table, Text

from hub.store import schema

Row = tuple[Any, ...]

OF_PROCESSES = frozenset({"lease", "node"})
"""Tables about processes that run. None does while data is moved, so what they hold is not taken along."""

BYTES = "blob_chunk"
"""The table that takes the bytes of files."""

_encode = msgspec.msgpack.Encoder().encode

_MODULUS = 1 << 128


class Immovable(ValueError):
    """Data cannot be moved; the text is a sentence for the person at the terminal."""


class Shape(msgspec.Struct, frozen=True, kw_only=True):
    """One table: ``flags`` and ``texts`` are the positions of its boolean and its text columns."""

    name: str
    columns: tuple[str, ...]
    key: tuple[str, ...]
    flags: tuple[int, ...]
    texts: tuple[int, ...]

    def key_of(self, row: Sequence[Any]) -> list[Any]:
        """The values of the primary key."""
        return [row[self.columns.index(column)] for column in self.key]


class Tally(msgspec.Struct, frozen=True, kw_only=True):
    """How many rows, and the sum of their hashes: the same in any order, because engines sort text differently."""

    rows: int = 0
    digest: int = 0

    def __str__(self) -> str:
        return f"{self.digest:032x}"


def shapes() -> tuple[Shape, ...]:
    """All tables that are moved, by name; the one that takes the files comes last."""
    known = [_shape(table) for name, table in schema.metadata.tables.items() if name not in OF_PROCESSES]
    return tuple(sorted(known, key=lambda shape: (shape.name == BYTES, shape.name)))


def _shape(table: Table) -> Shape:
    columns = list(table.columns)
    return Shape(
        name=str(table.name),
        columns=tuple(str(column.name) for column in columns),
        key=tuple(str(column.name) for column in table.primary_key.columns),
        flags=_positions(table, Boolean),
        texts=_positions(table, Text),
    )


def _positions(table: Table, kind: type[Boolean | Text]) -> tuple[int, ...]:
    return tuple(place for place, column in enumerate(table.columns) if isinstance(column.type, kind))


def as_taken(shape: Shape, row: Sequence[Any]) -> tuple[Row, bool]:
    """A row of SQLite as PostgreSQL takes it, and whether a text had to be mended.

    SQLite has no booleans, and keeps the character NUL in a text, which PostgreSQL refuses.
    """
    values, mended = list(row), False
    for place in shape.flags:
        if values[place] is not None:
            values[place] = bool(values[place])
    for place in shape.texts:
        value = values[place]
        if value is not None and "\0" in value:
            values[place], mended = value.replace("\0", "\N{REPLACEMENT CHARACTER}"), True
    return tuple(values), mended


def add(tally: Tally, rows: Iterable[Row]) -> Tally:
    """The tally with these rows."""
    count, digest = tally.rows, tally.digest
    for row in rows:
        count += 1
        digest += int.from_bytes(hashlib.blake2b(_encode(row), digest_size=16).digest(), "big")
    return Tally(rows=count, digest=digest % _MODULUS)
