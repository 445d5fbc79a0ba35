"""``centrala migrate``, ``backup`` and ``restore``."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from pathlib import Path

import click
from sqlalchemy import create_engine, event
from sqlalchemy.exc import SQLAlchemyError

from hub import dump
from hub.backup import SECRET, BackupError, NotEmpty, begin_another_life
from hub.backup import backup as make_backup
from hub.backup import restore as put_back
from hub.cli_common import Exit, Failed, config_option
from hub.cli_config import read_config
from hub.cli_move import move_store
from hub.clock import SystemClock
from hub.config import Config
from hub.control import AlreadyRunning, exclusive
from hub.store.address import engine_of
from hub.store.migrate import WrongSchema
from hub.store.store import fault_of
from hub.store.upgrade import upgrade


@click.command()
@config_option
@click.option("--from", "origin", metavar="sqlite:PATH", help="Move the data of this database …")
@click.option("--to", "destination", metavar="postgresql://…", help="… into this one, which must be empty.")
@click.option(
    "--leave-lost", is_flag=True, help="Move also when large files are missing that the database refers to."
)
def migrate(config_path: Path, origin: str | None, destination: str | None, leave_lost: bool) -> None:
    """Bring the database to the schema of this version. Take a backup first.

    A hub of this version refuses a database of an older one and names this command. There is no way back but the
    backup. The embedded store needs the hub to be stopped; on PostgreSQL processes of the version before go on
    meanwhile where the new schema serves them, and the command says so where it does not.

    With --from and --to: move an office's whole data, large files included, from the embedded store to PostgreSQL.
    No hub may run on it meanwhile. What was ended goes on when the same command is run again; the target can be
    used only when everything was read back and agrees. The source stays as it is.
    """
    config = read_config(config_path)
    if origin or destination:
        if not (origin and destination):
            raise Failed("To move data give both --from and --to.", Exit.USAGE)
        _move(config, origin, destination, leave_lost=leave_lost)
        return
    alone = config.store.sqlite_path() is not None
    try:
        with exclusive(Path(config.hub.data_dir)) if alone else contextlib.nullcontext():
            before, after = asyncio.run(_migrate(config))
    except AlreadyRunning as error:
        raise Failed(f"{error} Stop it first.", Exit.IN_USE) from error
    except WrongSchema as error:
        raise Failed(f"The database was not changed: {error}.") from error
    except (SQLAlchemyError, OSError) as error:
        how = "reached" if isinstance(error, OSError) and not alone else "used"
        raise Failed(f"The database cannot be {how}: {fault_of(error)}.", Exit.UNREACHABLE) from error
    click.echo(f"The database has schema {after}; it had {before}.")


def _move(config: Config, origin: str, destination: str, *, leave_lost: bool) -> None:
    try:
        with exclusive(Path(config.hub.data_dir)):
            move_store(config, origin, destination, leave_lost=leave_lost)
    except AlreadyRunning as error:
        raise Failed(f"{error} Stop it first.", Exit.IN_USE) from error


async def _migrate(config: Config) -> tuple[str | None, str]:
    path = config.store.sqlite_path()
    if path is not None:
        return _migrate_sqlite(path)
    engine = engine_of(config.store.url, _password(config))
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

    FOLDER appears only when the copy is complete. It holds personal data and the hub's signing secret, if that is kept
    in the data folder. A PostgreSQL database is copied by its own pg_dump, which must be installed.
    """
    config = read_config(config_path)
    path, data_dir = config.store.sqlite_path(), Path(config.hub.data_dir)
    with _said():
        if path is not None:
            make_backup(path, data_dir, folder)
        else:
            dump.backup(config.store.url, _password(config), data_dir, folder)
    click.echo(f"The backup is complete in {folder}.")
    if (folder / SECRET).exists():
        return
    if config.hub.secret:
        click.echo("It does not hold the signing secret, which is configured elsewhere: keep that one, too.")
    else:
        click.echo(
            f"It does not hold the signing secret: {data_dir} has none. Where the hub has one, keep that, too."
        )


@click.command()
@config_option
@click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False), required=False)
@click.option(
    "--nothing-sent-since",
    is_flag=True,
    help="The hub was stopped before the backup was made and has not run since: send what waits.",
)
@click.option(
    "--is-back",
    is_flag=True,
    help="The database was brought back by other means (an archive, a snapshot): only note that. Without FOLDER.",
)
def restore(config_path: Path, folder: Path | None, nothing_sent_since: bool, is_back: bool) -> None:
    """Put the backup in FOLDER into an empty data folder, or an empty PostgreSQL database. No hub may be running on it.

    What waited to be sent when the backup was made may have been sent since then. It is not sent again by itself:
    the hub shows it as possibly sent, and people decide. Nor is any id of the lost time used for anything else.
    """
    if (folder is None) != is_back or (is_back and nothing_sent_since):
        raise Failed("Give the FOLDER of a backup, or --is-back alone.", Exit.USAGE)
    config = read_config(config_path)
    mark = None if nothing_sent_since else str(SystemClock().now())
    with _said(), exclusive(Path(config.hub.data_dir)):
        click.echo(_note(config, str(mark)) if folder is None else _put_back(config, folder, mark))


def _put_back(config: Config, folder: Path, mark: str | None) -> str:
    path, data_dir = config.store.sqlite_path(), Path(config.hub.data_dir)
    if path is not None:
        put_back(folder, path, data_dir, mark)
    else:
        dump.restore(folder, config.store.url, _password(config), data_dir, mark)
    where = data_dir if path is not None else "the database"
    return f"The backup is restored into {where}. Run `centrala check`, then `centrala run`."


def _note(config: Config, mark: str) -> str:
    path = config.store.sqlite_path()
    if path is None:
        dump.begin_another_life(config.store.url, _password(config), mark)
    elif path.is_file():
        begin_another_life(path, mark)
    else:
        raise BackupError(f"There is no database at {path}.")
    return "It is noted that the database was brought back. Run `centrala check`, then `centrala run`."


@contextlib.contextmanager
def _said() -> Iterator[None]:
    """What can go wrong, as sentences with their exit codes."""
    try:
        yield
    except AlreadyRunning as error:
        raise Failed(f"{error} Stop it first.", Exit.IN_USE) from error
    except NotEmpty as error:
        raise Failed(str(error), Exit.IN_USE) from error
    except BackupError as error:
        raise Failed(str(error)) from error


def _password(config: Config) -> str | None:
    return config.store.password.reveal() if config.store.password else None
