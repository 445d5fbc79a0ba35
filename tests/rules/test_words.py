"""Inflected forms, folding and tokens."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.expressions import required_literals
from rules.fold import fold, split_words, tokens
from rules.words import polish_forms


@pytest.mark.parametrize(
    ("word", "forms"),
    [
        ("zasiłek", "zasiłek zasiłku zasiłkiem zasiłki zasiłków zasiłkami"),
        ("zasiłku", "zasiłek zasiłkach"),
        ("złożyć", "złożyłem złożyłam złożyłbym złożę złożono złożony złożyliśmy"),
        ("móc", "mogę mógł mogłem mogłabym mogą"),
        ("bezrobotny", "bezrobotna bezrobotnego bezrobotni bezrobotnych"),
        ("Łomża", "łomży łomżę łomżą"),
        ("złodziejka", "złodziejko złodziejki"),
        ("debil", "debile debilu debilem debili"),
        ("pracownik", "pracownika pracownikiem pracowników pracownicy"),
    ],
)
def test_all_forms(word: str, forms: str) -> None:
    assert set(forms.split()) <= polish_forms(word)


@pytest.mark.parametrize("word", ["PUP", "503", "xyzq", "praca.gov.pl", "", "dwa słowa", "дозвіл"])
def test_words_without_forms(word: str) -> None:
    assert polish_forms(word) == {word.lower()}


def test_unrelated_words_stay_out() -> None:
    assert not {"zasiać", "zasięg", "pracz", "pracował"} & (polish_forms("zasiłek") | polish_forms("praca"))


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("ZAŻÓŁĆ gęślą jaźń", "zazolc gesla jazn"),
        ("zażółć", "zazolc"),
        ("Київ", "киів"),
        ("ｆｕｌｌ ﬁ", "full fi"),
        ("zasi\u00adłek", "zasilek"),
        ("ŁÓDŹ", "lodz"),
    ],
)
def test_fold(text: str, folded: str) -> None:
    assert fold(text) == folded


@given(st.text(max_size=60))
def test_folding_twice_changes_nothing(text: str) -> None:
    assert fold(fold(text)) == fold(text)


@given(st.text(max_size=60), st.text(max_size=60))
def test_words_are_folded_alike_alone_and_in_a_text(before: str, word: str) -> None:
    parts = tokens(fold(word))
    assert tokens(fold(f"{before} {word}"))[len(tokens(fold(before))) :] == parts or "Σ" in word + before


def test_split_words_keeps_capitals() -> None:
    assert split_words("urząd PUP-u") == ["urząd", "PUP", "u"]


@pytest.mark.parametrize(
    ("pattern", "literals"),
    [
        (r"błąd\s*50\d", ("blad",)),
        ("foo|bar", ("foo", "bar")),
        ("foo|b.", ()),
        ("(?:abc)def", ("def",)),
        ("abc?d", ()),
        ("abc*def", ("def",)),
        ("abc+def", ("abc",)),
        (r"\d{26}", ()),
        (r"praca\.gov\.pl", ("praca.gov.pl",)),
        ("zasi[łl]ek", ("zasi",)),
        ("(?s)abcdef", ()),
        ("(?i)abcdef", ("abcdef",)),
        (r"\x41bcd\p{L}efg", ("bcd",)),
        ("[]abc]def", ("def",)),
        ("a(b|cdef)", ()),
    ],
)
def test_required_literals(pattern: str, literals: tuple[str, ...]) -> None:
    assert required_literals(pattern) == literals
