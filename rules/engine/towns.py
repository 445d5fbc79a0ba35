"""Towns in a message: the phrases that name one, also where its name is an ordinary word.

"Piła" is a town and a saw, "Środa" a town and a day. Such a name counts with its capital letter inside a sentence, and
in any letters behind a word that announces a town: "pup piła", "mieszkam w pile". Other names count anywhere.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from rules.fold import split_words

TOWN = "pl-town"
"""As a language (:func:`rules.words.forms`): a Polish town. A form that is an ordinary word as well ("Piłę") must have
its capital letter, and not as the first word of a sentence."""

Expand = Callable[[str, str], frozenset[str]]

ANNOUNCED: tuple[tuple[str, ...], ...] = (
    ("pup",),
    ("up",),
    ("pup", "w"),
    ("urząd", "pracy", "w"),
    ("urząd", "pracy"),
    ("miasto",),
    ("gmina",),
    ("gm",),
    ("mieszkać", "w"),
    ("zamieszkać", "w"),
    ("zameldować", "w"),
    ("starostwo", "w"),
    ("powiat",),
    ("pow",),
)
"""Words behind which an ordinary word is a town. They are found in any form."""

_SHORT = {"powiat": "pow", "gmina": "gm"}
"""What begins a place's name as addresses shorten it. Alone "pow." may be something else ("powyżej")."""


class Named(NamedTuple):
    """A phrase that names a place: its words and their language (:func:`rules.words.forms`)."""

    words: tuple[str, ...]
    language: str


def phrases(name: str, expand: Expand) -> list[Named]:
    """The phrases that name the place ``name`` (a town, a county, several words). ``expand`` gives marked forms."""
    words = tuple(split_words(name))
    if len(words) != 1:
        short = _SHORT.get(words[0].lower())
        return [Named(words, "pl"), *([Named((short, *words[1:]), "pl")] if short else [])]
    alone = Named(words, TOWN)
    if not any("^" in form for form in expand(words[0], TOWN)):
        return [alone]
    return [alone, *(Named((*cue, *words), "pl") for cue in ANNOUNCED)]
