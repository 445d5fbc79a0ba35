"""Writing: a rule set, or a part of it, as the plain mapping that its YAML would hold.

The API gives rule sets in this form, and tests made from messages are written in it. Reading what it writes gives an
equal value but for the lines: ``load(dump_entries(write(ruleset)))``. Nothing is written that only repeats a default.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rules import model
from rules.decision import PRIORITIES, Actions, CallbackOrder
from rules.files.durations import MOST, duration
from rules.files.sample_write import write_message
from rules.language import ACTIONS, DAYS, PREDICATES

Data = dict[str, Any]

_PRIORITY_NAMES = {value: name for name, value in PRIORITIES.items()}
_SIZES = (("GB", 1_000_000_000), ("MB", 1_000_000), ("kB", 1_000))


def write(ruleset: model.RuleSet) -> Data:
    """The whole file; parts that are empty are left out, but for the default."""
    made: Data = {
        "words": {name: list(words) for name, words in ruleset.words.items()},
        "schedules": {name: write_schedule(node) for name, node in ruleset.schedules.items()},
        "conditions": {name: write_condition(node) for name, node in ruleset.conditions.items()},
        "rules": _rules(ruleset),
        "default": write_actions(ruleset.default),
        "tests": [write_sample(sample) for sample in ruleset.samples],
    }
    return {key: value for key, value in made.items() if value}


def _rules(ruleset: model.RuleSet) -> list[Data]:
    """Rules and sections in order; a section without rules stands before the next one that has some."""
    waiting = list(ruleset.sections)
    found: list[Data] = []
    opened: dict[str, list[Data]] = {}
    for rule in ruleset.rules:
        while rule.section and rule.section not in opened:
            section = waiting.pop(0)
            found.append(write_section(section, ()))
            opened[section.id] = found[-1]["rules"]
        (opened[rule.section] if rule.section else found).append(write_rule(rule))
    return found + [write_section(section, ()) for section in waiting]


def write_section(section: model.Section, rules: Sequence[model.Rule]) -> Data:
    """A section with its rules."""
    made = _head("section", section)
    if section.when != model.All(items=()):
        made["when"] = write_condition(section.when)
    return {**made, "rules": [write_rule(rule) for rule in rules]}


def write_rule(rule: model.Rule) -> Data:
    """A rule by itself, without the section that it stands in."""
    made = _head("id", rule)
    if rule.on != ("new",):
        made["on"] = _one(rule.on)
    if not (isinstance(rule.when, model.All) and not rule.when.items):
        made["when"] = write_condition(rule.when)
    made["do"] = write_actions(rule.actions)
    if rule.then != "stop":
        made["then"] = rule.then
    return made


def _head(key: str, of: model.Rule | model.Section) -> Data:
    """What rules and sections have in common."""
    made: Data = {key: of.id}
    if of.name != of.id:
        made["name"] = of.name
    if of.note:
        made["note"] = of.note
    if not of.enabled:
        made["enabled"] = False
    for name, value in (("from", of.first), ("until", of.last)):
        if value:
            made[name] = value
    return made


def write_actions(actions: Actions) -> Data:
    """The actions that are asked for. None at all is written as one that does nothing: ``do`` cannot be empty."""
    asked = {name: getattr(actions, name) for name in ACTIONS}
    made = {
        name: write_action(name, value)
        for name, value in asked.items()
        if value is not None and value is not False and value != () and value != {}
    }
    return made or {"mask": False}


def write_action(name: str, value: Any) -> Any:
    """The value of one action."""
    match ACTIONS[name].shape:
        case "names":
            return list(value)
        case "priority":
            return _PRIORITY_NAMES.get(value, value)
        case "timers":
            return {key: duration(minutes) for key, minutes in value.items()}
        case "attributes":
            return dict(value)
        case "callback":
            return _callback(value)
        case _:
            return value


def _callback(order: CallbackOrder) -> Any:
    made: Data = {"topic": order.topic} if order.topic else {}
    if order.minutes:
        made["in"] = duration(order.minutes)
    return made or True


def write_sample(sample: model.Sample) -> Data:
    """A test: its name, its message and what is expected of it."""
    expect = {
        name: value if value is None or name == "rule" else write_action(name, value)
        for name, value in sample.expect.items()
    }
    return {"name": sample.name, "message": write_message(sample.facts), "expect": expect}


def write_schedule(node: model.Condition) -> list[Data]:
    """A schedule: a list of its entries."""
    return [write_condition(item) for item in (node.items if isinstance(node, model.Any) else (node,))]


def write_condition(node: model.Condition) -> Data:
    """A condition tree as a mapping under ``when``; what always holds is an empty one."""
    if isinstance(node, model.All) and not node.items:
        return {}
    if isinstance(node, model.All) and len(node.items) > 1 and all(map(_is_entry, node.items)):
        entries = [_entry(item) for item in node.items]
        if len({key for key, _ in entries}) == len(entries):
            return dict(entries)
    key, value = _entry(node)
    return {key: value}


def _is_entry(node: model.Condition) -> bool:
    """Whether a condition can stand behind a key of its own: what always holds cannot."""
    return not (isinstance(node, model.All) and not node.items)


def _entry(node: model.Condition) -> tuple[str, Any]:
    match node:
        case model.All():
            merged = _merged(node)
            return merged or ("all", [write_condition(item) for item in node.items])
        case model.Any():
            return "any", [write_condition(item) for item in node.items]
        case model.Not():
            return _negation(node.item)
        case model.Named():
            return node.kind, node.name
        case _:
            return _predicate(node)


def _merged(node: model.All) -> tuple[str, Any] | None:
    """Several entries of one mapping (``contact``, ``queue_load``), read from one predicate."""
    entries = [_entry(item) for item in node.items if _keyed(item)]
    names = {name for name, _ in entries}
    keys = [key for _, value in entries for key in value]
    if len(entries) != len(node.items) or len(entries) < 2 or len(names) != 1 or len(set(keys)) != len(keys):
        return None
    return entries[0][0], {key: value for _, found in entries for key, value in found.items()}


def _keyed(node: model.Condition) -> bool:
    if isinstance(node, model.Not):
        return isinstance(node.item, model.Keyed) and not node.item.values
    return isinstance(node, model.Keyed | model.KeyedBetween)


def _negation(item: model.Condition) -> tuple[str, Any]:
    """``not``, or false for a predicate that takes it for "there is none"."""
    match item:
        case model.Place(offices=()):
            return "place", False
        case model.Attachment(types=(), names=(), size=0):
            return "attachment", False
        case model.Keyed(values=()):
            return item.name, {item.key: False}
        case _:
            return "not", write_condition(item)


def _predicate(node: model.Condition) -> tuple[str, Any]:
    match node:
        case model.OneOf(name="days"):
            return "days", _one(_days([int(value) for value in node.values]))
        case model.OneOf():
            return node.name, _one(node.values)
        case model.Flag():
            return node.name, node.value
        case model.Keyed():
            return node.name, {node.key: _one(node.values) if node.values else True}
        case model.KeyedBetween():
            return node.name, {node.key: _range(node.name, node.low, node.high)}
        case model.Between(name="unanswered_open"):
            return "unanswered", {**_bounds("unanswered", node.low, node.high), "open_hours": True}
        case model.Between(name="unanswered", high=None):
            return "unanswered", duration(node.low or 1)
        case model.Between(name="unanswered") if node.low is not None or node.high:
            return "unanswered", _bounds("unanswered", node.low, node.high)
        case model.Between():
            return node.name, _range(node.name, node.low, node.high)
        case model.Recent():
            bounds = {} if node.name == "returning" else _bounds(node.name, node.low, node.high)
            return node.name, {**bounds, "days": node.days}
        case _:
            return _of_text(node)


def _of_text(node: model.Condition) -> tuple[str, Any]:
    match node:
        case model.Language():
            codes = _one(node.values)
            sure = node.confidence == model.Language(values=()).confidence
            return "language", codes if sure else {"is": codes, "confidence": node.confidence}
        case model.Words():
            return "words", _words(node)
        case model.Phrase():
            return "phrase", _phrase(node)
        case model.Pattern():
            return "regex", node.pattern
        case model.Place():
            return "place", _one(node.offices) if node.offices else True
        case model.Attachment():
            return "attachment", _attachment(node)
        case model.Hours():
            return "hours", _one(tuple(f"{_time(start)}-{_time(end)}" for start, end in node.spans))
        case model.Dates():
            dates = {"from": node.first, "until": node.last}
            return "dates", {key: value for key, value in dates.items() if value}
    raise TypeError(f"{type(node).__name__} is no condition")


def _one(values: Sequence[str]) -> str | list[str]:
    """One value by itself, several as a list."""
    return values[0] if len(values) == 1 else list(values)


def _days(numbers: Sequence[int]) -> list[str]:
    """Days of the week, three or more in a row as a span."""
    found: list[str] = []
    start = 0
    for place in range(1, len(numbers) + 1):
        if place < len(numbers) and numbers[place] == numbers[place - 1] + 1:
            continue
        row = [DAYS[number - 1] for number in numbers[start:place]]
        found += [f"{row[0]}-{row[-1]}"] if len(row) > 2 else row
        start = place
    return found


def _range(name: str, low: int | None, high: int | None) -> Any:
    """A number, a yes or no, or a range, as :func:`_bounds` writes its ends."""
    if (low, high) in ((1, None), (None, 0)):
        return low == 1
    if low is not None and low == high:
        return _end(name, low)
    return _bounds(name, low, high)


def _bounds(name: str, low: int | None, high: int | None) -> Data:
    ends = {"min": low, "max": high}
    return {key: _end(name, value) for key, value in ends.items() if value is not None}


def _end(name: str, value: int) -> int | str:
    timed = PREDICATES[name].shape in ("duration", "keyed_duration", "unanswered")
    return duration(value) if timed and 0 < value <= MOST else value


def _spelling(node: model.Words | model.Phrase) -> Data:
    made: Data = {"exact": True} if node.exact else {}
    if node.diacritics:
        made["diacritics"] = "required"
    if node.typos:
        made["typos"] = node.typos
    if node.language:
        made["language"] = node.language
    return made


def _words(node: model.Words) -> Any:
    own = node.words[: len(node.words) - node.listed]
    made: Data = {"any": _one(own)} if own else {}
    if node.lists:
        made["list"] = _one(node.lists)
    if node.at_least != 1:
        made["at_least"] = node.at_least
    made |= _spelling(node)
    return made["any"] if made.keys() == {"any"} else made


def _phrase(node: model.Phrase) -> Any:
    made: Data = {"any": _one([" ".join(words) for words in node.phrases])}
    if node.gap:
        made["gap"] = node.gap
    made |= _spelling(node)
    return made["any"] if made.keys() == {"any"} else made


def _attachment(node: model.Attachment) -> Any:
    made: Data = {"type": _one(node.types)} if node.types else {}
    if node.names:
        made["name"] = _one(node.names)
    if node.size:
        made["min_size"] = _size(node.size)
    return made or True


def _size(size: int) -> str | int:
    return next((f"{size // unit} {name}" for name, unit in _SIZES if size % unit == 0), size)


def _time(minutes: int) -> str:
    hour, minute = divmod(minutes, 60)
    return f"{hour:02}:{minute:02}"
