"""What an earlier test of this process worked out, so that not every hub does it again: forms of words, rule sets.

A rule set is compiled with the forms of its words, which lie in the hub's own folder; the product therefore keeps a
compiled set by the folder, too. Wherever a test's hub starts with lent forms, equal texts mean the same.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest

from hub import rulefile
from hub.config import Config
from hub.wordforms import FILE
from rules import Compiled

_kept: dict[str, bytes] = {}
_compiled: dict[tuple[str, bytes, bool], Compiled] = {}


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


@contextmanager
def known_rules() -> Iterator[None]:
    """While a hub starts, take rule sets that an earlier one compiled; they never change."""
    really = rulefile._compile

    def compiled(
        config: Config, source: str, name: str, expand: rulefile.Expand | None, names: bool = True
    ) -> Compiled:
        if expand is not None:
            return really(config, source, name, expand, names)
        around = msgspec.json.encode((rulefile.known_names(config), rulefile.places(config.offices)))
        if (source, around, names) not in _compiled:
            _compiled[source, around, names] = really(config, source, name, expand, names)
        return _compiled[source, around, names]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rulefile, "_compile", compiled)
        yield
