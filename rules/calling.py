"""What people call rules, sections and queues, for sentences about them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from rules import model
from rules.decision import DEFAULT_RULE
from rules.text import Text, mark, predicate

_DEFAULT = mark("the default")

_QUOTED = mark("“{called}”")


def names_in(ruleset: model.RuleSet) -> Mapping[str, str]:
    """The name of each section and rule, by its id; where several have one name, with the id behind it."""
    items: list[model.Section | model.Rule] = [*ruleset.sections, *ruleset.rules]
    common = Counter(item.name for item in items)
    return {item.id: item.name if common[item.name] == 1 else f"{item.name} ({item.id})" for item in items}


def called(names: Mapping[str, str], rule: str) -> Text:
    """A rule or section by its id, as it stands in a sentence; ``names`` are those of :func:`names_in`."""
    return Text(_DEFAULT) if rule == DEFAULT_RULE else Text(_QUOTED, {"called": names.get(rule) or rule})


def queue_called(queue: str) -> Text:
    """A queue by its id, in whose place screens put its name."""
    return Text("{value}", {"name": predicate("queue"), "value": queue})
