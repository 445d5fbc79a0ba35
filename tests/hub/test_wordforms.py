"""Forms of words come from the file, new ones from a child process, and no dictionary comes into this one."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from hub import wordforms
from hub.wordforms import WordForms, search_forms
from rules.words import forms


def learnt(path: Path, *words: str) -> WordForms:
    """The forms after a rule set with these words was compiled."""
    found = WordForms(path)
    for word in words:
        found.expand(word)
    found.look_up()
    return found


def test_new_words_are_looked_up_and_kept(tmp_path: Path) -> None:
    path = tmp_path / "data" / "forms.json"
    first = WordForms(path)
    assert first.expand("zasiłek") == {"zasiłek"}
    assert first.missing == [("zasiłek", "")]
    first.look_up()
    assert first.missing == []
    assert first.expand("zasiłek") == forms("zasiłek")
    assert "zasiłku" in WordForms(path).expand("zasiłek")


@pytest.mark.slow
def test_a_word_has_its_forms_by_language(tmp_path: Path) -> None:
    path = tmp_path / "forms.json"
    first = WordForms(path)
    first.expand("Antrag", "de"), first.expand("Antrag")
    first.look_up()
    second = WordForms(path)
    assert {"anträge", "antraege"} <= second.expand("Antrag", "de")
    assert "antragiem" in second.expand("Antrag")
    assert second.missing == []


def test_drafts_and_the_published_set_share_the_file(tmp_path: Path) -> None:
    path = tmp_path / "forms.json"
    learnt(path, "kot", "pies")
    learnt(path, "kot", "dom")
    third = WordForms(path)
    for word in ("kot", "dom", "pies"):
        third.expand(word)
    assert third.missing == []


@pytest.mark.slow
def test_of_too_many_words_those_in_use_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "forms.json"
    monkeypatch.setattr(wordforms, "MOST", 2)
    learnt(path, "kot", "pies")
    second = learnt(path, "kot", "dom")
    second.expand("pies")
    assert second.missing == []
    third = WordForms(path)
    for word in ("kot", "dom", "pies"):
        third.expand(word)
    assert third.missing == [("pies", "")]


@pytest.mark.slow
def test_many_words_keep_their_order_in_two_processes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wordforms, "MANY", 2)
    found = learnt(tmp_path / "forms.json", "dom", "kot", "praca", "pies", "zasiłek")
    for word, form in (("dom", "domów"), ("kot", "kotem"), ("praca", "pracę"), ("pies", "psa")):
        assert any(marked.startswith(form) for marked in found.expand(word))


@pytest.mark.slow
@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b'{"dictionary": 1}', b"[]"])
def test_a_damaged_file_is_made_anew(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "forms.json"
    path.write_bytes(content)
    learnt(path, "praca")
    assert "pracy" in {form.rstrip("~!^") for form in WordForms(path).expand("praca")}


def test_a_new_dictionary_makes_the_file_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "forms.json"
    learnt(path, "praca")
    monkeypatch.setattr("importlib.metadata.version", lambda _: "2099.1")
    newer = WordForms(path)
    newer.expand("praca")
    assert newer.missing == [("praca", "")]


def test_without_a_child_the_words_are_looked_up_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "no-such-python"))
    assert learnt(tmp_path / "forms.json", "urząd").expand("urząd") == forms("urząd")


@pytest.mark.slow
def test_the_dictionaries_are_not_loaded_into_the_process(tmp_path: Path) -> None:
    script = (
        "import sys; from pathlib import Path; from hub.wordforms import WordForms, search_forms\n"
        "from rules.words import lexicon, polish\n"
        "forms = WordForms(Path(sys.argv[1])); forms.expand('komentarz'); forms.expand('допомога'); forms.look_up()\n"
        "assert 'komentarza' in forms.expand('komentarz') and 'допомогу' in forms.expand('допомога')\n"
        "assert 'дозволу' in search_forms('дозвіл')\n"
        "assert polish.analyser.cache_info().currsize == 0 and lexicon._file.cache_info().currsize == 0"
    )
    subprocess.run([sys.executable, "-c", script, str(tmp_path / "forms.json")], check=True)


def test_a_search_knows_the_forms_without_their_marks() -> None:
    assert {"sąd", "sądem", "sądów"} <= search_forms("sąd")
    assert "zasiłkiem" in search_forms("zasilek")


def test_commands_take_what_the_hub_has_kept_and_write_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    learnt(tmp_path / wordforms.FILE, "zasiłek")
    before = (tmp_path / wordforms.FILE).read_bytes()
    asked: list[str] = []

    def look_up(word: str, language: str) -> frozenset[str]:
        asked.append(word)
        return frozenset({word})

    monkeypatch.setattr(wordforms, "forms", look_up)
    expand = wordforms.kept_or_found(str(tmp_path))
    assert "zasiłku" in {form.rstrip("~!^*-") for form in expand("zasiłek", "")}
    assert expand("urlop", "") == {"urlop"}
    assert asked == ["urlop"]
    assert (tmp_path / wordforms.FILE).read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == [wordforms.FILE]
