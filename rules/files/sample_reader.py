"""Reading ``tests:`` of a rule file: example messages, each with what must come of it.

A message is written with the names that conditions use (``sender``, ``history``, ``status_from``); what stands in no
condition (``text``, ``subject``) by the names of :class:`rules.Facts`. The keys are made from its fields, so a new fact
can be used in tests at once.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable, Collection, Mapping
from typing import Any

import msgspec

from rules import model
from rules.decision import DEFAULT_RULE, Actions
from rules.facts import TEXT_LIMIT, Facts, On
from rules.files.durations import minutes_of
from rules.files.reader import Reader, read_flag, read_int, read_options, read_text, read_texts
from rules.files.yamltree import Mapping as MappingNode
from rules.files.yamltree import Node, Scalar, Sequence
from rules.language import ACTIONS, EVENTS, PREDICATES
from rules.text import Text, mark

MAX_SAMPLES = 5_000
"""Most tests of one file: all are tried before it is published."""

MAX_NAME = 200
SAMPLE_KEYS = ("name", "message", "expect")

ReadActions = Callable[[Reader, Node, str], Actions]

_NAMES = {
    "sender": "sender_address",
    "attachment": "attachments",
    "history": "history_count",
    "waiting": "waiting_minutes",
    "unanswered": "unanswered_minutes",
    "status_from": "status_before",
    "tag_added": "tags_added",
    "tag_removed": "tags_removed",
}
"""Predicates whose fact has another name."""

_FIELDS = {field.name: field.type for field in msgspec.structs.fields(Facts)}

MESSAGE: Mapping[str, str] = {
    **{name: field for name, field in _NAMES.items() if field in _FIELDS},
    **{name: name for name in _FIELDS},
}
"""What may stand in ``message`` besides ``at``: the key and the field of Facts that it fills."""

AT = "at"
_AT = re.compile(r"(\d{4}-\d\d-\d\d)[T ](\d\d):(\d\d)(?::\d\d)?")


def read_samples(
    reader: Reader, node: Node | None, read_actions: ReadActions, rules: Collection[str]
) -> tuple[model.Sample, ...]:
    """The tests at ``node``. ``rules`` are the ids that ``expect: {rule: …}`` may name."""
    if node is None:
        return ()
    if not isinstance(node, Sequence) or len(node.items) > MAX_SAMPLES:
        text = Text(
            mark("expected a list of up to {count} tests, each with name, message and expect"),
            {"count": MAX_SAMPLES},
        )
        reader.problems.add(node.line, "tests", text)
        return ()
    seen: dict[str, int] = {}
    samples = []
    for i, item in enumerate(node.items):
        sample = _sample(reader, item, f"tests[{i}]", read_actions, rules)
        if sample is None:
            continue
        if sample.name in seen:
            text = Text(mark("there is a test of this name in line {line}"), {"line": seen[sample.name]})
            reader.problems.add(sample.line, f"tests[{i}].name", text)
        seen.setdefault(sample.name, sample.line)
        samples.append(sample)
    return tuple(samples)


def _sample(
    reader: Reader, node: Node, path: str, read_actions: ReadActions, rules: Collection[str]
) -> model.Sample | None:
    entries = read_options(reader, node, path, SAMPLE_KEYS)
    if entries is None:
        return None
    for key in SAMPLE_KEYS:
        if key not in entries:
            reader.problems.add(node.line, path, Text(mark("a test needs `{key}:`"), {"key": key}))
    name = _name(reader, entries["name"], f"{path}.name") if "name" in entries else ""
    facts = _message(reader, entries["message"], f"{path}.message") if "message" in entries else {}
    expect: dict[str, Any] = {}
    if "expect" in entries:
        expect = _expect(reader, entries["expect"], f"{path}.expect", read_actions, rules)
    return model.Sample(name=name, facts=Facts(**facts), expect=expect, line=node.line) if name else None


def _name(reader: Reader, node: Node, path: str) -> str:
    name = read_text(reader, node, path) or ""
    if len(name) > MAX_NAME:
        text = Text(mark("a name of at most {count} characters, please"), {"count": MAX_NAME})
        reader.problems.add(node.line, path, text)
    return name


def _message(reader: Reader, node: Node, path: str) -> dict[str, Any]:
    if isinstance(node, MappingNode) and not node.entries:
        return {}
    entries = read_options(reader, node, path, (*MESSAGE, AT)) or {}
    fields: dict[str, Any] = {}
    for key, value in entries.items():
        where = f"{path}.{key}"
        if key == AT:
            found = _moment(reader, value, where)
        elif key in MESSAGE:
            found = {MESSAGE[key]: _fact(reader, value, where, key)}
        else:
            continue
        for field in found.keys() & fields.keys():
            reader.problems.add(value.line, where, Text(mark("{field} is said twice"), {"field": field}))
        fields |= {field: value for field, value in found.items() if value is not None}
    return _derived(fields)


def _derived(fields: dict[str, Any]) -> dict[str, Any]:
    """``fields`` with what follows from them: the language named is sure, and an address tells its kind."""
    if fields.get("language"):
        fields.setdefault("language_confidence", 1.0)
    address = fields.get("sender_address", "")
    if "@" in address:
        fields.setdefault("sender_kind", "email")
    elif address.startswith("+"):
        fields.setdefault("sender_kind", "phone")
    return fields


def _moment(reader: Reader, node: Node, path: str) -> dict[str, Any]:
    """Date, minutes since midnight and weekday of a time as the office's clock shows it."""
    found = _AT.fullmatch(node.text.strip()) if isinstance(node, Scalar) else None
    try:
        if found is not None and int(found[2]) < 24 and int(found[3]) < 60:
            day = datetime.date.fromisoformat(found[1])
            minutes = int(found[2]) * 60 + int(found[3])
            return {
                "local_date": day.isoformat(),
                "local_minutes": minutes,
                "weekday": day.isoweekday(),
            }
    except ValueError:
        pass  # No such day, which is told below like any other text that is no time.
    reader.problems.add(
        node.line,
        path,
        Text(mark("expected a local time such as {example}"), {"example": "2026-11-16T10:00"}),
    )
    return {}


def _fact(reader: Reader, node: Node, path: str, key: str) -> Any:
    field = MESSAGE[key]
    read = _MEANINGS.get(field) or _TYPES[_FIELDS[field]]
    value = read(reader, node, path)
    choices = EVENTS if key == "on" else PREDICATES[key].choices if key in PREDICATES else ()
    if choices and value is not None and value not in choices:
        reader.problems.unknown(node.line, path, "value", str(value), choices)
        return None
    return value


def _string(reader: Reader, node: Node, path: str) -> str | None:
    if isinstance(node, Scalar) and not isinstance(node.value, bool) and len(node.text) <= TEXT_LIMIT:
        return "" if node.value is None else node.text
    text = Text(mark("expected a text of up to {count} characters"), {"count": TEXT_LIMIT})
    reader.problems.add(node.line, path, text)
    return None


def _confidence(reader: Reader, node: Node, path: str) -> float | None:
    value = node.value if isinstance(node, Scalar) else None
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1:
        return float(value)
    reader.problems.add(node.line, path, Text(mark("expected a number from 0 to 1")))
    return None


def _count(reader: Reader, node: Node, path: str) -> int | None:
    value = read_int(reader, node, path)
    if value is not None and value < 0:
        reader.problems.add(node.line, path, Text(mark("expected a whole number that is not below 0")))
        return None
    return value


def _minutes(reader: Reader, node: Node, path: str) -> int | None:
    """Minutes as a number or as a duration such as ``4h``."""
    minutes = minutes_of(node.text) if isinstance(node, Scalar) else None
    return _count(reader, node, path) if minutes is None else minutes


def _counts(reader: Reader, node: Node, path: str) -> tuple[int, ...]:
    nodes = node.items if isinstance(node, Sequence) else [node]
    found = [_count(reader, item, path) for item in nodes]
    return tuple(value for value in found if value is not None)


def _strings(reader: Reader, node: Node, path: str) -> tuple[str, ...]:
    if isinstance(node, Sequence) and not node.items:
        return ()
    return read_texts(reader, node, path)


def _entries(reader: Reader, node: Node, path: str, example: str) -> Mapping[str, Node]:
    if isinstance(node, MappingNode):
        return node.entries
    text = Text(mark("expected names with values, such as {example}"), {"example": example})
    reader.problems.add(node.line, path, text)
    return {}


def _texts_by_name(reader: Reader, node: Node, path: str) -> dict[str, str]:
    entries = _entries(reader, node, path, "`city: Łomża`")
    found = {name: _string(reader, value, f"{path}.{name}") for name, value in entries.items()}
    return {name: value for name, value in found.items() if value is not None}


def _counts_by_name(reader: Reader, node: Node, path: str) -> dict[str, int]:
    entries = _entries(reader, node, path, "`informacja: 20`")
    found = {name: _count(reader, value, f"{path}.{name}") for name, value in entries.items()}
    return {name: value for name, value in found.items() if value is not None}


def _minutes_by_name(reader: Reader, node: Node, path: str) -> dict[str, int]:
    entries = _entries(reader, node, path, "`informacja: 2h`")
    found = {name: _minutes(reader, value, f"{path}.{name}") for name, value in entries.items()}
    return {name: value for name, value in found.items() if value is not None}


def _automatic(reader: Reader, node: Node, path: str) -> str | None:
    """The kind, or just whether a machine wrote it."""
    if isinstance(node, Scalar) and isinstance(node.value, bool):
        return "auto-reply" if node.value else "no"
    return _string(reader, node, path)


def _suspicious(reader: Reader, node: Node, path: str) -> str | None:
    """The reason, or just whether there is one."""
    if isinstance(node, Scalar) and isinstance(node.value, bool):
        return "yes" if node.value else ""
    return _string(reader, node, path)


_FILE_KEYS = ("type", "size", "name")


def _files(reader: Reader, node: Node, path: str) -> tuple[tuple[str, int, str], ...]:
    """Attachments, each with type, size in bytes and name; what is left out is empty."""
    nodes = node.items if isinstance(node, Sequence) else [node]
    files = []
    for i, item in enumerate(nodes):
        entries = read_options(reader, item, f"{path}[{i}]", _FILE_KEYS) or {}
        kind = _string(reader, entries["type"], f"{path}[{i}].type") if "type" in entries else ""
        size = _count(reader, entries["size"], f"{path}[{i}].size") if "size" in entries else 0
        name = _string(reader, entries["name"], f"{path}[{i}].name") if "name" in entries else ""
        files.append((kind or "", size or 0, name or ""))
    return tuple(files)


_TYPES: Mapping[Any, Callable[[Reader, Node, str], Any]] = {
    str: _string,
    On: _string,
    int: _count,
    float: _confidence,
    bool: read_flag,
    bool | None: read_flag,
    tuple[str, ...]: _strings,
    tuple[int, ...]: _counts,
    tuple[tuple[str, int, str], ...]: _files,
    Mapping[str, str]: _texts_by_name,
    Mapping[str, int]: _counts_by_name,
}

_MEANINGS: Mapping[str, Callable[[Reader, Node, str], Any]] = {
    "automatic": _automatic,
    "suspicious": _suspicious,
    "waiting_minutes": _minutes,
    "unanswered_minutes": _minutes,
    "unanswered_open_minutes": _minutes,
    "queue_waiting": _minutes_by_name,
}
"""Facts that may be written in more ways than their type says."""


def _expect(
    reader: Reader, node: Node, path: str, read_actions: ReadActions, rules: Collection[str]
) -> dict[str, Any]:
    """Actions by name with the values that a decision must have; ``null`` stands for "nobody asks for it"."""
    entries = read_options(reader, node, path, (*ACTIONS, "rule")) or {}
    named = {key: value for key, value in entries.items() if key in ACTIONS}
    none = {key for key, value in named.items() if isinstance(value, Scalar) and value.value is None}
    wanted: dict[str, Any] = dict.fromkeys(sorted(none))
    said = MappingNode(node.line, {key: value for key, value in named.items() if key not in none})
    said.lines = {key: value.line for key, value in said.entries.items()}
    if said.entries:
        actions = read_actions(reader, said, path)
        wanted |= {key: getattr(actions, key) for key in said.entries}
    if "rule" in entries:
        wanted["rule"] = _rule(reader, entries["rule"], f"{path}.rule", rules)
    return {key: wanted[key] for key in entries if key in wanted}


def _rule(reader: Reader, node: Node, path: str, rules: Collection[str]) -> str:
    name = read_text(reader, node, path) or ""
    if name and name not in rules and name != DEFAULT_RULE:
        reader.problems.unknown(node.line, path, "rule", name, [*rules, DEFAULT_RULE])
    return name
