"""Words of rules find their forms in messages, and nothing else: fixed floors over hand-made pairs.

The pairs come from people's heads, not from the dictionary that makes the forms. ``bench/words_bench.py`` measures the
same, and treebanks beside it.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from bench.words_bench import bare, close_calls, false_hits, pairs, shares, treebank

FLOORS = {"noun": 99.0, "verb": 99.0, "adj": 99.0, "name": 95.0}
OTHERS = 90.0


@pytest.mark.parametrize("written", [str, bare], ids=["as written", "without diacritics"])
def test_forms_are_found(written: type[str]) -> None:
    found = shares(pairs(), written)
    assert sum(share.total for share in found.values()) > 700
    for part, share in found.items():
        assert share.value >= FLOORS.get(part, OTHERS), (part, share.others)


def beside_foreign_letters(text: str) -> str:
    """The same text with words that other letters are needed for."""
    return f"Добрий день, ψ! {text}"


@pytest.mark.parametrize("written", [str, beside_foreign_letters], ids=["alone", "beside foreign letters"])
def test_capital_letters_hide_nothing(written: Callable[[str], str]) -> None:
    capitals = [pair._replace(form=pair.form.capitalize()) for pair in pairs()]
    for part, share in shares(capitals, written).items():
        assert share.value >= FLOORS.get(part, OTHERS), (part, share.others)


@pytest.mark.parametrize("written", [str, bare], ids=["as written", "without diacritics"])
def test_other_words_are_not(written: type[str]) -> None:
    wrong = false_hits(pairs(), written)
    assert wrong.total > 100_000
    assert wrong.value < 0.05, wrong.others


def test_words_that_come_close_are_told_apart() -> None:
    assert close_calls(str).others == ()


def test_a_treebank_is_measured(tmp_path: Path) -> None:
    rows = [
        "# text = Byłem w sądzie, a mają mnie za sad.",
        "1-2\tByłem\t_\t_",
        "1\tBył\tbyć\tAUX",
        "2\tem\tbyć\tAUX",
        "3\tsądzie\tsąd\tNOUN",
        "4\tmają\tmieć\tVERB",
        "5\tsad\tsad\tNOUN",
        "",
        "# text = W maju i Kowalska, w Łomży.",
        "1\tmaju\tmaj\tNOUN",
        "2\tKowalska\tKowalska\tPROPN",
        "3\tŁomży\tGdańsk\tPROPN",
        "",
    ]
    file = tmp_path / "some.conllu"
    file.write_text("\n".join(rows), encoding="utf-8")
    found, wrong = treebank([file], str)
    assert {part: (share.hits, share.total) for part, share in found.items()} == {
        "verb": (3, 3),
        "noun": (3, 3),
        "name": (1, 2),
    }
    assert found["name"].others == ("Gdańsk: Łomży",)
    assert (wrong.hits, wrong.total) == (0, 6)
