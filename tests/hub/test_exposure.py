"""What everybody on the machine may read is told when the hub starts and by ``centrala check``; nothing is changed."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from hub import cli
from hub.cli_config import CHANNELS
from hub.configfile import load
from hub.exposure import open_to_all, warn
from hub.store.sqlite import SqliteStore
from tests.contract.world import Log
from tests.hub.conftest import FakeClock

CONFIG = """\
[hub]
data_dir = "{folder}/data"
rules_file = "{folder}/rules.yaml"
secret_file = "{folder}/given"

[store]
url = "sqlite:{folder}/data/centrala.db"

[[offices]]
id = "krajowa"
name = "Infolinia"

[[queues]]
id = "informacja"
name_pl = "Informacja"
name_en = "Information"
office = "krajowa"
"""

INBOX = """
[[inboxes]]
id = "system"
kind = "webhook"
name = "System"
office = "krajowa"
queue = "informacja"

[inboxes.settings]
secret = "0123456789abcdef0123456789abcdef"
"""


@pytest.fixture
def folder() -> Iterator[Path]:
    """One that everybody may enter, which no folder below pytest's own is."""
    with tempfile.TemporaryDirectory() as name:
        made = Path(name).resolve()
        if not all(above.stat().st_mode & 0o001 for above in made.parents):
            pytest.skip("temporary files are in a folder that is closed already")
        made.chmod(0o755)
        (made / "data").mkdir(mode=0o755)
        (made / "given").write_text("s" * 40)
        (made / "given").chmod(0o600)
        (made / "rules.yaml").write_text("default: {queue: informacja}\n")
        (made / "centrala.toml").write_text(CONFIG.format(folder=made))
        yield made


def found(folder: Path) -> list[str]:
    config = load(folder / "centrala.toml", environ={})
    return [path.name for path in open_to_all(config)]


async def test_what_an_earlier_version_made_is_open_and_what_this_one_makes_is_not(folder: Path) -> None:
    data = folder / "data"
    assert found(folder) == [], "nothing is there yet"
    store = SqliteStore(data / "centrala.db", FakeClock())
    await store.open()
    await store.close()
    assert found(folder) == []
    (data / "centrala.db").chmod(0o644)
    (data / "blobs").mkdir(mode=0o755)
    (data / "secret.key").touch(mode=0o644)
    assert found(folder) == ["centrala.db", "blobs", "secret.key"]
    (data / "blobs").chmod(0o750)
    assert found(folder) == ["centrala.db", "secret.key"], "what a group may read, somebody has set so"
    data.chmod(0o750)
    assert found(folder) == [], "nobody else gets there"


def test_files_that_hold_secrets_of_the_configuration_are_looked_at(folder: Path) -> None:
    given, path = folder / "given", folder / "centrala.toml"
    given.chmod(0o644)
    assert found(folder) == ["given"]
    given.chmod(0o640)
    path.chmod(0o644)
    assert found(folder) == [], "no secret is written into the configuration"
    path.write_text(path.read_text().replace("[store]\n", f'[store]\npassword = "{"x" * 20}"\n'))
    assert found(folder) == ["centrala.toml"]
    changed = load(path, environ={"CENTRALA_STORE_PASSWORD": "y" * 20})
    assert open_to_all(changed) == [], "what counts is in the environment"
    path.chmod(0o600)
    given.chmod(0o604)
    changed = load(path, environ={"CENTRALA_STORE_PASSWORD_FILE": str(given)})
    assert [file.name for file in open_to_all(changed)] == ["given"]


def test_what_is_mounted_read_only_is_the_business_of_who_mounted_it(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The secrets of a container: it cannot change their modes."""
    (folder / "given").chmod(0o644)
    assert found(folder) == ["given"]
    monkeypatch.setattr(os, "statvfs", lambda _: SimpleNamespace(f_flag=os.ST_RDONLY))
    assert found(folder) == []


def test_a_secret_in_the_settings_of_an_inbox_is_seen(folder: Path) -> None:
    path = folder / "centrala.toml"
    path.write_text(path.read_text() + INBOX)
    path.chmod(0o604)
    config = load(path, environ={}, channels=CHANNELS)
    assert open_to_all(config) == [path]


def test_it_is_told_with_what_to_do_and_left_as_it_is(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    database, path, log = folder / "data" / "centrala.db", folder / "centrala.toml", Log()
    for mode in (0o644, 0o640):
        database.touch()
        database.chmod(mode)
        warn(load(path, environ={}), log)
        assert [f"chmod o-rwx {database}" in line for line in log.lines] == [True]
        cli.run(["check", "-c", str(path)])
        assert (f"Close it: chmod o-rwx {database}" in capsys.readouterr().out) is (mode == 0o644)
        assert database.stat().st_mode & 0o777 == mode
