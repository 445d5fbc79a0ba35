"""The JSON Schema of the configuration, for editors: made from the types, so that the two cannot differ."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from connectors.contract import Secret
from hub.config import Config, Inbox
from hub.config_check import FILE_SUFFIX, fields, is_secret, struct_of

Schema = dict[str, Any]

TITLE = "Configuration of Centrala"
DEFINITIONS = "#/$defs/"


def json_schema(settings: Mapping[str, type[msgspec.Struct]]) -> Schema:
    """The schema of ``centrala.toml``; ``settings`` is the type of an inbox's settings by kind."""
    structs = _structs([Config, *settings.values()])
    references, components = msgspec.json.schema_components(
        structs, schema_hook=_schema_hook, ref_template=f"{DEFINITIONS}{{name}}"
    )
    # Structs of different channels may have the same name; the schema then calls them by their whole path.
    names = {s: ref["$ref"].removeprefix(DEFINITIONS) for s, ref in zip(structs, references, strict=True)}
    for struct, name in names.items():
        _add_secret_files(components[name], struct)
    _name_kinds(components[names[Inbox]], {kind: names[struct] for kind, struct in settings.items()})
    root = components.pop(names[Config])
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **_without_table_defaults(root),
        "title": TITLE,
        "$defs": {name: _without_table_defaults(components[name]) for name in sorted(components)},
    }


def _schema_hook(kind: type) -> Schema:
    if kind is Secret:
        return {"type": "string"}
    raise NotImplementedError


def _structs(types: list[type[msgspec.Struct]]) -> list[type[msgspec.Struct]]:
    found: list[type[msgspec.Struct]] = []
    waiting = list(types)
    while waiting:
        struct = waiting.pop()
        if struct not in found:
            found.append(struct)
            inner = (struct_of(field.type)[0] for field in fields(struct))
            waiting += [one for one in inner if one is not None]
    return found


def _add_secret_files(schema: Schema, struct: type[msgspec.Struct]) -> None:
    """``key_file`` beside each secret ``key``; a required secret may come either way."""
    for field in fields(struct):
        if not is_secret(field.type):
            continue
        file = field.name + FILE_SUFFIX
        schema["properties"][file] = {"type": "string", "description": f'File that holds "{field.name}".'}
        if field.name in schema.get("required", []):
            schema["required"] = [name for name in schema["required"] if name != field.name]
            schema.setdefault("allOf", []).append(
                {"oneOf": [{"required": [field.name]}, {"required": [file]}]}
            )


def _name_kinds(inbox: Schema, settings: Mapping[str, str]) -> None:
    """An inbox's settings follow its kind; ``settings`` names their definitions."""
    inbox["properties"]["kind"]["enum"] = list(settings)
    inbox["allOf"] = [
        {
            "if": {"properties": {"kind": {"const": kind}}},
            "then": {"properties": {"settings": {"$ref": DEFINITIONS + name}}},
        }
        for kind, name in settings.items()
    ]


def _without_table_defaults(schema: Schema) -> Schema:
    """Defaults of whole tables say again what their keys say."""
    for field in schema.get("properties", {}).values():
        if isinstance(field.get("default"), dict | list) and field["default"]:
            del field["default"]
    return schema
