"""Folding: the fast way for Central European texts and the thorough one find the same words in the same places."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.fold import flat, fold, narrow, tokens, written

letters = "aąAĄbcćłŁżźé ß™µñø½²ªº…„”—€\u00a0\u00ad\u200b\u0301\u2060,-_.1/😀👍🏽жЖїΩﬁＡ①"


@given(st.one_of(st.text(letters, max_size=30), st.text(max_size=20)))
def test_the_fast_way_finds_the_same_words(text: str) -> None:
    text = text.encode(errors="ignore").decode()
    data = narrow(text)
    flattened = flat(text, data)
    assert tokens(flattened) == tokens(fold(text))
    if data is not None:
        lower = [word.decode("cp1250") for word in written(data)]
        assert [fold(word) for word in lower] == tokens(flattened)
        assert lower == [word.lower() for word in lower]


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
    assert [fold(word) for word in tokens(flat(text, narrow(text)))] == [fold(word) for word in words]
