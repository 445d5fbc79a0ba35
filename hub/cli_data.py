"""``centrala migrate``, ``backup`` and ``restore``."""

from __future__ import annotations

from pathlib import Path

import click

from hub.backup import BackupError, NotEmpty
from hub.backup import backup as make_backup
from hub.backup import restore as put_back
from hub.cli_common import Exit, Failed, config_option
from hub.cli_config import read_config
from hub.config import Config
from hub.control import AlreadyRunning, exclusive
from hub.storage import sqlite_path


def database_path(config: Config) -> Path:
    """The file of the embedded store. Raises :class:`Failed` where the store is PostgreSQL."""
    path = sqlite_path(config)
    if path is None:
        raise Failed(
            "This is for the embedded store. Copy a PostgreSQL database with pg_dump, then the data folder."
        )
    return path


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
