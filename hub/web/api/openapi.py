"""The description of the API (OpenAPI 3.1), made from the list of its calls and from their types."""

from __future__ import annotations

import functools
from typing import Any

import msgspec
from aiohttp import web

from hub.web.api import conversations as api
from hub.web.api import replay as api_replay
from hub.web.api import rules as api_rules
from hub.web.api import surveys as api_surveys
from hub.web.api import trying as api_try
from hub.web.api import types as t
from hub.web.api.endpoint import Endpoint
from hub.web.api.stream import STREAM_DESCRIPTION

ENDPOINTS = (
    *api.ENDPOINTS,
    *api_surveys.ENDPOINTS,
    *api_rules.ENDPOINTS,
    *api_replay.ENDPOINTS,
    *api_try.ENDPOINTS,
)

REF = "#/components/schemas/{name}"


@functools.cache
def document() -> bytes:
    """The whole document as JSON."""
    types = {t.Problem} | {e.answer for e in ENDPOINTS} | {e.body for e in ENDPOINTS if e.body is not None}
    _, components = msgspec.json.schema_components(
        sorted(types, key=lambda one: one.__name__), ref_template=REF
    )
    paths: dict[str, dict[str, Any]] = {"/api/v1/stream": STREAM_DESCRIPTION}
    for endpoint in ENDPOINTS:
        paths.setdefault(endpoint.path, {})[endpoint.method.lower()] = _operation(endpoint)
    return msgspec.json.encode(
        {
            "openapi": "3.1.0",
            "info": {
                "title": "Centrala",
                "version": "1",
                "description": "The message hub of a contact centre. Ids are strings, times RFC 3339 in UTC.",
                "license": {"name": "AGPL-3.0-or-later", "identifier": "AGPL-3.0-or-later"},
            },
            "servers": [{"url": "/"}],
            "security": [{"token": []}],
            "paths": paths,
            "components": {
                "schemas": components,
                "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
            },
        }
    )


def _operation(endpoint: Endpoint) -> dict[str, Any]:
    parameters = [_path_id()] if "{id}" in endpoint.path else []
    if endpoint.query is not None:
        parameters += _query(endpoint.query)
    operation: dict[str, Any] = {
        "summary": endpoint.summary,
        "operationId": _name(endpoint),
        "description": f"Needs a token that grants `{endpoint.grant}`.",
        "responses": {"200": _content("Done.", endpoint.answer), "default": _content("Why not.", t.Problem)},
    }
    if endpoint.body is not None:
        parameters.append(_idempotency_key())
        if "revision" in endpoint.body.__struct_fields__:
            parameters.append(_if_match())
        schema = {"$ref": REF.format(name=endpoint.body.__name__)}
        operation["requestBody"] = {"required": True, "content": {"application/json": {"schema": schema}}}
    if parameters:
        operation["parameters"] = parameters
    return operation


def _name(endpoint: Endpoint) -> str:
    parts = [part for part in endpoint.path.split("/")[3:] if not part.startswith("{")]
    one = "One" if endpoint.path.endswith("{id}") else ""
    return endpoint.method.lower() + one + "".join(part.title() for part in parts)


def _path_id() -> dict[str, Any]:
    schema = {"type": "string", "pattern": "^[0-9]{1,16}$"}
    return {"name": "id", "in": "path", "required": True, "schema": schema}


def _idempotency_key() -> dict[str, Any]:
    return {
        "name": "Idempotency-Key",
        "in": "header",
        "required": True,
        "schema": {"type": "string", "minLength": 1, "maxLength": 200},
        "description": "The same key with the same request gives the first answer again; with another one 422.",
    }


def _if_match() -> dict[str, Any]:
    return {
        "name": "If-Match",
        "in": "header",
        "required": False,
        "schema": {"type": "string"},
        "description": "The ETag of the draft as it was read: the same as `revision` in the body.",
    }


def _query(kind: type[t.Request]) -> list[dict[str, Any]]:
    (schema,), components = msgspec.json.schema_components([kind], ref_template=REF)
    fields = components[schema["$ref"].rsplit("/", 1)[1]]["properties"]
    return [
        {"name": name, "in": "query", "required": False, "schema": field} for name, field in fields.items()
    ]


def _content(description: str, kind: type[t.Answer]) -> dict[str, Any]:
    media = "application/problem+json" if kind is t.Problem else "application/json"
    schema = {"$ref": REF.format(name=kind.__name__)}
    return {"description": description, "content": {media: {"schema": schema}}}


async def openapi(request: web.Request) -> web.StreamResponse:
    """Open to everybody who reaches the private listener: it tells what there is, not what is in it."""
    return web.Response(body=document(), content_type="application/json")


ROUTES = [web.get("/api/v1/openapi.json", openapi)]
