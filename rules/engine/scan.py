"""One look at one message: its text folded, tokenised and scanned once, whatever the number of rules.

What is looked for stands in the :class:`rules.engine.lexicon.Lexicon`. Everything is computed when first asked for and
kept for the rest of the decision.
"""

from __future__ import annotations

import functools
from bisect import bisect_left
from collections.abc import Callable, Hashable, Iterable, Sequence
from itertools import repeat
from typing import Any, TypeVar

from rules import detect
from rules.engine.lexicon import Lexicon, Spans, Words
from rules.engine.spelling import CAPITAL, Written, fits, letters
from rules.facts import TEXT_LIMIT, Facts
from rules.fold import Narrow, fold, narrow, plain, tokens, written

T = TypeVar("T")

SUBJECT_LIMIT = 1_000

NEW: Words = (-1,)
LOOK: Words = (-2,)
"""What is remembered of a written word: nothing yet, or that it depends on the message around it."""

REMEMBERED, LONGEST = 65_536, 40
"""Written words of which it is remembered which words of the rules they are, and how long they may be; beyond that many
it begins anew. A form is written in many ways, with and without its diacritics, so there is no end to them."""


class Scan:
    """What one decision knows about its message."""

    __slots__ = (
        "_announced",
        "_at",
        "_encoded",
        "_folded",
        "_found",
        "_kept",
        "_lower",
        "_narrow",
        "_positions",
        "_raw",
        "_tokens",
        "_words",
        "_written",
        "facts",
        "lexicon",
    )

    def __init__(self, facts: Facts, lexicon: Lexicon) -> None:
        self.facts = facts
        self.lexicon = lexicon
        self._raw: str | None = None
        self._encoded: bytes | None = None
        self._folded: str | None = None
        self._tokens: list[str] | None = None
        self._words: Sequence[bytes] | None = None
        self._narrow: Narrow | None = None
        self._lower: Sequence[bytes] | None = None
        self._at: Sequence[tuple[int, tuple[int, ...]]] = ()
        self._written: Written | None = None
        self._found: dict[int, int] | None = None
        self._positions: dict[int, list[int]] | None = None
        self._announced: frozenset[int] | set[int] | None = None
        self._kept: dict[Any, Any] = {}

    def look(self) -> None:
        """Find in the text what the rules look for. This is most of a decision's work, and needs no other fact."""
        if self.lexicon.forms or self.lexicon.typos is not None:
            self.found()
        self.announced()

    def once(self, key: Hashable, work: Callable[[Scan], T]) -> T:
        """What ``work`` gives for this message, done when first asked for."""
        if key not in self._kept:
            self._kept[key] = work(self)
        kept: T = self._kept[key]
        return kept

    def raw(self) -> str:
        """Subject, topic of a callback and text, as far as rules look."""
        if self._raw is None:
            facts = self.facts
            text = facts.text[:TEXT_LIMIT]
            for before in (facts.callback_topic, facts.subject):
                if before:
                    text = f"{before[:SUBJECT_LIMIT]}\n{text}"
            self._narrow = narrow(text)
            if self._narrow is None and (clean := without_surrogates(text)) is not text:
                text, self._narrow = clean, narrow(clean)
            self._raw = text
        return self._raw

    def encoded(self) -> bytes:
        """The same in UTF-8, for RE2."""
        if self._encoded is None:
            self._encoded = self.raw().encode()
        return self._encoded

    def folded(self) -> str:
        if self._folded is None:
            close = self.narrow()
            self._folded = fold(self.raw()) if close is None else close.flat.decode("ascii")
        return self._folded

    def _flat(self) -> bytes:
        close = self.narrow()
        return self.folded().encode() if close is None else close.flat

    def narrow(self) -> Narrow | None:
        """The text as bytes, where that can be had."""
        self.raw()
        return self._narrow

    def tokens(self) -> list[str]:
        if self._tokens is None:
            self._tokens = tokens(self.folded())
        return self._tokens

    def words(self) -> Sequence[bytes]:
        """The :meth:`tokens` in UTF-8, as the table of forms has them."""
        if self._words is None:
            close = self.narrow()
            self._words = [token.encode() for token in self.tokens()] if close is None else plain(close.data)
        return self._words

    def token(self, place: int) -> str:
        """One of the :meth:`tokens`; few are asked for."""
        return self.words()[place].decode()

    def _places(self) -> list[tuple[int, Words]]:
        """Where tokens stand that are words of the rules, as they are written, and which words each is."""
        known = self.lexicon.known
        places = [place for place, word in enumerate(self.words()) if word in known]
        found = [
            (place, numbers if numbers[0] >= 0 else self._learnt(place))
            for place, numbers in zip(places, self._remembered(places), strict=True)
            if numbers
        ]
        if (typos := self.lexicon.typos) is not None:
            misspelt = enumerate(map(typos.find, self.tokens()))
            found += [(place, numbers) for place, numbers in misspelt if numbers]
            found.sort()
        return found

    def _remembered(self, places: Sequence[int]) -> Iterable[Words]:
        """What earlier messages taught about the tokens at these places: mostly all that there is to know."""
        lower = self._lowered()
        if lower is None:
            return repeat(LOOK, len(places))
        return map(self.lexicon.remembered.get, map(lower.__getitem__, places), repeat(NEW))

    def _learnt(self, place: int) -> Words:
        """The words that a known form is, as it is written; remembered for other messages if it is so in each."""
        numbers, always = self._numbers(place)
        lower, seen = self._lowered(), self.lexicon.remembered
        if lower is None:
            return numbers
        if len(seen) > REMEMBERED:
            seen.clear()
        if len(lower[place]) <= LONGEST:
            seen[lower[place]] = numbers if always else LOOK
        return numbers

    def _numbers(self, place: int) -> tuple[Words, bool]:
        """The words that a token is, and whether it is so wherever it is written like that."""
        word = self.words()[place]
        numbers = self.lexicon.forms[word]
        way = self._way(place)
        codes = self.lexicon.codes.get(word)
        if codes is None:
            # Only a diacritic that the form lacks makes it another word; the lowest bits tell of capital letters.
            return () if way > 3 else numbers, way >= 0
        capital = any(code & CAPITAL for code in codes)
        if capital:
            way = self._whole_way(place)
        bare, small = self.written().bare, self.written().small
        found = tuple([n for n, code in zip(numbers, codes, strict=True) if fits(code, way, bare, small)])
        if capital or way < 0:
            return found, False
        other = [n for n, code in zip(numbers, codes, strict=True) if fits(code, way, not bare, small)]
        return found, found == tuple(other)

    def _lowered(self) -> Sequence[bytes] | None:
        """The tokens as they are written, but for capital letters; None where that takes longer to tell."""
        if self._lower is None and (close := self.narrow()) is not None:
            self._lower = written(close.data)
        return self._lower

    def _way(self, place: int) -> int:
        """The way in which a token is written, but for its capital letters where that takes longer."""
        lower, word = self._lowered(), self.words()[place]
        if lower is None:
            return self._whole_way(place)
        return 0 if lower[place] == word else _way_of(lower[place], word)

    def _whole_way(self, place: int) -> int:
        ways = self.written().seen(self.token(place))
        if len(ways) == 1:
            return ways[0]
        every = self.once("ways", lambda scan: scan.written().each(len(scan.tokens())))
        return every[place]

    def written(self) -> Written:
        if self._written is None:
            self._written = Written(self.raw(), self.folded())
        return self._written

    def found(self) -> dict[int, int]:
        """The words of the rules that occur: number → the place of a token that it was seen as."""
        if self._found is None:
            self._at = self._places()
            self._found = {number: place for place, numbers in self._at for number in numbers}
        return self._found

    def seen_as(self, number: int) -> str:
        """The token that a found word was seen as."""
        return self.token(self.found()[number])

    def positions(self) -> dict[int, list[int]]:
        """Where each found word stands, counted in tokens."""
        if self._positions is None:
            self._positions = {number: [] for number in self.found()}
            for place, numbers in self._at:
                for number in dict.fromkeys(numbers):
                    self._positions[number].append(place)
        return self._positions

    def phrase_at(self, phrase: Spans) -> int:
        """The position of the last word of an occurrence of a phrase, or -1."""
        numbers, gap = phrase
        found = self.found()
        for number in numbers:
            if number not in found:
                return -1
        positions = self.positions()
        ends = positions[numbers[0]]
        for number in numbers[1:]:
            ends = _followers(ends, positions[number], gap + 1)
        return ends[0] if ends else -1

    def announced(self) -> frozenset[int] | set[int]:
        if self._announced is None:
            self._announced = self.lexicon.announced(self._flat)
        return self._announced

    def expression(self, number: int) -> str | None:
        """What a regular expression found, or None."""
        if number not in self.announced():
            return None
        return self.once(("expression", number), lambda scan: scan._search(number))

    def _search(self, number: int) -> str | None:
        found = self.lexicon.expressions[number].search(self.encoded())
        return found[0].decode(errors="replace") if found else None

    def numbers(self, kind: str) -> list[str]:
        """Personal numbers and links in the text: ``pesel``, ``phone``, ``account``, ``email`` or ``link``."""
        return self.once(kind, lambda scan: [scan.raw()[a:b] for a, b in _FINDERS[kind](scan.raw())])

    def offices(self) -> dict[str, str]:
        """Offices named by the text, best first: office → the postcode or county that named it."""
        return self.once("offices", Scan._find_offices)

    def _find_offices(self) -> dict[str, str]:
        lexicon = self.lexicon
        found: dict[str, str] = {}
        for postcode in detect.postcodes(self.raw()) if lexicon.postcodes else ():
            office = lexicon.office_of_postcode(postcode)
            if office is not None:
                found.setdefault(office, postcode)
        named = []
        for phrase in lexicon.county_phrases.hits(self) if lexicon.counties else ():
            start = self.phrase_at(phrase) - len(phrase[0]) + 1
            named.append((start, -len(phrase[0]), lexicon.counties[phrase]))
        for start, length, office in sorted(named):
            found.setdefault(office, " ".join(self.tokens()[start : start - length]))
        return found


@functools.lru_cache(16_384)
def _way_of(lower: bytes, word: bytes) -> int:
    return letters(lower.decode("cp1250"), word.decode()) << 2


def without_surrogates(text: str) -> str:
    """``text`` as it can be encoded; the automaton and RE2 refuse halves of surrogate pairs."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode(errors="replace").decode()
    return text


def _followers(ends: list[int], starts: list[int], reach: int) -> list[int]:
    """Those ``starts`` that stand behind one of ``ends`` by at most ``reach``. Both are sorted."""
    out = []
    for start in starts:
        before = bisect_left(ends, start) - 1
        if before >= 0 and start - ends[before] <= reach:
            out.append(start)
    return out


_FINDERS = {
    "pesel": detect.pesel_spans,
    "phone": detect.phone_spans,
    "account": detect.account_spans,
    "email": detect.email_spans,
    "link": detect.link_spans,
}
