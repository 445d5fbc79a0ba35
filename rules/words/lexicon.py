"""Inflected forms of English, Ukrainian, Russian, German, Romanian and Italian words, from files beside this module.

``lexicons/de.xz`` and its like are made once by ``scripts/build_lexicon.py``. A line is a base form and its forms, each
as the number of letters cut off the end of the base form and the letters put in their place ("haus 0es 4äuser").
Entries whose forms all begin with the first letters of the base form come first, sorted; then an empty line; then the
others ("gut 3besser"). Read only when a word is asked for; a language takes some 10 MB then.
"""

from __future__ import annotations

import bisect
import functools
import lzma
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from rules.fold import fold

FOLDER = Path(__file__).parent / "lexicons"
LANGUAGES = ("en", "uk", "ru", "de", "ro", "it")
LATIN = ("en", "de", "ro", "it")
"""Those in Latin letters."""

SHARED = 2
"""Letters that a base form and all its forms have in common in the first part of a file."""

_ENDING = range(6, 2, -1)
"""Letters of an ending by which an unknown word is inflected like known ones, the longest tried first."""

_ALIKE = 5
"""Known words with that ending which must agree on how it is inflected."""

_SHORTEST_TAIL = 4
"""Letters of the last part of a German compound."""

_ENDINGS: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "en": {
        "y": ("y", "ies", "ys"),
        "s": ("s", "ses"),
        "x": ("x", "xes"),
        "h": ("h", "hs", "hes"),
        "": ("", "s"),
    },
    "it": {"o": ("o", "i"), "a": ("a", "e"), "e": ("e", "i"), "": ("",)},
    "de": {"e": ("e", "en", "es"), "": ("", "s", "es", "e", "en", "n", "er")},
}
"""Endings of words that a language's list lacks, by the ending of the word."""

_BY_LIKENESS = ("uk", "ru", "ro")
"""Languages with so many forms that unknown words are inflected like known ones instead."""

_FORM = re.compile(r"(\d+)(.*)")
_GERMAN = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss"})


class _File:
    """The entries of one language. ``_cuts`` leads from an ending that some form has to how many letters of a base form
    it may stand for."""

    def __init__(self, language: str) -> None:
        plain, _, odd = lzma.decompress((FOLDER / f"{language}.xz").read_bytes()).decode().partition("\n\n")
        self._plain = plain.split("\n")
        self._odd = _by_form(odd.split("\n"))
        self._cuts = _cuts(self._plain)
        self._usual: dict[str, Sequence[str]] = {}

    def entries(self, word: str) -> list[str]:
        """The lines of which a word in lower case is the base form or a form."""
        if len(word) < SHARED:
            return []
        found = set(self._starting(f"{word} ")) | {
            place for place in self._starting(word) if self._plain[place] == word
        }
        for size in range(len(word) - SHARED + 1):
            stem, ending = word[: len(word) - size], word[len(word) - size :]
            for cut in self._cuts.get(ending, ()):
                found.update(self._inflected(stem, ending, cut))
        odd = self._odd[word].split("\n") if word in self._odd else ()
        return [*(self._plain[place] for place in sorted(found)), *odd]

    def _starting(self, start: str) -> range:
        """The places of the lines that start so."""
        first = bisect.bisect_left(self._plain, start)
        return range(first, bisect.bisect_left(self._plain, start + "\U0010ffff", first))

    def _inflected(self, stem: str, ending: str, cut: int) -> Iterator[int]:
        """Where base forms stand that have ``stem + ending`` for a form, made by cutting so many letters off."""
        size, code = len(stem) + cut, f" {cut}{ending} "
        for place in self._starting(stem if cut else f"{stem} "):
            line = self._plain[place]
            if line.find(" ") == size and code in f"{line[size:]} ":
                yield place

    def like(self, word: str) -> list[str]:
        """The line that a word would have if it were inflected as most words with its ending are; none if they differ
        too much."""
        for size in _ENDING:
            ending = word[-size:]
            if len(word) > size and ending not in self._usual:
                self._usual[ending] = self._codes(ending)
            if len(word) > size and self._usual[ending]:
                return [" ".join([word, *self._usual[ending]])]
        return []

    def _codes(self, ending: str) -> Sequence[str]:
        """How most base forms with an ending are inflected, by changes within it."""
        found: Counter[str] = Counter()
        for line in self._plain:
            lemma, _, codes = line.partition(" ")
            if lemma.endswith(ending):
                found[codes] += 1
        for codes, count in found.most_common(1):
            several = codes.split(" ")
            if count >= _ALIKE and all(int(_digits(code)) <= len(ending) for code in several):
                return several
        return ()


def _digits(code: str) -> str:
    """How many letters are cut off, of a form as the file has it."""
    found = _FORM.fullmatch(code)
    return found[1] if found else "0"


def _cuts(lines: Iterable[str]) -> Mapping[str, Sequence[int]]:
    """By ending: how many letters it may take the place of. Few different inflections stand behind many base forms."""
    found: defaultdict[str, set[int]] = defaultdict(set)
    for codes in {line.partition(" ")[2] for line in lines}:
        for code in codes.split(" "):
            if one := _FORM.fullmatch(code):
                found[one[2]].add(int(one[1]))
    return {ending: sorted(cuts) for ending, cuts in found.items()}


def _by_form(lines: Iterable[str]) -> Mapping[str, str]:
    """By form: its lines, one behind the other; nearly all have one."""
    found: dict[str, str] = {}
    for line in lines:
        for form in set(_forms(line)):
            found[form] = f"{found[form]}\n{line}" if form in found else line
    return found


def _forms(line: str) -> list[str]:
    lemma, *coded = line.split(" ")
    size, forms = len(lemma), [lemma]
    for code in coded:
        # A file has hundreds of thousands of these, and all are read before the first answer.
        digits = 2 if code[1:2].isdecimal() else 1
        forms.append(lemma[: size - int(code[:digits])] + code[digits:])
    return forms


@functools.cache
def _file(language: str) -> _File:
    return _File(language)


def forms(word: str, languages: Sequence[str], *, guess: bool = True) -> frozenset[str]:
    """The forms of a word in each of the languages, as marked forms (:mod:`rules.engine.spelling`). Those of a word
    that all
    these languages' lists lack are guessed, or left out."""
    word = word.lower()
    found = {form for language in languages for form in _in_language(word, language, False)}
    if guess and not found:
        found = {form for language in languages for form in _in_language(word, language, True)}
    return frozenset(found)


def _in_language(word: str, language: str, guess: bool) -> set[str]:
    file = _file(language)
    before, entries = "", file.entries(word)
    if not entries and guess and language == "de":
        before, entries = _compound(word, file)
    if not entries and guess and language in _BY_LIKENESS and word.isalpha():
        entries = file.like(word)
    if not entries:
        return _guessed(word, language) if guess else set()
    found = {before + form for entry in entries for form in _forms(entry)}
    return {spelt for form in found for spelt in _german(form, found, file)} if language == "de" else found


def _compound(word: str, file: _File) -> tuple[str, list[str]]:
    """A German compound as what it begins with, and the entries of its last part: Wohngeld|antrag."""
    for cut in range(SHARED, len(word) - _SHORTEST_TAIL + 1):
        if entries := file.entries(word[cut:]):
            return word[:cut], entries
    return "", []


def _guessed(word: str, language: str) -> set[str]:
    endings = _ENDINGS.get(language)
    if endings is None or not word.isalpha() or len(word) <= SHARED:
        return set()
    last = next(ending for ending in (word[-1], "") if ending in endings)
    return {word[: len(word) - len(last)] + ending for ending in endings[last]}


def _german(form: str, forms: set[str], file: _File) -> Iterator[str]:
    """A form, and as it is written without umlauts; "schön" is never written "schon", which is another word."""
    bare = fold(form)
    yield form + ("!" if bare != form and bare not in forms and file.entries(bare) else "")
    if (long := form.translate(_GERMAN)) != form:
        yield long
