"""All inflected forms of a Polish word, from the SGJP dictionary that morfeusz2 carries.

Needed only when a rule set is compiled or a search is made, never to match a message; so the dictionary is loaded
at the first call (about 0.1 s and 50 MB).
"""

from __future__ import annotations

import functools
import threading
from typing import Any, NamedTuple, Protocol

import morfeusz2

_PROPER = frozenset({"nazwisko", "imię", "patronimicum", "nazwa_geograficzna", "nazwa_organizacji"})
_LOCK = threading.Lock()


class _Analyser(Protocol):
    def analyse(self, text: str) -> list[tuple[int, int, tuple[str, str, str, list[str], list[str]]]]: ...

    def generate(self, lemma: str) -> list[tuple[str, str, str, list[str], list[str]]]: ...


class _Lemma(NamedTuple):
    lemma: str
    part: str
    proper: bool


@functools.cache
def _analyser() -> _Analyser:
    # "composite" gives "złożyłem" and "złożyłbym" whole; by default they come in two pieces.
    morfeusz: Any = morfeusz2.Morfeusz(expand_tags=False, praet="composite")
    return morfeusz  # type: ignore[no-any-return]


def _lemmas(word: str) -> set[_Lemma]:
    """The dictionary entries that ``word`` may be a form of; empty for an unknown word or several words."""
    found = set()
    for start, end, (_, lemma, tag, names, _) in _analyser().analyse(word):
        if (start, end) != (0, 1):
            return set()
        part = tag.split(":", 1)[0]
        if part not in ("ign", "brev", "interp", "dig"):
            found.add(_Lemma(lemma, part, bool(names) and _PROPER.issuperset(names)))
    return found


def _chosen(word: str, lemmas: set[_Lemma]) -> set[str]:
    """Which entries are meant: those whose base form is the word itself, and common words before surnames."""
    own = {entry for entry in lemmas if entry.lemma.split(":")[0].lower() == word.lower()} or lemmas
    common = {entry for entry in own if not entry.proper}
    return {entry.lemma for entry in (common if common and word.islower() else own)}


@functools.lru_cache(maxsize=4096)
def polish_forms(word: str) -> frozenset[str]:
    """Every inflected form of ``word``, in lower case, itself included.

    ``word`` may be any form itself ("zasiłku" gives those of "zasiłek"). Unknown words, abbreviations in
    capitals ("PUP") and words with digits give only themselves. Safe to call from several threads.
    """
    forms = {word.lower()}
    if not word.isalpha() or (len(word) > 1 and word.isupper()):
        return frozenset(forms)
    with _LOCK:
        for lemma in _chosen(word, _lemmas(word)):
            for form, _, tag, _, _ in _analyser().generate(lemma):
                if not tag.startswith("brev"):
                    forms.add(form.lower())
    return frozenset(forms)
