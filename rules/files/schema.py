"""The JSON Schema of rule files, made from the same tables that the reader goes by, for editors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rules.decision import PRIORITIES
from rules.files.action_shapes import MAX_ENTRIES
from rules.files.conditions import SCHEDULE_KEYS
from rules.files.load import RULE_KEYS, SECTION_KEYS, TOP_KEYS
from rules.files.sample_schema import samples_schema
from rules.files.text_shapes import MAX_GAP
from rules.language import (
    ACTIONS,
    DAYS,
    EVENTS,
    JOINS,
    LANGUAGES,
    PREDICATES,
    RECENT_COUNT,
    RECENT_DAYS,
    THENS,
    Action,
    Predicate,
)

Schema = dict[str, Any]

_TEXT: Schema = {"type": ["string", "number"]}
_TEXTS: Schema = {"oneOf": [_TEXT, {"type": "array", "items": _TEXT, "minItems": 1}]}
_FLAG: Schema = {"type": "boolean"}
_DATE: Schema = {"type": "string", "format": "date"}
_SPAN: Schema = {"type": "string", "pattern": r"^([01]\d|2[0-4]):[0-5]\d-([01]\d|2[0-4]):[0-5]\d$"}
_CONDITION: Schema = {"$ref": "#/$defs/condition"}
_DURATION: Schema = {"type": "string", "pattern": r"^[0-9]{1,6} *[mhd]$"}
_ID: Schema = {"type": "string", "pattern": "^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$"}


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


def _range(item: Schema, **more: Schema) -> Schema:
    return _options({"min": item, "max": item, **more})


def _number(item: Schema) -> Schema:
    return {
        "oneOf": [
            {**item, "description": "exactly this"},
            {"type": "boolean", "description": "true: at least one, false: none"},
            _range(item),
        ]
    }


_COUNT: Schema = {"type": "integer"}
_MINUTES: Schema = {"type": ["integer", "string"], "pattern": _DURATION["pattern"]}
_DAYS: Schema = {"type": "integer", "minimum": 1, "maximum": RECENT_DAYS}
_RECENT: Schema = {"type": "integer", "maximum": RECENT_COUNT}
_HISTORY: Schema = {
    "oneOf": [
        *_number(_COUNT)["oneOf"],
        {**_range(_RECENT, days=_DAYS), "required": ["days"], "minProperties": 2},
    ]
}
_SPELLING: Mapping[str, Schema] = {
    "exact": {**_FLAG, "description": "true: as written, not inflected"},
    "diacritics": {"enum": ["required", "optional"], "description": "whether ż and z are different letters"},
    "typos": {"enum": [0, 1], "description": "1: one letter may be wrong, missing, added or swapped"},
    "language": {"enum": list(LANGUAGES), "description": "the language in which the words are inflected"},
}

_SHAPES: Mapping[str, Schema] = {
    "values": _TEXTS,
    "flag": _FLAG,
    "flag_or_values": {"oneOf": [_FLAG, _TEXTS]},
    "number": _number(_COUNT),
    "duration": _number(_MINUTES),
    "history": _HISTORY,
    "returning": {"oneOf": [_FLAG, _options({"days": _DAYS}, "days")]},
    "unanswered": {
        "oneOf": [
            {**_DURATION, "description": "at least so long"},
            _FLAG,
            {
                **_range(_DURATION, open_hours=_FLAG),
                "anyOf": [{"required": ["min"]}, {"required": ["max"]}],
            },
        ]
    },
    "keyed_values": {
        "type": "object",
        "additionalProperties": {"oneOf": [_FLAG, _TEXTS]},
        "minProperties": 1,
    },
    "keyed_number": {"type": "object", "additionalProperties": _number(_COUNT), "minProperties": 1},
    "keyed_duration": {
        "type": "object",
        "additionalProperties": _number(_MINUTES),
        "minProperties": 1,
    },
    "language": {
        "oneOf": [
            _TEXTS,
            _options({"is": _TEXTS, "confidence": {"type": "number", "minimum": 0, "maximum": 1}}, "is"),
        ]
    },
    "words": {
        "oneOf": [
            _TEXTS,
            {
                **_options(
                    {
                        "any": _TEXTS,
                        "list": _TEXTS,
                        "at_least": {"type": "integer", "minimum": 1},
                        **_SPELLING,
                    }
                ),
                "anyOf": [{"required": ["any"]}, {"required": ["list"]}],
            },
        ]
    },
    "phrase": {
        "oneOf": [
            _TEXTS,
            _options(
                {"any": _TEXTS, "gap": {"type": "integer", "minimum": 0, "maximum": MAX_GAP}, **_SPELLING},
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
    "named": _TEXTS,
}

_ACTION_SHAPES: Mapping[str, Schema] = {
    "name": _TEXT,
    "names": _TEXTS,
    "text": _TEXT,
    "flag": _FLAG,
    "tier": {"enum": [1, 2, 3]},
    "priority": {"enum": [*PRIORITIES, *PRIORITIES.values()]},
    "join": {"enum": list(JOINS)},
    "attributes": {
        "type": "object",
        "additionalProperties": _TEXT,
        "minProperties": 1,
        "maxProperties": MAX_ENTRIES,
    },
    "timers": {
        "type": "object",
        "additionalProperties": _DURATION,
        "minProperties": 1,
        "maxProperties": MAX_ENTRIES,
    },
    "callback": {"oneOf": [_FLAG, _options({"topic": _TEXT, "in": _DURATION})]},
}


def json_schema() -> Schema:
    """The JSON Schema (2020-12) of a rule file."""
    properties: dict[str, Schema] = {
        "words": {"type": "object", "additionalProperties": _TEXTS, "description": "Named lists of words."},
        "conditions": {
            "type": "object",
            "additionalProperties": _CONDITION,
            "description": "Named conditions that rules share.",
        },
        "schedules": {
            "type": "object",
            "additionalProperties": {"$ref": "#/$defs/schedule"},
            "description": "Named times that rules share, such as hours of duty.",
        },
        "rules": {
            "type": "array",
            "items": {"oneOf": [{"$ref": "#/$defs/rule"}, {"$ref": "#/$defs/section"}]},
            "description": "Rules and sections of rules, tried in this order.",
        },
        "default": {
            "$ref": "#/$defs/actions",
            "description": "For a new conversation that no rule stopped.",
        },
        "tests": {
            **samples_schema(_action_entries()),
            "description": "Example messages with what must come of them.",
        },
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Rules of Centrala",
        "type": "object",
        "properties": {
            key: properties[key] if key == "default" else _or_nothing(properties[key]) for key in TOP_KEYS
        },
        "required": ["default"],
        "additionalProperties": False,
        "$defs": {
            "condition": _condition(),
            "actions": _options(_action_entries()),
            "schedule": _schedule(),
            "rule": _rule(),
            "section": _section(),
        },
    }


def _or_nothing(schema: Schema) -> Schema:
    """A list or mapping, or its key alone."""
    return {**schema, "type": [schema["type"], "null"]}


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


def _action_entries() -> dict[str, Schema]:
    return {name: _action(action) for name, action in ACTIONS.items()}


def _schedule() -> Schema:
    return _list_or_one(_options({name: _predicate(PREDICATES[name]) for name in SCHEDULE_KEYS}))


def _shared(id_: str) -> dict[str, Schema]:
    """What rules and sections have in common, the id under its key."""
    return {
        id_: {**_ID, "description": "Never changes."},
        "name": {"type": "string", "description": "What people call it."},
        "note": {"type": "string", "description": "Why it is there."},
        "enabled": {"type": "boolean", "default": True},
        "from": {**_DATE, "description": "First day on which it applies."},
        "until": {**_DATE, "description": "Last day on which it applies."},
    }


def _rule() -> Schema:
    properties = {
        **_shared("id"),
        "on": {**_list_or_one({"enum": list(EVENTS)}), "default": "new", "description": "When it is tried."},
        "when": {**_CONDITION, "description": "What must hold; without it the rule always matches."},
        "do": {"$ref": "#/$defs/actions"},
        "then": {
            "enum": list(THENS),
            "default": "stop",
            "description": "Which rules are tried after it matched.",
        },
    }
    return {**_options({key: properties[key] for key in RULE_KEYS}, "id", "do"), "description": "One rule."}


def _section() -> Schema:
    properties = {
        **_shared("section"),
        "when": {**_CONDITION, "description": "What must hold before any of its rules is tried."},
        "rules": _or_nothing(
            {"type": "array", "items": {"$ref": "#/$defs/rule"}, "description": "Its rules, in order."}
        ),
    }
    made = _options({key: properties[key] for key in SECTION_KEYS}, "section", "rules")
    return {**made, "description": "Rules that stand together."}
