"""Reading conditions: from YAML nodes to the model, one small function for each shape.

Every function adds what is wrong to the problems and then returns None, so that one run tells everything.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable, Mapping
from typing import cast

from rules import model
from rules.errors import Problems
from rules.expressions import expression_problem, required_literals
from rules.fold import fold, split_words, tokens
from rules.language import DAYS, PREDICATES
from rules.yamltree import Mapping as MappingNode
from rules.yamltree import Node, Scalar, Sequence

MAX_TEXT = 500
"""Longest word, phrase or expression in characters."""

MAX_VALUES = 20_000
"""Most entries of one list."""

MAX_GAP = 50
_TIME = re.compile(r"([01]\d|2[0-4]):([0-5]\d)")
_UNITS = {"": 1, "b": 1, "kb": 1_000, "mb": 1_000_000, "gb": 1_000_000_000}
_SIZE = re.compile(r"(\d{1,12})\s*([kmg]?b)?", re.IGNORECASE)


class Reader:
    """What reading one file shares: its problems, its named lists and conditions, its expressions.

    ``loose`` counts expressions without a literal that they require: each of those is tried on every message.
    """

    def __init__(self, problems: Problems) -> None:
        self.problems = problems
        self.words: dict[str, tuple[str, ...]] = {}
        self.resolve: Callable[[str], model.Condition | None] = lambda name: None
        self.condition_names: frozenset[str] = frozenset()
        self.loose = 0


def read_condition(reader: Reader, node: Node, path: str) -> model.Condition | None:
    """The condition at ``node``: a mapping (all of its entries) or a list (all of its items)."""
    if isinstance(node, Sequence):
        return _combine(reader, "all", node, path)
    if not isinstance(node, MappingNode):
        reader.problems.add(node.line, path, "expected conditions, such as `channel: email`")
        return None
    items = [_entry(reader, key, value, path, node.lines[key]) for key, value in node.entries.items()]
    known = [item for item in items if item is not None]
    return known[0] if len(known) == 1 else model.All(items=tuple(known), line=node.line)


def _entry(reader: Reader, key: str, node: Node, path: str, line: int) -> model.Condition | None:
    path = f"{path}.{key}"
    if key in ("all", "any"):
        return _combine(reader, key, node, path)
    if key == "not":
        item = read_condition(reader, node, path)
        return None if item is None else model.Not(item=item, line=line)
    predicate = PREDICATES.get(key)
    if predicate is None:
        reader.problems.unknown(line, path, "predicate", key, [*PREDICATES, "all", "any", "not"])
        return None
    return _SHAPES[predicate.shape](reader, key, node, path)


def _combine(reader: Reader, kind: str, node: Node, path: str) -> model.Condition | None:
    if isinstance(node, MappingNode):
        items = [_entry(reader, key, value, path, node.lines[key]) for key, value in node.entries.items()]
    elif isinstance(node, Sequence):
        items = [read_condition(reader, item, f"{path}[{i}]") for i, item in enumerate(node.items)]
    else:
        reader.problems.add(node.line, path, "expected a list of conditions")
        return None
    if not items:
        reader.problems.add(
            node.line, path, "an empty list of conditions decides nothing: remove it or fill it"
        )
    known = tuple(item for item in items if item is not None)
    return model.All(items=known, line=node.line) if kind == "all" else model.Any(items=known, line=node.line)


def read_text(reader: Reader, node: Node, path: str) -> str | None:
    """A non-empty text; numbers count as the text that was written."""
    if isinstance(node, Scalar) and node.value is not None and not isinstance(node.value, bool):
        text = node.text.strip()
        if 0 < len(text) <= MAX_TEXT:
            return text
    reader.problems.add(node.line, path, f"expected a text of 1 to {MAX_TEXT} characters")
    return None


def read_texts(reader: Reader, node: Node, path: str) -> tuple[str, ...]:
    """A text or a non-empty list of texts."""
    if not isinstance(node, Sequence):
        text = read_text(reader, node, path)
        return () if text is None else (text,)
    if not 0 < len(node.items) <= MAX_VALUES:
        reader.problems.add(node.line, path, f"expected a list of 1 to {MAX_VALUES} texts")
    found = [read_text(reader, item, f"{path}[{i}]") for i, item in enumerate(node.items[:MAX_VALUES])]
    return tuple(text for text in found if text is not None)


def read_flag(reader: Reader, node: Node, path: str) -> bool | None:
    if isinstance(node, Scalar) and isinstance(node.value, bool):
        return node.value
    reader.problems.add(node.line, path, "expected true or false")
    return None


def read_int(reader: Reader, node: Node, path: str) -> int | None:
    if isinstance(node, Scalar) and type(node.value) is int:
        return node.value
    reader.problems.add(node.line, path, "expected a whole number")
    return None


def read_options(reader: Reader, node: Node, path: str, known: tuple[str, ...]) -> Mapping[str, Node] | None:
    """The entries of a mapping whose keys must be among ``known``."""
    if not isinstance(node, MappingNode) or not node.entries:
        reader.problems.add(node.line, path, f"expected some of: {', '.join(known)}")
        return None
    for key in node.entries.keys() - set(known):
        reader.problems.unknown(node.lines[key], f"{path}.{key}".lstrip("."), "key", key, known)
    return node.entries


def check_date(reader: Reader, node: Node, path: str) -> str:
    """An ISO date, or empty when it is none."""
    text = node.text if isinstance(node, Scalar) else ""
    try:
        return datetime.date.fromisoformat(text).isoformat()
    except ValueError:
        reader.problems.add(node.line, path, "expected a date as YYYY-MM-DD")
        return ""


def _values(reader: Reader, key: str, node: Node, path: str) -> model.Condition:
    values = read_texts(reader, node, path)
    choices = PREDICATES[key].choices
    for value in values:
        if choices and value not in choices:
            reader.problems.unknown(node.line, path, "value", value, choices)
        if "*" in value[:-1]:
            reader.problems.add(node.line, path, "a * may stand only at the end")
    return model.OneOf(name=key, values=values, line=node.line)


def _flag(reader: Reader, key: str, node: Node, path: str) -> model.Condition | None:
    value = read_flag(reader, node, path)
    return None if value is None else model.Flag(name=key, value=value, line=node.line)


def _flag_or_values(reader: Reader, key: str, node: Node, path: str) -> model.Condition | None:
    if isinstance(node, Scalar) and isinstance(node.value, bool):
        return model.Flag(name=key, value=node.value, line=node.line)
    return _values(reader, key, node, path)


def _bounds(reader: Reader, node: Node, path: str) -> tuple[int | None, int | None] | None:
    """``3`` is exactly 3, ``true`` at least 1, ``false`` 0, ``{min: 2, max: 5}`` a range."""
    if isinstance(node, Scalar):
        if isinstance(node.value, bool):
            return (1, None) if node.value else (None, 0)
        exact = read_int(reader, node, path)
        return None if exact is None else (exact, exact)
    options = read_options(reader, node, path, ("min", "max"))
    if options is None:
        return None
    low = read_int(reader, options["min"], f"{path}.min") if "min" in options else None
    high = read_int(reader, options["max"], f"{path}.max") if "max" in options else None
    if low is not None and high is not None and low > high:
        reader.problems.add(node.line, path, f"min {low} is above max {high}, so this never holds")
    return low, high


def _number(reader: Reader, key: str, node: Node, path: str) -> model.Condition | None:
    bounds = _bounds(reader, node, path)
    return None if bounds is None else model.Between(name=key, low=bounds[0], high=bounds[1], line=node.line)


def _entries(reader: Reader, node: Node, path: str, example: str) -> Mapping[str, Node]:
    if isinstance(node, MappingNode) and node.entries:
        return node.entries
    reader.problems.add(node.line, path, f"expected names with values, such as `{example}`")
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


def _keyed_number(reader: Reader, key: str, node: Node, path: str) -> model.Condition | None:
    items: list[model.Condition] = []
    for name, value in _entries(reader, node, path, "informacja: {min: 20}").items():
        bounds = _bounds(reader, value, f"{path}.{name}")
        if bounds is not None:
            low, high = bounds
            items.append(model.KeyedBetween(name=key, key=name, low=low, high=high, line=value.line))
    return items[0] if len(items) == 1 else model.All(items=tuple(items), line=node.line)


def _language(reader: Reader, key: str, node: Node, path: str) -> model.Condition | None:
    if not isinstance(node, MappingNode):
        return model.Language(values=_codes(reader, node, path), line=node.line)
    options = read_options(reader, node, path, ("is", "confidence"))
    if options is None or "is" not in options:
        reader.problems.add(node.line, path, "expected `is:` with a language, such as `is: uk`")
        return None
    at = options.get("confidence")
    confidence = 0.8
    if at is not None:
        if isinstance(at, Scalar) and type(at.value) in (int, float) and 0 <= cast(float, at.value) <= 1:
            confidence = float(cast(float, at.value))
        else:
            reader.problems.add(at.line, f"{path}.confidence", "expected a number from 0 to 1")
    values = _codes(reader, options["is"], f"{path}.is")
    return model.Language(values=values, confidence=confidence, line=node.line)


def _codes(reader: Reader, node: Node, path: str) -> tuple[str, ...]:
    codes = tuple(code.lower() for code in read_texts(reader, node, path))
    for code in codes:
        if not re.fullmatch("[a-z]{2,3}", code):
            reader.problems.add(
                node.line, path, f"{code[:20]!r} is not a language code such as pl or uk (ISO 639)"
            )
    return codes


def _named_words(reader: Reader, node: Node, path: str) -> tuple[str, ...]:
    found: list[str] = []
    for name in read_texts(reader, node, path):
        if name not in reader.words:
            reader.problems.unknown(node.line, path, "word list", name, reader.words)
        found += reader.words.get(name, ())
    return tuple(found)


def read_words(reader: Reader, node: Node, path: str) -> tuple[str, ...]:
    """Words or short phrases, each with at least one letter or digit."""
    words = read_texts(reader, node, path)
    for word in words:
        if not tokens(fold(word)):
            reader.problems.add(node.line, path, f"{word!r} has no letter or digit, so it is never found")
    return words


def _words(reader: Reader, key: str, node: Node, path: str) -> model.Condition | None:
    if not isinstance(node, MappingNode):
        return model.Words(words=read_words(reader, node, path), line=node.line)
    options = read_options(reader, node, path, ("any", "list", "at_least", "exact"))
    if options is None:
        return None
    words = read_words(reader, options["any"], f"{path}.any") if "any" in options else ()
    if "list" in options:
        words += _named_words(reader, options["list"], f"{path}.list")
    at_least = read_int(reader, options["at_least"], f"{path}.at_least") if "at_least" in options else 1
    exact = read_flag(reader, options["exact"], f"{path}.exact") if "exact" in options else False
    if not words:
        reader.problems.add(node.line, path, "no words: give `any:` or `list:`")
    elif at_least is not None and not 1 <= at_least <= len(words):
        reader.problems.add(node.line, path, f"at_least must be from 1 to the number of words, {len(words)}")
    return model.Words(words=words, at_least=at_least or 1, exact=bool(exact), line=node.line)


def _phrase(reader: Reader, key: str, node: Node, path: str) -> model.Condition | None:
    gap: int | None = 0
    exact: bool | None = False
    texts: Node = node
    if isinstance(node, MappingNode):
        options = read_options(reader, node, path, ("any", "gap", "exact"))
        if options is None or "any" not in options:
            reader.problems.add(node.line, path, "expected `any:` with a phrase or a list of them")
            return None
        texts = options["any"]
        gap = read_int(reader, options["gap"], f"{path}.gap") if "gap" in options else 0
        exact = read_flag(reader, options["exact"], f"{path}.exact") if "exact" in options else False
        if gap is not None and not 0 <= gap <= MAX_GAP:
            reader.problems.add(node.line, path, f"gap must be from 0 to {MAX_GAP} words")
    phrases = tuple(tuple(split_words(text)) for text in read_words(reader, texts, path))
    return model.Phrase(phrases=phrases, gap=gap or 0, exact=bool(exact), line=node.line)


def _regex(reader: Reader, key: str, node: Node, path: str) -> model.Condition | None:
    pattern = read_text(reader, node, path)
    if pattern is None:
        return None
    why = expression_problem(pattern)
    if why:
        reader.problems.add(node.line, path, why)
        return None
    reader.loose += not required_literals(pattern)
    return model.Pattern(pattern=pattern, line=node.line)


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
            reader.problems.add(node.line, path, f"{text[:40]!r} is not a span such as 08:00-16:00")
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
    if first and last and first > last:
        reader.problems.add(node.line, path, f"from {first} is after until {last}, so this never holds")
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
        reader.problems.add(node.line, path, "expected a size such as 500 kB or 10 MB")
        return 0
    return int(found[1]) * _UNITS[(found[2] or "").lower()]


def _condition(reader: Reader, key: str, node: Node, path: str) -> model.Condition | None:
    items = []
    for name in read_texts(reader, node, path):
        if name not in reader.condition_names:
            reader.problems.unknown(node.line, path, "condition", name, reader.condition_names)
        elif (found := reader.resolve(name)) is not None:
            items.append(found)
    return items[0] if len(items) == 1 else model.All(items=tuple(items), line=node.line)


_Read = Callable[[Reader, str, Node, str], "model.Condition | None"]

_SHAPES: Mapping[str, _Read] = {
    "values": _values,
    "flag": _flag,
    "flag_or_values": _flag_or_values,
    "number": _number,
    "keyed_values": _keyed_values,
    "keyed_number": _keyed_number,
    "language": _language,
    "words": _words,
    "phrase": _phrase,
    "regex": _regex,
    "hours": _hours,
    "days": _days,
    "dates": _dates,
    "place": _place,
    "attachment": _attachment,
    "condition": _condition,
}
