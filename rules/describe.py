"""A condition in words, as short as the rule file would write it."""

from __future__ import annotations

from rules import model
from rules.language import DAYS

_MANY = 6


def describe(node: model.Condition) -> str:
    """``node`` in one line of the rule language; long lists are cut."""
    if isinstance(node, model.All | model.Any):
        word = " and " if isinstance(node, model.All) else " or "
        return f"({word.join(describe(item) for item in node.items)})"
    if isinstance(node, model.Not):
        return f"not {describe(node.item)}"
    name, value = _entry(node)
    return f"{name}: {value}"


def _entry(node: model.Condition) -> tuple[str, str]:
    match node:
        case model.OneOf(name="days"):
            return "days", ", ".join(DAYS[int(value) - 1] for value in node.values)
        case model.OneOf():
            return node.name, _list(node.values)
        case model.Flag():
            return node.name, "true" if node.value else "false"
        case model.Between():
            return node.name, _range(node.low, node.high)
        case model.Keyed():
            return f"{node.name}.{node.key}", _list(node.values) or "present"
        case model.KeyedBetween():
            return f"{node.name}.{node.key}", _range(node.low, node.high)
        case model.Language():
            return "language", f"{_list(node.values)} (at least {node.confidence:.2f})"
        case model.Words():
            least = f"at least {node.at_least} of " if node.at_least > 1 else ""
            return "words", least + _list(node.words)
        case model.Phrase():
            return "phrase", _list(tuple(" ".join(words) for words in node.phrases))
        case model.Pattern():
            return "regex", node.pattern
        case _:
            return _rest(node)


def _rest(node: model.Condition) -> tuple[str, str]:
    match node:
        case model.Hours():
            return "hours", ", ".join(f"{_time(start)}-{_time(end)}" for start, end in node.spans)
        case model.Dates():
            return "dates", f"{node.first or '…'} to {node.last or '…'}"
        case model.Place():
            return "place", _list(node.offices) or "any office"
        case model.Attachment():
            size = f"at least {node.size} B" if node.size else ""
            return "attachment", ", ".join(
                filter(None, [_list(node.types), _list(node.names), size])
            ) or "any"
        case _:
            return type(node).__name__.lower(), ""


def _list(values: tuple[str, ...]) -> str:
    cut = f", … ({len(values)})" if len(values) > _MANY else ""
    return ", ".join(values[:_MANY]) + cut


def _range(low: int | None, high: int | None) -> str:
    if low == high and low is not None:
        return str(low)
    if high is None:
        return f"{low} or more"
    return f"{high} or fewer" if low is None else f"{low} to {high}"


def _time(minutes: int) -> str:
    hour, minute = divmod(minutes, 60)
    return f"{hour:02}:{minute:02}"
