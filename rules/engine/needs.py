"""What must be true for a condition to hold: the part of it that can be looked up instead of tried.

*Slots* are facts with one value, such as the channel or the hour; a need says which values they may have. *Evidence*
is a group of keys (words, expressions, addresses, tags, values of slots) of which one must be there; of several groups
that would do, the one is kept whose keys are the rarest. A need may be too weak, never too strong: whoever goes by it
still tries the condition.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from rules import model
from rules.engine.probes import Check, Probe
from rules.engine.readings import FLAGS, LISTS, NUMBERS, TEXTS, matcher
from rules.engine.scan import Scan
from rules.engine.trees import Tree, both
from rules.fold import split_words

Key = tuple[str, Any]
"""Evidence: its kind and the value: ``("word", 7)``, ``("sender", "jan@example.org")``, ``("=hours", 8)``."""


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
class Evidence:
    """Keys of which one must be there, and the share of messages that have one, as far as can be guessed.

    ``proof``: where one is there, the condition holds; nothing is left to be tried.
    """

    keys: frozenset[Key]
    share: float
    proof: bool = False


@dataclass(frozen=True, slots=True)
class Need:
    """What must be true for a condition to hold. No evidence (None) asks for nothing."""

    slots: Mapping[str, Allowed] = field(default_factory=dict)
    evidence: Evidence | None = None


NOTHING = Need()


def need(tree: Tree, negated: bool = False) -> Need:
    """What must be true for ``tree`` (or for its negation) to hold."""
    if isinstance(tree, Probe):
        return _of_probe(tree, negated)
    if tree.kind == "not":
        return need(tree.items[0], not negated)
    needs = [need(item, negated) for item in tree.items]
    return all_of(needs) if (tree.kind == "all") != negated else _any_of(needs)


def all_of(needs: Iterable[Need]) -> Need:
    """What must be true for several conditions to hold together."""
    slots: dict[str, Allowed] = {}
    groups = []
    needs = list(needs)
    for item in needs:
        for slot, allowed in item.slots.items():
            slots[slot] = slots[slot].both(allowed) if slot in slots else allowed
        if item.evidence is not None:
            groups.append(item.evidence)
    if not groups:
        return Need(slots)
    best = min(groups, key=_share)
    return Need(slots, best if len(needs) == 1 else Evidence(best.keys, best.share))


def _any_of(needs: Sequence[Need]) -> Need:
    if not needs:
        return NOTHING
    slots = dict(needs[0].slots)
    for item in needs[1:]:
        slots = {slot: slots[slot].either(item.slots[slot]) for slot in slots.keys() & item.slots.keys()}
    groups = [best for item in needs if (best := rarest(item)) is not None]
    if len(groups) < len(needs):
        return Need(slots)
    keys = frozenset().union(*(group.keys for group in groups))
    return Need(slots, Evidence(keys, sum(map(_share, groups)), all(group.proof for group in groups)))


def rarest(item: Need) -> Evidence | None:
    """The rarest evidence of a need, a slot's values counting as such; None when it has neither."""
    groups = [] if item.evidence is None else [item.evidence]
    for slot, allowed in sorted(item.slots.items()):
        if not allowed.others:
            keys = frozenset((f"={slot}", value) for value in allowed.values)
            groups.append(Evidence(keys, sum(_slot_share(slot, value) for value in allowed.values)))
    return min(groups, key=_share) if groups else None


def _share(evidence: Evidence) -> float:
    return evidence.share


# Guesses of how many messages have a key. Only their order matters, and only for speed.
_SHARES: Mapping[str, float] = {
    "word": 0.003,
    "sender": 0.000_1,
    "domain": 0.002,
    "article": 0.001,
    **dict.fromkeys(LISTS, 0.01),
    "contact": 0.005,
    "fields": 0.005,
    "place": 0.01,
}
_SLOT_SHARES: Mapping[str, float] = {
    "hours": 1 / 24,
    "days": 1 / 7,
    "channel": 0.2,
    "inbox": 0.1,
    "office": 0.05,
    "section": 0.05,
    "callback_topic": 0.02,
    "timer": 0.02,
}
_COMMON: Mapping[str, frozenset[Any]] = {
    "language": frozenset(["pl"]),
    "kind": frozenset(["message"]),
    "direction": frozenset(["in"]),
    "holiday": frozenset([False]),
    "reply_to_automatic": frozenset([False]),
    "automatic": frozenset(["no", ""]),
    "suspicious": frozenset([""]),
}


def _slot_share(slot: str, value: Any) -> float:
    if slot in _COMMON:
        return 0.9 if value in _COMMON[slot] else 0.05
    if slot in _SIZE_SLOTS:
        return float(0.5 ** (1 + min(value, 8)))
    return _SLOT_SHARES.get(slot, 0.3)


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
_TEXT_SLOTS = tuple(name for name in TEXTS if name not in ("on", "sender", "article"))
_FLAG_SLOTS = ("sender_verified", "returning", "reply_to_automatic", "holiday")
_SIZE_SLOTS = tuple(name for name in NUMBERS if name != "links")

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
        return _evidence("word", probe.keys, isinstance(node, model.Words) and _one_word_does(node))
    if probe.expression is not None:
        return Need(evidence=Evidence(frozenset([("regex", probe.expression)]), 0.01))
    if isinstance(node, model.OneOf):
        return _values(node.name, node.values)
    if isinstance(node, model.Keyed):
        return _entries(node)
    if isinstance(node, model.Place):
        return _evidence("place", node.offices or ("*",))
    return _by_slot(node)


def _by_slot(node: model.Condition) -> Need:
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


def _evidence(kind: str, values: Iterable[Any], proof: bool = True) -> Need:
    keys = frozenset((kind, value) for value in values)
    return Need(evidence=Evidence(keys, len(keys) * _SHARES[kind], proof))


def _one_word_does(node: model.Words) -> bool:
    return node.at_least == 1 and all(len(split_words(word)) == 1 for word in node.words)


def rest(tree: Tree, evidence: Evidence | None) -> Check | None:
    """What is left to be tried of ``tree`` once ``evidence`` is there; None when it is proof."""
    if evidence is None:
        return tree.check
    if _proves(evidence, tree):
        return None
    if isinstance(tree, Probe) or tree.kind != "all":
        return tree.check
    left = [item.check for item in tree.items if not _proves(evidence, item)]
    return tree.check if len(left) == len(tree.items) else both(left)


def _proves(evidence: Evidence, tree: Tree) -> bool:
    own = need(tree).evidence
    return own is not None and own.proof and own.keys == evidence.keys


def _values(name: str, values: tuple[str, ...]) -> Need:
    whole, beginnings = matcher(values)
    return NOTHING if beginnings or name not in _SHARES else _evidence(name, whole)


def _entries(node: model.Keyed) -> Need:
    whole, beginnings = matcher(node.values)
    if beginnings or not node.values or node.name not in _SHARES:
        return NOTHING
    return _evidence(node.name, [(node.key, value) for value in whole])


def _hours(start: int, end: int) -> list[int]:
    """The hours that a span touches."""
    minutes = range(start, end) if start < end else [*range(start, 1440), *range(end)]
    return sorted({minute // 60 for minute in minutes})
