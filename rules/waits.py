"""What a rule set has to be asked about besides messages: which events its rules run on, and how long they wait.

Whoever runs the rules sets a deadline for each wait, so that nothing is looked at again and again.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from rules.facts import On
from rules.model import Between, Condition, RuleSet, children

UNANSWERED = "unanswered"
UNANSWERED_OPEN = "unanswered_open"


class Wait(msgspec.Struct, frozen=True, order=True):
    """A time without an answer after which some rule wants to be asked; ``open_hours``: opening hours alone count."""

    minutes: int
    open_hours: bool = False


class Watch(msgspec.Struct, frozen=True, kw_only=True):
    """``events`` on which some enabled rule runs; ``waits`` of those that run on timers, the shortest first."""

    events: frozenset[On] = frozenset()
    waits: tuple[Wait, ...] = ()


def watch(ruleset: RuleSet) -> Watch:
    """What ``ruleset`` has to be asked about, whatever its dates: a rule may become valid while somebody waits."""
    off = {section.id for section in ruleset.sections if not section.enabled}
    rules = [rule for rule in ruleset.rules if rule.enabled and rule.section not in off]
    timed = [rule for rule in rules if "timer" in rule.on]
    used = {rule.section for rule in timed}
    guards = [section.when for section in ruleset.sections if section.id in used]
    conditions = [*(rule.when for rule in timed), *guards]
    return Watch(
        events=frozenset(event for rule in rules for event in rule.on),
        waits=tuple(sorted({wait for condition in conditions for wait in _waits(condition)})),
    )


def _waits(node: Condition) -> Iterator[Wait]:
    if isinstance(node, Between) and node.name in (UNANSWERED, UNANSWERED_OPEN) and node.low:
        yield Wait(node.low, node.name == UNANSWERED_OPEN)
    for item in children(node):
        yield from _waits(item)
