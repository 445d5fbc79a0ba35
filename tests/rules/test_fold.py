"""Folding: the fast way for Central European texts and the thorough one find the same words in the same places."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.fold import fold, narrow, plain, tokens, written

letters = "aąAĄbcćłŁżźé ß™µñø½²ªº…„”—€\u00a0\u00ad\u200b\u0301\u2060,-_.1/😀👍🏽жЖїΩﬁＡ①"


@given(st.one_of(st.text(letters, max_size=30), st.text(max_size=20)))
def test_the_fast_way_finds_the_same_words(text: str) -> None:
    text = text.encode(errors="ignore").decode()
    close = narrow(text)
    if close is not None:
        assert tokens(close.flat.decode()) == tokens(fold(text))
        assert [word.decode() for word in plain(close.data)] == tokens(fold(text))
        lower = [word.decode("cp1250") for word in written(close.data)]
        assert [fold(word) for word in lower] == tokens(fold(text))
        assert lower == [word.lower() for word in lower]


@given(st.text(st.characters(codec="ascii"), max_size=30))
def test_a_plain_text_keeps_its_places(text: str) -> None:
    close = narrow(text)
    assert close is not None
    assert close.flat.decode() == fold(text)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Mój ZASIŁEK…", ["moj", "zasilek"]),
        ("praca😀dom", ["praca", "dom"]),
        ("za\u00adsi\u200błek", ["zasilek"]),
        ("cafe\u0301", ["cafe"]),
        ("ｐｒａｃａ", ["praca"]),
        ("Київ", ["київ"]),
        ("Straße™", ["straßetm"]),
    ],
)
def test_folded_words(text: str, words: list[str]) -> None:
    close = narrow(text)
    found = tokens(fold(text) if close is None else close.flat.decode())
    assert [fold(word) for word in found] == [fold(word) for word in words]
