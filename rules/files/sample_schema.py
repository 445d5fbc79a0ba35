"""The JSON Schema of ``tests:`` in a rule file, made from the fields of the facts like the reading of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from rules.facts import Facts, On
from rules.files.sample_reader import AT, MAX_NAME, MAX_SAMPLES, MESSAGE, SAMPLE_KEYS
from rules.language import AUTOMATIC, EVENTS

Schema = dict[str, Any]

_TEXT: Schema = {"type": ["string", "number", "null"]}
_COUNT: Schema = {"type": "integer", "minimum": 0}
_MINUTES: Schema = {"type": ["integer", "string"], "minimum": 0, "pattern": r"^\d{1,6}\s*[mhd]$"}
_FILE: Schema = {
    "type": "object",
    "properties": {"type": _TEXT, "size": _COUNT, "name": _TEXT},
    "additionalProperties": False,
    "minProperties": 1,
}


def _list_or_one(item: Schema) -> Schema:
    return {"oneOf": [item, {"type": "array", "items": item}]}


def _by_name(item: Schema) -> Schema:
    return {"type": "object", "additionalProperties": item}


_TYPES: Mapping[Any, Schema] = {
    str: _TEXT,
    On: {"enum": list(EVENTS)},
    int: _COUNT,
    float: {"type": "number", "minimum": 0, "maximum": 1},
    bool: {"type": "boolean"},
    bool | None: {"type": "boolean"},
    tuple[str, ...]: _list_or_one({"type": ["string", "number"]}),
    tuple[int, ...]: _list_or_one(_COUNT),
    tuple[tuple[str, int, str], ...]: _list_or_one(_FILE),
    Mapping[str, str]: _by_name(_TEXT),
    Mapping[str, int]: _by_name(_COUNT),
}

_MEANINGS: Mapping[str, Schema] = {
    "automatic": {"enum": [*AUTOMATIC, True, False]},
    "suspicious": {"type": ["string", "boolean"]},
    "waiting_minutes": _MINUTES,
    "unanswered_minutes": _MINUTES,
    "unanswered_open_minutes": _MINUTES,
    "queue_waiting": _by_name(_MINUTES),
}


def samples_schema(actions: Mapping[str, Schema]) -> Schema:
    """The schema of the list of tests; ``actions`` are those of a rule by name."""
    types = {field.name: field.type for field in msgspec.structs.fields(Facts)}
    message = {key: _MEANINGS.get(field) or _TYPES[types[field]] for key, field in MESSAGE.items()}
    message[AT] = {
        "type": "string",
        "pattern": r"^\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d)?$",
        "description": "The time as the office's clock shows it.",
    }
    expect: dict[str, Schema] = {
        name: {"oneOf": [action, {"type": "null"}]} for name, action in actions.items()
    }
    expect["rule"] = {"type": "string", "description": "The rule that decides the queue."}
    properties = {
        "name": {"type": "string", "maxLength": MAX_NAME, "description": "What is tested."},
        "message": {"type": "object", "properties": message, "additionalProperties": False},
        "expect": {
            "type": "object",
            "properties": expect,
            "additionalProperties": False,
            "minProperties": 1,
            "description": "What must come of it; null: nobody may ask for it.",
        },
    }
    test = {
        "type": "object",
        "properties": {key: properties[key] for key in SAMPLE_KEYS},
        "required": list(SAMPLE_KEYS),
        "additionalProperties": False,
    }
    return {"type": "array", "items": test, "maxItems": MAX_SAMPLES}
