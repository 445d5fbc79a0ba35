"""When does the presence of one thing say that one of others is there too: words in a row, tags, hosts, attachments?"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping

from rules import model
from rules.lint.literals import ANY_PLACE, Element, Subject
from rules.lint.sets import Patterns


def covered(subject: Subject, option: Element, others: frozenset[Element]) -> bool:
    """Whether one of ``others`` is there whenever ``option`` is."""
    return option in others or _COVERED[subject[0]](option, others)


@functools.lru_cache(maxsize=4096)
def _texts(options: frozenset[Element]) -> Patterns:
    return Patterns(
        frozenset(text for text, start in options if not start),
        frozenset(text for text, start in options if start),
    )


def _text_covered(option: Element, others: frozenset[Element]) -> bool:
    text, start = option
    return _texts(others).has_all_from(text) if start else _texts(others).has(text)


def _domain_covered(option: Element, others: frozenset[Element]) -> bool:
    """A host is also in every domain above it."""
    text, start = option
    if start:
        return _text_covered(option, others)
    parts = text.split(".")
    return any(_texts(others).has(".".join(parts[i:])) for i in range(len(parts)))


@functools.lru_cache(maxsize=4096)
def _by_words(options: frozenset[Element]) -> dict[tuple[str, ...], list[Element]]:
    found: dict[tuple[str, ...], list[Element]] = {}
    for option in options:
        found.setdefault(option[0], []).append(option)
    return found


def _words_covered(option: Element, others: frozenset[Element]) -> bool:
    """Words in a row hold each shorter row of them, and each word that has all forms of one of them; what is found
    without typos is found with them."""
    words, gap, how, wider = option
    known = _by_words(others)
    places = range(len(words))
    rows = [words[first:end] for first in places for end in range(first + 1, len(words) + 1)]
    return any(
        (len(wanted) == 1 or gap <= wanted_gap) and _is_found(how, wanted_how)
        for row in (*rows, *((word,) for word in wider))
        for wanted, wanted_gap, wanted_how, _ in known.get(row, ())
    )


def _is_found(how: model.Spelling, wanted: model.Spelling) -> bool:
    """Whether a word found in the manner ``how`` is also found in the manner ``wanted``."""
    return how == wanted or (how.typos < wanted.typos and how._replace(typos=wanted.typos) == wanted)


def _attachment_covered(option: Element, others: frozenset[Element]) -> bool:
    types, names, size = option
    for wanted_types, wanted_names, wanted_size in others:
        ends = all(any(name.endswith(wanted) for wanted in wanted_names) for name in names)
        if size >= wanted_size and ends and types.within(wanted_types):
            return True
    return False


_COVERED: Mapping[str, Callable[[Element, frozenset[Element]], bool]] = {
    "tags": _text_covered,
    "tag_added": _text_covered,
    "tag_removed": _text_covered,
    "button": _text_covered,
    "domain": _domain_covered,
    "words": _words_covered,
    "regex": lambda option, others: False,
    "place": lambda option, others: (ANY_PLACE,) in others,
    "attachment": _attachment_covered,
}
