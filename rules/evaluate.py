"""Deciding: the rules that match, the actions that win, and the trace that says why.

A decision never raises: a rule that cannot be evaluated counts as not matched, and the trace says why.
"""

from __future__ import annotations

from typing import Any

from rules.compiled import Compiled, CompiledRule
from rules.decision import (
    DEFAULT_RULE,
    GUARD_RULE,
    PRIORITIES,
    Actions,
    Decision,
    Fault,
    Match,
    Seen,
    Trace,
)
from rules.facts import Facts
from rules.index import rules_in
from rules.language import ACCUMULATING, FROM_TEXT
from rules.probes import Probe, Tree, judge, reason
from rules.scan import Scan
from rules.text import Text, mark, verbatim

MAX_MATCHES = 8
MAX_SEEN = 5
MAX_FAULTS = 4
_SILENT = ("on", "always")


def evaluate(compiled: Compiled, facts: Facts) -> Decision:
    """Decide about one message.

    Rules are tried in order until one with ``then: stop`` matches. The first that sets an action wins it; tags,
    notifications and webhooks add up. The default is the last rule for a new conversation, reached when none stopped
    before. Four safeguards then have the last word: distress is never answered, closed or filed as spam by a machine
    and gets top priority; a machine's message and spam are never answered; only a verified sender is joined without a
    person; an office from the text is left out when the text names none.
    """
    scan = Scan(facts, compiled.lexicon)
    matched, faults = _match(compiled, scan)
    outcome = _Outcome()
    for rule in matched:
        outcome.take(rule.rule.id, rule.asks)
    if facts.on == "new" and not (matched and matched[-1].stop):
        outcome.take(DEFAULT_RULE, compiled.default)
    faults += _safeguard(outcome, scan)
    shown = tuple(Match(rule.rule.id, observed(rule.tree, scan)) for rule in matched[:MAX_MATCHES])
    trace = Trace(
        version=compiled.version,
        matched=shown,
        winners=outcome.winners,
        faults=tuple(faults[:MAX_FAULTS]),
        more=max(0, len(matched) - MAX_MATCHES) + max(0, len(faults) - MAX_FAULTS),
    )
    return Decision(
        actions=Actions(**outcome.values),
        trace=trace,
        matched=tuple(rule.rule.id for rule in matched),
        faults=tuple(faults),
    )


def _match(compiled: Compiled, scan: Scan) -> tuple[list[CompiledRule], list[Fault]]:
    matched: list[CompiledRule] = []
    faults: list[Fault] = []
    rules = compiled.rules
    for number in _candidates(compiled, scan):
        rule = rules[number]
        try:
            held = rule.check(scan)
        except Exception:
            # One rule that meets odd or missing data must never stop a message.
            held = settle(rule, scan, faults)
        if held:
            matched.append(rule)
            if rule.stop:
                break
    return matched, faults


def _candidates(compiled: Compiled, scan: Scan) -> list[int]:
    """The rules worth checking, in order; all for this event when facts are so odd that the index cannot read them."""
    try:
        return rules_in(compiled.index.candidates(scan))
    except Exception:
        # Bad data must not stop a message: each rule is then tried, and says itself what it could not read.
        return [number for number, rule in enumerate(compiled.rules) if scan.facts.on in rule.rule.on]


def settle(rule: CompiledRule, scan: Scan, faults: list[Fault]) -> bool:
    """Whether a rule whose quick check met something unknown matches all the same; if it cannot be told, a fault."""
    held = judge(rule.tree, scan)
    if held is None:
        faults.append(Fault(rule.rule.id, reason(rule.tree, scan) or Text(mark("cannot be evaluated"))))
    return held is True


class _Outcome:
    """The actions decided so far, and who decided them."""

    __slots__ = ("values", "winners")

    def __init__(self) -> None:
        self.values: dict[str, Any] = {}
        self.winners: dict[str, str] = {}

    def take(self, rule: str, asks: tuple[tuple[str, Any], ...]) -> None:
        for name, value in asks:
            if name not in self.values:
                self.values[name] = value
                self.winners[name] = rule
            elif name in ACCUMULATING:
                added = tuple(item for item in value if item not in self.values[name])
                if added:
                    self.values[name] += added
                    self.winners[name] += f",{rule}"

    def set(self, name: str, value: Any, rule: str = GUARD_RULE) -> None:
        self.values[name] = value
        self.winners[name] = rule

    def drop(self, name: str, why: Text, faults: list[Fault]) -> None:
        if name in self.values:
            del self.values[name]
            faults.append(Fault(self.winners.pop(name), why, name))


def _safeguard(outcome: _Outcome, scan: Scan) -> list[Fault]:
    faults: list[Fault] = []
    values, facts = outcome.values, scan.facts
    for name in ("office", "suggest_office"):
        if values.get(name) == FROM_TEXT:
            _office_from_text(outcome, name, scan, faults)
    if "distress" in values:
        if "spam" in values and outcome.winners.get("queue") == outcome.winners["spam"]:
            outcome.drop("queue", Text(mark("not where the spam goes, for distress")), faults)
        for name in ("answer", "close", "spam"):
            outcome.drop(name, Text(mark("never done by a machine for distress")), faults)
        if values.get("priority") != PRIORITIES["top"]:
            outcome.set("priority", PRIORITIES["top"])
    if "answer" in values and facts.automatic != "no":
        outcome.drop("answer", Text(mark("a machine's message is never answered")), faults)
    if "spam" in values:
        outcome.drop("answer", Text(mark("spam is never answered")), faults)
    if "join" in values:
        _check_join(outcome, facts, faults)
    return faults


def _office_from_text(outcome: _Outcome, name: str, scan: Scan, faults: list[Fault]) -> None:
    office = None
    try:
        office = next(iter(scan.offices()), None)
    except Exception:
        # A text that cannot be searched names no office; the message goes on without one.
        office = None
    if office is None:
        outcome.drop(name, Text(mark("the text names no postcode or county of an office")), faults)
    else:
        outcome.values[name] = office


def _check_join(outcome: _Outcome, facts: Facts, faults: list[Fault]) -> None:
    if not facts.join_candidates:
        outcome.drop("join", Text(mark("there is nothing to join to")), faults)
    elif outcome.values["join"] == "join" and not facts.sender_verified:
        why = Text(mark("the sender is not verified, so it is only suggested"))
        faults.append(Fault(outcome.winners["join"], why, "join"))
        outcome.set("join", "suggest")


def observed(tree: Tree, scan: Scan) -> tuple[Seen, ...]:
    """The conditions that made a matching tree hold, with the values they saw; the gate for the event is left out."""
    deciding: list[tuple[Probe, bool]] = []
    _collect(tree, scan, True, deciding)
    shown = [(probe, held) for probe, held in deciding if probe.name not in _SILENT][:MAX_SEEN]
    return tuple(
        Seen(probe.name if held else f"not {probe.name}", str(show(probe, scan))) for probe, held in shown
    )


def _collect(tree: Tree, scan: Scan, held: bool, out: list[tuple[Probe, bool]]) -> None:
    """Add the predicates that made ``tree`` come out as ``held``, each with what it came out as itself."""
    if isinstance(tree, Probe):
        out.append((tree, held))
    elif tree.kind == "not":
        _collect(tree.items[0], scan, not held, out)
    elif (tree.kind == "all") is held:
        for item in tree.items:
            _collect(item, scan, held, out)
    else:
        for item in tree.items:
            if judge(item, scan) is held:
                _collect(item, scan, held, out)
                return


def show(probe: Probe, scan: Scan) -> Text:
    """The value that a predicate sees; a question mark when it cannot be read."""
    try:
        return probe.show(scan)
    except Exception:
        # Showing is for people; odd data must not cost the decision itself.
        return verbatim("?")
