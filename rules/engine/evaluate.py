"""Deciding: the rules that match, the actions that win, and the trace that says why.

A decision never raises: a rule that cannot be evaluated counts as not matched, and the trace says why.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from typing import Any

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
from rules.engine.compiled import Chosen, Compiled, CompiledRule, CompiledSection
from rules.engine.index import Index
from rules.engine.probes import Probe
from rules.engine.scan import Scan, without_surrogates
from rules.engine.trees import Chooser, Observers, Tree, judge, reason
from rules.facts import Facts, On
from rules.language import ACCUMULATING, FROM_TEXT, LEFT_UNDONE, MERGED
from rules.text import Text, mark, verbatim

MAX_MATCHES = 8
MAX_SEEN = 5
MAX_FAULTS = 4
UNREADABLE = "?"
"""What is shown of a value that cannot be read."""

_ANSWERS = ("answer", "callback")


def look(compiled: Compiled, subject: str, text: str, callback_topic: str = "") -> Scan:
    """What the rules look for in a text, found ahead of the decision that :func:`evaluate` makes with it.

    It is most of a decision's work, and can be done before the other facts are known. Never raises.
    """
    scan = Scan(Facts(subject=subject, text=text, callback_topic=callback_topic), compiled.lexicon)
    # What cannot be read is met again in the decision, where each rule says so.
    with contextlib.suppress(Exception):
        scan.look()
    return scan


def evaluate(compiled: Compiled, facts: Facts, looked: Scan | None = None) -> Decision:
    """Decide about one message.

    ``looked``: what :func:`look` found in the very texts that ``facts`` hold; of another rule set it is of no use.

    Rules are tried in order until one with ``then: stop`` matches; those of a section only while its guard holds, and
    ``next-section`` and ``stop-after-section`` leave out what they say. The first rule that sets an action wins it;
    tags, notifications and webhooks add up, attributes and timers by their key. The default is the last rule for a new
    conversation, reached when none stopped before. Safeguards then have the last word: distress is never answered,
    closed or filed as spam by a machine and gets top priority; a machine's message, spam and what is suspicious are
    never answered; only a verified sender is joined without a person; what cannot be done (an office from a text that
    names none) or is not done on this event (another queue for a further message) is left out.
    """
    scan = Scan(facts, compiled.lexicon)
    if looked is not None and looked.lexicon is compiled.lexicon:
        scan = looked
        scan.facts = facts
    chosen = compiled.by_event.get(facts.on, _NONE) if isinstance(facts.on, str) else _NONE
    candidates, found = chosen.index.candidates(scan)
    return decide(compiled, scan, [chosen.rules[number] for number in candidates], found)


def decide(compiled: Compiled, scan: Scan, candidates: Sequence[CompiledRule], found: bool) -> Decision:
    """The decision when only ``candidates`` can match; they are tried in this order. ``found``: by their evidence."""
    faults: list[Fault] = []
    matched, stopped = _match(candidates, found, scan, faults)
    outcome = _Outcome()
    for rule in matched:
        outcome.take(rule.id, rule.asks)
    if not stopped and scan.facts.on == "new":
        outcome.take(DEFAULT_RULE, compiled.default)
    _safeguard(outcome, scan, faults)
    trace = Trace(
        version=compiled.version,
        matched=tuple([Match(rule.id, observed(rule.seen, scan)) for rule in matched[:MAX_MATCHES]]),
        winners=outcome.winners,
        faults=tuple(faults[:MAX_FAULTS]),
        more=max(0, len(matched) - MAX_MATCHES) + max(0, len(faults) - MAX_FAULTS),
    )
    return Decision(
        actions=Actions(**outcome.values),
        trace=trace,
        matched=tuple([rule.id for rule in matched]),
        faults=tuple(faults),
    )


_NONE = Chosen((), Index((), (), lambda: None))


def _match(
    candidates: Sequence[CompiledRule], found: bool, scan: Scan, faults: list[Fault]
) -> tuple[list[CompiledRule], bool]:
    """The rules that match, and whether one of them ended the evaluation."""
    matched: list[CompiledRule] = []
    walk = Walk(scan, faults)
    for rule in candidates:
        if (rule.section is not None or walk.last is not None) and walk.passes(rule):
            continue
        check = rule.rest if found else rule.check
        try:
            held = check is None or check(scan)
        except Exception:
            # One rule that meets odd or missing data must never stop a message.
            held = settle(rule.id, rule.tree, scan, faults)
        if held:
            matched.append(rule)
            if rule.then != "continue":
                walk.after(rule)
                if walk.over:
                    break
    return matched, walk.over or walk.last is not None


class Walk:
    """The way through the rules: which sections are open, and what the rules that matched said about the rest.

    ``last`` is the section after which nothing more is tried; ``over``: nothing more is tried at all. ``by`` is the
    rule for which the latest one was passed.
    """

    __slots__ = ("_faults", "_last_by", "_open", "_scan", "_skipped", "by", "last", "over")

    def __init__(self, scan: Scan, faults: list[Fault]) -> None:
        self._scan = scan
        self._faults = faults
        self._open: dict[str, bool] = {}
        self._skipped: CompiledSection | None = None
        self._last_by = ""
        self.last: CompiledSection | None = None
        self.by = ""
        self.over = False

    def passes(self, rule: CompiledRule) -> bool:
        """Whether the way goes past a rule without trying it."""
        if not self.over and self.last is not None and rule.section is not self.last:
            self.over, self.by = True, self._last_by
        section = rule.section
        return self.over or (section is not None and (section is self._skipped or not self.open(section)))

    def open(self, section: CompiledSection) -> bool:
        """Whether the guard of a section holds. A guard that cannot be told is closed, and told as a fault once."""
        key = section.section.id
        if key not in self._open:
            self._open[key] = settle(key, section.tree, self._scan, self._faults)
        return self._open[key]

    def after(self, rule: CompiledRule) -> None:
        """Go on behind a rule that matched and says something about the rest."""
        self.by = rule.id
        if rule.then == "stop":
            self.over = True
        elif rule.then == "next-section":
            self._skipped = rule.section
        else:
            self.last, self._last_by = rule.section, rule.id


def settle(name: str, tree: Tree, scan: Scan, faults: list[Fault]) -> bool:
    """Whether ``tree`` holds, whatever it meets; if it cannot be told, a fault of the rule or section ``name``."""
    held = judge(tree, scan)
    if held is None:
        faults.append(Fault(name, reason(tree, scan) or Text(mark("cannot be evaluated"))))
    return held is True


class _Outcome:
    """The actions decided so far, and who decided them."""

    __slots__ = ("values", "winners")

    def __init__(self) -> None:
        self.values: dict[str, Any] = {}
        self.winners: dict[str, str] = {}

    def take(self, rule: str, asks: tuple[tuple[str, Any], ...]) -> None:
        values = self.values
        for name, value in asks:
            before = values.get(name)
            if before is None:
                values[name] = value
                self.winners[name] = rule
            elif name in ACCUMULATING:
                if added := tuple([item for item in value if item not in before]):
                    values[name] = before + added
                    self.winners[name] += f",{rule}"
            elif name in MERGED and not before.keys() >= value.keys():
                values[name] = {**before, **value, **before}
                self.winners[name] += f",{rule}"

    def set(self, name: str, value: Any, rule: str = GUARD_RULE) -> None:
        self.values[name] = value
        self.winners[name] = rule

    def drop(self, name: str, why: Text, faults: list[Fault]) -> None:
        if name in self.values:
            del self.values[name]
            faults.append(Fault(self.winners.pop(name), why, name))


_NOT_SPLIT = Text(mark("only a further message is split off"))
_KEPT = Text(mark("what is in somebody's hands stays there when a message comes or is edited"))
_NOBODY_WRITES = Text(mark("only done with a message that comes"))
_UNDONE: Mapping[On, Text] = {
    "message": _KEPT,
    "edit": _KEPT,
    "status": _NOBODY_WRITES,
    "timer": _NOBODY_WRITES,
}
"""Why actions are left undone (:data:`rules.language.LEFT_UNDONE`)."""


def _safeguard(outcome: _Outcome, scan: Scan, faults: list[Fault]) -> None:
    values, facts = outcome.values, scan.facts
    for name in ("office", "suggest_office"):
        if values.get(name) == FROM_TEXT:
            _office_from_text(outcome, name, scan, faults)
    if "distress" in values:
        if "spam" in values and outcome.winners.get("queue") == outcome.winners["spam"]:
            outcome.drop("queue", Text(mark("not where the spam goes, for distress")), faults)
        for name in ("answer", "callback", "close", "spam"):
            outcome.drop(name, Text(mark("never done by a machine for distress")), faults)
        if values.get("priority") != PRIORITIES["top"]:
            outcome.set("priority", PRIORITIES["top"])
    if facts.automatic != "no":
        for name in _ANSWERS:
            outcome.drop(name, Text(mark("a machine's message is never answered")), faults)
    if facts.suspicious:
        for name in _ANSWERS:
            outcome.drop(name, Text(mark("a person looks first at what is suspicious")), faults)
    if "spam" in values:
        for name in _ANSWERS:
            outcome.drop(name, Text(mark("spam is never answered")), faults)
    if values:
        for name in LEFT_UNDONE[facts.on]:
            outcome.drop(name, _NOT_SPLIT if name == "split" else _UNDONE[facts.on], faults)
    if "join" in values:
        _check_join(outcome, facts, faults)


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


def observed(told: Observers | Chooser, scan: Scan) -> tuple[Seen, ...]:
    """The conditions that made a rule or a guard hold, with the values they saw; the gate for the event is left out."""
    out = []
    for name, look in (told if isinstance(told, tuple) else told(scan))[:MAX_SEEN]:
        try:
            shown = str(look(scan))
        except Exception:
            # Showing is for people; odd data must not cost the decision itself.
            shown = UNREADABLE
        out.append(Seen(name, shown if shown.isascii() else without_surrogates(shown)))
    return tuple(out)


def show(probe: Probe, scan: Scan) -> Text:
    """The value that a predicate sees; a question mark when it cannot be read."""
    try:
        return as_told(probe.show(scan))
    except Exception:
        # As above.
        return verbatim(UNREADABLE)


def as_told(value: Text | str) -> Text:
    """What a predicate shows, as a text."""
    return verbatim(value) if isinstance(value, str) else value
