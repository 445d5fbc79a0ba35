"""The forms of a Polish word, from the SGJP dictionary that morfeusz2 carries, each with what else it could be.

The dictionary is loaded at the first call (about 0.1 s and 50 MB) and is not safe for several threads at once:
:mod:`rules.words` guards it. Words that it lacks are inflected by :mod:`rules.words.guess`.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Collection, Iterable, Iterator, Mapping, Set
from itertools import chain
from typing import Any, NamedTuple, Protocol

import morfeusz2

from rules.engine.spelling import MARKS
from rules.words.guess import guesses

_NAMES = frozenset({"nazwisko", "imię", "patronimicum", "nazwa_geograficzna", "nazwa_organizacji"})
_GRAMMAR = frozenset({"prep", "conj", "comp", "part", "ppron12", "ppron3", "siebie"})
"""Parts of speech so frequent that no other word is meant by their spelling."""

_FREQUENT = frozenset({"pan", "raz", "lat", "nic", "ludzi", "pracy", "tego", "tym", "nagle", "swoje"})
"""Words so frequent that nobody's "łat" or "nić" without diacritics is recognised in them."""

_MEANT = frozenset(
    {
        "się",
        "już",
        "też",
        "więc",
        "żeby",
        "są",
        "ją",
        "aż",
        "niż",
        "zaś",
        "będzie",
        "będą",
        "będę",
        "mój",
        "mają",
    }
    | {
        "pół",
        "mogą",
        "mogę",
        "muszę",
        "mówię",
        "mieć",
        "miał",
        "miała",
        "miałem",
        "miałam",
        "miało",
        "żona",
        "żony",
    }
    | {"żonę", "mąż", "życie", "język", "widzę"}
)
"""What a spelling stands for in a text without diacritics, however many rarer words are spelt like it."""

_NO_WORD = frozenset({"ign", "interp", "dig", "romandig", "aglt", "xxx", "brev"})
_OF_VERBS = frozenset({"ger", "ppas", "pact"})
_LONGEST_ACRONYM = 4
_MOST_SPELLINGS = 48
_LONGEST_DOUBLE = 10
"""Letters above which a form without its diacritics is never another word; looking them all up would take seconds."""

_MOST_PLACES = 3

_ABBREVIATIONS: Mapping[str, tuple[str, ...]] = {
    "artykuł": ("art",),
    "centymetr": ("cm",),
    "doktor": ("dr",),
    "dyrektor": ("dyr",),
    "godzina": ("godz",),
    "grosz": ("gr",),
    "inżynier": ("inż",),
    "kilogram": ("kg",),
    "kilometr": ("km",),
    "ksiądz": ("ks",),
    "magister": ("mgr",),
    "miliard": ("mld",),
    "milimetr": ("mm",),
    "milion": ("mln",),
    "numer": ("nr",),
    "pozycja": ("poz",),
    "procent": ("proc",),
    "profesor": ("prof",),
    "punkt": ("pkt",),
    "rozdział": ("rozdz",),
    "strona": ("str",),
    "sztuka": ("szt",),
    "święty": ("św",),
    "telefon": ("tel",),
    "tysiąc": ("tys",),
    "ulica": ("ul",),
    "ustęp": ("ust",),
    "województwo": ("woj",),
    "złoty": ("zł", "pln"),
}
"""What common words are shortened to, as far as hardly any other word is spelt like that. The dictionary has far more,
but "r" for "rok" and "dom" for "domowy" would find anything."""

_TOWNS = frozenset({"Warszawa", "Łódź", "Poznań", "Opole", "Radom", "Gdańsk", "Kalisz", "Kielce", "Zakopane"})
"""Towns so much written about that the ordinary word of the same spelling, a car or a boat, is never meant."""

_SISTERS = {"ski": "ska", "cki": "cka", "dzki": "dzka", "ska": "ski", "cka": "cki", "dzka": "dzki"}
_SPELT = {"a": "aą", "c": "cć", "e": "eę", "l": "lł", "n": "nń", "o": "oó", "s": "sś", "z": "zźż"}
_PLAIN = {ord(letter): plain for plain, letters in _SPELT.items() for letter in letters[1:]}
_RATHER = {meant.translate(_PLAIN): meant for meant in _MEANT}

_UNKNOWN = 0
"""The number of the tag "ign"."""

Interpretation = tuple[str, str, str, list[str], list[str]]
"""Form, base form, tag, what kind of name it is, and remarks on its use, which are left out."""


class _Analyser(Protocol):
    def analyse(self, text: str) -> list[tuple[int, int, Interpretation]]: ...

    def generate(self, lemma: str) -> list[Interpretation]: ...

    def lacks(self, words: Iterable[str]) -> Set[str]: ...


class Reading(NamedTuple):
    """One entry of the dictionary that a word may be a form of. ``name`` is its base form."""

    lemma: str
    name: str
    part: str
    proper: bool
    surname: bool
    negated: bool


class Forms(NamedTuple):
    """The forms of a word in lower case: those of common words and those that only names have; the base forms that they
    belong to; and whether the word is one of grammar."""

    common: frozenset[str]
    proper: frozenset[str]
    lemmas: frozenset[str]
    grammar: bool


class _Light(morfeusz2.Morfeusz):  # type: ignore[misc]  # it has no types
    """The dictionary with cheaper answers: most of the time went into remarks that nobody reads, and into tags and
    kinds of names, of which there are few different ones. Should the library lose this hook, it is slower."""

    def __init__(self) -> None:
        # "composite" gives "złożyłem" and "złożyłbym" whole; by default they come in two pieces.
        super().__init__(expand_tags=False, praet="composite")
        self._tags: dict[int, str] = {}
        self._kinds: dict[int, list[str]] = {}

    def _interp2tuple(self, found: Any) -> Interpretation:
        tag, kind = found.tagId, found.nameId
        if tag not in self._tags:
            self._tags[tag] = found.getTag(self._morfeusz_obj)
        if kind not in self._kinds:
            self._kinds[kind] = found.getName(self._morfeusz_obj)
        return found.orth, found.lemma, self._tags[tag], self._kinds[kind], []

    def lacks(self, words: Iterable[str]) -> Set[str]:
        """Those of some words (no spaces in them) that are in no dictionary; asked all at once, they take a third of
        the time. A word of several parts may be lacking and not be told."""
        return {
            found.orth for found in self._morfeusz_obj.analyse(" ".join(words)) if found.tagId == _UNKNOWN
        }


@functools.cache
def analyser() -> _Analyser:
    """The dictionary, loaded once."""
    return _Light()


@functools.lru_cache(maxsize=200_000)
def readings(word: str) -> frozenset[Reading]:
    """What ``word`` may be a form of; empty for an unknown word or several words."""
    paths = analyser().analyse(word)
    if not paths:
        return frozenset()
    last = max(end for _, end, _ in paths)
    return frozenset(
        _reading(interpretation)
        for start, end, interpretation in paths
        if (start, end) == (0, last) and _part(interpretation) not in _NO_WORD
    )


def _part(interpretation: Interpretation) -> str:
    return interpretation[2].partition(":")[0]


def _reading(interpretation: Interpretation) -> Reading:
    _, lemma, tag, names, _ = interpretation
    # What tells a base form from others of the same spelling stands behind a colon: zamek:Sm3~mku.
    name, part = lemma.partition(":")[0], tag.partition(":")[0]
    return Reading(lemma, name, part, _is_name(names), "nazwisko" in names, tag.endswith(":neg"))


def _is_name(names: Iterable[str]) -> bool:
    return bool(names) and _NAMES.issuperset(names)


def clean(word: str) -> str:
    """A word in capitals as it is usually written, unless it is an abbreviation."""
    if not (word.isupper() and word.isalpha() and len(word) > _LONGEST_ACRONYM):
        return word
    lower, title = word.lower(), word.capitalize()
    if any(not entry.proper for entry in readings(lower)):
        return lower
    return title if readings(title) else word


def alone(word: str) -> bool:
    """Whether a word has no forms but itself: abbreviations in capitals, words with digits, several words."""
    return not word.isalpha() or (len(word) > 1 and word.isupper())


def inflected(word: str) -> Forms:
    """All forms of a word, from whichever of them; of one that the dictionary lacks they are guessed."""
    common: set[str] = set()
    proper: set[str] = set()
    entries = [(spelt, entry) for spelt in _spelt(word) for entry in _chosen(spelt)]
    for spelt, entry in entries:
        for text, is_name in chain(_generated(entry), _sister(spelt, entry)):
            (proper if is_name else common).add(text)
    lemmas = {entry.name for _, entry in entries}
    common.update(short for lemma in lemmas for short in _ABBREVIATIONS.get(lemma, ()))
    if not readings(word):
        guessed = {form.lower() for form in guesses(word, _generate)}
        # Where a guess is a word that is known, it is that word; a name may be spelt like one.
        (proper if word[0].isupper() else common).update(guessed if word[0].isupper() else _unknown(guessed))
    (proper if proper and not common and word[0].isupper() else common).add(word.lower())
    grammar = any(entry.part in _GRAMMAR for _, entry in entries)
    return Forms(frozenset(common), frozenset(proper - common), frozenset(lemmas), grammar)


def _spelt(word: str) -> list[str]:
    """The word; of one without diacritics that the dictionary lacks, the spellings with diacritics that it has."""
    if readings(word) or not word.isascii():
        return [word]
    choices = [_SPELT.get(letter, letter) for letter in word]
    spellings = list(map("".join, itertools.islice(itertools.product(*choices), 1, _MOST_SPELLINGS)))
    unknown = _unknown(spellings)
    return [found for found in spellings if found not in unknown]


def _unknown(words: Collection[str]) -> Set[str]:
    """Those of some words that are in no dictionary."""
    lacking = analyser().lacks(words)
    return {word for word in words if word in lacking or not readings(word)}


def _chosen(word: str) -> Set[Reading]:
    """Which entries are meant: those whose base form is the word itself, and common words before names. In capitals a
    word may be either ("Praca" is a village), but for words of grammar: "Koło" is the town."""
    known = readings(word)
    own = {entry for entry in known if entry.name.lower() == word.lower()} or known
    common = {entry for entry in own if not entry.proper}
    if common and word.islower():
        return common
    named = own - common
    return named if named and any(entry.part in _GRAMMAR for entry in common) else own


@functools.lru_cache(maxsize=1_024)
def _generate(lemma: str) -> list[Interpretation]:
    """The forms of a base form. Rules name one word in several of its forms, and guesses have few models."""
    return analyser().generate(lemma)


def _generated(entry: Reading) -> Iterator[tuple[str, bool]]:
    """The forms of an entry and whether each is one of a name.

    Whoever asks for "niezarejestrowany" means just the opposite of "zarejestrowany", though both belong to one verb.
    """
    from_participle = entry.part in _OF_VERBS
    for interpretation in _generate(entry.lemma):
        text, _, tag, names, _ = interpretation
        part = tag.partition(":")[0]
        if part in _NO_WORD or (part == "adja" and _is_word(text)):
            continue
        if from_participle and (tag.endswith(":neg") if part in _OF_VERBS else False) != entry.negated:
            continue
        yield text.lower(), _is_name(names)


def _is_word(half: str) -> bool:
    """Whether the first half of a compound is also a word of its own: "prawo" is, "polsko" is not."""
    return any(entry.part != "adja" for entry in readings(half))


def _sister(word: str, entry: Reading) -> Iterator[tuple[str, bool]]:
    """The forms of "Kowalska" for "Kowalski" and the other way round; not of a country ("Polska")."""
    places = (also.proper and not also.surname and also.name == entry.name for also in readings(word))
    if not entry.surname or any(places):
        return
    for ending, other in _SISTERS.items():
        if word.lower().endswith(ending):
            sister = f"{word[: len(word) - len(ending)]}{other}".capitalize()
            for found in readings(sister):
                if found.surname and found.name == sister:
                    yield from _generated(found)


@functools.lru_cache(maxsize=1_024)
def marked(forms: Forms) -> tuple[str, ...]:
    """The forms with their marks (:mod:`rules.engine.spelling`)."""
    barer = {text: _barer(text, _bare(text)) for text in chain(forms.common, forms.proper)}
    lacking = analyser().lacks(chain.from_iterable(barer.values()))

    def mark(text: str, proper: bool) -> str:
        return text + _marks(text, [one for one in barer[text] if one not in lacking], forms, proper)

    return (*(mark(text, False) for text in forms.common), *(mark(text, True) for text in forms.proper))


def _bare(text: str) -> str:
    """A form without its diacritics."""
    return text if text.isascii() else text.translate(_PLAIN)


def town(word: str) -> Iterator[str]:
    """The marked forms of a town's name: those that are ordinary words must not be taken for them."""
    named = [entry for entry in readings(word) if entry.proper and entry.name.lower() == word.lower()]
    texts = {text for entry in named for text, _ in _generated(entry)} or {
        form.lower() for form in guesses(word, _generate)
    }
    forms = Forms(frozenset(), frozenset({*texts, word.lower()}), frozenset({word}), False)
    if word in _TOWNS:
        yield from forms.proper
        return
    for form in marked(forms):
        if "^" not in form:
            yield form
            continue
        yield form if "!" in form else form + "!"
        # Such a form is never found without its diacritics; but "Slupska" is no other word than "Słupska".
        text = form.rstrip("".join(MARKS))
        if (bare := _bare(text)) != text and not (readings(bare) or readings(bare.capitalize())):
            yield bare + "^!"


def _marks(text: str, barer: Iterable[str], forms: Forms, proper: bool) -> str:
    """The marks of a form. ``barer``: how else it may be written, as far as that may be another word."""
    bare = _bare(text)
    others = [entry for spelling in barer for entry in _others(spelling, forms.lemmas, proper)]
    marks = "~" if others else ""
    if proper:
        others += _others(text, forms.lemmas, False)
        marks += "^" if any(not entry.proper for entry in others) else ""
    if (
        others
        and not forms.grammar
        and (bare in _FREQUENT or any(entry.part in _GRAMMAR for entry in others))
    ):
        marks += "!"
    meant = _RATHER.get(bare, text)
    return marks + ("-" if meant != text and _others(meant, forms.lemmas, False) else "")


def _others(form: str, lemmas: Set[str], names: bool) -> list[Reading]:
    """The other words that a spelling may be; names only where they are asked for."""
    return [entry for entry in readings(form) if names >= entry.proper and entry.name not in lemmas]


def _barer(form: str, bare: str) -> list[str]:
    """A form without its diacritics, and without some of them where it has few."""
    if bare == form or len(form) > _LONGEST_DOUBLE:
        return []
    pairs = list(zip(bare, form, strict=True))
    count = sum(plain != letter for plain, letter in pairs)
    if count == 1 or count > _MOST_PLACES:
        return [bare]
    choices = [(plain,) if plain == letter else (plain, letter) for plain, letter in pairs]
    return ["".join(letters) for letters in itertools.product(*choices)][:-1]
