"""Batch SQL for both engines: many rows in one statement, for intake and the claims of the outbox.

SQLite takes keys as one JSON list and rows by ``executemany``; PostgreSQL takes both as arrays for
``unnest``. The statements are built once per table and engine and kept.
"""

# ruff: noqa: S608 - statements are built from our own schema's names only; every value is a parameter

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any, Literal

import msgspec
from sqlalchemy import BigInteger, Boolean, Connection, Integer, LargeBinary, Table

Dialect = Literal["sqlite", "postgresql"]
Row = tuple[Any, ...]

_encode = msgspec.json.Encoder().encode


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


def _run(connection: Connection, sql: str, columns: int, rows: Sequence[Row]) -> None:
    """Execute a writing statement with rows in the engine's own shape."""
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql(sql, list(rows))
    else:
        connection.exec_driver_sql(sql, tuple([row[n] for row in rows] for n in range(columns)))


@cache
def _insert_sql(dialect: str, table: Table, columns: tuple[str, ...], conflict: str) -> str:
    if dialect == "sqlite":
        values = f"VALUES ({', '.join('?' * len(columns))})"
    else:
        values = f"SELECT * FROM {_unnest(table, columns)}"
    return f'INSERT INTO "{table.name}" ({_names(columns)}) {values} {conflict}'


def insert(connection: Connection, table: Table, columns: tuple[str, ...], rows: Sequence[Row]) -> None:
    """Insert rows. Raises the driver's integrity error if one violates a key."""
    if rows:
        _run(connection, _insert_sql(connection.dialect.name, table, columns, ""), len(columns), rows)


def insert_new(connection: Connection, table: Table, columns: tuple[str, ...], rows: Sequence[Row]) -> None:
    """Insert rows, leaving those out that violate a unique key."""
    if rows:
        sql = _insert_sql(connection.dialect.name, table, columns, "ON CONFLICT DO NOTHING")
        _run(connection, sql, len(columns), rows)


def put(
    connection: Connection, table: Table, key: tuple[str, ...], columns: tuple[str, ...], rows: Sequence[Row]
) -> None:
    """Insert rows or overwrite those with the same ``key``. No key may occur twice in ``rows``."""
    if rows:
        changed = ", ".join(f'"{c}" = excluded."{c}"' for c in columns if c not in key)
        conflict = f"ON CONFLICT ({_names(key)}) DO UPDATE SET {changed}"
        sql = _insert_sql(connection.dialect.name, table, columns, conflict)
        _run(connection, sql, len(columns), rows)


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
        _run(connection, _update_sql(connection.dialect.name, table, columns), len(columns) + 1, rows)


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
    result = connection.exec_driver_sql(sql, parameters)
    return [tuple(row) for row in result]
