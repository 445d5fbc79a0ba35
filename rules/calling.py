"""What people call the rules and sections of a rule set, for sentences about them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from rules import model


def names_in(ruleset: model.RuleSet) -> Mapping[str, str]:
    """The name of each section and rule, by its id; where several have one name, with the id behind it."""
    items: list[model.Section | model.Rule] = [*ruleset.sections, *ruleset.rules]
    common = Counter(item.name for item in items)
    return {item.id: item.name if common[item.name] == 1 else f"{item.name} ({item.id})" for item in items}
