"""``centrala migrate``: an existing database, step by step to the schema of this version.

There is no way back but the backup taken before: a downgrade would have to throw data away.
"""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from hub.store.migrate import HEAD, WrongSchema

FOLDER = Path(__file__).parent / "migrations"


def head() -> str | None:
    """The newest revision that there is a step for."""
    return _scripts().get_current_head()


def upgrade(connection: Connection) -> tuple[str | None, str]:
    """Bring the database behind ``connection`` to :data:`HEAD`; returns the revision before and after.

    Everything happens in the connection's transaction. Raises :class:`WrongSchema` for a database of a newer
    version, or one that is not Centrala's.
    """
    before = MigrationContext.configure(connection).get_current_revision()
    if before is None:
        raise WrongSchema("there is no database of Centrala here yet: `centrala run` makes one")
    if before not in {script.revision for script in _scripts().walk_revisions()}:
        raise WrongSchema(f"the database has schema {before}, which is newer than this program")
    config = Config()
    config.set_main_option("script_location", str(FOLDER))
    config.attributes["connection"] = connection
    command.upgrade(config, HEAD)
    return before, HEAD


def _scripts() -> ScriptDirectory:
    return ScriptDirectory(str(FOLDER))
