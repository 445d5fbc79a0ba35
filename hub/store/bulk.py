"""Batch SQL for both engines: many rows in one statement, for intake and the claims of the outbox.

SQLite takes keys as one JSON list, rows by ``VALUES`` with many of them, and answers with one JSON list: its driver
lets go of the interpreter's lock at every row that a statement gives, and each time waits for a busy event loop to give
it back. PostgreSQL takes keys and rows as arrays for ``unnest``, and plain inserts by COPY. The statements are built
once per table and engine and kept.
"""

# ruff: noqa: S608 - statements are built from our own schema's names only; every value is a parameter

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from itertools import chain
from typing import Any

import msgspec
from sqlalchemy import BigInteger, Boolean, Connection, Integer, LargeBinary, Table

from . import driver
from .driver import Row

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(list[tuple[Any, ...]]).decode

_SIZES = (256, 192, 128, 96, 64, 48, 32, 24, 16, 12, 8, 6, 4, 3, 2, 1)
"""Rows of one statement on SQLite."""

COPY_FROM = 8
"""Rows from which on COPY is the faster way on PostgreSQL."""


def _array_type(table: Table, column: str) -> str:
    kind = table.c[column].type
    if isinstance(kind, Boolean):
        return "boolean[]"
    if isinstance(kind, LargeBinary):
        return "bytea[]"
    if isinstance(kind, BigInteger):
        return "bigint[]"
    return "integer[]" if isinstance(kind, Integer) else "text[]"


def names(columns: Sequence[str], prefix: str = "") -> str:
    """Columns as SQL lists them."""
    return ", ".join(f'{prefix}"{column}"' for column in columns)


def unnest(table: Table, columns: Sequence[str], first: int = 1) -> str:
    """Rows from parameters that are one array a column (:func:`arrays`), beginning with the ``first``."""
    listed = ", ".join(f"${n}::{_array_type(table, column)}" for n, column in enumerate(columns, first))
    return f"unnest({listed})"


def arrays(columns: int, rows: Sequence[Row]) -> tuple[list[Any], ...]:
    """Rows as PostgreSQL takes them: one array a column."""
    return tuple([row[n] for row in rows] for n in range(columns))


@cache
def _insert_sql(table: Table, columns: tuple[str, ...], conflict: str, rows: int) -> str:
    """For so many rows on SQLite; 0: for any number on PostgreSQL."""
    row = f"({', '.join('?' * len(columns))})"
    values = f"VALUES {', '.join([row] * rows)}" if rows else f"SELECT * FROM {unnest(table, columns)}"
    return f'INSERT INTO "{table.name}" ({names(columns)}) {values} {conflict}'


def _insert(
    connection: Connection, table: Table, columns: tuple[str, ...], conflict: str, rows: Sequence[Row]
) -> int:
    if connection.dialect.name != "sqlite":
        sql = _insert_sql(table, columns, conflict, 0)
        return driver.run(connection, sql, arrays(len(columns), rows))
    written = 0
    for part in _parts(rows):
        sql = _insert_sql(table, columns, conflict, len(part))
        written += driver.run(connection, sql, tuple(chain.from_iterable(part)))
    return written


def _parts(rows: Sequence[Row]) -> Iterator[Sequence[Row]]:
    """Rows in as few parts as there are statements for."""
    start, left = 0, len(rows)
    for size in _SIZES:
        while left >= size:
            yield rows[start : start + size]
            start, left = start + size, left - size


def insert(connection: Connection, table: Table, columns: tuple[str, ...], rows: Sequence[Row]) -> None:
    """Insert rows. Raises the driver's integrity error if one violates a key."""
    if len(rows) >= COPY_FROM and connection.dialect.name != "sqlite":
        driver.copy(connection, table.name, columns, rows)
    elif rows:
        _insert(connection, table, columns, "", rows)


def insert_new(connection: Connection, table: Table, columns: tuple[str, ...], rows: Sequence[Row]) -> int:
    """Insert rows, leaving those out that violate a unique key; the number of those that were inserted."""
    return _insert(connection, table, columns, "ON CONFLICT DO NOTHING", rows) if rows else 0


def put(
    connection: Connection,
    table: Table,
    key: tuple[str, ...],
    columns: tuple[str, ...],
    rows: Sequence[Row],
    *,
    where: str = "",
    keep: tuple[str, ...] = (),
) -> None:
    """Insert rows or overwrite those with the same ``key``. No key may occur twice in ``rows``.

    ``where`` is the condition of a partial unique index over ``key``. What a row had in the columns ``keep`` stays.
    """
    if rows:
        changed = ", ".join(f'"{c}" = excluded."{c}"' for c in columns if c not in (*key, *keep))
        partial = f" WHERE {where}" if where else ""
        conflict = f"ON CONFLICT ({names(key)}){partial} DO UPDATE SET {changed}"
        _insert(connection, table, columns, conflict, rows)


def upsert(
    connection: Connection,
    table: Table,
    key: tuple[str, ...],
    columns: tuple[str, ...],
    changed: str,
    rows: Sequence[Row],
) -> None:
    """Insert rows; where the ``key`` is there, ``changed`` says in SQL what happens (``excluded`` is the new row).

    No key may occur twice in ``rows``; where several writers meet, give them in the order of the key.
    """
    if rows:
        _insert(connection, table, columns, f"ON CONFLICT ({names(key)}) DO UPDATE SET {changed}", rows)


@cache
def _update_sql(table: Table, columns: tuple[str, ...], rows: int) -> str:
    """For so many rows on SQLite; 0: for any number on PostgreSQL."""
    named = (*columns, "id")
    if rows:
        row = f"({', '.join('?' * len(named))})"
        source = f"(VALUES {', '.join([row] * rows)}) AS k"
        changes = ", ".join(f'"{c}" = k.column{n}' for n, c in enumerate(columns, 1))
        return f'UPDATE "{table.name}" SET {changes} FROM {source} WHERE "id" = k.column{len(named)}'
    source = f"{unnest(table, named)} AS k ({names(named)})"
    changes = ", ".join(f'"{c}" = k."{c}"' for c in columns)
    return f'UPDATE "{table.name}" AS t SET {changes} FROM {source} WHERE t."id" = k."id"'


def update(connection: Connection, table: Table, columns: tuple[str, ...], rows: Sequence[Row]) -> None:
    """Set ``columns`` of the rows whose id is the last value of each tuple. No id may occur twice."""
    if not rows:
        return
    if connection.dialect.name != "sqlite":
        driver.run(connection, _update_sql(table, columns, 0), arrays(len(columns) + 1, rows))
        return
    for part in _parts(rows):
        driver.run(connection, _update_sql(table, columns, len(part)), tuple(chain.from_iterable(part)))


@cache
def _lookup_sql(
    dialect: str, table: Table, key: tuple[str, ...], columns: tuple[str, ...], lock: bool
) -> str:
    wanted = names(columns, "t.")
    if dialect == "sqlite":
        found = f"SELECT json_group_array(json_array({wanted}))"
        if len(key) == 1:
            keys = "(SELECT value FROM json_each(?))"
            return f'{found} FROM "{table.name}" t WHERE t."{key[0]}" IN {keys}'
        match = " AND ".join(f"t.\"{c}\" = json_extract(k.value, '$[{n}]')" for n, c in enumerate(key))
        return f'{found} FROM json_each(?) k CROSS JOIN "{table.name}" t ON {match}'
    match = " AND ".join(f't."{c}" = k."{c}"' for c in key)
    order = f" ORDER BY {names(key, 't.')} FOR UPDATE OF t" if lock else ""
    source = f"{unnest(table, key)} AS k ({names(key)})"
    return f'SELECT {wanted} FROM {source} JOIN "{table.name}" t ON {match}{order}'


def lookup(
    connection: Connection,
    table: Table,
    key: tuple[str, ...],
    columns: tuple[str, ...],
    keys: Sequence[Row],
    *,
    lock: bool = False,
) -> list[Row]:
    """Rows of ``table`` whose ``key`` columns equal one of ``keys`` (tuples, also for a single column).

    ``lock`` takes row locks in key order on PostgreSQL; SQLite has one writer anyway. No column may hold bytes.
    """
    if not keys:
        return []
    sql = _lookup_sql(connection.dialect.name, table, key, columns, lock)
    if connection.dialect.name == "sqlite":
        wanted: Any = [row[0] for row in keys] if len(key) == 1 else keys
        return fetch_json(connection, sql, (_encode(wanted).decode(),))
    return driver.fetch(connection, sql, tuple([row[n] for row in keys] for n in range(len(key))))


def fetch_json(connection: Connection, sql: str, parameters: Row) -> list[Row]:
    """The rows of a statement on SQLite that answers with all of them as one JSON list of lists."""
    [(found,)] = driver.fetch(connection, sql, parameters)
    return _decode(found)
