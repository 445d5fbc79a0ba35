"""A backup taken from a store at work is whole, and comes back as it was."""

from __future__ import annotations

import os
import random
import shutil
import sqlite3
import threading
from pathlib import Path

import pytest

from hub.backup import BackupError, NotEmpty, backup, restore
from hub.blobs import FileBlobs
from hub.clock import SystemClock
from hub.store.sqlite import SqliteStore


class House:
    """A data folder with a database, a large file and a secret."""

    def __init__(self, folder: Path) -> None:
        self.data_dir = folder / "data"
        self.database = self.data_dir / "centrala.db"
        self.store = SqliteStore(self.database, SystemClock())
        self.blobs = FileBlobs(self.store, self.data_dir / "blobs", random.Random(1))


async def test_a_backup_of_a_running_store_comes_back_whole(tmp_path: Path) -> None:
    house = House(tmp_path)
    await house.store.open()
    (house.data_dir / "secret.key").write_text("s" * 48)
    key = await house.blobs.put(b"large" * 50_000)
    backup(house.database, house.data_dir, tmp_path / "copy")
    later = await house.blobs.put(b"not in the backup")
    await house.store.close()
    assert (tmp_path / "copy").stat().st_mode & 0o077 == 0

    again = House(tmp_path / "again")
    restore(tmp_path / "copy", again.database, again.data_dir, None)
    await again.store.open()
    assert await again.blobs.get(key) == b"large" * 50_000
    with pytest.raises(KeyError):
        await again.blobs.get(later)
    assert (again.data_dir / "secret.key").read_text() == "s" * 48
    await again.store.close()


async def test_writers_go_on_while_a_backup_is_taken(tmp_path: Path) -> None:
    house = House(tmp_path)
    await house.store.open()
    await house.blobs.put(b"before")
    done = threading.Thread(target=backup, args=(house.database, house.data_dir, tmp_path / "copy"))
    done.start()
    for number in range(50):
        await house.blobs.put(b"%d" % number)
    done.join()
    await house.store.close()
    with sqlite3.connect(tmp_path / "copy" / "centrala.db") as copy:
        names = [name for (name,) in copy.execute("SELECT name FROM blob")]
    assert names
    for name in names:
        assert (tmp_path / "copy" / "blobs" / name[:2] / name).exists()


async def test_nothing_is_overwritten(tmp_path: Path) -> None:
    house = House(tmp_path)
    await house.store.open()
    await house.store.close()
    backup(house.database, house.data_dir, tmp_path / "copy")
    with pytest.raises(NotEmpty, match="not empty"):
        backup(house.database, house.data_dir, tmp_path / "copy")
    with pytest.raises(NotEmpty, match="exists already"):
        restore(tmp_path / "copy", house.database, house.data_dir, None)


async def test_the_log_of_an_earlier_database_is_not_written_into_the_restored_one(tmp_path: Path) -> None:
    house = House(tmp_path)
    await house.store.open()
    backup(house.database, house.data_dir, tmp_path / "copy")
    await house.blobs.put(b"after the backup")
    again = House(tmp_path / "again")
    again.data_dir.mkdir(parents=True)
    for end in ("-wal", "-shm"):  # as a killed hub leaves them, whose database was taken away
        left = house.database.with_name(house.database.name + end)
        shutil.copy(left, again.database.with_name(left.name))
    await house.store.close()
    with pytest.raises(NotEmpty, match="-wal exists already"):
        restore(tmp_path / "copy", again.database, again.data_dir, None)


async def test_a_damaged_backup_is_refused_and_leaves_no_database(tmp_path: Path) -> None:
    house = House(tmp_path)
    await house.store.open()
    await house.store.close()
    backup(house.database, house.data_dir, tmp_path / "copy")
    damaged = tmp_path / "copy" / "centrala.db"
    content = bytearray(damaged.read_bytes())
    content[5000:60000] = b"\xff" * 55000
    damaged.write_bytes(content)
    again = House(tmp_path / "again")
    with pytest.raises(BackupError, match="cannot be restored"):
        restore(tmp_path / "copy", again.database, again.data_dir, None)
    assert not again.database.exists()


async def test_a_restore_that_fails_in_the_middle_can_be_tried_again(tmp_path: Path) -> None:
    house = House(tmp_path)
    await house.store.open()
    await house.blobs.put(b"dokument" * 20_000)
    await house.store.close()
    backup(house.database, house.data_dir, tmp_path / "copy")
    broken = tmp_path / "copy" / "blobs" / "no-file"
    os.mkfifo(broken)
    again = House(tmp_path / "again")
    with pytest.raises(BackupError, match="cannot be restored"):
        restore(tmp_path / "copy", again.database, again.data_dir, None)
    assert list(again.data_dir.iterdir()) == []
    broken.unlink()
    restore(tmp_path / "copy", again.database, again.data_dir, None)
    assert again.database.exists()


def test_what_is_no_backup_is_told(tmp_path: Path) -> None:
    with pytest.raises(BackupError, match="no database at"):
        backup(tmp_path / "none.db", tmp_path, tmp_path / "copy")
    with pytest.raises(BackupError, match="is not a backup"):
        restore(tmp_path, tmp_path / "x.db", tmp_path, None)
