"""Backup and restore of the larger size: PostgreSQL's own ``pg_dump`` and ``pg_restore``, and the signing secret.

A dump is one consistent view of the whole database, large files included, which are rows there. It is taken while hubs
run, and put back in one transaction into a database that was just created: what fails leaves nothing behind.

A backup is a folder with ``centrala.dump`` and, where the secret is kept in the data folder, ``secret.key``.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import asyncpg

from hub.backup import (
    SECRET,
    BackupError,
    NotEmpty,
    another_life,
    copy_file,
    in_place,
    make_folder,
    must_be_free,
)
from hub.durable import sync

DUMP = "centrala.dump"

NEW_TABLES = "SELECT count(*) FROM pg_tables WHERE schemaname = current_schema()"


def backup(url: str, password: str | None, data_dir: Path, folder: Path) -> None:
    """Dump the database at ``url`` (``postgresql://…``) into ``folder``, which must not exist or be empty.

    ``folder`` appears only when it is complete. Raises :class:`BackupError`.
    """
    must_be_free(folder)
    with in_place(folder) as partial:
        dump = partial / DUMP
        _run("pg_dump", ["--format=custom", "--no-owner", "--no-privileges", f"--file={dump}", url], password)
        dump.chmod(0o600)
        sync(dump)
        if (data_dir / SECRET).is_file():
            copy_file(data_dir / SECRET, partial / SECRET)


def restore(folder: Path, url: str, password: str | None, data_dir: Path, mark: str | None) -> None:
    """Put a dump into the database at ``url``, which must be empty, and its secret into the data folder.

    ``mark`` as for :func:`hub.backup.restore`. Raises :class:`BackupError`.
    """
    dump = folder / DUMP
    if not dump.is_file():
        raise BackupError(f"{folder} is not a backup of PostgreSQL: it holds no {DUMP}.")
    kept = (folder / SECRET).is_file()
    if kept and (data_dir / SECRET).exists():
        raise NotEmpty(f"{data_dir / SECRET} exists already; restore into an empty data folder.")
    if asyncio.run(_ask(url, password, NEW_TABLES)):
        raise NotEmpty("The database is not empty; restore into one that was just created.")
    _run(
        "pg_restore",
        [
            "--no-owner",
            "--no-privileges",
            "--exit-on-error",
            "--single-transaction",
            f"--dbname={url}",
            str(dump),
        ],
        password,
    )
    if mark is not None:
        begin_another_life(url, password, mark)
    if kept:
        make_folder(data_dir)
        copy_file(folder / SECRET, data_dir / SECRET)
        sync(data_dir)


def begin_another_life(url: str, password: str | None, mark: str) -> None:
    """Note in a database that it was brought back; no hub may be running on it. Raises :class:`BackupError`."""
    asyncio.run(_ask(url, password, *another_life(mark)))


async def _ask(url: str, password: str | None, *statements: str) -> Any:
    """The one value that the last of these statements gives; all of them in one transaction."""
    try:
        connection = await asyncpg.connect(url, password=password)
        try:
            async with connection.transaction():
                return [await connection.fetchval(statement) for statement in statements][-1]
        finally:
            await connection.close()
    except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError) as error:
        raise BackupError(f"The database cannot be reached: {error}.") from error


def _run(program: str, arguments: list[str], password: str | None) -> None:
    """One of PostgreSQL's programs; the password goes by the environment, where no list of processes shows it."""
    found = shutil.which(program)
    if found is None:
        raise BackupError(
            f"{program} is missing. Install PostgreSQL's client programs, of the server's version or newer "
            "(on Debian: postgresql-client)."
        )
    environment = {**os.environ, **({"PGPASSWORD": password} if password else {})}
    done = subprocess.run([found, *arguments], env=environment, capture_output=True, text=True)  # noqa: S603 - ours
    if done.returncode:
        said = done.stderr.strip().splitlines()
        raise BackupError(f"{program} failed: {said[0] if said else f'exit code {done.returncode}'}")
