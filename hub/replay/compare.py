"""Two rule sets beside each other on the same facts: what would come out otherwise, and what that adds up to.

Nothing here reads or writes anything. :func:`take` compares one decision and adds it to a :class:`Tally`; tallies of
several processes are put together by :func:`merge`, and a shadow goes on with the one it kept.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Any

import msgspec

from hub.directory import Directory
from hub.intake.routing import territorial_queue
from hub.replay.stored import Stored
from rules import Actions, Compiled, Decision, On, evaluate
from rules.files.write import write_action

MOVING: frozenset[On] = frozenset({"status", "timer"})
"""Events besides a new conversation by which rules move one: those of :data:`hub.deciding.acting.MOVING`, which is not
asked because a child process starts twice as fast without it."""

MOST_VALUES = 300
"""Different pairs of values that are counted for one action; what is beyond counts as others."""

OTHERS = "…"

MOST_SILENT = 500
"""Rules without a hit that are named."""

WEEK_HOURS = 168

_FIELDS = Actions.__struct_fields__


class Difference(msgspec.Struct, frozen=True, array_like=True):
    """One action that differs: its values as JSON holds them (None: nobody asks for it), and the rules that won it."""

    action: str
    before: Any
    after: Any
    winner_before: str = ""
    winner_after: str = ""


class Move(msgspec.Struct, frozen=True, kw_only=True):
    """One decision that comes out otherwise. ``before`` and ``after`` are queues; the same where only another action
    differs. ``rule_before`` and ``rule_after`` decided the queue."""

    trace: int
    conversation: int
    message: int | None
    at: int
    event: str
    before: str
    after: str
    rule_before: str
    rule_after: str
    differences: tuple[Difference, ...]

    @property
    def moves(self) -> bool:
        """Whether it goes to another queue."""
        return self.before != self.after


class Tally(msgspec.Struct, kw_only=True):
    """What a comparison added up to.

    ``decisions`` that were compared, by ``events``; ``left_out`` counts those whose text is not there any more, by
    reason; ``masked`` those of comments with stand-ins. ``flows``: queue before → queue after → count, of decisions
    that put a conversation into a queue. ``moved`` go to another one, ``differing`` come out otherwise in any way.
    ``changes``: action → JSON of (value before, value after) → count. ``load``: queue → hour of the week (0 is Monday
    from midnight, at the office) → new conversations before and after. ``staff``: queue → hour of the week → sum of
    agents on duty over the ``snapshots`` of that hour. ``hits_before`` and ``hits``: rule → decisions that it matched.
    ``silent``: rules of the draft that never did, with their names (``silent_count`` of them, not all named).
    ``faults``: rule of the draft → decisions in which it could not be evaluated. ``versions``: of a shadow, the
    published version that was compared with → decisions.
    """

    decisions: int = 0
    first: int = 0
    last: int = 0
    left_out: dict[str, int] = {}
    masked: int = 0
    events: dict[str, int] = {}
    flows: dict[str, dict[str, int]] = {}
    moved: int = 0
    differing: int = 0
    changes: dict[str, dict[str, int]] = {}
    load: dict[str, dict[int, list[int]]] = {}
    staff: dict[str, dict[int, int]] = {}
    snapshots: dict[int, int] = {}
    snapshot: int = 0
    hits_before: dict[str, int] = {}
    hits: dict[str, int] = {}
    silent: dict[str, str] = {}
    silent_count: int = 0
    faults: dict[str, int] = {}
    versions: dict[int, int] = {}


def take(
    tally: Tally, directory: Directory, published: Compiled, draft: Compiled, stored: Stored
) -> Move | None:
    """Decide with both, count, and return what differs; None where nothing does or the text is gone."""
    if not stored.readable:
        _more(tally.left_out, stored.text)
        return None
    before, after = evaluate(published, stored.facts), evaluate(draft, stored.facts)
    _note(tally, stored, before, after)
    move = _compare(directory, stored, before, after)
    differs = bool(move.differences) or move.moves
    if _places(stored):
        _flow(tally, stored, move)
    if differs:
        tally.differing += 1
        tally.moved += move.moves
        for difference in move.differences:
            _count(tally.changes.setdefault(difference.action, {}), difference)
    return move if differs else None


# --- one decision ------------------------------------------------------------------------------------------------


def _compare(directory: Directory, stored: Stored, before: Decision, after: Decision) -> Move:
    return Move(
        trace=stored.id,
        conversation=stored.conversation,
        message=stored.message,
        at=stored.at,
        event=stored.facts.on,
        before=placed(directory, stored, before.actions),
        after=placed(directory, stored, after.actions),
        rule_before=_placing_rule(before),
        rule_after=_placing_rule(after),
        differences=differences(before, after, opened=stored.opened),
    )


def differences(before: Decision, after: Decision, *, opened: bool = False) -> tuple[Difference, ...]:
    """The actions that differ, in the order of the language. A conversation that is ``opened`` has the normal priority
    whether somebody asks for it or not."""
    if before.actions == after.actions:
        return ()
    old, new = before.trace.winners, after.trace.winners
    return tuple(
        Difference(name, _said(name, one), _said(name, other), old.get(name, ""), new.get(name, ""))
        for name in _FIELDS
        if (one := getattr(before.actions, name)) != (other := getattr(after.actions, name))
        and not (opened and name == "priority" and not one and not other)
    )


def _said(name: str, value: Any) -> Any:
    """As JSON holds it, with times as rule files write them; None for what says nothing."""
    if value is False or value in (None, (), {}):
        return None
    return write_action(name, value) if name in ("timer", "callback") else msgspec.to_builtins(value)


def _placing_rule(decision: Decision) -> str:
    winners = decision.trace.winners
    return winners.get("queue") or winners.get("office", "")


def _places(stored: Stored) -> bool:
    return stored.opened or stored.facts.on in MOVING


def placed(directory: Directory, stored: Stored, actions: Actions) -> str:
    """The queue in which the conversation is after a decision; empty for none. As it is carried out: a message routes
    only the conversation that it opens, a changed state or a timer may move one, and what names no queue stays (a new
    one where its inbox puts it)."""
    facts = stored.facts
    inbox = directory.inboxes.get(facts.inbox) if stored.opened else None
    usual = inbox.queue if inbox is not None else facts.previous_queue
    if not _places(stored):
        return usual
    queue = actions.queue
    if queue is None and actions.office is not None:
        queue = territorial_queue(directory.queues.values(), actions.office)
    return queue if queue is not None and queue in directory.queues else usual


# --- adding up ---------------------------------------------------------------------------------------------------


def _more(counts: dict[Any, int], key: Any, by: int = 1) -> None:
    counts[key] = counts.get(key, 0) + by


def _note(tally: Tally, stored: Stored, before: Decision, after: Decision) -> None:
    tally.decisions += 1
    tally.masked += stored.text == "masked"
    tally.first = min(tally.first or stored.at, stored.at)
    tally.last = max(tally.last, stored.at)
    _more(tally.events, stored.facts.on)
    for rule in before.matched:
        _more(tally.hits_before, rule)
    for rule in after.matched:
        _more(tally.hits, rule)
    for fault in after.faults:
        if not fault.action:
            _more(tally.faults, fault.rule)


def _flow(tally: Tally, stored: Stored, move: Move) -> None:
    _more(tally.flows.setdefault(move.before, {}), move.after)
    facts = stored.facts
    hour = ((facts.weekday or 1) - 1) * 24 + facts.local_minutes // 60
    if stored.opened:
        for place, queue in enumerate((move.before, move.after)):
            tally.load.setdefault(queue, {}).setdefault(hour, [0, 0])[place] += 1
    if stored.load is not None and stored.load != tally.snapshot:
        tally.snapshot = stored.load
        _more(tally.snapshots, hour)
        for queue, agents in facts.agents_on_duty.items():
            _more(tally.staff.setdefault(queue, {}), hour, agents)


def _count(counts: dict[str, int], difference: Difference) -> None:
    for pair in _pairs(difference.before, difference.after):
        key = msgspec.json.encode(pair).decode()
        if key not in counts and len(counts) >= MOST_VALUES:
            key = msgspec.json.encode((OTHERS, OTHERS)).decode()
        _more(counts, key)


def _pairs(before: Any, after: Any) -> list[tuple[Any, Any]]:
    """What is counted of a difference: of lists and attributes each one that came or went."""
    if (
        isinstance(before or after, Mapping)
        and isinstance(before or {}, Mapping)
        and isinstance(after or {}, Mapping)
    ):
        before = [f"{key}: {value}" for key, value in (before or {}).items()]
        after = [f"{key}: {value}" for key, value in (after or {}).items()]
    if isinstance(before or after, Sequence) and not isinstance(before or after, str):
        old, new = before or [], after or []
        gone = [(item, None) for item in old if item not in new]
        return gone + [(None, item) for item in new if item not in old]
    return [(before, after)]


# --- putting together --------------------------------------------------------------------------------------------


def merge(tallies: Sequence[Tally]) -> Tally:
    """The sum of several; of parts of one span, in any order."""
    out = Tally()
    for one in tallies:
        out.decisions += one.decisions
        out.masked += one.masked
        out.moved += one.moved
        out.differing += one.differing
        out.first = min(out.first or one.first, one.first or out.first)
        out.last = max(out.last, one.last)
        for name in ("left_out", "events", "snapshots", "hits_before", "hits", "faults", "versions"):
            for key, count in getattr(one, name).items():
                _more(getattr(out, name), key, count)
        for name in ("flows", "changes", "staff"):
            for key, counts in getattr(one, name).items():
                for inner, count in counts.items():
                    _more(getattr(out, name).setdefault(key, {}), inner, count)
        _add_load(out.load, one.load)
    silent = tallies[0].silent if tallies else {}
    return named_silent(out, {rule: name for rule, name in silent.items() if rule not in out.hits})


def _add_load(out: dict[str, dict[int, list[int]]], more: Mapping[str, Mapping[int, list[int]]]) -> None:
    for queue, hours in more.items():
        for hour, (before, after) in hours.items():
            cell = out.setdefault(queue, {}).setdefault(hour, [0, 0])
            cell[0] += before
            cell[1] += after


def silent_rules(draft: Compiled, tally: Tally) -> dict[str, str]:
    """The rules of a draft that matched nothing so far, with their names."""
    return {rule.rule.id: rule.rule.name for rule in draft.rules if rule.rule.id not in tally.hits}


def named_silent(tally: Tally, silent: Mapping[str, str]) -> Tally:
    """The tally with these as its silent rules, as many as are named."""
    tally.silent_count = len(silent)
    tally.silent = dict(islice(silent.items(), MOST_SILENT))
    return tally
