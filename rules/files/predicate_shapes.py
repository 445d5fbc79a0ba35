"""Reading predicates: what stands behind the colon of each, by its shape, from YAML nodes to the model."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from rules import model
from rules.errors import quoted
from rules.files.reader import (
    Reader,
    check_date,
    check_order,
    read_duration,
    read_flag,
    read_int,
    read_int_within,
    read_options,
    read_texts,
)
from rules.files.text_shapes import read_language, read_phrase, read_regex, read_word_condition
from rules.files.yamltree import Mapping as MappingNode
from rules.files.yamltree import Node, Scalar
from rules.language import DAYS, PREDICATES, RECENT_COUNT, RECENT_DAYS
from rules.text import mark

_TIME = re.compile(r"([01]\d|2[0-4]):([0-5]\d)")
_UNITS = {"": 1, "b": 1, "kb": 1_000, "mb": 1_000_000, "gb": 1_000_000_000}
_SIZE = re.compile(r"(\d{1,12})\s*([kmg]?b)?", re.IGNORECASE)

_Number = Callable[[Reader, Node, str], "int | None"]


def _values(reader: Reader, key: str, node: Node, path: str) -> model.Condition:
    values = read_texts(reader, node, path)
    choices = PREDICATES[key].choices
    for value in values:
        if choices and value not in choices:
            reader.problems.unknown(node.line, path, "value", value, choices)
        if "*" in value[:-1]:
            reader.problems.add(node.line, path, mark("a * may stand only at the end"))
    return model.OneOf(name=key, values=values, line=node.line)


def _flag(reader: Reader, key: str, node: Node, path: str) -> model.Condition | None:
    value = read_flag(reader, node, path)
    return None if value is None else model.Flag(name=key, value=value, line=node.line)


def _flag_or_values(reader: Reader, key: str, node: Node, path: str) -> model.Condition | None:
    if isinstance(node, Scalar) and isinstance(node.value, bool):
        return model.Flag(name=key, value=node.value, line=node.line)
    return _values(reader, key, node, path)


def _bounds(
    reader: Reader, node: Node, path: str, read: _Number = read_int, more: tuple[str, ...] = ()
) -> tuple[int | None, int | None] | None:
    """``3`` is exactly 3, ``true`` at least 1, ``false`` 0, ``{min: 2, max: 5}`` a range, with ``more`` keys in it."""
    if isinstance(node, Scalar):
        if isinstance(node.value, bool):
            return (1, None) if node.value else (None, 0)
        exact = read(reader, node, path)
        return None if exact is None else (exact, exact)
    options = read_options(reader, node, path, ("min", "max", *more))
    if options is None:
        return None
    low = read(reader, options["min"], f"{path}.min") if "min" in options else None
    high = read(reader, options["max"], f"{path}.max") if "max" in options else None
    if low is not None and high is not None and low > high:
        told = mark("min {low} is above max {high}, so this never holds")
        reader.problems.add(node.line, path, told, low=low, high=high)
    return low, high


def _number(reader: Reader, key: str, node: Node, path: str) -> model.Condition | None:
    return _between(key, node, _bounds(reader, node, path))


def _between(name: str, node: Node, bounds: tuple[int | None, int | None] | None) -> model.Condition | None:
    return None if bounds is None else model.Between(name=name, low=bounds[0], high=bounds[1], line=node.line)


def _minutes_or_duration(reader: Reader, node: Node, path: str) -> int | None:
    """A number of minutes, or a time with its unit."""
    if isinstance(node, Scalar) and type(node.value) is int:
        return node.value
    return read_duration(reader, node, path)


def _duration(reader: Reader, key: str, node: Node, path: str) -> model.Condition | None:
    return _between(key, node, _bounds(reader, node, path, _minutes_or_duration))


def _unanswered(reader: Reader, key: str, node: Node, path: str) -> model.Condition | None:
    """``4h`` is at least four hours; so is ``{min: 4h}``, which may count opening hours only."""
    if isinstance(node, Scalar) and not isinstance(node.value, bool):
        least = read_duration(reader, node, path)
        return None if least is None else model.Between(name=key, low=least, line=node.line)
    bounds = _bounds(reader, node, path, read_duration, ("open_hours",))
    open_hours = node.entries.get("open_hours") if isinstance(node, MappingNode) else None
    if open_hours is not None and read_flag(reader, open_hours, f"{path}.open_hours"):
        key = "unanswered_open"
    if bounds == (None, None):
        reader.problems.add(node.line, path, mark("expected `min:` or `max:` with a time such as 4h"))
    return _between(key, node, bounds)


def _history(reader: Reader, key: str, node: Node, path: str) -> model.Condition | None:
    """A count in the last 30 days, or with ``days`` in as many."""
    bounds = _bounds(reader, node, path, more=("days",))
    days = node.entries.get("days") if isinstance(node, MappingNode) else None
    if days is None or bounds is None:
        return _between(key, node, bounds)
    low, high = bounds
    if low is None and high is None:
        reader.problems.add(node.line, path, mark("expected `min:` or `max:` beside `days:`"))
    if max(low or 0, high or 0) > RECENT_COUNT:
        told = mark("with `days` at most {most} conversations are counted")
        reader.problems.add(node.line, path, told, most=RECENT_COUNT)
    count = read_int_within(reader, days, f"{path}.days", 1, RECENT_DAYS)
    return model.Recent(name=key, days=count or 1, low=low, high=high, line=node.line)


def _returning(reader: Reader, key: str, node: Node, path: str) -> model.Condition | None:
    if not isinstance(node, MappingNode):
        return _flag(reader, key, node, path)
    options = read_options(reader, node, path, ("days",))
    if options is None or "days" not in options:
        return None
    count = read_int_within(reader, options["days"], f"{path}.days", 1, RECENT_DAYS)
    return model.Recent(name=key, days=count or 1, low=1, line=node.line)


def _entries(reader: Reader, node: Node, path: str, example: str) -> Mapping[str, Node]:
    if isinstance(node, MappingNode) and node.entries:
        return node.entries
    told = mark("expected names with values, such as `{example}`")
    reader.problems.add(node.line, path, told, example=example)
    return {}


def _keyed_values(reader: Reader, key: str, node: Node, path: str) -> model.Condition | None:
    items: list[model.Condition] = []
    for name, value in _entries(reader, node, path, "city: Łomża").items():
        if isinstance(value, Scalar) and isinstance(value.value, bool):
            there = model.Keyed(name=key, key=name, line=value.line)
            items.append(there if value.value else model.Not(item=there, line=value.line))
        else:
            values = read_texts(reader, value, f"{path}.{name}")
            items.append(model.Keyed(name=key, key=name, values=values, line=value.line))
    return items[0] if len(items) == 1 else model.All(items=tuple(items), line=node.line)


def _keyed_number(
    reader: Reader, key: str, node: Node, path: str, read: _Number = read_int
) -> model.Condition | None:
    items: list[model.Condition] = []
    for name, value in _entries(reader, node, path, "informacja: {min: 20}").items():
        bounds = _bounds(reader, value, f"{path}.{name}", read)
        if bounds is not None:
            low, high = bounds
            items.append(model.KeyedBetween(name=key, key=name, low=low, high=high, line=value.line))
    return items[0] if len(items) == 1 else model.All(items=tuple(items), line=node.line)


def _keyed_duration(reader: Reader, key: str, node: Node, path: str) -> model.Condition | None:
    return _keyed_number(reader, key, node, path, _minutes_or_duration)


def _minutes(text: str) -> int | None:
    found = _TIME.fullmatch(text.strip())
    minutes = int(found[1]) * 60 + int(found[2]) if found else None
    return minutes if minutes is None or minutes <= 1440 else None


def _hours(reader: Reader, key: str, node: Node, path: str) -> model.Condition:
    spans = []
    for text in read_texts(reader, node, path):
        first, _, last = text.partition("-")
        start, end = _minutes(first), _minutes(last)
        if start is None or end is None or start == end or start == 1440:
            told = mark("{span} is not a span such as 08:00-16:00")
            reader.problems.add(node.line, path, told, span=quoted(text))
        else:
            spans.append((start, end))
    return model.Hours(spans=tuple(spans), line=node.line)


def _days(reader: Reader, key: str, node: Node, path: str) -> model.Condition:
    numbers: list[int] = []
    for text in read_texts(reader, node, path):
        first, dash, last = text.lower().partition("-")
        if first not in DAYS or (dash and last not in DAYS):
            reader.problems.unknown(node.line, path, "day", text, DAYS)
            continue
        start, end = DAYS.index(first), DAYS.index(last if dash else first)
        numbers += [day % 7 + 1 for day in range(start, end + 1 if end >= start else end + 8)]
    return model.OneOf(name=key, values=tuple(str(number) for number in sorted(set(numbers))), line=node.line)


def _dates(reader: Reader, key: str, node: Node, path: str) -> model.Condition | None:
    options = read_options(reader, node, path, ("from", "until"))
    if options is None:
        return None
    first = check_date(reader, options["from"], f"{path}.from") if "from" in options else ""
    last = check_date(reader, options["until"], f"{path}.until") if "until" in options else ""
    check_order(reader, node, path, first, last)
    return model.Dates(first=first, last=last, line=node.line)


def _place(reader: Reader, key: str, node: Node, path: str) -> model.Condition | None:
    if isinstance(node, Scalar) and isinstance(node.value, bool):
        anywhere = model.Place(line=node.line)
        return anywhere if node.value else model.Not(item=anywhere, line=node.line)
    return model.Place(offices=read_texts(reader, node, path), line=node.line)


def _attachment(reader: Reader, key: str, node: Node, path: str) -> model.Condition | None:
    if isinstance(node, Scalar) and isinstance(node.value, bool):
        some = model.Attachment(line=node.line)
        return some if node.value else model.Not(item=some, line=node.line)
    options = read_options(reader, node, path, ("type", "name", "min_size"))
    if options is None:
        return None
    types = read_texts(reader, options["type"], f"{path}.type") if "type" in options else ()
    names = read_texts(reader, options["name"], f"{path}.name") if "name" in options else ()
    size = _size(reader, options["min_size"], f"{path}.min_size") if "min_size" in options else 0
    return model.Attachment(types=types, names=names, size=size, line=node.line)


def _size(reader: Reader, node: Node, path: str) -> int:
    found = _SIZE.fullmatch(node.text.strip()) if isinstance(node, Scalar) else None
    if found is None:
        reader.problems.add(node.line, path, mark("expected a size such as 500 kB or 10 MB"))
        return 0
    return int(found[1]) * _UNITS[(found[2] or "").lower()]


def _named(reader: Reader, key: str, node: Node, path: str) -> model.Condition | None:
    """Conditions or schedules by name: all of them."""
    kind: model.NamedKind = "schedule" if key == "schedule" else "condition"
    found = [reader.named(kind, name, node, path) for name in read_texts(reader, node, path)]
    items = tuple(item for item in found if item is not None)
    return items[0] if len(items) == 1 else model.All(items=items, line=node.line)


ReadPredicate = Callable[[Reader, str, Node, str], "model.Condition | None"]

PREDICATE_SHAPES: Mapping[str, ReadPredicate] = {
    "values": _values,
    "flag": _flag,
    "flag_or_values": _flag_or_values,
    "number": _number,
    "duration": _duration,
    "history": _history,
    "returning": _returning,
    "unanswered": _unanswered,
    "keyed_values": _keyed_values,
    "keyed_number": _keyed_number,
    "keyed_duration": _keyed_duration,
    "language": read_language,
    "words": read_word_condition,
    "phrase": read_phrase,
    "regex": read_regex,
    "hours": _hours,
    "days": _days,
    "dates": _dates,
    "place": _place,
    "attachment": _attachment,
    "named": _named,
}
"""For each shape the function that reads it: (reader, predicate, node, path) to a condition."""
