"""What earlier messages taught about words changes nothing: each message is read as if it were the first, and by the
spelling of each of its words."""

from __future__ import annotations

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


WARM = lexicon()

texts = st.lists(st.sampled_from(WORDS), max_size=14).map(" ".join)


@given(st.lists(texts, min_size=1, max_size=4))
def test_a_message_is_read_as_if_it_were_the_first(several: list[str]) -> None:
    for text in several:
        assert found(text, WARM) == found(text, lexicon())


@given(texts)
def test_the_spelling_of_each_word_says_what_it_is(text: str) -> None:
    words = lexicon()
    assert found(text, words).keys() == by_spelling(text, words)


def test_not_everything_is_remembered() -> None:
    words = lexicon()
    found("sąd " + "y" * (scanning.LONGEST + 1), words)
    assert [len(word) for word in words.remembered] == [3]
    for number in range(scanning.REMEMBERED + 2):
        words.remembered[b"w%d" % number] = ()
    found("praca", words)
    assert list(words.remembered) == [b"praca"]
