"""Statements handed to the driver itself, for batch SQL: what SQLAlchemy does around each costs more than they do.

They run on the connection and in the transaction that a SQLAlchemy connection holds, and raise SQLAlchemy's errors, so
that nobody above sees a difference. On PostgreSQL there is also COPY, which SQLAlchemy does not offer.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Awaitable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, NoReturn

import asyncpg
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError
from sqlalchemy.util import await_only

Row = tuple[Any, ...]


def run(connection: Connection, sql: str, parameters: Sequence[Any]) -> int:
    """One statement that returns nothing; the number of rows it wrote."""
    raw = connection.connection.driver_connection
    if isinstance(raw, sqlite3.Connection):
        try:
            return raw.execute(sql, parameters).rowcount
        except sqlite3.Error as error:
            _fail(connection, sql, error)
    said: str = _wait(connection, sql, _begun(connection, raw).execute(sql, *parameters))
    return int(said.rpartition(" ")[2])  # as in "INSERT 0 3"


def fetch(connection: Connection, sql: str, parameters: Sequence[Any]) -> list[Row]:
    """The rows that one statement returns."""
    raw = connection.connection.driver_connection
    if isinstance(raw, sqlite3.Connection):
        try:
            return raw.execute(sql, parameters).fetchall()
        except sqlite3.Error as error:
            _fail(connection, sql, error)
    return list(map(tuple, _wait(connection, sql, _begun(connection, raw).fetch(sql, *parameters))))


def copy(connection: Connection, table: str, columns: Sequence[str], rows: Sequence[Row]) -> None:
    """Insert rows by COPY; PostgreSQL only."""
    raw = _begun(connection, connection.connection.driver_connection)
    said = f"COPY {table}"
    _wait(connection, said, raw.copy_records_to_table(table, columns=columns, records=rows))


@contextmanager
def savepoint(connection: Connection) -> Iterator[None]:
    """Undo everything inside when it raises. They may stand in one another: a name means the innermost of that name."""
    _command(connection, "SAVEPOINT part")
    try:
        yield
    except BaseException:
        with suppress(DBAPIError):  # a storage that failed may have undone the whole transaction
            _command(connection, "ROLLBACK TO SAVEPOINT part")
            _command(connection, "RELEASE SAVEPOINT part")
        raise
    _command(connection, "RELEASE SAVEPOINT part")


def _command(connection: Connection, sql: str) -> None:
    raw: Any = connection.connection.driver_connection
    if isinstance(raw, sqlite3.Connection):
        run(connection, sql, ())
    elif raw.is_in_transaction():
        _wait(connection, sql, raw.execute(sql))
    else:
        connection.exec_driver_sql(sql)


def _begun(connection: Connection, raw: Any) -> Any:
    """asyncpg's connection, in a transaction: SQLAlchemy begins one with its own first statement only."""
    if not raw.is_in_transaction():
        connection.exec_driver_sql("SELECT 1")
    return raw


def _wait(connection: Connection, sql: str, answer: Awaitable[Any]) -> Any:
    try:
        return await_only(answer)
    except (asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        _fail(connection, sql, _translated(connection, error))


def _translated(connection: Connection, error: Exception) -> Exception:
    """As the dialect has it. Its message is the first line alone: the detail names values."""
    dbapi: Any = connection.dialect.loaded_dbapi
    kind = dbapi.Error
    if isinstance(error, asyncpg.IntegrityConstraintViolationError):
        kind = dbapi.IntegrityError
    elif isinstance(error, asyncpg.InterfaceError | asyncpg.PostgresConnectionError):
        kind = dbapi.InterfaceError
    translated: Exception = kind(str(error.args[0]), error)
    return translated


def _fail(connection: Connection, sql: str, error: Exception) -> NoReturn:
    dbapi: Any = connection.dialect.loaded_dbapi
    raised = DBAPIError.instance(
        sql, None, error, dbapi.Error, hide_parameters=True, dialect=connection.dialect
    )
    raise raised from error
