"""The page about the rules of the desk names tests that exist, and misses no rule."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "desk.md").read_text(encoding="utf-8")
RULES = 17


def named() -> dict[int, list[tuple[str, str]]]:
    """File and function of the tests in the table, by rule."""
    found: dict[int, list[tuple[str, str]]] = {}
    for number, cell in re.findall(r"^\| (\d+) \| (.+) \|$", PAGE, re.MULTILINE):
        file = ""
        for path, test in re.findall(r"`([^`:]*)::(\w+)`", cell):
            file = path or file
            found.setdefault(int(number), []).append((file, test))
    return found


def test_every_rule_is_tested_by_tests_that_exist() -> None:
    tests = named()
    assert sorted(tests) == list(range(1, RULES + 1))
    for rule, places in tests.items():
        for file, test in places:
            text = (ROOT / file).read_text(encoding="utf-8")
            assert re.search(rf"^(async )?def {test}\(", text, re.MULTILINE), f"rule {rule}: {file}::{test}"


def test_every_rule_is_described() -> None:
    assert [number for number in range(1, RULES + 1) if f"{number}. **" not in PAGE] == []
