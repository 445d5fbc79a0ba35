"""Forms of words that an earlier test of this process looked up, so that not every hub starts a child for them."""

from __future__ import annotations

from pathlib import Path

from hub.wordforms import FILE

_kept: dict[str, bytes] = {}


def lend_forms(data_dir: Path) -> None:
    """Put what is known into a data folder before a hub starts in it."""
    if FILE in _kept:
        data_dir.mkdir(parents=True, exist_ok=True)
        (data_dir / FILE).write_bytes(_kept[FILE])


def keep_forms(data_dir: Path) -> None:
    """Remember what a hub looked up."""
    file = data_dir / FILE
    if file.exists() and file.stat().st_size > len(_kept.get(FILE, b"")):
        _kept[FILE] = file.read_bytes()
