"""A hit is held against the letters of the message: diacritics, capital letters, texts without either."""

from __future__ import annotations

import unicodedata
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.engine.spelling import UNKNOWN, Written, _read_any, read_form
from rules.fold import fold, tokens

LONG = " Proszę o odpowiedź, bo wciąż jej nie dostałem."
BARE = " Prosze o odpowiedz, bo wciaz jej nie dostalem."


def taken(marked: str, text: str) -> bool:
    """Whether a marked form is found in a text."""
    folded, code = read_form(marked)
    written = Written(text, fold(text))
    return folded in tokens(fold(text)) and any(written.takes(code, way) for way in written.seen(folded))


@pytest.mark.parametrize(
    ("marked", "text", "found"),
    [
        ("zasiłek", "Zasiłek?" + LONG, True),
        ("zasiłek", "zasilek" + LONG, True),
        ("zasiłków", "zasiłkow" + LONG, True),
        ("maja", "Nie mają nic." + LONG, False),
        ("maja", "W połowie maja." + LONG, True),
        ("sąd~", "Mam sad." + LONG, False),
        ("sąd~", "Mam sąd." + LONG, True),
        ("sąd~", "Mam sad." + BARE, True),
        ("beż!", "Bez tego." + BARE, False),
        ("beż!", "Beż jest ładny." + LONG, True),
        ("tez-", "A tez prosze." + BARE, False),
        ("tez-", "Trzy tezy, pięć tez." + LONG, True),
        ("zęby-", "bola mnie zeby." + BARE, False),
        ("zęby-", "bolą mnie zęby." + LONG, True),
        ("piłę^", "Kupiłem piłę." + LONG, False),
        ("piłę^", "Jadę przez Piłę." + LONG, True),
        ("piłę^", "PIŁĘ" + LONG, True),
        ("piłę^", "jadę przez piłę", True),
        ("ale^!", "Ale co dalej?" + LONG, False),
        ("ale^!", "Oddałem dziecko Ale." + LONG, True),
        ("zasilek*", "Zasiłek." + LONG, True),
        ("zasilek", "Zasiłek." + LONG, False),
        ("ąć", "ąc" + LONG, True),
        ("zasiłek", "𝐳𝐚𝐬𝐢𝐥𝐞𝐤" + LONG, True),
        ("zasilek", "ｚａｓｉｌｅｋ" + LONG, True),
        ("дозвіл", "Дозвіл" + LONG, True),
        ("schön!", "Das ist schon." + LONG, False),
        ("schön!", "Das ist schön." + LONG, True),
    ],
)
def test_what_a_form_takes(marked: str, text: str, found: bool) -> None:
    assert taken(marked, text) is found


@pytest.mark.parametrize("form", ["NFC", "NFD", "NFKC", "NFKD"])
def test_letters_in_pieces_are_letters(form: Literal["NFC", "NFD", "NFKC", "NFKD"]) -> None:
    text = unicodedata.normalize(form, "Złożyłem pozew w sądzie, a mają mnie za nic.")
    assert taken("sądzie~", text)
    assert not taken("maja", text)


def test_hidden_characters_hide_nothing() -> None:
    assert taken("zasiłek", "za\u00adsi\u200błek" + LONG)
    assert not taken("maja", "ma\u00adją" + LONG)


def test_each_token_in_its_place() -> None:
    text = "Mają maja. Maj, mają!"
    written = Written(text, fold(text))
    plain = read_form("maja")[1]
    assert [written.takes(plain, way) for way in written.each(4)] == [False, True, True, False]
    assert len(written.seen("maja")) == 3
    assert list(written.each(7)) == [UNKNOWN] * 7


def test_what_cannot_be_told_is_taken() -> None:
    written = Written("ﬁnał", fold("ﬁnał") + "x")
    assert written.seen("final") == (UNKNOWN,)
    assert written.takes(read_form("finał~!^")[1], UNKNOWN)


@given(st.text(max_size=80), st.text(alphabet="ąęłćsadmż", min_size=1, max_size=8))
def test_a_word_is_found_as_it_stands(before: str, word: str) -> None:
    text = f"{before} {word} "
    assert taken(word, text) or "Σ" in text


@given(st.text(max_size=120), st.text(alphabet="abąę~!^*-", max_size=8))
def test_no_text_is_too_odd(text: str, marked: str) -> None:
    written = Written(text, fold(text))
    _, code = read_form(marked)
    for token in tokens(fold(text)):
        assert [written.takes(code, way) in (True, False) for way in written.seen(token)]
    assert len(written.each(len(tokens(fold(text))))) == len(tokens(fold(text)))


@given(st.text("aeozcsnlłąęóśżćńź", max_size=12))
def test_the_short_way_of_reading_a_polish_form_says_the_same_as_the_long_one(word: str) -> None:
    assert read_form(word) == _read_any(word, 0)
    assert read_form(word + "~!") == _read_any(word, 3)
