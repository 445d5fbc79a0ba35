"""Reading actions: what stands behind the colon of each, by its shape, from YAML nodes to the decision's fields."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from rules.decision import PRIORITIES, Actions, CallbackOrder
from rules.files.reader import (
    Reader,
    read_choice,
    read_duration,
    read_flag,
    read_options,
    read_text,
    read_texts,
)
from rules.files.yamltree import Mapping as MappingNode
from rules.files.yamltree import Node, Scalar
from rules.language import ACTIONS, JOINS
from rules.text import mark

MAX_ENTRIES = 20
"""Most attributes or timers that one rule sets."""


def read_actions(reader: Reader, node: Node, path: str) -> Actions:
    """The actions of a ``do`` or of the default."""
    entries = read_options(reader, node, path, tuple(ACTIONS))
    fields: dict[str, Any] = {}
    for key, value in (entries or {}).items():
        action = ACTIONS.get(key)
        if action is not None:
            found = ACTION_SHAPES[action.shape](reader, value, f"{path}.{key}")
            if found is not None:
                fields[key] = found
    return Actions(**fields)


def _tier(reader: Reader, node: Node, path: str) -> int | None:
    if isinstance(node, Scalar) and node.value in (1, 2, 3) and type(node.value) is int:
        return node.value
    reader.problems.add(node.line, path, mark("expected 1, 2 or 3"))
    return None


def _priority(reader: Reader, node: Node, path: str) -> int | None:
    value = node.value if isinstance(node, Scalar) else None
    if type(value) is int and value in PRIORITIES.values():
        return value
    name = read_choice(reader, node, path, tuple(PRIORITIES))
    return None if name is None else PRIORITIES[name]


def _join(reader: Reader, node: Node, path: str) -> str | None:
    return read_choice(reader, node, path, JOINS)


def _entries(reader: Reader, node: Node, path: str, example: str) -> Mapping[str, Node]:
    if isinstance(node, MappingNode) and 0 < len(node.entries) <= MAX_ENTRIES and all(node.entries):
        return node.entries
    told = mark("expected 1 to {most} names with values, such as `{example}`")
    reader.problems.add(node.line, path, told, most=MAX_ENTRIES, example=example)
    return {}


def _attributes(reader: Reader, node: Node, path: str) -> dict[str, str]:
    entries = _entries(reader, node, path, "city: Łomża")
    found = {name: read_text(reader, value, f"{path}.{name}") for name, value in entries.items()}
    return {name: value for name, value in found.items() if value is not None}


def _timers(reader: Reader, node: Node, path: str) -> dict[str, int]:
    entries = _entries(reader, node, path, "reminder: 2d")
    found = {name: read_duration(reader, value, f"{path}.{name}") for name, value in entries.items()}
    return {name: minutes for name, minutes in found.items() if minutes is not None}


def _callback(reader: Reader, node: Node, path: str) -> CallbackOrder | None:
    """``true``, or with a topic and the shortest time until the call."""
    if isinstance(node, Scalar):
        return CallbackOrder() if read_flag(reader, node, path) else None
    entries = read_options(reader, node, path, ("topic", "in"))
    if entries is None:
        return None
    topic = read_text(reader, entries["topic"], f"{path}.topic") if "topic" in entries else ""
    minutes = read_duration(reader, entries["in"], f"{path}.in") if "in" in entries else 0
    return CallbackOrder(topic=topic or "", minutes=minutes or 0)


ACTION_SHAPES: Mapping[str, Callable[[Reader, Node, str], Any]] = {
    "name": read_text,
    "names": read_texts,
    "text": read_text,
    "flag": read_flag,
    "tier": _tier,
    "priority": _priority,
    "join": _join,
    "attributes": _attributes,
    "timers": _timers,
    "callback": _callback,
}
"""For each shape the function that reads it: (reader, node, path) to the field's value."""
