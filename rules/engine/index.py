"""The index: which rules can match a message at all, found without looking at each.

Every rule of a set is kept in one of two ways, by what its conditions need (:mod:`rules.engine.needs`). Where some
evidence is rare enough, the rule stands in the postings of its keys: a message looks up what it has (its words, its
sender, its tags, …) and finds the few rules that wait for that. The others are bitmaps over their slots, one integer
for each value, so that hundreds of rules cost a handful of ANDs. Only what survives is checked, in order.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from rules.engine.needs import SLOTS, Allowed, Evidence, Key, Need, rarest
from rules.engine.readings import LISTS, MAPPINGS, domains
from rules.engine.scan import Scan

MAX_EVIDENCE = 5_000
"""A group with more keys tells little and costs memory; its rule is then found by its slots alone."""

RARE = 0.05
"""Evidence that more messages have is worth less than all slots of the rule together."""

MAX_VALUES = 1_000
"""Most values of a slot in the bitmaps of rules that are found by them alone."""

FEW_VALUES = 64
"""Most values of a slot in the bitmaps of all rules."""

MANY = 64
"""From so many candidates on, bitmaps thin them out before each is checked."""

_ONE = re.compile("1")


def _offices(scan: Scan) -> list[str]:
    found = scan.offices()
    return [*found, "*"] if found else []


def _entries(name: str) -> Callable[[Scan], Iterable[Any]]:
    read = MAPPINGS[name]
    return lambda scan: [(key, str(value or "").lower()) for key, value in read(scan.facts).items()]


def _listed(name: str) -> Callable[[Scan], Iterable[Any]]:
    read = LISTS[name]
    return lambda scan: [value.lower() for value in read(scan.facts)]


def _slot(name: str) -> Callable[[Scan], Iterable[Any]]:
    read = SLOTS[name]
    return lambda scan: (read(scan),)


_EVIDENCE: Mapping[str, Callable[[Scan], Iterable[Any]]] = {
    "word": Scan.found,
    "regex": Scan.announced,
    "sender": lambda scan: (scan.facts.sender_address.lower(),),
    "article": lambda scan: (scan.facts.article.lower(),),
    "domain": lambda scan: domains(scan.facts),
    **{name: _listed(name) for name in LISTS},
    "contact": _entries("contact"),
    "fields": _entries("fields"),
    "place": _offices,
    **{f"={name}": _slot(name) for name in SLOTS},
}

Postings = dict[Any, tuple[int, ...]]


class Index:
    """The index over some rules, by their place in ``needs`` and ``evidence`` (see :func:`worth_looking_up`)."""

    __slots__ = ("_all", "_free", "_kinds")

    def __init__(
        self, needs: Sequence[Need], evidence: Sequence[Evidence | None], breathe: Callable[[], None]
    ) -> None:
        lists: defaultdict[Key, list[int]] = defaultdict(list)
        free = []
        for number, one in enumerate(evidence):
            if one is None:
                free.append(number)
            else:
                for key in one.keys:
                    lists[key].append(number)
            breathe()
        self._kinds = _kinds(lists, breathe)
        self._free = _Slots(free, [needs[number] for number in free], MAX_VALUES, breathe)
        self._all = _Slots(range(len(needs)), needs, FEW_VALUES, breathe)

    def candidates(self, scan: Scan) -> tuple[Sequence[int], bool]:
        """The rules that may match, the first one first, and whether each was found by its evidence or has none.

        Never raises: what cannot be read rules nothing out, and is no evidence.
        """
        numbers: list[int] = []
        found = True
        for read, postings, everyone in self._kinds:
            try:
                for key in read(scan):
                    if key in postings:
                        numbers += postings[key]
            except Exception:
                # Bad data must not stop a message: each rule then says itself what it could not read.
                numbers += everyone
                found = False
        if len(numbers) > MANY:
            numbers = list(self._all.allowed(scan, bitmap(numbers)))
        free = self._free.allowed(scan, self._free.every)
        if not numbers:
            return free, found
        return sorted({*numbers, *free}) if free or len(numbers) > 1 else numbers, found


class _Slots:
    """Rules as bitmaps over their slots: bit ``i`` is the rule with the i-th of ``numbers``.

    A slot for which more than ``most`` values are named is left out: it would cost memory, and a rule that names one of
    so many is found by just that.
    """

    __slots__ = ("_columns", "_numbers", "every")

    def __init__(
        self, numbers: Sequence[int], needs: Sequence[Need], most: int, breathe: Callable[[], None]
    ) -> None:
        self._numbers = numbers
        self.every = (1 << len(numbers)) - 1
        self._columns: list[tuple[Callable[[Scan], Any], dict[Any, int], int]] = []
        for slot in sorted({slot for item in needs for slot in item.slots}):
            breathe()
            column = [item.slots.get(slot) for item in needs]
            if len({value for one in column if one is not None for value in one.values}) <= most:
                breathe()
                self._columns.append((SLOTS[slot], *_slot_masks(column, breathe)))
        breathe()
        # What rules out most comes first.
        self._columns.sort(key=lambda one: one[2].bit_count())

    def allowed(self, scan: Scan, bits: int) -> Sequence[int]:
        """The numbers of those of the rules in ``bits`` whose slots allow for what the message has."""
        if not bits:
            return ()
        for read, masks, other in self._columns:
            try:
                value = read(scan)
                mask = -1 if value is None else masks.get(value, other)
            except Exception:
                # What cannot be read rules nothing out.
                mask = -1
            bits &= mask
            if not bits:
                return ()
        if bits == self.every:
            return self._numbers
        numbers = self._numbers
        return [numbers[place] for place in rules_in(bits)]


def worth_looking_up(item: Need) -> Evidence | None:
    """The evidence by which a rule is best found; None when its slots tell more."""
    evidence = rarest(item)
    if evidence is None or len(evidence.keys) > MAX_EVIDENCE:
        return None
    # Words may be many and common; but whoever lists words has little else to be found by.
    return evidence if evidence.share <= RARE or evidence is item.evidence else None


def _kinds(
    lists: Mapping[Key, list[int]], breathe: Callable[[], None]
) -> list[tuple[Callable[[Scan], Iterable[Any]], Postings, list[int]]]:
    """For each kind of evidence: how its keys are read off a message, the rules by key, and all of them."""
    kinds: defaultdict[str, dict[Any, tuple[int, ...]]] = defaultdict(dict)
    shared: dict[tuple[int, ...], tuple[int, ...]] = {}
    for (kind, value), numbers in lists.items():
        rules = tuple(numbers)
        kinds[kind][value] = shared.setdefault(rules, rules)
        breathe()
    out = []
    for kind, postings in sorted(kinds.items()):
        everyone = sorted({number for numbers in postings.values() for number in numbers})
        if kind.startswith("="):
            # A slot that is not known rules nothing out.
            postings[None] = tuple(everyone)
        out.append((_EVIDENCE[kind], postings, everyone))
        breathe()
    return out


def _slot_masks(column: Sequence[Allowed | None], breathe: Callable[[], None]) -> tuple[dict[Any, int], int]:
    """For one slot: the bitmap of each value that some rule names, and that of all other values."""
    open_rules = [i for i, allowed in enumerate(column) if allowed is None or allowed.others]
    named: defaultdict[Any, list[int]] = defaultdict(list)
    excluded: defaultdict[Any, list[int]] = defaultdict(list)
    for i, allowed in enumerate(column):
        if allowed is not None:
            for value in allowed.values:
                (excluded if allowed.others else named)[value].append(i)
    other = bitmap(open_rules)
    masks = {}
    for value in named.keys() | excluded.keys():
        masks[value] = (other & ~bitmap(excluded.get(value, ()))) | bitmap(named.get(value, ()))
        breathe()
    return masks, other


def bitmap(numbers: Iterable[int]) -> int:
    """An integer with these bits set."""
    numbers = list(numbers)
    if not numbers:
        return 0
    cells = bytearray(max(numbers) // 8 + 1)
    for number in numbers:
        cells[number >> 3] |= 1 << (number & 7)
    return int.from_bytes(cells, "little")


def rules_in(bits: int) -> list[int]:
    """The numbers of the set bits, the lowest first."""
    count = bits.bit_count()
    if count > 12:
        # Taking bits off a long integer copies it each time; as text it is read in place.
        digits = bin(bits)[:1:-1]
        if count * 4 > len(digits):
            return [number for number, digit in enumerate(digits) if digit == "1"]
        return [found.start() for found in _ONE.finditer(digits)]
    out = []
    while bits:
        low = bits & -bits
        out.append(low.bit_length() - 1)
        bits ^= low
    return out
