"""Migrations: the newest revision is the schema's, and a database of another version is refused in words."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from pathlib import Path

import pytest
from sqlalchemy import text, update

from hub import cli
from hub.cli_common import Exit
from hub.clock import SystemClock
from hub.cluster.members import Me, enter
from hub.store import upgrade
from hub.store.migrate import HEAD, WrongSchema
from hub.store.postgres import PostgresStore
from hub.store.schema import setting
from hub.store.sqlite import SqliteStore
from hub.store.store import Store
from hub.store.tx import Tx
from tests.hub.databases import copy_database
from tests.servers.postgres import Postgres


def made(store: Store) -> None:
    """Make the schema in a new database."""

    async def make() -> None:
        await store.open()
        await store.close()

    asyncio.run(make())


def migrate(folder: Path, url: str) -> int:
    path = folder / "centrala.toml"
    path.write_text(f'[hub]\ndata_dir = "{folder}/hub"\n[store]\nurl = "{url}"\n')
    return cli.run(["migrate", "-c", str(path)])


def test_the_newest_revision_is_the_one_that_new_databases_get() -> None:
    assert upgrade.head() == HEAD


def test_a_current_database_stays_as_it_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made(SqliteStore(tmp_path / "a.db", SystemClock()))
    assert migrate(tmp_path, f"sqlite:{tmp_path}/a.db") == 0
    assert f"The database has schema {HEAD}; it had {HEAD}." in capsys.readouterr().out


@pytest.mark.servers
def test_on_postgresql_too(postgres: Postgres, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    url = postgres.fresh_database()
    assert migrate(tmp_path, url) == Exit.FAILED
    assert "no database of Centrala here yet" in capsys.readouterr().err
    made(PostgresStore(url, SystemClock()))
    assert migrate(tmp_path, url) == 0
    assert f"The database has schema {HEAD}; it had {HEAD}." in capsys.readouterr().out


def test_databases_of_other_versions_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "a.db"
    made(SqliteStore(path, SystemClock()))
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    assert migrate(tmp_path, f"sqlite:{path}") == Exit.FAILED
    assert "schema 9999, which is newer than this program" in capsys.readouterr().err
    assert migrate(tmp_path, f"sqlite:{tmp_path}/none.db") == Exit.FAILED
    assert "there is no database" in capsys.readouterr().err


def test_a_database_that_does_not_answer_is_exit_code_4(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert migrate(tmp_path, "postgresql://postgres@127.0.0.1:1/none") == Exit.UNREACHABLE
    assert "cannot be reached" in capsys.readouterr().err


async def says(store: Store, version: str, serves: str) -> None:
    """Have the database say that it is of a version, and which programs it serves."""

    def command(tx: Tx) -> None:
        tx.execute(text("UPDATE alembic_version SET version_num = :version"), {"version": version})
        tx.execute(update(setting).where(setting.c.name == "schema-serves").values(value=serves))

    await store.write(command)


async def test_a_newer_schema_that_serves_this_program_is_worked_with(closed_store: Store) -> None:
    await closed_store.open()
    await says(closed_store, "9998", HEAD)
    await closed_store.open()
    await says(closed_store, "9998", "9997")
    with pytest.raises(WrongSchema, match="serves programs from 9997 on"):
        await closed_store.open()
    await says(closed_store, HEAD, HEAD)
    await closed_store.open()
    await closed_store.close()


@pytest.mark.servers
async def test_a_step_that_running_processes_cannot_bear_waits_until_they_are_stopped(
    _postgres: Postgres, _template: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    url = copy_database(_postgres, _template)
    store = PostgresStore(url, SystemClock())
    await store.open()
    me = Me(name="web-1", boot="1", home="here", roles=("web",), version="1")
    await store.write(lambda tx: enter(tx, me, 10_000_000))
    await says(store, "0007", "0007")
    assert await asyncio.to_thread(migrate, tmp_path, url) == Exit.FAILED
    assert "still run: web-1" in capsys.readouterr().err
    await store.close()


@pytest.mark.slow
@pytest.mark.servers
async def test_a_table_that_is_in_use_is_not_waited_for_without_end(
    _postgres: Postgres,
    _template: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(upgrade, "PATIENCE", 1)
    url = copy_database(_postgres, _template)
    store = PostgresStore(url, SystemClock())
    await store.open()
    await says(store, "0007", "0007")
    async with store._engine.begin() as user:
        await user.execute(text("SELECT id FROM delivery FOR SHARE"))
        assert await asyncio.to_thread(migrate, tmp_path, url) == Exit.FAILED
    assert "was in use for more than 1 s" in capsys.readouterr().err
    await store.close()
