"""Plain data as YAML in the hand of a rule file: short lists in one line, conditions and actions one to a line.

What is written reads back as exactly the same data by :mod:`rules.files.yamltree`; whatever a plain word could be
mistaken for is quoted. Data are text, whole numbers, floats, booleans, None, lists and mappings with text keys.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from rules.files.yamltree import resolve

Data = str | int | float | bool | None | Sequence["Data"] | Mapping[str, "Data"]

WIDTH = 110
"""Longest line that a list or mapping in brackets may make."""

BLOCKS = frozenset(
    {"when", "do", "default", "rules", "all", "any", "not", "conditions", "tests", "schedules"}
)
"""Keys under which a mapping is written one entry to a line, however short it is."""

_PLAIN = re.compile(r"[^\W_][^\x00-\x1f\x7f-\x9f:#\[\]{},\"'`|>\\\u2028\u2029\ufeff]*", re.UNICODE)
_PLAIN_ALONE = re.compile(
    r"[^\W_](?:[^\x00-\x1f\x7f-\x9f:#\\\u2028\u2029\ufeff]|:(?=\S)|(?<=\S)#)*", re.UNICODE
)
_HARMLESS = re.compile(r"[\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]*")


class Written(str):
    """A number as somebody wrote it (``0.80``, ``007``). It is text to whoever compares it, and stays without quotation
    marks: where a number is wanted, a quoted one is none."""

    __slots__ = ()


def scalar(value: str | int | float | bool | None, *, alone: bool = False) -> str:
    """A leaf in one line, quoted where it must be; ``alone`` on its line, commas and brackets need no quotes."""
    if value is None:
        return "null"
    if isinstance(value, Written):
        return str(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value) if isinstance(value, int) else f"{value:.6f}".rstrip("0").removesuffix(".") or "0"
    plain = _PLAIN_ALONE if alone else _PLAIN
    if plain.fullmatch(value) and value == value.strip() and resolve(value) == value:
        return value
    if _HARMLESS.fullmatch(value):
        return "'" + value.replace("'", "''") + "'"
    return '"' + "".join(map(_escaped, value)) + '"'


def _escaped(letter: str) -> str:
    known = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\t": "\\t", "\r": "\\r"}
    if letter in known:
        return known[letter]
    if _HARMLESS.fullmatch(letter):
        return letter
    code = ord(letter)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def flow(value: Data) -> str:
    """Any data in one line, collections in brackets."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{scalar(key)}: {flow(item)}" for key, item in value.items()) + "}"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return "[" + ", ".join(map(flow, value)) + "]"
    return scalar(value)


def entry(key: str, value: Data, indent: int = 0) -> list[str]:
    """``key: value`` as lines, which will stand behind ``indent`` blanks."""
    name = scalar(key)
    if isinstance(value, str) and "\n" in value.strip("\n") and (lines := _literal(value)):
        return [f"{name}: {lines[0]}", *lines[1:]]
    if value is None or isinstance(value, str | int | float):
        return [f"{name}: {scalar(value, alone=True)}"]
    if not value:
        return [f"{name}: {flow(value)}"]
    line = f"{name}: {flow(value)}"
    if _fits(key, value) and indent + len(line) <= WIDTH:
        return [line]
    return [f"{name}:", *_shifted(lines_of(value, indent + 2))]


def lines_of(value: Data, indent: int = 0) -> list[str]:
    """A collection as lines: its entries one under the other, or its items with their dashes."""
    if isinstance(value, Mapping):
        return [line for key, item in value.items() for line in entry(key, item, indent)]
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [line for item in value for line in listed(item, indent)]
    return [scalar(value)]


def listed(value: Data, indent: int = 0) -> list[str]:
    """``- value`` as lines."""
    if isinstance(value, Mapping) and value:
        first, *others = lines_of(value, indent + 2)
        return [f"- {first}", *_shifted(others)]
    if value is None or isinstance(value, str | int | float):
        return [f"- {scalar(value, alone=True)}"]
    return [f"- {flow(value)}"]


def _shifted(lines: list[str]) -> list[str]:
    return [f"  {line}" if line else "" for line in lines]


def _literal(value: str) -> list[str]:
    """A text of several lines as a block, where that says the same; else nothing."""
    body = value.removesuffix("\n")
    lines = body.split("\n")
    if not all(map(_HARMLESS.fullmatch, lines)) or body.endswith("\n") or lines[0][:1] in ("", " "):
        return []
    if any(line != line.rstrip() for line in lines):
        return []
    return ["|" if value.endswith("\n") else "|-", *_shifted(lines)]


def _fits(key: str, value: Data) -> bool:
    """Whether a collection may stand in brackets behind its key: a list of leaves, or names with such or leaves."""
    if isinstance(value, Mapping):
        return key not in BLOCKS and all(_leaf(item) or _leaves(item) for item in value.values())
    return _leaves(value)


def _leaf(value: Data) -> bool:
    return not isinstance(value, Mapping | list | tuple) and not (isinstance(value, str) and "\n" in value)


def _leaves(value: Data) -> bool:
    if isinstance(value, Mapping):
        return all(map(_leaf, value.values()))
    return isinstance(value, Sequence) and not isinstance(value, str) and all(map(_leaf, value))


def dump_entries(value: Mapping[str, Data]) -> str:
    """A mapping as text, one entry under the other, ended by a newline."""
    return "".join(f"{line}\n" for line in lines_of(value))


def dump_item(value: Data) -> str:
    """A list's item as text with its dash, ended by a newline."""
    return "".join(f"{line}\n" for line in listed(value))
