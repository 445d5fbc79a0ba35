"""Words with one letter wrong: which words of the rules a token of a message may be meant for.

One letter wrong, missing, added or swapped with its neighbour, anywhere in the word, its first letter included; words
shorter than :data:`SHORTEST` letters and those with digits are never taken for misspelt, because one letter makes them
another word. That it does with longer ones too: in 20,000 words of running Polish a listed word of 5 and more letters
was found 11 times as it is and 5 times as its neighbour, one of 9 and more letters 12 times and 1.6 times. So typos are
for whoever asks, and for long words.

The index holds deletions, not misspellings: two words at distance one share a piece of their beginning with one letter
left out (W. Garbe's symmetric deletion, 2012). Beginnings of :data:`BEGINNING` letters suffice, and the forms of a word
share theirs, so it stays small: some ten entries for a word with all its forms.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping

SHORTEST = 5
"""Letters from which on a form may be misspelt."""

BEGINNING = 6

KEPT = 16_384
"""Tokens whose answer is kept: running text repeats its words."""


class Typos:
    """The index over forms. ``forms`` are folded, each with the numbers of the words that it belongs to."""

    __slots__ = ("_beginnings", "_forms", "find")

    def __init__(self, forms: Mapping[str, Iterable[int]]) -> None:
        beginnings: dict[str, dict[str, None]] = {}
        self._forms: dict[str, list[tuple[str, tuple[int, ...]]]] = {}
        for form, numbers in forms.items():
            beginning = form[:BEGINNING]
            if beginning not in self._forms:
                for piece in _pieces(beginning):
                    beginnings.setdefault(piece, {})[beginning] = None
            self._forms.setdefault(beginning, []).append((form, tuple(numbers)))
        self._beginnings = {piece: tuple(whole) for piece, whole in beginnings.items()}
        self.find = functools.lru_cache(KEPT)(self._find)

    def _find(self, token: str) -> tuple[int, ...]:
        """The numbers of the words that ``token`` is a form of, with at most one letter wrong."""
        if len(token) < SHORTEST - 1:
            return ()
        near = {whole for piece in _pieces(token[:BEGINNING]) for whole in self._beginnings.get(piece, ())}
        found = {
            number
            for beginning in near
            for form, numbers in self._forms[beginning]
            if one_edit(form, token)
            for number in numbers
        }
        return tuple(sorted(found))


def may_be_misspelt(form: str) -> bool:
    """Whether a folded form is long enough, and a word."""
    return len(form) >= SHORTEST and not any(map(str.isdigit, form))


def _pieces(beginning: str) -> set[str]:
    """``beginning`` itself and with each one of its letters left out."""
    return {beginning, *(beginning[:i] + beginning[i + 1 :] for i in range(len(beginning)))}


def one_edit(one: str, other: str) -> bool:
    """Whether two words differ by at most one letter wrong, missing, added, or swapped with its neighbour."""
    if one == other:
        return True
    if len(one) > len(other):
        one, other = other, one
    if len(other) - len(one) > 1:
        return False
    at = next((i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), len(one))
    if len(one) < len(other):
        return one[at:] == other[at + 1 :]
    if one[at + 1 :] == other[at + 1 :]:
        return True
    return one[at : at + 2] == other[at : at + 2][::-1] and one[at + 2 :] == other[at + 2 :]
