"""Forms of words come from the file, new ones from a child process, and the dictionary stays out of this one."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from hub.wordforms import WordForms
from rules.words import polish_forms


def test_new_words_are_looked_up_and_kept(tmp_path: Path) -> None:
    first = WordForms(tmp_path / "data" / "forms.json")
    assert first.expand("zasiłek") == {"zasiłek"}
    assert first.missing == ["zasiłek"]
    first.look_up()
    assert first.missing == []
    assert first.expand("zasiłek") == polish_forms("zasiłek")
    assert "zasiłku" in WordForms(tmp_path / "data" / "forms.json").expand("zasiłek")


def test_words_no_longer_used_are_dropped(tmp_path: Path) -> None:
    path = tmp_path / "forms.json"
    first = WordForms(path)
    for word in ("kot", "pies"):
        first.expand(word)
    first.look_up()
    second = WordForms(path)
    for word in ("kot", "dom"):
        second.expand(word)
    second.look_up()
    third = WordForms(path)
    for word in ("kot", "dom", "pies"):
        third.expand(word)
    assert third.missing == ["pies"]


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b'{"dictionary": 1}', b"[]"])
def test_a_damaged_file_is_made_anew(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "forms.json"
    path.write_bytes(content)
    forms = WordForms(path)
    forms.expand("praca")
    forms.look_up()
    assert "pracy" in WordForms(path).expand("praca")


def test_a_new_dictionary_makes_the_file_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "forms.json"
    forms = WordForms(path)
    forms.expand("praca")
    forms.look_up()
    monkeypatch.setattr("importlib.metadata.version", lambda _: "2099.1")
    newer = WordForms(path)
    newer.expand("praca")
    assert newer.missing == ["praca"]


def test_without_a_child_the_words_are_looked_up_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "no-such-python"))
    forms = WordForms(tmp_path / "forms.json")
    forms.expand("urząd")
    forms.look_up()
    assert forms.expand("urząd") == polish_forms("urząd")


def test_the_dictionary_is_not_loaded_into_the_process(tmp_path: Path) -> None:
    script = (
        "import sys; from pathlib import Path; from hub.wordforms import WordForms; from rules import words\n"
        "forms = WordForms(Path(sys.argv[1])); forms.expand('komentarz'); forms.look_up()\n"
        "assert 'komentarza' in forms.expand('komentarz')\n"
        "assert words._analyser.cache_info().currsize == 0"
    )
    subprocess.run([sys.executable, "-c", script, str(tmp_path / "forms.json")], check=True)
