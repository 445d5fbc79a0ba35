"""``centrala migrate``: an existing database, step by step to the schema of this version.

There is no way back but the backup taken before: a downgrade would have to throw data away.
"""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect, text
from sqlalchemy.exc import DBAPIError

from hub.store.migrate import HEAD, SERVES, WrongSchema, stamp

PATIENCE = 10
"""Seconds that a step waits for a table that running processes use."""

IN_USE = "55P03"
"""PostgreSQL's word for a lock that was not had in time (lock_not_available)."""

SILENT = 60
"""Seconds after which a process that has not told of itself counts as ended."""

FOLDER = Path(__file__).parent / "migrations"


def head() -> str | None:
    """The newest revision that there is a step for."""
    return _scripts().get_current_head()


def upgrade(connection: Connection) -> tuple[str | None, str]:
    """Bring the database behind ``connection`` to :data:`HEAD`; returns the revision before and after.

    Everything happens in the connection's transaction. Processes of the version before may go on meanwhile where the
    new schema serves them. Raises :class:`WrongSchema` where it does not and some run, for a database of a newer
    version, and for one that is not Centrala's.
    """
    before = MigrationContext.configure(connection).get_current_revision()
    if before is None:
        raise WrongSchema("there is no database of Centrala here yet: `centrala run` makes one")
    if before not in {script.revision for script in _scripts().walk_revisions()}:
        raise WrongSchema(f"the database has schema {before}, which is newer than this program")
    if before < SERVES and (running := _running(connection)):
        raise WrongSchema(
            f"processes that cannot go on with the new schema still run: {running}. Stop them first"
        )
    if connection.dialect.name == "postgresql":
        # A change of a table waits for whoever uses it, and everybody else waits behind the change.
        connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{PATIENCE}s'")
    config = Config()
    config.set_main_option("script_location", str(FOLDER))
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, HEAD)
    except DBAPIError as error:
        if getattr(error.orig, "sqlstate", None) != IN_USE:
            raise
        raise WrongSchema(
            f"a table was in use for more than {PATIENCE} s: run it again when less is going on"
        ) from error
    stamp(connection)
    return before, HEAD


def _running(connection: Connection) -> str:
    """Names of the processes that have told of themselves in the last :data:`SILENT` seconds. On SQLite there is one at
    most, and the lock of its data folder tells."""
    if connection.dialect.name != "postgresql" or "node" not in inspect(connection).get_table_names():
        return ""
    since = f"extract(epoch FROM clock_timestamp()) * 1000000 - {SILENT * 1_000_000}"
    rows = connection.execute(text(f"SELECT name FROM node WHERE beat_at > {since} ORDER BY name"))  # noqa: S608
    return ", ".join(row.name for row in rows)


def _scripts() -> ScriptDirectory:
    return ScriptDirectory(str(FOLDER))
