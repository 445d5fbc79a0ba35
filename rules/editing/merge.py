"""Two people changed one rule file: both changes put together piece by piece, or the pieces that both changed named.

A three-way merge on the source text, so that comments and layout survive. What stands in different rules, lists or
tests never clashes; the order of rules is merged too. Pure.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Literal

import msgspec

from rules.editing.pieces import Key, Piece, pieces

Choice = Literal["ours", "theirs"]


class Clash(msgspec.Struct, frozen=True, kw_only=True):
    """A piece that both changed differently, with its three texts ("" where it does not exist).

    ``key.kind`` is ``file`` when the texts cannot be told apart piece by piece. ``order``: both moved it elsewhere.
    """

    key: Key
    base: str
    ours: str
    theirs: str
    order: bool = False


class Merged(msgspec.Struct, frozen=True, kw_only=True):
    """``text`` holds both changes; where pieces clash it holds ours."""

    text: str
    clashes: tuple[Clash, ...] = ()


Pieces = Mapping[Key, Piece]

_OTHER: Mapping[Choice, Choice] = {"ours": "theirs", "theirs": "ours"}

FILE = Key("file")
"""The whole text, where it cannot be put together piece by piece."""


def merge(base: str, ours: str, theirs: str, choose: Mapping[Key, Choice] | None = None) -> Merged:
    """``ours`` with what ``theirs`` changed since ``base``. ``choose`` settles clashes by piece."""
    if ours == theirs or theirs == base:
        return Merged(text=ours)
    if ours == base:
        return Merged(text=theirs)
    chosen = choose or {}
    if whole := chosen.get(FILE):
        return Merged(text=ours if whole == "ours" else theirs)
    before, mine, yours = (_pieces(text) for text in (base, ours, theirs))
    kept, clashes = _contents(before, mine, yours, chosen)
    order, moved = _order(list(before), list(mine), list(yours), kept, chosen)
    clashes += [_clash(key, before, mine, yours, order=True) for key in moved]
    tried = [order]
    if not moved:
        # Where two sections change places either may be the one that was moved. What somebody put into one of them
        # meanwhile must come along; where it would be left behind, it is tried from the other side.
        turned = {key: _OTHER[choice] for key, choice in chosen.items()}
        order, moved = _order(list(before), list(yours), list(mine), kept, turned)
        tried += [] if moved else [order]
    for order in tried:
        text = _joined([kept[key] for key in order])
        if _stands(text, order, before, mine, yours):
            return Merged(text=text, clashes=tuple(clashes))
    return Merged(text=ours, clashes=(Clash(key=FILE, base=base, ours=ours, theirs=theirs),))


def _stands(text: str, order: Sequence[Key], base: Pieces, ours: Pieces, theirs: Pieces) -> bool:
    """Whether the pieces come out of the text again in this order, each rule in the section where somebody put it."""
    found = pieces(text)
    return [piece.key for piece in found] == order and all(
        piece.section in _sections(piece.key, base, ours, theirs) for piece in found
    )


def _sections(key: Key, base: Pieces, ours: Pieces, theirs: Pieces) -> set[str]:
    """The sections that a rule may stand in: the one that somebody moved it to, or both."""
    was = base[key].section if key in base else None
    now = {text[key].section for text in (ours, theirs) if key in text}
    return now - {was} or now


def _pieces(text: str) -> dict[Key, Piece]:
    return {piece.key: piece for piece in pieces(text)}


def _said(text: Pieces, key: Key) -> str | None:
    return text[key].said if key in text else None


def _clash(key: Key, base: Pieces, ours: Pieces, theirs: Pieces, *, order: bool = False) -> Clash:
    texts = [_said(text, key) or "" for text in (base, ours, theirs)]
    return Clash(key=key, base=texts[0], ours=texts[1], theirs=texts[2], order=order)


def _contents(
    base: Pieces, ours: Pieces, theirs: Pieces, choose: Mapping[Key, Choice]
) -> tuple[dict[Key, Piece], list[Clash]]:
    """Every piece of the result by key, and the clashes among them."""
    kept: dict[Key, Piece] = {}
    clashes = []
    for key in dict.fromkeys((*ours, *theirs)):
        was, mine, yours = (_said(text, key) for text in (base, ours, theirs))
        take = ours
        if mine == was != yours:
            take = theirs
        elif yours not in (was, mine) and choose.get(key) is None:
            clashes.append(_clash(key, base, ours, theirs))
        elif yours not in (was, mine) and choose[key] == "theirs":
            take = theirs
        if key in take:
            kept[key] = take[key]
        elif clashes and clashes[-1].key == key:
            kept[key] = theirs[key]  # ours removed it: it stays until somebody has decided
    return kept, clashes


def _order(
    base: Sequence[Key],
    ours: Sequence[Key],
    theirs: Sequence[Key],
    kept: Mapping[Key, Piece],
    choose: Mapping[Key, Choice],
) -> tuple[list[Key], list[Key]]:
    """Our order with what they moved and added, and the pieces that both moved to different places."""
    result = [key for key in ours if key in kept]
    present = set(result)
    my_moves, their_moves = _moved(base, ours), _moved(base, theirs)
    clashes = []
    for place, key in enumerate(theirs):
        if key not in kept or (key in present and key not in their_moves):
            continue
        if key in present and key in my_moves:
            if _before(theirs, key) == _before(ours, key) or choose.get(key) == "ours":
                continue
            if choose.get(key) is None:
                clashes.append(key)
                continue
        if key in present:
            result.remove(key)
        present.add(key)
        result.insert(_behind(result, present, theirs, place), key)
    return result, clashes


def _before(order: Sequence[Key], key: Key) -> Key | None:
    place = order.index(key)
    return order[place - 1] if place else None


def _behind(result: Sequence[Key], present: Collection[Key], theirs: Sequence[Key], place: int) -> int:
    """Where to put the piece at ``place`` of theirs: behind the nearest one before it that there is."""
    for before in range(place - 1, -1, -1):
        if theirs[before] in present:
            return result.index(theirs[before]) + 1
    return 0


def _moved(base: Sequence[Key], now: Sequence[Key]) -> set[Key]:
    """The fewest pieces that must have been moved to get from one order to the other."""
    was = {key: place for place, key in enumerate(base)}
    common = [key for key in now if key in was]
    stayed = {common[i] for i in longest_rising([was[key] for key in common])}
    return set(common) - stayed


def longest_rising(numbers: Sequence[int]) -> list[int]:
    """Indices of a longest rising part of ``numbers`` (patience sorting)."""
    tails: list[int] = []
    ends: list[int] = []
    before: list[int] = []
    for index, number in enumerate(numbers):
        pile = bisect_left(tails, number)
        before.append(ends[pile - 1] if pile else -1)
        tails[pile : pile + 1] = [number]
        ends[pile : pile + 1] = [index]
    found, index = [], ends[-1] if ends else -1
    while index >= 0:
        found.append(index)
        index = before[index]
    return found[::-1]


def _joined(parts: Iterable[Piece]) -> str:
    return "".join(part.text if part.text.endswith("\n") else f"{part.text}\n" for part in parts)
