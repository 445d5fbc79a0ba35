"""How a word is spelt: the second look at a hit, which folding alone would take.

Messages and rules meet in folded words, so that "zasilek" is "zasiłek". But "mają" folded is "maja", a form of
"maj", and "ale" is the folded "Alę": of the hits of all words of a running text one in eight would be another word.
So the forms of a rule's word say how they are spelt and what else they could be, and each hit is held against the
letters of the message. The rules of that:

- a letter of the message may lack its diacritic, and never has one that the form lacks: "mają" is not "maja";
- a form that without its diacritics is another word ("sąd", "sad") may lack them only in a text that has next to none;
- a form of a name that in small letters is another word ("Piłę", "piłę") needs its capital letter, unless the whole
  text is in small letters; one that is a word of grammar ("Ale", "ale") needs it, and not as the first of a sentence.

A **marked form** is a form in lower case (NFC), followed by none or some of :data:`MARKS`. Making them takes a
dictionary (:mod:`rules.words`); reading them and looking at a message takes none.
"""

from __future__ import annotations

import functools
import re
import unicodedata
from collections.abc import Sequence

from rules.fold import fold

BARE, NEVER, CAPITAL, ANY, RATHER = 1, 2, 4, 8, 16
"""Marks as bits of a code: diacritics may be left out only in a text without any; they may never; the word must begin
with a capital letter (with ``NEVER``: inside a sentence); diacritics make no difference at all; in a text without
diacritics it is rather another word ("tez" stands for "też")."""

MARKS = {"~": BARE, "!": NEVER, "^": CAPITAL, "*": ANY, "-": RATHER}

_SHIFT = 5
_TOKEN = re.compile(r"[^\W_]+")
_GONE = re.compile("[\u00ad\u200b-\u200f\u2060\ufeff]")
_POLISH = "ąćęłńóśźżĄĆĘŁŃÓŚŹŻ"
_SMALL = re.compile("[a-ząćęłńóśźż]+")
_MARKED = re.compile("[ąćęłńóśźż]")
_FOLDED = str.maketrans("ąćęłńóśźż", "acelnoszz")
_BEGINS = re.compile(r"[.!?…:\n][\s\"'„”»«(–—-]*$")
_SPARSE = 50
"""Letters for each with a diacritic, from which on a text has next to none. Polish has one in 15."""

UNKNOWN = -1
"""How a word is written that cannot be told; everything takes it."""


def read_form(marked: str) -> tuple[str, int]:
    """A marked form as what matching needs: the folded form and its code. A plain string is one without marks.

    The code is 0 for a form without diacritics and marks; else the marks and, above them, a bit for each letter that
    has a diacritic.
    """
    marks = 0
    while marked and marked[-1] in MARKS:
        marks |= MARKS[marked[-1]]
        marked = marked[:-1]
    if marked.isascii():
        return marked.lower(), marks
    if _SMALL.fullmatch(marked):
        places = sum([1 << found.start() for found in _MARKED.finditer(marked)])
        return marked.translate(_FOLDED), marks | (places << _SHIFT)
    return _read_any(marked, marks)


def _read_any(marked: str, marks: int) -> tuple[str, int]:
    """The same for a form in any letters, which takes several times as long."""
    written = _plain(marked)
    folded = fold(written)
    if len(written) != len(folded):
        return folded, marks | ANY
    return folded, marks | (letters(written.lower(), folded) << _SHIFT)


def _plain(text: str) -> str:
    """Composed letters, without characters that nobody sees."""
    return text if text.isascii() else _GONE.sub("", unicodedata.normalize("NFC", text))


@functools.lru_cache(maxsize=65_536)
def letters(written: str, folded: str) -> int:
    """A bit for each letter that folding changes; the first letter is the lowest bit."""
    if written == folded:
        return 0
    pairs = enumerate(zip(written, folded, strict=True))
    # A letter of another font is that letter (NFKC), not one with a diacritic.
    return sum(1 << place for place, (letter, plain) in pairs if letter != plain and _font(letter) != plain)


def _font(letter: str) -> str:
    return letter if letter.isascii() else unicodedata.normalize("NFKC", letter).lower()


class Written:
    """The words of one message as they are written. ``folded`` is the folded ``raw``. Nothing is done before the first
    question."""

    def __init__(self, raw: str, folded: str) -> None:
        self._folded = folded
        self._raw = raw
        self._seen: dict[str, tuple[int, ...]] = {}

    @functools.cached_property
    def _whole(self) -> str:
        """The text, character for character the folded one where that can be had."""
        return self._raw if len(self._raw) == len(self._folded) else _plain(self._raw)

    @functools.cached_property
    def _lower(self) -> str:
        return self._whole.lower()

    @functools.cached_property
    def _known(self) -> bool:
        return len(self._whole) == len(self._lower) == len(self._folded)

    @functools.cached_property
    def bare(self) -> bool:
        """Whether the text was written without diacritics, but for a stray one."""
        raw = self._whole
        marked = 0 if raw.isascii() else sum(map(raw.count, _POLISH))
        return marked * _SPARSE < len(raw)

    @functools.cached_property
    def small(self) -> bool:
        """Whether the text has no capital letter at all."""
        return self._whole == self._lower

    def seen(self, token: str) -> tuple[int, ...]:
        """The different ways in which a folded token is written. Each is a number: 1 for a capital letter, 2 for one
        that does not begin a sentence, and above them a bit for each letter with a diacritic."""
        found = self._seen.get(token)
        if found is None:
            found = self._seen[token] = tuple(self._search(token)) if self._known else (UNKNOWN,)
        return found

    def _search(self, token: str) -> set[int]:
        folded, size = self._folded, len(token)
        found = set()
        at = folded.find(token)
        while at >= 0:
            end = at + size
            if not (folded[at - 1 : at].isalnum() or folded[end : end + 1].isalnum()):
                found.add(self._way(at, end))
            at = folded.find(token, at + 1)
        return found or {UNKNOWN}

    def _way(self, at: int, end: int) -> int:
        way = letters(self._lower[at:end], self._folded[at:end]) << 2
        if self._whole[at] != self._lower[at]:
            way |= 1 if _BEGINS.search(self._whole, max(0, at - 8), at) or not at else 3
        return way

    def each(self, count: int) -> Sequence[int]:
        """How each token is written, in their order; ``count`` of them are expected."""
        if self._known:
            ways = [self._way(*found.span()) for found in _TOKEN.finditer(self._folded)]
            if len(ways) == count:
                return ways
        return [UNKNOWN] * count

    def takes(self, code: int, way: int) -> bool:
        """Whether a token of this text, written in this way, is the form with this code."""
        return fits(code, way, self.bare, self.small)


def fits(code: int, way: int, bare: bool, small: bool) -> bool:
    """Whether a token written in this way is the form with this code, in a text that is bare of diacritics, or without
    capital letters (:class:`Written`)."""
    if way == UNKNOWN:
        return True
    if code & CAPITAL and not (way & 2 if code & NEVER else way & 1 or small):
        return False
    if code & ANY:
        return True
    wanted, there = code >> _SHIFT, way >> 2
    if code & RATHER and not there and bare:
        return False
    if there == wanted:
        return True
    if there & ~wanted or code & NEVER:
        return False
    return not code & BARE or bare
