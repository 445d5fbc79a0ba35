"""The JSON Schema of rule files, made from the same tables that the reader goes by, for editors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rules.decision import PRIORITIES
from rules.language import ACTIONS, DAYS, EVENTS, JOINS, PREDICATES, Action, Predicate
from rules.load import RULE_KEYS, TOP_KEYS

Schema = dict[str, Any]

_TEXT: Schema = {"type": ["string", "number"]}
_TEXTS: Schema = {"oneOf": [_TEXT, {"type": "array", "items": _TEXT, "minItems": 1}]}
_FLAG: Schema = {"type": "boolean"}
_DATE: Schema = {"type": "string", "format": "date"}
_SPAN: Schema = {"type": "string", "pattern": r"^([01]\d|2[0-4]):[0-5]\d-([01]\d|2[0-4]):[0-5]\d$"}
_CONDITION: Schema = {"$ref": "#/$defs/condition"}


def _list_or_one(item: Schema) -> Schema:
    return {"oneOf": [item, {"type": "array", "items": item, "minItems": 1}]}


def _options(properties: Schema, *required: str) -> Schema:
    made: Schema = {
        "type": "object",
        "properties": properties,
        "additionalProperties": False,
        "minProperties": 1,
    }
    return {**made, "required": list(required)} if required else made


_NUMBER: Schema = {
    "oneOf": [
        {"type": "integer", "description": "exactly this"},
        {"type": "boolean", "description": "true: at least one, false: none"},
        _options({"min": {"type": "integer"}, "max": {"type": "integer"}}),
    ]
}

_SHAPES: Mapping[str, Schema] = {
    "values": _TEXTS,
    "flag": _FLAG,
    "flag_or_values": {"oneOf": [_FLAG, _TEXTS]},
    "number": _NUMBER,
    "keyed_values": {
        "type": "object",
        "additionalProperties": {"oneOf": [_FLAG, _TEXTS]},
        "minProperties": 1,
    },
    "keyed_number": {"type": "object", "additionalProperties": _NUMBER, "minProperties": 1},
    "language": {
        "oneOf": [
            _TEXTS,
            _options({"is": _TEXTS, "confidence": {"type": "number", "minimum": 0, "maximum": 1}}, "is"),
        ]
    },
    "words": {
        "oneOf": [
            _TEXTS,
            _options(
                {"any": _TEXTS, "list": _TEXTS, "at_least": {"type": "integer", "minimum": 1}, "exact": _FLAG}
            ),
        ]
    },
    "phrase": {
        "oneOf": [
            _TEXTS,
            _options(
                {"any": _TEXTS, "gap": {"type": "integer", "minimum": 0, "maximum": 50}, "exact": _FLAG},
                "any",
            ),
        ]
    },
    "regex": {"type": "string"},
    "hours": _list_or_one(_SPAN),
    "days": _list_or_one({"type": "string", "pattern": f"^({'|'.join(DAYS)})(-({'|'.join(DAYS)}))?$"}),
    "dates": _options({"from": _DATE, "until": _DATE}),
    "place": {"oneOf": [_FLAG, _TEXTS]},
    "attachment": {"oneOf": [_FLAG, _options({"type": _TEXTS, "name": _TEXTS, "min_size": _TEXT})]},
    "condition": _TEXTS,
}

_ACTION_SHAPES: Mapping[str, Schema] = {
    "name": _TEXT,
    "names": _TEXTS,
    "text": _TEXT,
    "flag": _FLAG,
    "tier": {"enum": [1, 2, 3]},
    "priority": {"enum": [*PRIORITIES, *PRIORITIES.values()]},
    "join": {"enum": list(JOINS)},
}


def json_schema() -> Schema:
    """The JSON Schema (2020-12) of a rule file."""
    properties = {
        "words": {"type": "object", "additionalProperties": _TEXTS, "description": "Named lists of words."},
        "conditions": {
            "type": "object",
            "additionalProperties": _CONDITION,
            "description": "Named conditions, such as schedules, that rules share.",
        },
        "rules": {"type": "array", "items": {"$ref": "#/$defs/rule"}, "description": "Tried in this order."},
        "default": {
            "$ref": "#/$defs/actions",
            "description": "For a new conversation that no rule stopped.",
        },
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Rules of Centrala",
        "type": "object",
        "properties": {key: properties[key] for key in TOP_KEYS},
        "required": ["default"],
        "additionalProperties": False,
        "$defs": {"condition": _condition(), "actions": _actions(), "rule": _rule()},
    }


def _condition() -> Schema:
    entries = {
        "all": {**_CONDITION, "description": "Every one must hold."},
        "any": {**_CONDITION, "description": "One must hold."},
        "not": {**_CONDITION, "description": "Must not hold."},
        **{name: _predicate(predicate) for name, predicate in PREDICATES.items()},
    }
    one: Schema = {"type": "object", "properties": entries, "additionalProperties": False}
    return {"oneOf": [one, {"type": "array", "items": _CONDITION, "minItems": 1}]}


def _predicate(predicate: Predicate) -> Schema:
    shape = _SHAPES[predicate.shape]
    if predicate.choices:
        named: Schema = _list_or_one({"enum": list(predicate.choices)})
        shape = {"oneOf": [_FLAG, named]} if predicate.shape == "flag_or_values" else named
    return {**shape, "description": predicate.help}


def _action(action: Action) -> Schema:
    return {**_ACTION_SHAPES[action.shape], "description": action.help}


def _actions() -> Schema:
    return _options({name: _action(action) for name, action in ACTIONS.items()})


def _rule() -> Schema:
    properties = {
        "id": {
            "type": "string",
            "pattern": "^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$",
            "description": "Never changes.",
        },
        "name": {"type": "string", "description": "What people call it."},
        "note": {"type": "string", "description": "Why it is there."},
        "enabled": {"type": "boolean", "default": True},
        "from": {**_DATE, "description": "First day on which it applies."},
        "until": {**_DATE, "description": "Last day on which it applies."},
        "on": {**_list_or_one({"enum": list(EVENTS)}), "default": "new", "description": "When it is tried."},
        "when": {**_CONDITION, "description": "What must hold; without it the rule always matches."},
        "do": {"$ref": "#/$defs/actions"},
        "then": {
            "enum": ["stop", "continue"],
            "default": "stop",
            "description": "Whether later rules are tried.",
        },
    }
    return {**_options({key: properties[key] for key in RULE_KEYS}, "id", "do"), "description": "One rule."}
