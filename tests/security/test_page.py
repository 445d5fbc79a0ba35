"""The page about attacks names tests that exist, and every file of tests here is named on it."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
HERE = Path(__file__).parent
PAGE = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")


def named() -> list[tuple[Path, str]]:
    """File and function of the tests in the table."""
    found: list[tuple[Path, str]] = []
    for row in re.findall(r"^\| .+ \| .+ \| (.+) \|$", PAGE, re.MULTILINE):
        file = ""
        for path, test in re.findall(r"`([^`:]*)::(\w+)`", row):
            file = path or file
            found.append((ROOT / file if "/" in file else HERE / file, test))
    return found


def test_what_it_names_exists() -> None:
    tests = named()
    assert len(tests) > 60
    for path, test in tests:
        text = path.read_text(encoding="utf-8")
        assert re.search(rf"^(async )?def {test}\(", text, re.MULTILINE), f"{path.name}::{test}"


def test_it_names_every_file_of_these_tests() -> None:
    here = {path.name for path in HERE.glob("test_*.py")} - {Path(__file__).name}
    assert here - {path.name for path, _ in named()} == set()
