"""``centrala restore --is-back``: a database that came back by other means is treated as a restored one."""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path

import pytest

from hub import cli
from hub.backup import JUMP, MARK
from hub.cli_common import Exit
from tests.servers.postgres import Postgres

HEADS = "SELECT (SELECT next FROM id_block), (SELECT place FROM stream_head)"


@pytest.fixture
def config(tmp_path: Path, sqlite_path: Path) -> Path:
    path = tmp_path / "centrala.toml"
    path.write_text(f'[hub]\ndata_dir = "{sqlite_path.parent}"\n[store]\nurl = "sqlite:{sqlite_path}"\n')
    return path


def test_ids_and_places_of_the_lost_time_are_left_out(config: Path, sqlite_path: Path) -> None:
    with contextlib.closing(sqlite3.connect(sqlite_path)) as connection:
        before = connection.execute(HEADS).fetchone()
        assert cli.run(["restore", "-c", str(config), "--is-back"]) == 0
        assert connection.execute(HEADS).fetchone() == tuple(one + JUMP for one in before)
        [(when,)] = connection.execute("SELECT value FROM setting WHERE name = ?", (MARK,))
    assert int(when) > 1_700_000_000_000_000


@pytest.mark.parametrize("arguments", [[], ["--is-back", "--nothing-sent-since"], ["--is-back", "."]])
def test_what_cannot_be_meant_is_told(
    config: Path, arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.run(["restore", "-c", str(config), *arguments]) == Exit.USAGE
    assert "FOLDER of a backup" in capsys.readouterr().err


def test_there_must_be_a_database(
    config: Path, sqlite_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sqlite_path.unlink()
    assert cli.run(["restore", "-c", str(config), "--is-back"]) == Exit.FAILED
    assert "There is no database" in capsys.readouterr().err
    assert not sqlite_path.exists()


@pytest.mark.slow
@pytest.mark.servers
def test_on_postgresql_too(tmp_path: Path, postgres: Postgres) -> None:
    url, path = postgres.fresh_database(), tmp_path / "centrala.toml"
    path.write_text(f'[hub]\ndata_dir = "{tmp_path}/data"\n[store]\nurl = "{url}"\n')
    postgres.psql("CREATE TABLE setting (name text PRIMARY KEY, value text)", url)
    postgres.psql("CREATE TABLE id_block AS SELECT 5::bigint AS next", url)
    postgres.psql("CREATE TABLE stream_head AS SELECT 7::bigint AS place", url)
    postgres.psql("INSERT INTO setting VALUES ('search-place', '7')", url)
    assert cli.run(["restore", "-c", str(path), "--is-back"]) == 0
    assert postgres.psql(HEADS, url) == f"{JUMP + 5}|{JUMP + 7}"
    assert postgres.psql("SELECT value FROM setting WHERE name = 'search-place'", url) == str(JUMP + 7)
