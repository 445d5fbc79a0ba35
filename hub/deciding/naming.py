"""Who decided: the rule behind an action, and what people call it."""

from __future__ import annotations

from hub.house import House
from rules import Decision


def winner(decision: Decision, field: str) -> str:
    """The rule that decided a field of the actions; of several that add up, the first."""
    return decision.trace.winners.get(field, "").partition(",")[0]


def rule_name(house: House, rule: str) -> str:
    """What a rule is called in the set that is in force; its id where that does not hold it."""
    return next((found.name for found in house.rules.ruleset.rules if found.id == rule), rule)
