"""``centrala migrate``, ``backup`` and ``restore``."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click
from sqlalchemy import create_engine, event, make_url
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import create_async_engine

from hub.backup import BackupError, NotEmpty
from hub.backup import backup as make_backup
from hub.backup import restore as put_back
from hub.cli_common import Exit, Failed, config_option
from hub.cli_config import read_config
from hub.config import Config
from hub.control import AlreadyRunning, exclusive
from hub.store.migrate import WrongSchema
from hub.store.upgrade import upgrade


def database_path(config: Config) -> Path:
    """The file of the embedded store. Raises :class:`Failed` where the store is PostgreSQL."""
    path = config.store.sqlite_path()
    if path is None:
        raise Failed(
            "This is for the embedded store. Copy a PostgreSQL database with pg_dump, then the data folder."
        )
    return path


@click.command()
@config_option
def migrate(config_path: Path) -> None:
    """Bring the database to the schema of this version. Stop the hub and take a backup first.

    A hub of this version refuses a database of another one and names this command. There is no way back but the
    backup.
    """
    config = read_config(config_path)
    try:
        with exclusive(Path(config.hub.data_dir)):
            before, after = asyncio.run(_migrate(config))
    except AlreadyRunning as error:
        raise Failed(f"{error} Stop it first.", Exit.IN_USE) from error
    except WrongSchema as error:
        raise Failed(f"The database was not changed: {error}.") from error
    except (SQLAlchemyError, OSError) as error:
        raise Failed(f"The database cannot be reached: {type(error).__name__}.", Exit.UNREACHABLE) from error
    click.echo(f"The database has schema {after}; it had {before}.")


async def _migrate(config: Config) -> tuple[str | None, str]:
    path = config.store.sqlite_path()
    if path is not None:
        return _migrate_sqlite(path)
    url = make_url(config.store.url).set(drivername="postgresql+asyncpg")
    if config.store.password:
        url = url.set(password=config.store.password.reveal())
    engine = create_async_engine(url)
    try:
        async with engine.begin() as connection:
            return await connection.run_sync(upgrade)
    finally:
        await engine.dispose()


def _migrate_sqlite(path: Path) -> tuple[str | None, str]:
    if not path.exists():
        raise WrongSchema(f"there is no database at {path} yet: `centrala run` makes one")
    engine = create_engine(f"sqlite:///{path}")
    # The driver would commit before each change of a table; this way a failed step leaves nothing half done.
    event.listen(engine, "connect", lambda connection, _: setattr(connection, "isolation_level", None))
    event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN IMMEDIATE"))
    with engine.begin() as connection:
        return upgrade(connection)


@click.command()
@config_option
@click.argument("folder", type=click.Path(path_type=Path))
def backup(config_path: Path, folder: Path) -> None:
    """Copy database and files into FOLDER, which must be new or empty. The hub may be running.

    FOLDER appears only when the copy is complete. It holds personal data and the hub's signing secret.
    """
    config = read_config(config_path)
    try:
        make_backup(database_path(config), Path(config.hub.data_dir), folder)
    except NotEmpty as error:
        raise Failed(str(error), Exit.IN_USE) from error
    except BackupError as error:
        raise Failed(str(error)) from error
    click.echo(f"The backup is complete in {folder}.")


@click.command()
@config_option
@click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False))
def restore(config_path: Path, folder: Path) -> None:
    """Put the backup in FOLDER into an empty data folder. No hub may be running on it."""
    config = read_config(config_path)
    data_dir = Path(config.hub.data_dir)
    try:
        with exclusive(data_dir):
            put_back(folder, database_path(config), data_dir)
    except AlreadyRunning as error:
        raise Failed(f"{error} Stop it first.", Exit.IN_USE) from error
    except NotEmpty as error:
        raise Failed(str(error), Exit.IN_USE) from error
    except BackupError as error:
        raise Failed(str(error)) from error
    click.echo(f"The backup is restored into {data_dir}. Run `centrala check`, then `centrala run`.")
