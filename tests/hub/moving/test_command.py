"""``centrala migrate --from … --to …`` as people type it: what is wrong is a sentence with its exit code."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from hub import cli
from hub.cli_common import Exit
from hub.cli_move import Teller
from hub.control import exclusive
from hub.moving.move import Order, Step, Tell

AWAY = "postgresql://hub@127.0.0.1:1/none"


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "centrala.toml"
    path.write_text(
        f'[hub]\ndata_dir = "{tmp_path}/data"\n[store]\nurl = "sqlite:{tmp_path}/data/centrala.db"\n'
    )
    return path


def migrate(config: Path, *arguments: str) -> int:
    return cli.run(["migrate", "-c", str(config), *arguments])


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["--from", "sqlite:x"], Exit.USAGE, "give both --from and --to"),
        (["--to", AWAY], Exit.USAGE, "give both --from and --to"),
        (["--from", AWAY, "--to", AWAY], Exit.USAGE, "out of the embedded store only"),
        (["--from", "sqlite:", "--to", AWAY], Exit.USAGE, "as sqlite:PATH"),
        (["--from", "sqlite:x", "--to", "sqlite:y"], Exit.USAGE, "to PostgreSQL only"),
        (["--from", "sqlite:/none/x.db", "--to", AWAY], Exit.FAILED, "There is no database at /none/x.db"),
    ],
)
def test_what_cannot_be_meant_is_told(
    config: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], code: int, said: str
) -> None:
    assert migrate(config, *arguments) == code
    assert said in capsys.readouterr().err


def test_a_server_that_is_away_can_be_tried_again(
    config: Path, sqlite_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert migrate(config, "--from", f"sqlite:{sqlite_path}", "--to", AWAY) == Exit.UNREACHABLE
    assert "Run the same command again to go on" in capsys.readouterr().err


def test_a_running_hub_is_in_the_way(
    config: Path, sqlite_path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with exclusive(tmp_path / "data"):
        assert migrate(config, "--from", f"sqlite:{sqlite_path}", "--to", AWAY) == Exit.IN_USE
    assert "Stop it first" in capsys.readouterr().err


def test_progress_is_a_line_a_second_and_one_for_each_thing(capsys: pytest.CaptureFixture[str]) -> None:
    tell = Teller()
    for rows in range(1000, 9000, 1000):
        tell(Step(doing="copy", table="message", rows=rows, of=8000))
    tell(Step(doing="index"))
    tell(Step(doing="compare", table="message", of=8000))
    tell(Step(doing="compare", table="undo", of=0))
    assert capsys.readouterr().err.splitlines() == [
        "message: 1000 of 8000 rows (12 %)",
        "message: 8000 of 8000 rows (100 %)",
        "The rows are there; making the indexes.",
        "message: comparing 8000 rows",
    ]


def test_a_source_that_breaks_meanwhile_is_told(
    config: Path, sqlite_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async def broken(order: Order, tell: Tell) -> None:
        raise sqlite3.DatabaseError("database disk image is malformed")

    monkeypatch.setattr("hub.cli_move.move", broken)
    assert migrate(config, "--from", f"sqlite:{sqlite_path}", "--to", AWAY) == Exit.FAILED
    assert f"{sqlite_path} cannot be read (database disk image is malformed)" in capsys.readouterr().err
