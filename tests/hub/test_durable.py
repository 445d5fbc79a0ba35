"""Names and contents that a power cut leaves; that nothing else is left is tried in tests/chaos/power."""

from __future__ import annotations

from pathlib import Path

import pytest

from hub.configfile import load, signing_secret
from hub.durable import make_folder, write_file
from hub.store.sqlite import SqliteStore
from tests.hub.conftest import FakeClock


def test_folders_are_made_with_those_above(tmp_path: Path) -> None:
    for _ in range(2):
        make_folder(tmp_path / "a" / "b" / "c")
    assert (tmp_path / "a" / "b" / "c").is_dir()
    assert {path.stat().st_mode & 0o777 for path in (tmp_path / "a", tmp_path / "a" / "b" / "c")} == {0o700}


def test_a_file_in_the_way_is_told(tmp_path: Path) -> None:
    (tmp_path / "a").touch()
    with pytest.raises(OSError, match="a"):
        make_folder(tmp_path / "a")


def test_a_file_is_written_whole_for_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    for text in ("zażółć", "second"):
        write_file(path, text)
        assert path.read_text(encoding="utf-8") == text
    assert path.stat().st_mode & 0o777 == 0o600
    assert [entry.name for entry in tmp_path.iterdir()] == ["secret"]


def test_a_signing_secret_that_a_power_cut_left_empty_is_made_anew(tmp_path: Path) -> None:
    file = tmp_path / "centrala.toml"
    file.write_text(f'[hub]\ndata_dir = "{tmp_path}/data"\n')
    config = load(file, environ={})
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "secret.key").touch()
    made = signing_secret(config)
    assert len(made) >= 32
    assert signing_secret(config) == made


def modes(folder: Path) -> dict[str, int]:
    return {path.name: path.stat().st_mode & 0o777 for path in folder.iterdir()}


async def test_only_its_owner_reads_the_database(tmp_path: Path) -> None:
    """Also in a folder that others may enter, and with the log that SQLite keeps beside it."""
    store = SqliteStore(tmp_path / "centrala.db", FakeClock())
    await store.open()
    try:
        found = modes(tmp_path)
    finally:
        await store.close()
    assert {"centrala.db", "centrala.db-wal"} <= found.keys() and set(found.values()) == {0o600}
