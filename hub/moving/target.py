"""The side that data goes to: an empty PostgreSQL database, filled by COPY, with a note of how far it has come.

The note (``centrala_move``) is written in the transaction of the rows that it speaks of, so that a killed move goes on
exactly behind them. The database gets its version, without which no hub takes it, only when all is there and compared.
"""

# ruff: noqa: S608 - statements are built from our own schema's names only; every value is a parameter

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import msgspec
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateIndex, CreateTable

from hub.moving.shapes import Immovable, Row, Shape, Tally, add
from hub.store import schema
from hub.store.migrate import MOVE_TABLE, SEARCH_INDEX

LOCK = 0x63656E7472616D76
"""Advisory lock: one move into a database at a time."""

FETCH = 1000

_DIALECT = postgresql.dialect()  # type: ignore[no-untyped-call]

DATA_ERRORS = (
    asyncpg.DataError,
    asyncpg.IntegrityConstraintViolationError,
    asyncpg.ProgramLimitExceededError,
    *(OverflowError, TypeError, ValueError),  # the driver's own, while it writes a row down
)
"""What is said of a row that is not taken, rather than of the server."""


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """How far a table has come: the key of its last row there, what was written, how many rows were mended."""

    after: list[Any] | None = None
    tally: Tally = Tally()
    mended: int = 0
    done: bool = False


@asynccontextmanager
async def connected(url: str, password: str | None) -> AsyncIterator[Any]:
    """A connection that alone may move into its database. Raises :class:`Immovable`, OSError, asyncpg.PostgresError."""
    connection = await asyncpg.connect(url, password=password)
    try:
        if not await connection.fetchval("SELECT pg_try_advisory_lock($1)", LOCK):
            raise Immovable("Another `centrala migrate` moves data into this database.")
        encoding = await connection.fetchval("SHOW server_encoding")
        if encoding != "UTF8":
            raise Immovable(f"The target has the encoding {encoding}; make it anew with ENCODING 'UTF8'.")
        yield connection
    finally:
        await connection.close()


async def begin(connection: Any, mark: str, tables: Sequence[Shape]) -> bool:
    """Make the tables in an empty database; True where a move of the same source was begun and can go on.

    ``mark`` tells states of the source apart. Raises :class:`Immovable` where the database is not empty.
    """
    found = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = current_schema()")
    names = sorted(row["tablename"] for row in found)
    if MOVE_TABLE in names:
        begun = await connection.fetchval(f"SELECT after FROM {MOVE_TABLE} WHERE name = ''")
        if begun != mark:
            raise Immovable(
                "The target holds an unfinished move of another state of the source: the source was written to since, "
                "or it is another one. Drop the target database, create it anew, and begin again."
            )
        return True
    if names:
        raise Immovable(
            f"The target is not empty: it holds {len(names)} tables ({', '.join(names[:3])}, …). "
            "Name a database that was just created."
        )
    async with connection.transaction():
        await connection.execute(
            f"CREATE TABLE {MOVE_TABLE} (name text PRIMARY KEY, after text, rows bigint NOT NULL DEFAULT 0, "
            "digest text NOT NULL DEFAULT '0', mended bigint NOT NULL DEFAULT 0, done boolean NOT NULL DEFAULT false)"
        )
        await connection.execute(f"INSERT INTO {MOVE_TABLE} (name, after) VALUES ('', $1)", mark)
        for shape in tables:
            await connection.execute(f"INSERT INTO {MOVE_TABLE} (name) VALUES ($1)", shape.name)
        for table in schema.metadata.tables.values():
            await connection.execute(str(CreateTable(table).compile(dialect=_DIALECT)))
    return False


async def progress(connection: Any) -> dict[str, Progress]:
    """By table."""
    found = await connection.fetch(f"SELECT * FROM {MOVE_TABLE} WHERE name <> ''")
    return {
        row["name"]: Progress(
            after=msgspec.json.decode(row["after"]) if row["after"] is not None else None,
            tally=Tally(rows=row["rows"], digest=int(row["digest"], 16)),
            mended=row["mended"],
            done=row["done"],
        )
        for row in found
    }


async def write(connection: Any, shape: Shape, rows: Sequence[Row], reached: Progress) -> None:
    """Rows, and the note of them, in one transaction. Raises :class:`Immovable` for a row that is not taken."""
    try:
        async with connection.transaction():
            # What a crash of the server takes back it takes back with its note; the last commit makes all durable.
            await connection.execute("SET LOCAL synchronous_commit = off")
            await connection.copy_records_to_table(shape.name, records=rows, columns=shape.columns)
            await note(connection, shape, reached)
    except DATA_ERRORS as error:
        row = await _refused(connection, shape, rows)
        raise Immovable(
            f"PostgreSQL does not take the row {shape.key_of(row)} of the table {shape.name} "
            f"({type(error).__name__}). Nothing is lost: the source is as it was."
        ) from error


async def note(connection: Any, shape: Shape, reached: Progress) -> None:
    """Keep how far a table has come."""
    await connection.execute(
        f"UPDATE {MOVE_TABLE} SET after = $2, rows = $3, digest = $4, mended = $5, done = $6 WHERE name = $1",
        shape.name,
        msgspec.json.encode(reached.after).decode() if reached.after is not None else None,
        reached.tally.rows,
        str(reached.tally),
        reached.mended,
        reached.done,
    )


async def _refused(connection: Any, shape: Shape, rows: Sequence[Row]) -> Row:
    """Which of these rows is the first that is not taken, by halves; tried and taken back."""
    while len(rows) > 1:
        half = rows[: len(rows) // 2]
        rows = rows[len(half) :] if await _taken(connection, shape, half) else half
    return rows[0]


async def _taken(connection: Any, shape: Shape, rows: Sequence[Row]) -> bool:
    attempt = connection.transaction()
    await attempt.start()
    try:
        await connection.copy_records_to_table(shape.name, records=rows, columns=shape.columns)
    except DATA_ERRORS:
        return False
    finally:
        await attempt.rollback()
    return True


async def index(connection: Any) -> None:
    """All indexes, each when the rows are there, which is several times faster than row by row."""
    await connection.execute("SET maintenance_work_mem = '256MB'")
    for table in schema.metadata.tables.values():
        for found in sorted(table.indexes, key=lambda one: one.name or ""):
            await connection.execute(str(CreateIndex(found, if_not_exists=True).compile(dialect=_DIALECT)))
    for statement in SEARCH_INDEX["postgresql"]:
        await connection.execute(statement.replace("CREATE INDEX", "CREATE INDEX IF NOT EXISTS", 1))
    await connection.execute("ANALYZE")


async def tally_of(connection: Any, shape: Shape) -> Tally:
    """Read a whole table back."""
    columns = ", ".join(f'"{column}"' for column in shape.columns)
    tally = Tally()
    async with connection.transaction(readonly=True):
        cursor = await connection.cursor(f'SELECT {columns} FROM "{shape.name}"')
        while records := await cursor.fetch(FETCH):
            tally = add(tally, map(tuple, records))
    return tally


async def finish(connection: Any, version: str) -> None:
    """Give the database its version: from now on a hub takes it."""
    async with connection.transaction():
        await connection.execute("CREATE TABLE alembic_version (version_num varchar(32) PRIMARY KEY)")
        await connection.execute("INSERT INTO alembic_version VALUES ($1)", version)
        await connection.execute(f"DROP TABLE {MOVE_TABLE}")
