"""The words of a rule set by their forms: which are one word to lint, and which have all forms of another."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping, Sequence

from rules.model import Spelling

Expand = Callable[[str, str], frozenset[str]]
"""All forms of a word in a language, as :func:`rules.compile_rules` takes them."""


class Vocabulary:
    """What the forms of words say about each other.

    ``expand`` gives the forms, so that words with the very same ones are one (``zasiłek``, ``zasiłku``), and one of
    ``words`` (each with its language) may have all forms of another (``zarejestrować``, ``zarejestrowany``); without it
    each is only itself.
    """

    def __init__(self, expand: Expand | None = None, words: Iterable[tuple[str, str]] = ()) -> None:
        self._expand = expand
        self._words = words if expand is not None else ()
        self._first: dict[tuple[frozenset[str], str], str] = {}
        self._spelt: dict[tuple[str, str], str] = {}

    def one(self, word: str, how: Spelling) -> str:
        """The word that stands for all that are found exactly where ``word`` is."""
        if how.exact:
            return word.lower()
        if self._expand is None:
            return word
        found = self._spelt.get((word, how.language))
        if found is None:
            forms = self._expand(word, how.language)
            # A word of one form may be an abbreviation, which is written otherwise, or not be known yet.
            alone = len(forms) < 2
            found = word if alone else self._first.setdefault((forms, how.language), word)
            self._spelt[word, how.language] = found
        return found

    def wider(self, parts: Iterable[str], how: Spelling) -> frozenset[str]:
        """Other words, one of which is found wherever all ``parts`` are: those that have every form of a part."""
        if how.exact:
            return frozenset()
        return frozenset(
            wider for part in parts for wider in self._wider.get((self.one(part, how), how.language), ())
        )

    @functools.cached_property
    def _wider(self) -> Mapping[tuple[str, str], Sequence[str]]:
        """By word and language: the words with all its forms and more."""
        for word, language in sorted(self._words):
            self.one(word, Spelling(language=language))
        having: dict[tuple[str, str], tuple[str, ...]] = {}
        for (forms, language), word in self._first.items():
            for form in forms:
                having[form, language] = (*having.get((form, language), ()), word)
        found = {}
        for (forms, language), word in self._first.items():
            common = set.intersection(*(set(having[form, language]) for form in forms)) - {word}
            if common:
                found[word, language] = sorted(common)
        return found
