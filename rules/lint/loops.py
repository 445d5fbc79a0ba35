"""Circles: timers that start themselves again, conversations thrown to and fro, machines that answer machines."""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable, Iterator, Mapping, Sequence
from typing import TypeVar

from rules import model
from rules.decision import DEFAULT_RULE, Actions
from rules.lint.finding import Finding, Values, called, finding
from rules.lint.known import Case, Effort, Known, settle
from rules.lint.literals import Among, Formula, Numbers, Subject
from rules.lint.order import Cases, Entry, Index
from rules.lint.reach import covering
from rules.lint.sets import LOW, Patterns, span
from rules.text import Text, mark

Node = TypeVar("Node", bound=Hashable)

_TIMER: Subject = ("text", "timer")
_OLD_QUEUES: tuple[Subject, ...] = (("text", "previous_queue"), ("text", "last_queue"))
_LOADS = ("queue_load", "queue_waiting")
_CHANGING: tuple[Subject, ...] = (
    ("text", "status"),
    ("number", "unanswered"),
    ("number", "unanswered_open"),
    ("number", "waiting"),
    ("tags",),
)
"""Facts that people change while they work, so that a circle which asks for one comes to its end."""

_BY_A_PERSON = (
    Among(("text", "automatic"), Patterns(frozenset(["no"]))),
    Among(("text", "suspicious"), Patterns(frozenset([""]))),
)
"""What is true of messages that may be answered automatically at all."""

_REPEATED = ("timer", "status", "message", "edit")
_LOUD = ("answer", "notify", "webhook", "callback", "assign")


def loops(
    ruleset: model.RuleSet, found: Sequence[Entry], index: Index, known: Cases, effort: Effort
) -> Iterator[Finding]:
    """Findings on circles. ``index`` holds all of the rules."""
    cases = _cases(found, known, effort)
    able = [entry for entry in found if entry.number in cases]
    yield from _timers(able, cases, effort)
    yield from _moves(able, cases)
    yield from _statuses(able, cases)
    answering = [entry for entry in able if _says(entry.rule.actions)]
    if _says(ruleset.default):
        answering.append(_default(ruleset, len(found)))
    for entry in answering:
        with effort.on(entry.rule.id) as nothing:
            yield from _answers(entry, index, nothing)


def _cases(found: Sequence[Entry], known: Cases, effort: Effort) -> dict[int, Case]:
    """The cases of the rules that can match at all."""
    cases: dict[int, Case] = {}
    for entry in found:
        with effort.on(entry.rule.id) as nothing:
            case = known.of(entry, nothing)
            if case is not None:
                cases[entry.number] = case
    return cases


def _default(ruleset: model.RuleSet, number: int) -> Entry:
    """The default as the last rule."""
    line = ruleset.lines.get("default", 0)
    rule = model.Rule(id=DEFAULT_RULE, name="", actions=ruleset.default, line=line)
    return Entry(number, rule, Among(("text", "on"), Patterns(frozenset(["new"]))), False, 1)


# Timers.


def _timers(found: Sequence[Entry], cases: Mapping[int, Case], effort: Effort) -> Iterator[Finding]:
    starting = [entry for entry in found if entry.rule.actions.timer and "timer" in entry.rule.on]
    edges: dict[int, list[int]] = {}
    for entry in starting:
        with effort.on(entry.rule.id) as nothing:
            edges[entry.number] = _started(entry, starting, nothing)
    by_number = {entry.number: entry for entry in starting}
    for circle in circles(edges):
        yield from _timer_circle([by_number[number] for number in circle], cases)


def _started(entry: Entry, others: Sequence[Entry], nothing: Known) -> list[int]:
    """The rules that may match when one of the timers runs out that ``entry`` starts, and ``entry`` did on a timer."""
    event = Among(("text", "on"), Patterns(frozenset(["timer"])))
    if settle([event, entry.when], nothing) is None:
        return []
    names = Among(_TIMER, Patterns(frozenset(name.lower() for name in entry.rule.actions.timer)))
    return [other.number for other in others if settle([event, names, other.when], nothing) is not None]


def _timer_circle(circle: list[Entry], cases: Mapping[int, Case]) -> Iterator[Finding]:
    last = circle[-1].rule
    values: Values = {
        "rules": called(*(entry.rule.id for entry in [*circle, circle[0]]), between=" → "),
        "rule": called(last.id),
    }
    targets = {target for entry in circle if (target := _target(entry.rule.actions)) is not None}
    if len(targets) > 1:
        yield finding(
            "timer-circle",
            last.id,
            last.line,
            Text(mark("{rules}: their timers start each other, so conversations go round and round"), values),
            Text(mark("Take the timer out of {rule}, or leave the conversation where it is."), values),
        )
        return
    asked = {subject for entry in circle for subject in _subjects(cases[entry.number])}
    if not asked.isdisjoint(_CHANGING) or not any(_is_loud(entry.rule.actions) for entry in circle):
        return
    yield finding(
        "back-and-forth",
        last.id,
        last.line,
        Text(mark("{rules}: nothing ends this circle of timers, and each round somebody is told"), values),
        Text(mark("Ask for `status` or `waiting` in {rule}, so that it ends when the matter does."), values),
    )


def _target(actions: Actions) -> str | None:
    return actions.queue if actions.queue is not None else actions.office


def _is_loud(actions: Actions) -> bool:
    return any(getattr(actions, name) not in (None, ()) for name in _LOUD)


def _subjects(case: Case) -> set[Subject]:
    known = case.known
    return {*known.numbers, *known.texts, *known.there, *known.absent}


# Transfers.


def _moves(found: Sequence[Entry], cases: Mapping[int, Case]) -> Iterator[Finding]:
    """Rules that send on from one queue to another, in a circle."""
    edges: dict[str, dict[str, Entry]] = {}
    for entry in found:
        target = entry.rule.actions.queue
        for queue in _sources(entry, cases[entry.number]) if target is not None else ():
            if queue != target:
                edges.setdefault(queue, {}).setdefault(str(target), entry)
    for circle in circles({queue: list(targets) for queue, targets in edges.items()}):
        following = [*circle[1:], circle[0]]
        entries = [edges[queue][after] for queue, after in zip(circle, following, strict=True)]
        last = max(entries, key=lambda entry: entry.number).rule
        values: Values = {
            "rules": called(*dict.fromkeys(entry.rule.id for entry in entries)),
            "queues": " → ".join([*circle, circle[0]]),
            "rule": called(last.id),
        }
        yield finding(
            "back-and-forth",
            last.id,
            last.line,
            Text(mark("{rules} send conversations round: {queues}"), values),
            Text(mark("Let {rule} ask for something more, so that a conversation comes to rest."), values),
        )


def _sources(entry: Entry, case: Case) -> Iterator[str]:
    """The queues from which a rule takes conversations away."""
    for subject in _OLD_QUEUES:
        may = case.known.texts.get(subject)
        if may is not None and not may[0].starts:
            yield from sorted(may[0].whole - {""})
    if set(entry.rule.on).isdisjoint(_REPEATED):
        return
    for subject, spans in case.known.numbers.items():
        if subject[0] == "keyed" and subject[1] in _LOADS and spans[0][0] > max(LOW, 0):
            yield subject[2].lower()


def _statuses(found: Sequence[Entry], cases: Mapping[int, Case]) -> Iterator[Finding]:
    """Rules that move a conversation by its status: to one queue when it changes, to another when it changes back."""
    before: list[tuple[Entry, frozenset[str]]] = []
    for entry in found:
        statuses = _status_of(cases[entry.number])
        if "status" not in entry.rule.on or entry.rule.actions.queue is None or not statuses:
            continue
        for other, theirs in before:
            if other.rule.actions.queue != entry.rule.actions.queue and statuses.isdisjoint(theirs):
                yield _by_status(other.rule, entry.rule)
                break
        before.append((entry, statuses))


def _status_of(case: Case) -> frozenset[str]:
    """The statuses that a rule asks for, where it names them."""
    may = case.known.texts.get(("text", "status"))
    return may[0].whole if may is not None and not may[0].starts else frozenset()


def _by_status(one: model.Rule, other: model.Rule) -> Finding:
    values: Values = {"rule": called(other.id), "other": called(one.id)}
    return finding(
        "back-and-forth",
        other.id,
        other.line,
        Text(mark("{rule} and {other} move a conversation to and fro whenever its status changes"), values),
        Text(mark("Take `queue:` out of one of them, or let them ask for something more."), values),
    )


# Answers.


def _says(actions: Actions) -> bool:
    """Whether a person hears of it by a machine."""
    return actions.answer is not None or actions.callback is not None


def _answers(entry: Entry, index: Index, nothing: Known) -> Iterator[Finding]:
    """Findings on a rule that answers, or orders a call."""
    actions = entry.rule.actions
    values: Values = {"rule": called(entry.rule.id), "answer": actions.answer or ""}
    by_hand = settle([entry.when, *_BY_A_PERSON], nothing)
    if by_hand is None or actions.spam or actions.distress is not None:
        yield from _unsaid(entry.rule, values)
    elif actions.answer is not None and _answers_answers(entry, by_hand, index):
        advice = mark("Add `reply_to_automatic: false` to its conditions.")
        if entry.rule.id == DEFAULT_RULE:
            advice = mark("Let a rule that asks for `reply_to_automatic: false` answer instead.")
        yield finding(
            "answer-circle",
            entry.rule.id,
            entry.rule.line,
            Text(mark("{rule} may answer somebody's answer to our own automatic answer"), values),
            Text(advice, values),
        )


def _unsaid(rule: model.Rule, values: Values) -> Iterator[Finding]:
    """What the safeguards of :func:`rules.engine.evaluate.evaluate` never let a rule do."""
    if rule.actions.answer is not None:
        text = mark(
            "The answer of {rule} is never sent: machines, suspicious messages, spam and distress get none"
        )
        advice = Text(mark("Take `answer: {answer}` out of {rule}."), values)
        yield finding("answer-lost", rule.id, rule.line, Text(text, values), advice)
    if rule.actions.callback is not None:
        text = mark(
            "The call of {rule} is never ordered: machines, suspicious messages, spam and distress get none"
        )
        advice = Text(mark("Take `callback:` out of {rule}."), values)
        yield finding("answer-lost", rule.id, rule.line, Text(text, values), advice)


def _answers_answers(entry: Entry, by_hand: Case, index: Index) -> bool:
    """Whether a rule answers a reply to an automatic answer that no earlier rule has taken."""
    reply: Formula = Numbers(("flag", "reply_to_automatic"), span(1, 1))
    case = settle([reply, *by_hand.choices], by_hand.known)
    return case is not None and not covering(case, index, entry)


# Graphs.


def circles(edges: Mapping[Node, Sequence[Node]]) -> Iterator[list[Node]]:
    """Circles of a graph, one for each node that has not been in one yet: the shortest through it."""
    seen: set[Node] = set()
    for start in edges:
        if start not in seen:
            circle = _shortest(edges, start)
            seen.update(circle)
            if circle:
                yield circle


def _shortest(edges: Mapping[Node, Sequence[Node]], start: Node) -> list[Node]:
    """The shortest way from a node back to itself, without its second appearance; empty when there is none."""
    ways: deque[list[Node]] = deque()
    ways.append([start])
    known = {start}
    while ways:
        way: list[Node] = ways.popleft()
        for after in edges.get(way[-1], ()):
            if after == start:
                return way
            if after not in known:
                known.add(after)
                ways.append([*way, after])
    return []
