"""The names in a rule set that only the configuration can know, so that the hub can check them at start."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from rules.language import FROM_TEXT
from rules.model import Condition, KeyedBetween, OneOf, Place, RuleSet, children

_FACT_NAMES = {
    "channel": "channels",
    "inbox": "inboxes",
    "office": "offices",
    "last_queue": "queues",
    "previous_queue": "queues",
}


class Reference(msgspec.Struct, frozen=True, kw_only=True):
    """One use of a name. ``kind``: queues, offices, answers, users, notified, webhooks, channels, inboxes, protocols.

    ``rule`` is the id of the rule or section (``default`` for the default); ``line`` where it starts in the file.
    """

    kind: str
    name: str
    rule: str
    line: int


def references(ruleset: RuleSet) -> list[Reference]:
    """Every queue, office, template, user and so on that the rules name, in order, each use on its own; those of the
    guards of sections first."""
    found = []
    for section in ruleset.sections:
        found += [
            Reference(kind=kind, name=name, rule=section.id, line=section.line)
            for kind, name in _in_condition(section.when)
        ]
    for rule in ruleset.rules:
        uses = [*_in_actions(rule.actions), *_in_condition(rule.when)]
        found += [Reference(kind=kind, name=name, rule=rule.id, line=rule.line) for kind, name in uses]
    found += [
        Reference(kind=kind, name=name, rule="default", line=0) for kind, name in _in_actions(ruleset.default)
    ]
    return found


def _in_actions(actions: object) -> Iterator[tuple[str, str]]:
    for field, kind in (
        ("queue", "queues"),
        ("office", "offices"),
        ("suggest_office", "offices"),
        ("answer", "answers"),
        ("assign", "users"),
        ("distress", "protocols"),
    ):
        name = getattr(actions, field)
        if name is not None and name != FROM_TEXT:
            yield kind, name
    for field, kind in (("notify", "notified"), ("webhook", "webhooks")):
        for name in getattr(actions, field):
            yield kind, name


def _in_condition(node: Condition) -> Iterator[tuple[str, str]]:
    for item in children(node):
        yield from _in_condition(item)
    if isinstance(node, OneOf) and node.name in _FACT_NAMES:
        for value in node.values:
            if not value.endswith("*"):
                yield _FACT_NAMES[node.name], value
    elif isinstance(node, KeyedBetween):
        yield "queues", node.key
    elif isinstance(node, Place):
        for office in node.offices:
            yield "offices", office
