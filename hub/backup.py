"""Backup and restore of the embedded store: the database first, then the files that its rows refer to.

In that order a file that the copied database names is always there: files are durable before the commit that names
them, and swept only a day after nothing names them any more. Files added meanwhile are copied too and harmless.

A backup is a folder with ``centrala.db``, ``blobs/`` and ``secret.key`` (without which the signed addresses in mails
already sent would no longer be recognised). It holds personal data and a secret: keep it as carefully as the original.
"""

# ruff: noqa: S608 - statements are made of our own names and numbers only

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from hub.durable import sync

DATABASE = "centrala.db"
BLOBS = "blobs"
SECRET = "secret.key"  # noqa: S105 - the name of a file
MARK = "restored"
"""Name of the setting that a restore leaves in the database: when, in microseconds UTC."""

JUMP = 1 << 36
"""Ids and places of the stream that a restore leaves out. What was lost had some of them: a signed address in a mail of
that time must not lead into somebody else's conversation, and readers of the stream must not take what is new for what
they have. Ids stay below 2^53 for a hundred thousand restores."""
PARTIAL = ".partial"
"""What the folder of an unfinished backup ends in."""


class BackupError(Exception):
    """It could not be done; the text is a sentence."""


class NotEmpty(BackupError):
    """There is something already where the copy should go."""


def backup(database: Path, data_dir: Path, target: Path) -> None:
    """Copy everything into ``target``, which must not exist or be empty. The hub may be running.

    ``target`` appears only when it is complete. Raises :class:`BackupError`.
    """
    if not database.exists():
        raise BackupError(f"There is no database at {database}.")
    must_be_free(target)
    with in_place(target) as partial:
        _copy_database(database, partial / DATABASE)
        _copy_files(data_dir, partial)


def must_be_free(folder: Path) -> None:
    """Raises :class:`NotEmpty` where a backup would go over something."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise NotEmpty(f"{folder} exists already and is not empty.")


@contextlib.contextmanager
def in_place(target: Path) -> Iterator[Path]:
    """A folder to fill that gets its name at the end of the block, and is gone when the block raises.

    Raises :class:`BackupError` for what the block finds wrong.
    """
    partial = target.with_name(target.name + PARTIAL)
    try:
        shutil.rmtree(partial, ignore_errors=True)
        make_folder(partial)
        yield partial
        sync(partial)
        if target.exists():
            target.rmdir()
        partial.rename(target)
        sync(target.parent)
    except (OSError, sqlite3.Error) as error:
        raise BackupError(f"The backup to {target} failed: {error}.") from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def restore(source: Path, database: Path, data_dir: Path, mark: str | None) -> None:
    """Put a backup into a data folder that holds no database. The caller made sure that no hub runs on it.

    The database is checked before anything is put in its place. ``mark``: when it is restored, in microseconds, or None
    for a backup after which nothing was sent (see :mod:`hub.outbox.restored`). Raises :class:`BackupError`.
    """
    copied = source / DATABASE
    if not copied.is_file():
        raise BackupError(f"{source} is not a backup: it holds no {DATABASE}.")
    # A log that an earlier database left behind would be written into this one when it is opened.
    logs = (database.with_name(database.name + end) for end in ("-wal", "-shm", "-journal"))
    for taken in (database, *logs, data_dir / BLOBS, data_dir / SECRET):
        if taken.exists():
            raise NotEmpty(f"{taken} exists already; restore into an empty data folder.")
    make_folder(database.parent)
    partial = database.with_name(database.name + PARTIAL)
    partial.unlink(missing_ok=True)
    try:
        _copy_database(copied, partial)
        _check(partial)
        if mark is not None:
            begin_another_life(partial, mark)
        _copy_files(source, data_dir)
    except (OSError, sqlite3.Error) as error:
        # None of it was there before; what stayed would stand in the way of the next try.
        shutil.rmtree(data_dir / BLOBS, ignore_errors=True)
        for left in (data_dir / SECRET, partial):
            left.unlink(missing_ok=True)
        raise BackupError(f"The backup in {source} cannot be restored: {error}.") from error
    # Last, so that a hub started after a failed restore finds no database rather than half of one.
    sync(data_dir)
    partial.rename(database)
    sync(database.parent)


def _copy_database(source: Path, target: Path) -> None:
    """A consistent copy, made in one step by SQLite itself; writers go on meanwhile."""
    with (
        contextlib.closing(sqlite3.connect(f"file:{source}?mode=ro", uri=True, timeout=30)) as origin,
        contextlib.closing(sqlite3.connect(target)) as copy,
    ):
        origin.backup(copy, pages=-1)
        copy.execute("PRAGMA journal_mode = DELETE")
    target.chmod(0o600)
    sync(target)


def _check(database: Path) -> None:
    with contextlib.closing(sqlite3.connect(database)) as connection:
        ((verdict,),) = connection.execute("PRAGMA integrity_check(1)")
        if verdict != "ok":
            raise sqlite3.DatabaseError(f"the database is damaged ({verdict})")
        connection.execute("SELECT 1 FROM conversation LIMIT 1")


def another_life(mark: str) -> tuple[str, ...]:
    """Statements, for both engines, after which the hub knows that something may have happened since the copy."""
    head = "SELECT CAST(place + {} AS text) FROM stream_head"
    return (
        f"INSERT INTO setting (name, value) VALUES ('{MARK}', '{int(mark)}') "
        "ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        f"UPDATE id_block SET next = next + {JUMP}",
        # A search index that has everything need not look for what comes in between.
        f"UPDATE setting SET value = ({head.format(JUMP)}) "
        f"WHERE name = 'search-place' AND value = ({head.format(0)})",
        f"UPDATE stream_head SET place = place + {JUMP}",
    )


def begin_another_life(database: Path, mark: str) -> None:
    """Note in a database that it was brought back; no hub may be running on it. Raises sqlite3.Error."""
    with contextlib.closing(sqlite3.connect(database)) as connection, connection:
        for statement in another_life(mark):
            connection.execute(statement)


def _copy_files(source: Path, target: Path) -> None:
    make_folder(target)
    if (source / BLOBS).is_dir():
        shutil.copytree(source / BLOBS, target / BLOBS, copy_function=_copy_if_there)
        for folder, _, names in os.walk(target / BLOBS):
            for path in (Path(folder), *(Path(folder) / name for name in names)):
                sync(path)
    if (source / SECRET).is_file():
        copy_file(source / SECRET, target / SECRET)


def copy_file(source: Path, target: Path) -> None:
    """One file, with its mode, on the disk when this returns."""
    shutil.copy2(source, target)
    sync(target)


def _copy_if_there(source: str, target: str) -> None:
    with contextlib.suppress(FileNotFoundError):  # swept just now: nothing refers to it
        shutil.copy2(source, target)


def make_folder(folder: Path) -> None:
    """Make a folder for its owner only where there is none, with those above it; their names are on the disk when this
    returns."""
    new = [one for one in (folder, *folder.parents) if not one.exists()]
    folder.mkdir(0o700, parents=True, exist_ok=True)
    for one in new:
        sync(one.parent)
