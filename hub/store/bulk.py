"""Batch SQL for both engines: many rows in one statement, for intake and the claims of the outbox.

SQLite takes keys as one JSON list and rows by ``VALUES`` with several of them; PostgreSQL takes both as arrays
for ``unnest``. The statements are built once per table and engine and kept.
"""

# ruff: noqa: S608 - statements are built from our own schema's names only; every value is a parameter

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from itertools import chain
from typing import Any, Literal

import msgspec
from sqlalchemy import BigInteger, Boolean, Connection, CursorResult, Integer, LargeBinary, Table

Dialect = Literal["sqlite", "postgresql"]
Row = tuple[Any, ...]

_encode = msgspec.json.Encoder().encode

_SIZES = (64, 16, 4, 1)
"""Rows of one ``INSERT`` on SQLite. The driver lets go of the interpreter's lock at every statement that it runs, and
row by row each one would wait for a busy event loop."""


def _array_type(table: Table, column: str) -> str:
    kind = table.c[column].type
    if isinstance(kind, Boolean):
        return "boolean[]"
    if isinstance(kind, LargeBinary):
        return "bytea[]"
    if isinstance(kind, BigInteger):
        return "bigint[]"
    return "integer[]" if isinstance(kind, Integer) else "text[]"


def _names(columns: Sequence[str], prefix: str = "") -> str:
    return ", ".join(f'{prefix}"{column}"' for column in columns)


def _unnest(table: Table, columns: Sequence[str]) -> str:
    arrays = ", ".join(f"${n}::{_array_type(table, column)}" for n, column in enumerate(columns, 1))
    return f"unnest({arrays})"


def _arrays(columns: int, rows: Sequence[Row]) -> tuple[list[Any], ...]:
    """Rows as PostgreSQL takes them: one array a column."""
    return tuple([row[n] for row in rows] for n in range(columns))


@cache
def _insert_sql(table: Table, columns: tuple[str, ...], conflict: str, rows: int) -> str:
    """For so many rows on SQLite; 0: for any number on PostgreSQL."""
    row = f"({', '.join('?' * len(columns))})"
    values = f"VALUES {', '.join([row] * rows)}" if rows else f"SELECT * FROM {_unnest(table, columns)}"
    return f'INSERT INTO "{table.name}" ({_names(columns)}) {values} {conflict}'


def _insert(
    connection: Connection, table: Table, columns: tuple[str, ...], conflict: str, rows: Sequence[Row]
) -> None:
    if connection.dialect.name != "sqlite":
        sql = _insert_sql(table, columns, conflict, 0)
        connection.exec_driver_sql(sql, _arrays(len(columns), rows))
        return
    start = 0
    for size in _SIZES:
        while len(rows) - start >= size:
            part = tuple(chain.from_iterable(rows[start : start + size]))
            connection.exec_driver_sql(_insert_sql(table, columns, conflict, size), part)
            start += size


def insert(connection: Connection, table: Table, columns: tuple[str, ...], rows: Sequence[Row]) -> None:
    """Insert rows. Raises the driver's integrity error if one violates a key."""
    if rows:
        _insert(connection, table, columns, "", rows)


def insert_new(connection: Connection, table: Table, columns: tuple[str, ...], rows: Sequence[Row]) -> None:
    """Insert rows, leaving those out that violate a unique key."""
    if rows:
        _insert(connection, table, columns, "ON CONFLICT DO NOTHING", rows)


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
        conflict = f"ON CONFLICT ({_names(key)}){partial} DO UPDATE SET {changed}"
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
        _insert(connection, table, columns, f"ON CONFLICT ({_names(key)}) DO UPDATE SET {changed}", rows)


@cache
def _update_sql(dialect: str, table: Table, columns: tuple[str, ...]) -> str:
    if dialect == "sqlite":
        changes = ", ".join(f'"{c}" = ?' for c in columns)
        return f'UPDATE "{table.name}" SET {changes} WHERE "id" = ?'
    names = (*columns, "id")
    changes = ", ".join(f'"{c}" = k."{c}"' for c in columns)
    source = f"{_unnest(table, names)} AS k ({_names(names)})"
    return f'UPDATE "{table.name}" AS t SET {changes} FROM {source} WHERE t."id" = k."id"'


def update(connection: Connection, table: Table, columns: tuple[str, ...], rows: Sequence[Row]) -> None:
    """Set ``columns`` of the rows whose id is the last value of each tuple."""
    if rows:
        sqlite = connection.dialect.name == "sqlite"
        sql = _update_sql(connection.dialect.name, table, columns)
        connection.exec_driver_sql(sql, list(rows) if sqlite else _arrays(len(columns) + 1, rows))


@cache
def _lookup_sql(
    dialect: str, table: Table, key: tuple[str, ...], columns: tuple[str, ...], lock: bool
) -> str:
    wanted = _names(columns, "t.")
    if dialect == "sqlite":
        if len(key) == 1:
            keys = "(SELECT value FROM json_each(?))"
            return f'SELECT {wanted} FROM "{table.name}" t WHERE t."{key[0]}" IN {keys}'
        match = " AND ".join(f"t.\"{c}\" = json_extract(k.value, '$[{n}]')" for n, c in enumerate(key))
        return f'SELECT {wanted} FROM json_each(?) k CROSS JOIN "{table.name}" t ON {match}'
    match = " AND ".join(f't."{c}" = k."{c}"' for c in key)
    order = f" ORDER BY {_names(key, 't.')} FOR UPDATE OF t" if lock else ""
    source = f"{_unnest(table, key)} AS k ({_names(key)})"
    return f'SELECT {wanted} FROM {source} JOIN "{table.name}" t ON {match}{order}'


def rows_of(result: CursorResult[Any]) -> list[Row]:
    """All rows as plain tuples, from the driver itself: making SQLAlchemy's of them costs more than reading them."""
    cursor = result.cursor
    rows = cursor.fetchall() if cursor is not None else ()
    result.close()
    return rows if isinstance(rows, list) and (not rows or type(rows[0]) is tuple) else list(map(tuple, rows))


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

    ``lock`` takes row locks in key order on PostgreSQL; SQLite has one writer anyway.
    """
    if not keys:
        return []
    sql = _lookup_sql(connection.dialect.name, table, key, columns, lock)
    if connection.dialect.name == "sqlite":
        wanted: Any = [row[0] for row in keys] if len(key) == 1 else keys
        parameters: tuple[Any, ...] = (_encode(wanted).decode(),)
    else:
        parameters = tuple([row[n] for row in keys] for n in range(len(key)))
    return rows_of(connection.exec_driver_sql(sql, parameters))
