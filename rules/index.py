"""The index: which rules can match a message at all, found without looking at each.

For every rule the compiler derives what must be true for it to match: for *slots* (facts with one value, such as
the channel or the hour) the values allowed, and one group of *evidence* (words, expressions, addresses, tags, of
which one must be present). Both are kept as bitmaps over the rules, one integer for each value, so a message
costs a handful of ANDs and ORs, and only the rules that survive are checked in order. A need may be too weak,
never too strong: every survivor is verified.
"""

from __future__ import annotations

import functools
import operator
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from rules import model
from rules.probes import Probe, Tree
from rules.readings import FLAGS, MAPPINGS, NUMBERS, TEXTS, domains, matcher
from rules.scan import Scan

Key = Any
"""Evidence: ``("word", n)``, ``("regex", n)``, ``("sender", address)``, ``("=", slot, value)``, …"""

MAX_EVIDENCE = 5_000
"""A group with more keys tells little and costs memory; its rule is then found by its slots alone."""


@dataclass(frozen=True, slots=True)
class Allowed:
    """Values that a slot may have: those in ``values``, or with ``others`` all but those."""

    values: frozenset[Any]
    others: bool = False

    def both(self, other: Allowed) -> Allowed:
        if self.others and other.others:
            return Allowed(self.values | other.values, True)
        if self.others:
            return Allowed(other.values - self.values)
        return Allowed(self.values - other.values if other.others else self.values & other.values)

    def either(self, other: Allowed) -> Allowed:
        return self.negated().both(other.negated()).negated()

    def negated(self) -> Allowed:
        return Allowed(self.values, not self.others)


@dataclass(frozen=True, slots=True)
class Need:
    """What must be true for a condition to hold. No evidence (None) asks for nothing."""

    slots: Mapping[str, Allowed] = field(default_factory=dict)
    evidence: frozenset[Key] | None = None


NOTHING = Need()
_ONE = re.compile("1")


def need(tree: Tree, negated: bool = False) -> Need:
    """What must be true for ``tree`` (or for its negation) to hold."""
    if isinstance(tree, Probe):
        return _of_probe(tree, negated)
    if tree.kind == "not":
        return need(tree.items[0], not negated)
    needs = [need(item, negated) for item in tree.items]
    return _all(needs) if (tree.kind == "all") != negated else _any(needs)


def _all(needs: Iterable[Need]) -> Need:
    slots: dict[str, Allowed] = {}
    groups = []
    for item in needs:
        for slot, allowed in item.slots.items():
            slots[slot] = slots[slot].both(allowed) if slot in slots else allowed
        if item.evidence is not None:
            groups.append(item.evidence)
    return Need(slots, min(groups, key=len) if groups else None)


def _any(needs: Sequence[Need]) -> Need:
    if not needs:
        return NOTHING
    slots = dict(needs[0].slots)
    for item in needs[1:]:
        slots = {slot: slots[slot].either(item.slots[slot]) for slot in slots.keys() & item.slots.keys()}
    groups = [_as_evidence(item) for item in needs]
    known = [group for group in groups if group is not None]
    return Need(slots, frozenset().union(*known) if len(known) == len(groups) else None)


def _as_evidence(item: Need) -> frozenset[Key] | None:
    """The evidence of one branch of ``any``; a branch that has only slots lends the values of one."""
    if item.evidence is not None:
        return item.evidence
    closed = [(slot, allowed.values) for slot, allowed in item.slots.items() if not allowed.others]
    if not closed:
        return None
    slot, values = min(closed, key=lambda pair: (len(pair[1]), pair[0]))
    return frozenset(("=", slot, value) for value in values)


# How each slot's value is read. None: not known, and then nothing may be ruled out by it.


def _text_slot(name: str) -> Callable[[Scan], Any]:
    read = TEXTS[name]
    return lambda scan: read(scan.facts).lower()


def _flag_slot(name: str) -> Callable[[Scan], Any]:
    read = FLAGS[name]
    return lambda scan: read(scan)


def _size_slot(name: str) -> Callable[[Scan], Any]:
    read = NUMBERS[name]
    return lambda scan: _bucket(read(scan))


def _bucket(value: int) -> int:
    """Numbers by their count of binary digits: 0, 1, 2-3, 4-7, …"""
    return min(value.bit_length(), _TOP_BUCKET) if value > 0 else 0


_TOP_BUCKET = 64
_TEXT_SLOTS = tuple(name for name in TEXTS if name not in ("sender", "article"))
_FLAG_SLOTS = ("sender_verified", "returning", "reply_to_automatic", "holiday")
_SIZE_SLOTS = ("history", "open_elsewhere", "duplicates", "join_candidates", "length", "waiting")

SLOTS: Mapping[str, Callable[[Scan], Any]] = {
    **{name: _text_slot(name) for name in _TEXT_SLOTS},
    **{name: _flag_slot(name) for name in _FLAG_SLOTS},
    **{name: _size_slot(name) for name in _SIZE_SLOTS},
    "open_hours": lambda scan: scan.facts.open_hours,
    "days": lambda scan: str(scan.facts.weekday) if 1 <= scan.facts.weekday <= 7 else None,
    "hours": lambda scan: scan.facts.local_minutes // 60 if 0 <= scan.facts.local_minutes < 1440 else None,
    "language": lambda scan: scan.facts.language.lower(),
    "attachment": lambda scan: bool(scan.facts.attachments),
}


def _of_probe(probe: Probe, negated: bool) -> Need:
    node = probe.node
    exact = _exact(node)
    if exact is not None:
        slot, allowed = exact
        return Need({slot: allowed.negated() if negated else allowed})
    return NOTHING if negated else _positive(probe, node)


def _exact(node: model.Condition) -> tuple[str, Allowed] | None:
    """The slot of a predicate that says neither more nor less than the predicate itself."""
    if isinstance(node, model.OneOf) and (node.name in _TEXT_SLOTS or node.name == "days"):
        whole, beginnings = matcher(node.values)
        return None if beginnings else (node.name, Allowed(whole))
    if isinstance(node, model.Flag):
        if node.name in _FLAG_SLOTS or node.name == "open_hours":
            return node.name, Allowed(frozenset([node.value]))
        if node.name in ("automatic", "suspicious"):
            none = frozenset(["no", ""] if node.name == "automatic" else [""])
            return node.name, Allowed(none, node.value)
    if isinstance(node, model.Attachment) and not (node.types or node.names or node.size):
        return "attachment", Allowed(frozenset([True]))
    return None


def _positive(probe: Probe, node: model.Condition) -> Need:
    if probe.keys:
        return Need(evidence=frozenset(("word", number) for number in probe.keys))
    if probe.expression is not None:
        return Need(evidence=frozenset([("regex", probe.expression)]))
    if isinstance(node, model.OneOf):
        return _keys(node.name, node.values)
    if isinstance(node, model.Keyed):
        return _keys((node.name, node.key), node.values) if node.values else NOTHING
    if isinstance(node, model.Place):
        return Need(evidence=frozenset(("place", office) for office in node.offices or ("*",)))
    if isinstance(node, model.Attachment):
        return Need({"attachment": Allowed(frozenset([True]))})
    if isinstance(node, model.Language):
        return Need({"language": Allowed(frozenset(node.values))})
    if isinstance(node, model.Hours):
        return Need({"hours": Allowed(frozenset(hour for span in node.spans for hour in _hours(*span)))})
    if isinstance(node, model.Between) and node.name in _SIZE_SLOTS:
        low = _bucket(node.low or 0)
        high = _TOP_BUCKET if node.high is None else _bucket(node.high)
        return Need({node.name: Allowed(frozenset(range(low, high + 1)))})
    return NOTHING


def _keys(name: Key, values: tuple[str, ...]) -> Need:
    whole, beginnings = matcher(values)
    if beginnings or not (isinstance(name, tuple) or name in ("sender", "article", "tags", "domain")):
        return NOTHING
    return Need(evidence=frozenset((name, value) for value in whole))


def _hours(start: int, end: int) -> list[int]:
    """The hours that a span touches."""
    minutes = range(start, end) if start < end else [*range(start, 1440), *range(end)]
    return sorted({minute // 60 for minute in minutes})


def _offices(scan: Scan) -> list[str]:
    found = scan.offices()
    return [*found, "*"] if found else []


_EVIDENCE: Mapping[str, Callable[[Scan], Iterable[Any]]] = {
    "word": Scan.found,
    "regex": Scan.announced,
    "sender": lambda scan: (scan.facts.sender_address.lower(),),
    "article": lambda scan: (scan.facts.article.lower(),),
    "domain": lambda scan: domains(scan.facts),
    "tags": lambda scan: [tag.lower() for tag in scan.facts.tags],
    "place": _offices,
}


class Index:
    """The bitmaps of one rule set; bit ``i`` is rule ``i``."""

    def __init__(self, needs: Sequence[Need]) -> None:
        self.everything = (1 << len(needs)) - 1
        self._slots = [
            (SLOTS[slot], *_slot_masks([item.slots.get(slot) for item in needs], len(needs)))
            for slot in sorted({slot for item in needs for slot in item.slots})
        ]
        lists: defaultdict[Key, list[int]] = defaultdict(list)
        free = []
        for number, item in enumerate(needs):
            if item.evidence is None or len(item.evidence) > MAX_EVIDENCE:
                free.append(number)
            else:
                for key in item.evidence:
                    lists[key].append(number)
        self._free = bitmap(free)
        self._kinds = _kinds({key: bitmap(numbers) for key, numbers in lists.items()})

    def candidates(self, scan: Scan) -> int:
        """The rules that may match, as a bitmap. A kind of evidence is read only when some rule still depends on it."""
        possible = self.everything
        for read, masks, other in self._slots:
            value = read(scan)
            if value is not None:
                possible &= masks.get(value, other)
        bits = self._free
        for whole, keys, masks in self._kinds:
            if possible & whole:
                for key in keys(scan):
                    if key in masks:
                        bits |= masks[key]
        return possible & bits


def _kinds(masks: Mapping[Key, int]) -> list[tuple[int, Callable[[Scan], Iterable[Any]], dict[Any, int]]]:
    """For each kind of evidence: all rules that depend on it, how its keys are read off a message, and their masks."""
    kinds: defaultdict[Key, dict[Any, int]] = defaultdict(dict)
    for key, mask in masks.items():
        kinds[_kind(key)][key[-1]] = mask
    return [
        (functools.reduce(operator.or_, found.values()), _reader(kind), found)
        for kind, found in sorted(kinds.items())
    ]


def _kind(key: Key) -> tuple[str, ...]:
    """What a key is about, without its value: ``("word",)``, ``("contact", "city")``, ``("=", "channel")``."""
    if isinstance(key[0], tuple):
        return tuple(key[0])
    return ("=", key[1]) if key[0] == "=" else (key[0],)


def _reader(kind: tuple[str, ...]) -> Callable[[Scan], Iterable[Any]]:
    if len(kind) == 1:
        return _EVIDENCE[kind[0]]
    name, key = kind
    if name == "=":
        read = SLOTS[key]
        return lambda scan: (read(scan),)
    entries = MAPPINGS[name]
    return lambda scan: (str(entries(scan.facts).get(key) or "").lower(),)


def _slot_masks(column: Sequence[Allowed | None], count: int) -> tuple[dict[Any, int], int]:
    """For one slot: the bitmap of each value that some rule names, and that of all other values."""
    open_rules = [i for i, allowed in enumerate(column) if allowed is None or allowed.others]
    named: defaultdict[Any, list[int]] = defaultdict(list)
    excluded: defaultdict[Any, list[int]] = defaultdict(list)
    for i, allowed in enumerate(column):
        if allowed is not None:
            for value in allowed.values:
                (excluded if allowed.others else named)[value].append(i)
    other = bitmap(open_rules)
    masks = {
        value: (other & ~bitmap(excluded.get(value, ()))) | bitmap(named.get(value, ()))
        for value in named.keys() | excluded.keys()
    }
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
