"""Condition trees at work: each becomes branches and probes that can check a message.

Where a probe raises :class:`rules.engine.readings.Unknown`, Kleene's three-valued logic says what follows: "all" is
false as soon as one item is, "any" true as soon as one is, whatever is unknown beside it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import chain

from rules import model
from rules.engine.lexicon import Lexicon
from rules.engine.probes import NOTHING, Check, Probe, Show, probe
from rules.engine.readings import Unknown
from rules.engine.scan import Scan
from rules.text import Text, mark


@dataclass(frozen=True, slots=True)
class Branch:
    """``all``, ``any``, ``not`` or ``named`` over further trees; the last is one that the file gives a ``name``."""

    kind: str
    items: tuple[Tree, ...]
    check: Check
    name: str = ""


Tree = Probe | Branch

Observers = tuple[tuple[str, Show], ...]
"""Predicates by the names under which a trace tells them, with what shows the value of each."""

Chooser = Callable[[Scan], Observers]
"""Which predicates those are, where that depends on the message."""

_SILENT = ("on", "always")


def build(node: model.Condition, lexicon: Lexicon) -> Tree:
    """The runnable form of a condition."""
    if isinstance(node, model.All | model.Any):
        if not node.items:
            return _constant(node, isinstance(node, model.All))
        items = tuple(build(item, lexicon) for item in node.items)
        # What a check comes to depends on no other; so the cheap ones are asked first, wherever they are written.
        checks = tuple(item.check for item in sorted(items, key=_effort))
        if isinstance(node, model.All):
            return Branch("all", items, both(checks))
        return Branch("any", items, _any(checks))
    if isinstance(node, model.Not):
        item = build(node.item, lexicon)
        return Branch("not", (item,), _not(item.check))
    if isinstance(node, model.Named):
        item = build(node.item, lexicon)
        return Branch("named", (item,), item.check, node.name)
    return probe(node, lexicon)


def _constant(node: model.Condition, holds: bool) -> Probe:
    return Probe(node, "always" if holds else "never", lambda scan: holds, lambda scan: NOTHING)


def _effort(tree: Tree) -> int:
    """About how much work a check is: 0 reads a fact, 3 searches the text."""
    if isinstance(tree, Branch):
        return max(map(_effort, tree.items))
    if isinstance(tree.node, model.Words):
        return 1
    if isinstance(tree.node, model.Phrase | model.Place):
        return 2
    searches = isinstance(tree.node, model.Pattern) or tree.name in (
        "pesel",
        "phone",
        "account",
        "email",
        "links",
    )
    return 3 if searches else 0


def both(checks: Sequence[Check]) -> Check:
    """Whether all of some checks hold."""

    def check(scan: Scan) -> bool:
        for item in checks:  # noqa: SIM110 - a generator costs more than the checks themselves
            if not item(scan):
                return False
        return True

    def two(scan: Scan) -> bool:
        return first(scan) and second(scan)

    if len(checks) == 1:
        return checks[0]
    if len(checks) == 2:
        first, second = checks
        return two
    return check


def _any(checks: tuple[Check, ...]) -> Check:
    def check(scan: Scan) -> bool:
        for item in checks:  # noqa: SIM110 - as above
            if item(scan):
                return True
        return False

    return check


def _not(item: Check) -> Check:
    def check(scan: Scan) -> bool:
        return not item(scan)

    return check


def judge(tree: Tree, scan: Scan) -> bool | None:
    """Whether a tree holds, in three-valued logic; None when the facts don't tell. Never raises."""
    if isinstance(tree, Probe):
        try:
            return tree.check(scan)
        except Exception:
            # Whatever is wrong with the data, one rule must never stop a message.
            return None
    if tree.kind == "not":
        inner = judge(tree.items[0], scan)
        return None if inner is None else not inner
    decisive = tree.kind == "any"
    unknown = False
    for item in tree.items:
        held = judge(item, scan)
        if held is decisive:
            return decisive
        unknown = unknown or held is None
    return None if unknown else not decisive


def reason(tree: Tree, scan: Scan) -> Text | None:
    """Why a tree could not be judged: what the first unknown predicate says; None if every one can be told."""
    if isinstance(tree, Probe):
        try:
            tree.check(scan)
        except Unknown as missing:
            return missing.text
        except Exception as error:
            return Text(
                mark("{name} cannot be read: {error}"), {"name": tree.name, "error": type(error).__name__}
            )
        return None
    return next((why for item in tree.items if (why := reason(item, scan)) is not None), None)


def observers(tree: Tree, held: bool = True) -> Observers | Chooser:
    """What a trace tells of a ``tree`` that came out as ``held``: the predicates that made it so.

    Where one of several is enough, that depends on the message, and the first one counts.
    """
    if isinstance(tree, Probe):
        return () if tree.name in _SILENT else ((tree.name if held else f"not {tree.name}", tree.show),)
    if tree.kind == "not":
        return observers(tree.items[0], not held)
    told = [observers(item, held) for item in tree.items]
    if tree.kind == "named" or (tree.kind == "all") is held:
        return _all_told(told)
    return _first_told([(item.check, one, item) for item, one in zip(tree.items, told, strict=True)], held)


def _all_told(told: Sequence[Observers | Chooser]) -> Observers | Chooser:
    fixed = [one for one in told if isinstance(one, tuple)]
    if len(fixed) == len(told):
        return tuple(chain.from_iterable(fixed))
    return lambda scan: tuple(chain.from_iterable([_known(one, scan) for one in told]))


def _known(told: Observers | Chooser, scan: Scan) -> Observers:
    return told if isinstance(told, tuple) else told(scan)


def _first_told(options: Sequence[tuple[Check, Observers | Chooser, Tree]], held: bool) -> Chooser:
    def choose(scan: Scan) -> Observers:
        for check, told, item in options:
            try:
                came: bool | None = check(scan)
            except Exception:
                # What is unknown need not decide: three-valued logic says.
                came = judge(item, scan)
            if came is held:
                return _known(told, scan)
        return ()

    return choose
