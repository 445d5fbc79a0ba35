"""What earlier messages taught about words changes nothing: each message is read as if it were the first, and by the
spelling of each of its words."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.engine import scan as scanning
from rules.engine.lexicon import Lexicon, spelt_by
from rules.engine.scan import Scan
from rules.engine.spelling import Written
from rules.facts import Facts
from rules.fold import fold, tokens
from rules.model import Spelling

FORMS = {
    "sąd": ["sąd~!", "sądu~", "sądem"],
    "praca": ["praca", "pracy", "pracę~"],
    "zasiłek": ["zasiłek", "zasiłku"],
    "Koło": ["koło^", "koła^!"],
    "zloty": ["złoty-", "zloty*"],
    "суд": ["суд", "суду"],
}
WORDS = [
    "sąd", "sad", "SĄD", "Sąd", "sądu", "sadu", "praca", "Praca", "prace", "pracę", "zasilek", "Zasiłek", "koło",
    "Kole", "Koło", "kolo", "koła", "zloty", "złoty", "ZŁOTY", "i", "że", "proszę", "суд", "Суду", "х", "x" * 60,
    "naïve", "😀",
]  # fmt: skip


def lexicon() -> Lexicon:
    made = Lexicon()
    for word in FORMS:
        made.word(word, Spelling())
        # Forms without diacritics and marks are read in another way, unless somebody asks for their letters.
        if word not in ("praca", "суд"):
            made.word(word, Spelling(diacritics=True))
        made.word(word, Spelling(exact=True))
    made.freeze(spelt_by(lambda word, language: frozenset(FORMS.get(word, [word]))))
    return made


def found(text: str, words: Lexicon) -> dict[int, str]:
    scan = Scan(Facts(text=text), words)
    return {number: scan.seen_as(number) for number in scan.found()}


def by_spelling(text: str, words: Lexicon) -> set[int]:
    """The same, one token after another."""
    written, there = Written(text, fold(text)), tokens(fold(text))
    numbers = set()
    for token, way in zip(there, written.each(len(there)), strict=True):
        own = words.forms.get(token.encode(), ())
        codes = words.codes.get(token.encode(), (0,) * len(own))
        numbers |= {number for number, code in zip(own, codes, strict=True) if written.takes(code, way)}
    return numbers


EXPRESSIONS = {
    r"zasiłe?k[a-z]*\s+\d+": "zasilek 12",
    r"sąd-\d": "sąd-3",
    r"\d+ - - -": "7 - - -",
    r"(praca|суд)!": "суд!",
    r"[ab]\d": "b5",
}
"""With a text of each that it finds. Their literals are words, parts of words, no words at all, or there is none."""


def with_expressions() -> Lexicon:
    made = Lexicon()
    for pattern in EXPRESSIONS:
        made.expression(pattern)
    made.freeze(spelt_by(lambda word, language: frozenset([word])))
    return made


WARM, EXPRESSIVE = lexicon(), with_expressions()

texts = st.lists(st.sampled_from(WORDS), max_size=14).map(" ".join)


@given(st.lists(texts, min_size=1, max_size=4))
def test_a_message_is_read_as_if_it_were_the_first(several: list[str]) -> None:
    for text in several:
        assert found(text, WARM) == found(text, lexicon())


@given(texts)
def test_the_spelling_of_each_word_says_what_it_is(text: str) -> None:
    words = lexicon()
    assert found(text, words).keys() == by_spelling(text, words)


@given(
    st.lists(st.sampled_from([*WORDS, *EXPRESSIONS.values(), "podzasiłki", "12"]), max_size=8).map(" ".join)
)
def test_no_expression_that_is_there_is_passed_over(text: str) -> None:
    for known in (EXPRESSIVE, with_expressions()):
        scan = Scan(Facts(text=text), known)
        there = {n for n, one in enumerate(known.expressions) if one.search(text.encode())}
        assert scan.announced() >= there
        assert {n for n in range(len(EXPRESSIONS)) if scan.expression(n) is not None} == there


@pytest.mark.parametrize(
    ("text", "announced"),
    [
        ("Dzień dobry", set()),
        ("Proszę o zwrot podzasiłków", {0}),
        ("pismo SĄDOWE", {1}),
        ("5 - - - 6", {2}),
        ("sad, zasil - - -", {0, 1, 2}),
        ("суд, sad", {1}),
    ],
)
def test_an_expression_is_announced_by_its_literal_alone(text: str, announced: set[int]) -> None:
    """And by nothing more once its token was met; of the last two no literal is known."""
    for _ in ("met for the first time", "met again"):
        assert Scan(Facts(text=text), EXPRESSIVE).announced() == announced | {3, 4}


def test_not_everything_is_remembered() -> None:
    """Neither what is hardly met again nor the numbers of people."""
    words = lexicon()
    found("sąd " + "y" * (scanning.LONGEST + 1) + " 44051401359 600700800 2026 a1b2c3", words)
    assert sorted(words.remembered) == [b"2026", "sąd".encode("cp1250")]
    for number in range(scanning.REMEMBERED + 2):
        words.remembered[b"w%d" % number] = None
    found("praca", words)
    assert list(words.remembered) == [b"praca"]
