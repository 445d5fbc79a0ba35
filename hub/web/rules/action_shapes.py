"""The fields of a form for each shape of an action; see :mod:`hub.web.rules.shapes`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hub.web.rules.fields import (
    FLAG,
    TEXT,
    Fields,
    Shape,
    columns,
    duration,
    flag_of,
    list_of_values,
    one,
    options_of,
    read_duration,
    read_text,
    read_values,
    rows_of,
    text_of,
    write_number,
)
from rules.editing.dump import Data
from rules.files.yamltree import Mapping as MappingNode
from rules.files.yamltree import Node


def _read_pairs(node: Node) -> Fields | None:
    if not isinstance(node, MappingNode) or any(text_of(item) is None for item in node.entries.values()):
        return None
    return columns(("key", "value"), [[key, text_of(item) or ""] for key, item in node.entries.items()])


def _write_pairs(fields: Fields) -> Data:
    return dict(rows_of(fields, ("key", "value")))


def _read_timers(node: Node) -> Fields | None:
    if not isinstance(node, MappingNode):
        return None
    found = [(key, read_duration(item)) for key, item in node.entries.items()]
    if any(span is None for _, span in found):
        return None
    return columns(("key", "low", "low_unit"), [[key, *(span or ())] for key, span in found])


def _write_timers(fields: Fields) -> Data:
    return {key: duration(low, unit) for key, low, unit in rows_of(fields, ("key", "low", "low_unit"))}


def _read_callback(node: Node) -> Fields | None:
    if flag_of(node):
        return {"topic": ("",), "low": ("",), "low_unit": ("m",)}
    options = options_of(node, ("topic", "in"))
    span = read_duration(options["in"]) if options and "in" in options else ("", "m")
    topic = text_of(options["topic"]) if options and "topic" in options else ""
    if options is None or span is None or topic is None:
        return None
    return {"topic": (topic,), "low": (span[0],), "low_unit": (span[1],)}


def _write_callback(fields: Fields) -> Data:
    made: dict[str, Any] = {}
    if one(fields, "topic"):
        made["topic"] = one(fields, "topic")
    if one(fields, "low"):
        made["in"] = duration(one(fields, "low"), one(fields, "low_unit"))
    return made or True


ACTION_SHAPES: Mapping[str, Shape] = {
    "name": TEXT,
    "text": TEXT,
    "join": TEXT,
    "names": Shape(read_values, list_of_values, {"values": ()}),
    "tier": Shape(read_text, write_number, {"value": ("2",)}),
    "priority": Shape(read_text, write_number, {"value": ("high",)}),
    "flag": FLAG,
    "attributes": Shape(_read_pairs, _write_pairs, {"key": ("",), "value": ("",)}),
    "timers": Shape(_read_timers, _write_timers, {"key": ("",), "low": ("1",), "low_unit": ("d",)}),
    "callback": Shape(_read_callback, _write_callback, {"topic": ("",), "low": ("",), "low_unit": ("m",)}),
}
