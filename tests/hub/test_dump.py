"""A dump of PostgreSQL is whole or not there, and a database is what it was or empty. Drills: tests/operators."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

import pytest

from hub.backup import BackupError, NotEmpty
from hub.clock import SystemClock
from hub.dump import DUMP, backup, restore
from hub.store.postgres import PostgresStore
from tests.servers.postgres import Postgres

pytestmark = pytest.mark.servers

TABLES = "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"


async def made(url: str) -> str:
    """A store in a new database."""
    store = PostgresStore(url, SystemClock())
    await store.open()
    await store.close()
    return url


@pytest.mark.slow
def test_what_is_damaged_leaves_the_database_empty(postgres: Postgres, tmp_path: Path) -> None:
    url, copy, data = asyncio.run(made(postgres.fresh_database())), tmp_path / "copy", tmp_path / "data"
    data.mkdir()
    (data / "secret.key").write_text("s" * 48)
    backup(url, None, data, copy)
    assert (copy / "secret.key").read_text() == "s" * 48
    with pytest.raises(NotEmpty, match="not empty"):
        backup(url, None, data, copy)
    with pytest.raises(NotEmpty, match="secret"):
        restore(copy, postgres.fresh_database(), None, data, None)
    shutil.rmtree(data)
    with pytest.raises(NotEmpty, match="The database is not empty"):
        restore(copy, url, None, data, None)

    empty = postgres.fresh_database()
    whole = (copy / DUMP).read_bytes()
    (copy / DUMP).write_bytes(whole[: len(whole) * 9 // 10])
    with pytest.raises(BackupError, match="pg_restore failed"):
        restore(copy, empty, None, data, "1")
    assert postgres.psql(TABLES, empty) == "0" and not data.exists()

    (copy / DUMP).write_bytes(whole)
    restore(copy, empty, None, data, "1")
    assert postgres.psql("SELECT value FROM setting WHERE name = 'restored'", empty) == "1"
    assert (data / "secret.key").read_text() == "s" * 48


def test_a_missing_program_is_told(
    postgres: Postgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(BackupError, match="pg_dump is missing"):
        backup(postgres.url, None, tmp_path, tmp_path / "copy")
    assert list(tmp_path.iterdir()) == []


def test_a_server_that_is_away_is_told_without_its_password(tmp_path: Path) -> None:
    away = "postgresql://hub@127.0.0.1:1/none"
    with pytest.raises(BackupError, match="pg_dump failed") as told:
        backup(away, "very-secret", tmp_path, tmp_path / "copy")
    assert "very-secret" not in str(told.value)
    (tmp_path / DUMP).write_bytes(b"")
    with pytest.raises(BackupError, match="cannot be reached"):
        restore(tmp_path, away, "very-secret", tmp_path / "data", None)


def test_what_is_no_backup_is_told(tmp_path: Path) -> None:
    with pytest.raises(BackupError, match="is not a backup of PostgreSQL"):
        restore(tmp_path, "postgresql://x@127.0.0.1:1/x", None, tmp_path, None)
