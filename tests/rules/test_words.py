"""Inflected forms, what else they could be, folding and tokens."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rules.engine.expressions import required_literals
from rules.fold import fold, split_words, tokens
from rules.words import forms, polish_forms, unmarked


@pytest.mark.parametrize(
    ("word", "wanted"),
    [
        ("zasiłek", "zasiłek zasiłku zasiłkiem zasiłki zasiłków zasiłkami"),
        ("zasiłku", "zasiłek zasiłkach"),
        ("ZASIŁEK", "zasiłek zasiłku"),
        ("zasilek", "zasilek zasiłek zasiłku"),
        ("złożyć", "złożyłem złożyłam złożyłbym złożę złożono złożony złożyliśmy niezłożony"),
        ("móc", "mogę mógł mogłem mogłabym mogą"),
        ("bezrobotny", "bezrobotna bezrobotnego bezrobotni bezrobotnych"),
        ("Łomża", "łomży łomżę łomżą"),
        ("Kowalski", "kowalskiego kowalska kowalskiej"),
        ("Zieliński", "zielińskiego zielińska zielińskiej"),
        ("Górska", "górskiej górski górskiego"),
        ("złodziejka", "złodziejko złodziejki"),
        ("debil", "debile debilu debilem debili"),
        ("pracownik", "pracownika pracownikiem pracowników pracownicy"),
        ("numer", "numeru nr"),
        ("składanie", "składania składać składający"),
        ("niezarejestrowany", "niezarejestrowana niezarejestrowanych"),
    ],
)
def test_all_forms(word: str, wanted: str) -> None:
    assert set(wanted.split()) <= polish_forms(word)


@pytest.mark.parametrize("word", ["PUP", "503", "praca.gov.pl", "", "dwa słowa", "qq"])
def test_words_without_forms(word: str) -> None:
    assert polish_forms(word) == {word.lower()}


def test_unrelated_words_stay_out() -> None:
    assert not {"zasiać", "zasięg", "pracz", "pracował"} & (polish_forms("zasiłek") | polish_forms("praca"))
    assert not {"m", "ś", "d", "r"} & (polish_forms("być") | polish_forms("dom") | polish_forms("rok"))


def test_a_country_is_no_surname() -> None:
    assert not {"polskiego", "polscy"} & polish_forms("Polska")


def test_a_negated_participle_is_not_its_opposite() -> None:
    assert "zarejestrowany" not in polish_forms("niezarejestrowany")
    assert "niezarejestrowany" not in polish_forms("zarejestrowany")
    assert {"zarejestrowany", "niezarejestrowany"} <= polish_forms("zarejestrować")


@pytest.mark.parametrize(
    ("word", "wanted"),
    [
        ("Norris", "norrisa norrisowi norrisem"),
        ("Zełenski", "zełenskiego zełenskim"),
        ("Poroszenko", "poroszenki poroszence"),
        ("kernel", "kernela kernelem"),
        ("covidowy", "covidowego covidowych"),
        ("zalajkować", "zalajkuję zalajkował niezalajkowany"),
        ("Xi", "xi"),
    ],
)
def test_unknown_words_go_like_others(word: str, wanted: str) -> None:
    assert set(wanted.split()) <= polish_forms(word)


@pytest.mark.parametrize(
    ("word", "marked", "why"),
    [
        ("sąd", "sąd~", "sad"),
        ("zasiłek", "zasiłków", "zasilkow is no word"),
        ("beż", "beż~!", "bez"),
        ("teza", "tez-", "też"),
        ("Ala", "ale^!", "ale"),
        ("Duda", "dudzie", "no mark where it is a common word as well"),
        ("Zakopane", "zakopane^", "zakopać"),
        ("zasilek", "zasilek*", "typed without diacritics"),
    ],
)
def test_marks(word: str, marked: str, why: str) -> None:
    assert marked in forms(word), why


@pytest.mark.parametrize(
    ("word", "language", "wanted"),
    [
        ("Antrag", "de", "antrag anträge antraege anträgen"),
        ("Wohngeldantrag", "de", "wohngeldanträge"),
        ("benefit", "en", "benefits"),
        ("party", "en", "parties"),
        ("chatbot", "en", "chatbot chatbots"),
        ("дозвіл", "", "дозволу"),
        ("пособие", "", "пособия"),
        ("документ", "", "документів документов"),
        ("зареєструватися", "", "зареєструвалася зареєструюсь"),
        ("трудовлаштування", "uk", "трудовлаштуванню"),
        ("lucrător", "ro", "lucrători"),
        ("permesso", "it", "permessi"),
        ("unemployment", "", "unemployment"),
        ("Arbeitslose", "", "arbeitslosen"),
        ("", "de", ""),
        ("503", "en", "503"),
    ],
)
def test_other_languages(word: str, language: str, wanted: str) -> None:
    found = {unmarked(form) for form in forms(word, language)}
    assert {word.lower(), *wanted.split()} <= found


def test_a_language_keeps_to_itself() -> None:
    assert "дозволу" not in forms("дозвіл", "ru")
    assert "domami" not in forms("dom", "de")
    assert "schön" in forms("schön", "de") and "schöne!" in forms("schön", "de")


@settings(max_examples=50, deadline=None)
@given(st.text(max_size=12), st.sampled_from(["", "pl", "uk", "de", "pl-town"]))
def test_any_text_is_a_word(word: str, language: str) -> None:
    assert forms(word, language)


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
