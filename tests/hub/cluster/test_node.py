"""By what a process knows the earlier runs in its data folder, and that a power cut does not keep it from starting."""

from __future__ import annotations

from pathlib import Path

import pytest

from connectors.contract import Secret
from hub.cluster.node import HOME, this_node
from hub.config import Config, Hub


def home_in(folder: Path) -> str:
    config = Config(hub=Hub(data_dir=str(folder), secret=Secret("a secret of thirty-two characters")))
    return this_node(config, boot="b").home


def test_runs_in_one_folder_have_one_home(tmp_path: Path) -> None:
    assert home_in(tmp_path / "new" / "data") == home_in(tmp_path / "new" / "data")
    assert home_in(tmp_path / "new" / "data") != home_in(tmp_path / "other")


@pytest.mark.parametrize("left", [b"", b"\xb9\x00\xff", b"0123456", b"\x00" * 16])
def test_a_mark_torn_by_a_power_cut_is_made_anew(tmp_path: Path, left: bytes) -> None:
    (tmp_path / HOME).write_bytes(left)
    home = home_in(tmp_path)
    assert home == home_in(tmp_path)
    assert (tmp_path / HOME).read_bytes() != left
