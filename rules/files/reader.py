"""Reading values: texts, numbers, dates and options from YAML nodes, one small function for each.

Every function adds what is wrong to the problems and then returns None (or nothing), so that one run tells everything.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable, Mapping

from rules import model
from rules.errors import Problems, quoted
from rules.files.durations import minutes_of
from rules.files.yamltree import Mapping as MappingNode
from rules.files.yamltree import Node, Scalar, Sequence
from rules.fold import fold, tokens
from rules.text import mark

_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")

MAX_TEXT = 500
"""Longest word, phrase or expression in characters."""

MAX_VALUES = 20_000
"""Most entries of one list."""


class Reader:
    """What reading one file shares: its problems, its named lists, conditions and schedules, its expressions.

    ``named`` finds a condition or schedule by kind and name, adding a problem when there is none. ``loose`` counts
    expressions without a literal that they require: each of those is tried on every message.
    """

    def __init__(self, problems: Problems) -> None:
        self.problems = problems
        self.words: dict[str, tuple[str, ...]] = {}
        self.named: Callable[[model.NamedKind, str, Node, str], model.Named | None] = lambda *_: None
        self.loose = 0


def read_text(reader: Reader, node: Node, path: str) -> str | None:
    """A non-empty text; numbers count as the text that was written."""
    if isinstance(node, Scalar) and node.value is not None and not isinstance(node.value, bool):
        text = node.text.strip()
        if 0 < len(text) <= MAX_TEXT:
            return text
    if isinstance(node, Scalar) and node.text and not isinstance(node.value, str):
        told = mark("{word} means yes, no or nothing: put it in quotation marks where the word is meant")
        reader.problems.add(node.line, path, told, word=node.text)
        return None
    reader.problems.add(node.line, path, mark("expected a text of 1 to {most} characters"), most=MAX_TEXT)
    return None


def read_texts(reader: Reader, node: Node, path: str) -> tuple[str, ...]:
    """A text or a non-empty list of texts."""
    if not isinstance(node, Sequence):
        text = read_text(reader, node, path)
        return () if text is None else (text,)
    if not 0 < len(node.items) <= MAX_VALUES:
        reader.problems.add(node.line, path, mark("expected a list of 1 to {most} texts"), most=MAX_VALUES)
    found = [read_text(reader, item, f"{path}[{i}]") for i, item in enumerate(node.items[:MAX_VALUES])]
    return tuple(text for text in found if text is not None)


def read_words(reader: Reader, node: Node, path: str) -> tuple[str, ...]:
    """Words or short phrases, each with at least one letter or digit."""
    words = read_texts(reader, node, path)
    for word in words:
        if not tokens(fold(word)):
            told = mark("{word} has no letter or digit, so it is never found")
            reader.problems.add(_line_of(node, word), path, told, word=quoted(word))
    return words


def _line_of(node: Node, text: str) -> int:
    """Where a text of a list stands."""
    items = node.items if isinstance(node, Sequence) else [node]
    return next(
        (item.line for item in items if isinstance(item, Scalar) and item.text.strip() == text), node.line
    )


def read_flag(reader: Reader, node: Node, path: str) -> bool | None:
    if isinstance(node, Scalar) and isinstance(node.value, bool):
        return node.value
    if isinstance(node, Scalar) and node.text:
        told = mark("expected true or false, not the word {word}")
        reader.problems.add(node.line, path, told, word=quoted(node.text))
    else:
        reader.problems.add(node.line, path, mark("expected true or false"))
    return None


def read_int(reader: Reader, node: Node, path: str) -> int | None:
    if isinstance(node, Scalar) and type(node.value) is int:
        return node.value
    reader.problems.add(node.line, path, mark("expected a whole number"))
    return None


def read_int_within(reader: Reader, node: Node, path: str, least: int, most: int) -> int | None:
    """A whole number from ``least`` to ``most``."""
    if isinstance(node, Scalar) and type(node.value) is int and least <= node.value <= most:
        return node.value
    told = mark("expected a whole number from {least} to {most}")
    reader.problems.add(node.line, path, told, least=least, most=most)
    return None


def read_duration(reader: Reader, node: Node, path: str) -> int | None:
    """Minutes of ``30m``, ``4h`` or ``2d``."""
    minutes = minutes_of(node.text) if isinstance(node, Scalar) else None
    if minutes is None:
        told = mark("expected a time such as 30m, 4h or 2d, a year at most")
        reader.problems.add(node.line, path, told)
    return minutes


def read_choice(reader: Reader, node: Node, path: str, choices: tuple[str, ...]) -> str | None:
    """One of ``choices``."""
    text = node.text if isinstance(node, Scalar) else ""
    if text in choices:
        return text
    reader.problems.add(node.line, path, mark("expected one of: {choices}"), choices=", ".join(choices))
    return None


def is_empty(node: Node) -> bool:
    """Whether nothing stands behind a key: so a list is left whose last two items two people took out at once."""
    return isinstance(node, Scalar) and node.value is None


def read_options(reader: Reader, node: Node, path: str, known: tuple[str, ...]) -> Mapping[str, Node] | None:
    """The entries of a mapping whose keys must be among ``known``; others are told and left out."""
    if not isinstance(node, MappingNode) or not node.entries:
        reader.problems.add(node.line, path, mark("expected some of: {keys}"), keys=", ".join(known))
        return None
    for key in node.entries.keys() - set(known):
        reader.problems.unknown(node.lines[key], f"{path}.{key}".lstrip("."), "key", key, known)
    return {key: value for key, value in node.entries.items() if key in known}


def check_date(reader: Reader, node: Node, path: str) -> str:
    """An ISO date, or empty when it is none."""
    text = node.text if isinstance(node, Scalar) else ""
    if not _DATE.fullmatch(text):
        reader.problems.add(node.line, path, mark("expected a date as YYYY-MM-DD"))
        return ""
    try:
        return datetime.date.fromisoformat(text).isoformat()
    except ValueError:
        reader.problems.add(node.line, path, mark("{date} is not in the calendar"), date=text)
        return ""


def check_order(reader: Reader, node: Node, path: str, first: str, last: str) -> None:
    """Tell when a span of dates ends before it begins."""
    if first and last and first > last:
        told = mark("from {first} is after until {last}, so this never holds")
        reader.problems.add(node.line, path, told, first=first, last=last)
