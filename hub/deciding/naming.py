"""Who decided: the rule behind an action, and what people call it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from hub.house import House
from rules import Decision
from rules.decision import DEFAULT_RULE


def winner(decision: Decision, field: str) -> str:
    """The rule that decided a field of the actions; of several that add up, the first."""
    return decision.trace.winners.get(field, "").partition(",")[0]


def asked_by(house: House, decision: Decision, field: str) -> dict[str, Sequence[str]]:
    """What each rule asked for in a field that adds up (``notify``, ``webhook``), by the rule's id."""
    ids = decision.trace.winners.get(field, "").split(",")
    ruleset = house.rules.ruleset
    asked = {rule.id: getattr(rule.actions, field) for rule in ruleset.rules if rule.id in ids}
    asked[DEFAULT_RULE] = getattr(ruleset.default, field)
    return {rule: asked.get(rule) or getattr(decision.actions, field) for rule in ids if rule}


def webhook_data(name: str, asked: Mapping[str, Sequence[str]]) -> dict[str, object]:
    """What the effect ``webhook`` carries: which one, and the rules that ``asked`` for it (:func:`asked_by`)."""
    return {"name": name, "rules": [rule for rule, names in asked.items() if name in names]}


def names_of(house: House, rules: Collection[str]) -> Mapping[str, str]:
    """What these rules are called in the set that is in force, by id; those that it does not hold are left out."""
    return {rule.id: rule.name for rule in house.rules.ruleset.rules if rule.id in rules} if rules else {}


def rule_name(house: House, rule: str) -> str:
    """What a rule is called in the set that is in force; its id where that does not hold it."""
    return next((found.name for found in house.rules.ruleset.rules if found.id == rule), rule)
