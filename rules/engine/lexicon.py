"""The words, expressions and places of one rule set, as matching needs them.

Which tokens of a message are which words of the rules, which literals announce which expressions, which words and
postcodes name which office. :mod:`rules.engine.scan` is the message's side.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from typing import Any, Protocol, Self, TypeVar

import re2
from ahocorasick_rs import BytesAhoCorasick, Implementation

from rules.engine import towns
from rules.engine.expressions import expression_options, required_literals
from rules.engine.spelling import ANY, MARKS, NEVER, read_form
from rules.engine.typos import Typos, may_be_misspelt
from rules.fold import split_words
from rules.model import Spelling

T = TypeVar("T")

SMALL_AUTOMATON = 200_000
"""Characters of literals up to which the automaton is the kind that is fastest. It takes some 75 bytes a character,
several times as much as the other kind."""

Word = tuple[str, str]
"""A word and its language."""

Expand = Callable[[str, str], frozenset[str]]
"""All forms of a word in a language, as marked forms (:mod:`rules.engine.spelling`): ``rules.words.forms``."""

Spelt = Callable[[str, str], Sequence[tuple[str, int]]]
"""The same, read by :func:`rules.engine.spelling.read_form`."""

_MARKED = sum(MARKS.values())

_FAR = 4

Words = tuple[int, ...]
"""The numbers of the words of the rules that one token is."""

Spans = tuple[tuple[int, ...], int]
"""A phrase: the numbers of its words in order, and how many other words may stand between two of them."""


class Looked(Protocol):
    """A message that was looked at: :class:`rules.engine.scan.Scan`."""

    def found(self) -> dict[int, int]:
        """The words of the rules that occur."""

    def phrase_at(self, phrase: Spans) -> int:
        """Where a phrase ends, or -1."""

    def once(self, key: Hashable, work: Callable[[Self], T]) -> T:
        """What ``work`` gives, done once."""


def met(numbers: frozenset[int], found: Mapping[int, int]) -> Sequence[int]:
    """Those of ``numbers`` that are among the found words; the shorter of both is walked through.

    Found words were just at hand; each number of a rule has yet to be fetched from memory, which takes several times as
    long.
    """
    if len(numbers) * _FAR < len(found):
        return [number for number in numbers if number in found]
    return [number for number in found if number in numbers]


class PhraseSet:
    """Phrases looked for together: only those whose last word occurs are tried at all."""

    __slots__ = ("_by_last", "lasts")

    def __init__(self, phrases: Iterable[Spans]) -> None:
        self._by_last: dict[int, list[Spans]] = {}
        for phrase in dict.fromkeys(phrases):
            self._by_last.setdefault(phrase[0][-1], []).append(phrase)
        self.lasts = frozenset(self._by_last)

    def hits(self, scan: Looked) -> list[Spans]:
        """The phrases that occur, grouped by their last word; looked for once in a message."""
        if scan.found().keys().isdisjoint(self.lasts):
            return []
        return scan.once(self, self._search)

    def _search(self, scan: Looked) -> list[Spans]:
        lasts = sorted(met(self.lasts, scan.found()))
        return [phrase for last in lasts for phrase in self._by_last[last] if scan.phrase_at(phrase) >= 0]


def as_written(word: str, language: str = "") -> frozenset[str]:
    """An :data:`Expand` for which no word has other forms."""
    return frozenset([word.lower()])


def spelt_by(expand: Expand) -> Spelt:
    """The forms that ``expand`` gives, read."""
    return lambda word, language: list(map(read_form, expand(word, language)))


class Lexicon:
    """The words, expressions and places of one rule set. Filled while compiling, then :meth:`freeze` ends it.

    ``forms`` leads from a folded form in UTF-8 to the numbers of the words that it may be; ``codes`` says in the same
    order how it must be written for each, and lacks forms without diacritics and marks. ``known`` are these forms once
    more: most words of a message are none of them, and a set says so from fewer places in memory than a mapping.
    ``remembered`` are words of earlier messages that were such forms, as they were written (lower case, Windows-1250).
    """

    def __init__(self) -> None:
        self._numbers: dict[tuple[str, Spelling], int] = {}
        self._patterns: dict[str, int] = {}
        self._alike: dict[Hashable, Any] = {}
        self.forms: dict[bytes, Words] = {}
        self.known: frozenset[bytes] = frozenset()
        self.codes: dict[bytes, tuple[int, ...]] = {}
        self.typos: Typos | None = None
        self.remembered: dict[bytes, Words] = {}
        self.expressions: list[Any] = []
        self.always: frozenset[int] = frozenset()
        self._literals: dict[str, list[int]] = {}
        self._automaton: Any = None
        self._announced: list[tuple[int, ...]] = []
        self.postcodes: dict[str, str] = {}
        self.counties: dict[Spans, str] = {}
        self.county_phrases = PhraseSet(())

    def word(self, word: str, how: Spelling) -> int:
        """The number of a word."""
        return self._numbers.setdefault((word.lower() if how.exact else word, how), len(self._numbers))

    def phrase(self, words: Sequence[str], gap: int, how: Spelling) -> Spans:
        """A phrase whose words are numbered here."""
        parts = [part for word in words for part in split_words(word)]
        return tuple(self.word(part, how) for part in parts), gap

    def alike(self, key: Hashable, make: Callable[[], T]) -> T:
        """What ``make`` gives, made once for all rules that ask the same."""
        if key not in self._alike:
            self._alike[key] = make()
        made: T = self._alike[key]
        return made

    def asked(self) -> set[Word]:
        """The words whose forms :meth:`freeze` will ask for, each with its language."""
        return {(word, how.language) for word, how in self._numbers if not how.exact}

    def expression(self, pattern: str) -> int:
        """The number of a regular expression."""
        number = self._patterns.get(pattern)
        if number is None:
            number = self._patterns[pattern] = len(self.expressions)
            self.expressions.append(re2.compile(pattern, expression_options()))
            literals = required_literals(pattern)
            for literal in literals:
                self._literals.setdefault(literal, []).append(number)
            if not literals:
                self.always |= {number}
        return number

    def places(self, places: Mapping[str, str], expand: Expand) -> None:
        """Have these postcodes, towns and counties name offices; ``expand`` says which towns are ordinary words."""
        self.postcodes = {key.replace("-", ""): office for key, office in places.items() if key[:1].isdigit()}
        for name, office in sorted(places.items()):
            for place in towns.phrases(name, expand) if not name[:1].isdigit() else ():
                phrase = self.phrase(place.words, 0, Spelling(language=place.language))
                self.counties.setdefault(phrase, office)
        self.county_phrases = PhraseSet(self.counties)

    def freeze(self, spelt: Spelt, breathe: Callable[[], None] = lambda: None) -> None:
        """Make the tables that matching uses."""
        misspelt: dict[str, list[int]] = {}
        shared: dict[Words, Words] = {}
        for (word, how), number in self._numbers.items():
            forms = [read_form(word)] if how.exact else spelt(word, how.language)
            own = (number,)
            for form, code in dict.fromkeys(forms):
                if how.typos and may_be_misspelt(form):
                    misspelt.setdefault(form, []).append(number)
                    code = ANY
                elif how.diacritics:
                    code = code & ~_MARKED | NEVER
                self._enter(form.encode(), own, code, shared)
            breathe()
        self.known = frozenset(self.forms)
        self.typos = Typos(misspelt) if misspelt else None
        self._announced = [tuple(numbers) for numbers in self._literals.values()]
        if self._literals:
            small = sum(map(len, self._literals)) <= SMALL_AUTOMATON
            kind = Implementation.DFA if small else None
            literals = [literal.encode() for literal in self._literals]
            self._automaton = BytesAhoCorasick(literals, implementation=kind)
        self._numbers = {}
        self._alike = {}

    def _enter(self, form: bytes, own: Words, code: int, shared: dict[Words, Words]) -> None:
        """Have ``form`` lead to one more word. Equal values are kept once, in ``shared``: memory is dear."""
        before = self.forms.get(form, ())
        if code or form in self.codes:
            codes = (*(self.codes.get(form) or (0,) * len(before)), code)
            self.codes[form] = shared.setdefault(codes, codes)
        if before:
            own = (*before, *own)
            own = shared.setdefault(own, own)
        self.forms[form] = own

    def announced(self, folded: Callable[[], bytes]) -> frozenset[int] | set[int]:
        """The expressions that may be found in a text: those whose literal stands in it, and those without any.

        ``folded`` gives the folded text in UTF-8: the automaton reads bytes, and is spared counting characters.
        """
        if self._automaton is None:
            return self.always
        hits = {hit[0] for hit in self._automaton.find_matches_as_indexes(folded(), overlapping=True)}
        return self.always.union(*(self._announced[hit] for hit in hits)) if hits else self.always

    def office_of_postcode(self, postcode: str) -> str | None:
        """The office of the longest known prefix of a postcode (``18-400`` → ``18400``, ``1840``, …)."""
        digits = postcode.replace("-", "")
        for length in range(len(digits), 0, -1):
            if (office := self.postcodes.get(digits[:length])) is not None:
                return office
        return None
