"""All inflected forms of a word, as rules and the search want them.

Polish comes from a dictionary (:mod:`rules.words.polish`), the other languages from files
(:mod:`rules.words.lexicon`). Needed only when a rule set is compiled or a search is made, never to match a message;
nothing is loaded before the first call.
"""

from __future__ import annotations

import functools
import re
import threading
import unicodedata

from rules.engine.spelling import MARKS
from rules.engine.towns import TOWN
from rules.words import lexicon, polish

_CYRILLIC = re.compile("[\u0400-\u04ff]")
_UKRAINIAN, _RUSSIAN = re.compile("[іїєґ]"), re.compile("[ыэъё]")
_LOCK = threading.Lock()


@functools.lru_cache(maxsize=4096)
def forms(word: str, language: str = "") -> frozenset[str]:
    """Every inflected form of ``word`` in lower case, itself included, as marked forms (:mod:`rules.engine.spelling`).

    ``word`` may be any form itself ("zasiłku" gives those of "zasiłek"). ``language`` is one of
    :data:`rules.language.LANGUAGES` or :data:`rules.engine.towns.TOWN`; empty: Polish, and a word that the Polish
    dictionary lacks is looked up in those of the other languages in Latin letters as well; words in Cyrillic are
    Ukrainian and Russian. Unknown words are inflected like others with their ending; abbreviations in capitals
    ("PUP") and words with digits give only themselves. No word is refused. Safe to call from several threads.
    """
    word = unicodedata.normalize("NFC", word)
    if language == TOWN:
        with _LOCK:
            return frozenset(polish.town(polish.clean(word)))
    languages = (language,) if language else _by_letters(word)
    if languages != ("pl",):
        with _LOCK:
            return lexicon.forms(word, languages) | {word.lower()}
    with _LOCK:
        found, known = _polish(word)
        more = lexicon.forms(word, lexicon.LATIN, guess=False) if not (known or language) else frozenset()
    return found | more


def _polish(word: str) -> tuple[frozenset[str], bool]:
    """The marked forms of a Polish word, and whether it is known (or none that could be)."""
    word = polish.clean(word)
    if polish.alone(word):
        return frozenset({word.lower()}), True
    found = frozenset(polish.marked(polish.inflected(word)))
    known = bool(polish.readings(word))
    # Whoever writes rules without diacritics means the word with them as well.
    return found if known or not word.isascii() else found | {word.lower() + "*"}, known


def _by_letters(word: str) -> tuple[str, ...]:
    """The languages that the letters of a word allow."""
    word = word.lower()
    if not _CYRILLIC.search(word):
        return ("pl",)
    if bool(_UKRAINIAN.search(word)) == bool(_RUSSIAN.search(word)):
        return "uk", "ru"
    return ("uk",) if _UKRAINIAN.search(word) else ("ru",)


def is_polish(word: str) -> bool:
    """Whether a word whose language is not said is looked up in Polish."""
    return _by_letters(unicodedata.normalize("NFC", word)) == ("pl",)


@functools.lru_cache(maxsize=4096)
def polish_forms(word: str) -> frozenset[str]:
    """The Polish :func:`forms` of a word without their marks."""
    return frozenset(unmarked(form) for form in forms(word, "pl"))


def unmarked(form: str) -> str:
    """A marked form as it is written."""
    return form.rstrip("".join(MARKS))
