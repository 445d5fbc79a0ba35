"""Nights that a condition cuts in two: hours over midnight beside days of the week.

``{days: fri, hours: 22:00-06:00}`` looks like the night to Saturday, and is the late Friday evening and the early
Friday morning: the day is asked at the moment itself, not at the beginning of the span.
"""

from __future__ import annotations

from collections.abc import Iterator

from rules import model
from rules.describe import describe
from rules.lint.finding import Finding, Values, called, finding
from rules.lint.values import places
from rules.text import Text, mark


def nights(ruleset: model.RuleSet) -> Iterator[Finding]:
    """A hint for each condition whose hours go over midnight while the days on both sides are not the same."""
    for place in places(ruleset):
        if not isinstance(place.node, model.All):
            continue
        days = [item for item in place.node.items if isinstance(item, model.OneOf) and _changes(item)]
        hours = [item for item in place.node.items if isinstance(item, model.Hours) and _over_midnight(item)]
        if days and hours:
            values: Values = {
                "rule": called(place.rule),
                "days": describe(days[0]),
                "hours": describe(hours[0]),
            }
            yield finding(
                "night",
                place.rule,
                hours[0].line or place.line,
                Text(
                    mark(
                        "{rule}: {hours} after midnight belongs to the same days ({days}), not to the next ones"
                    ),
                    values,
                ),
                Text(
                    mark(
                        "For whole nights write two: until 24:00 on these days, from 00:00 on the days after."
                    ),
                    values,
                ),
            )


def _changes(days: model.OneOf) -> bool:
    """Whether these are days, among them some whose next one is not."""
    return days.name == "days" and any(str(int(day) % 7 + 1) not in days.values for day in days.values)


def _over_midnight(hours: model.Hours) -> bool:
    return any(start >= end > 0 for start, end in hours.spans)
