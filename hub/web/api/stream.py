"""The stream for integrations: the hub's events by SSE from any place on, ids only, within the token's scope."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any

import msgspec
from aiohttp import web

from hub.people.audience import hears
from hub.store.tx import Event
from hub.stream import Reset
from hub.web.api.endpoint import BEARER, bearer_of, guarded
from hub.web.desk import desk_of
from hub.web.forms import Unacceptable
from hub.web.live import AUDIENCE, endless, place_of
from hub.web.words import machine

BEAT = 15.0
"""Seconds between signs of life; at each it is asked whether the token still holds."""

WRITE_SECONDS = 30.0

KINDS = frozenset({"message", "conversation", "delivery", "post", "callback", "survey"})
"""Kinds that concern integrations; presence, drafts and notifications are the console's own."""

STREAM_DESCRIPTION: dict[str, Any] = {
    "get": {
        "summary": "Events as they are committed, by server-sent events",
        "operationId": "getStream",
        "description": (
            "Needs a token that grants `stream`. Each event has its place as `id`, its kind as `event` "
            "(message, conversation, delivery, post, callback, survey) and ids as JSON `data`. Reconnect with "
            "Last-Event-ID (or `after`); events come at least once and in order of their places. `reset` says that the "
            "place is older than what is kept: read the present state through the API, then go on."
        ),
        "parameters": [
            {"name": "after", "in": "query", "required": False, "schema": {"type": "integer"}},
            {"name": "Last-Event-ID", "in": "header", "required": False, "schema": {"type": "integer"}},
        ],
        "responses": {"200": {"description": "An endless stream.", "content": {"text/event-stream": {}}}},
    }
}


class Told(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One event as an integration gets it."""

    place: str
    at: str
    kind: str
    office: str | None = None
    queue: str | None = None
    queue_before: str | None = None
    conversation: str | None = None
    message: str | None = None
    actor: str | None = None
    version: int | None = None


def told(event: Event) -> Told:
    """Ids as strings, the time in RFC 3339."""
    text = {name: _text(getattr(event, name)) for name in ("conversation", "message", "actor")}
    return Told(
        place=str(event.place),
        at=machine(event.at),
        kind=event.kind,
        office=event.office,
        queue=event.queue,
        queue_before=event.queue_before,
        version=event.version,
        **text,
    )


def _text(number: int | None) -> str | None:
    return None if number is None else str(number)


async def stream(request: web.Request) -> web.StreamResponse:
    """The endless answer."""
    after = place_of(request)
    if after is None and (request.query.get("after") or request.headers.get("Last-Event-ID")):
        raise Unacceptable("the place to go on from is a whole number")
    return await endless(request, partial(_send, request, after))


async def _send(request: web.Request, after: int | None, response: web.StreamResponse) -> None:
    turn = asyncio.Lock()

    async def write(text: str) -> None:
        async with turn, asyncio.timeout(WRITE_SECONDS):
            await response.write(text.encode())

    async def beats() -> None:
        while True:
            await desk_of(request).clock.sleep(BEAT)
            if await bearer_of(request, "stream") is None:
                raise ConnectionAbortedError("the token was revoked")
            await write(": alive\n\n")

    async def events() -> None:
        audience, scope = request.app[AUDIENCE], request[BEARER].scope
        await write("retry: 2000\n\n")
        async for batch in desk_of(request).stream.follow(after):
            if isinstance(batch, Reset):
                await write(f"id: {batch.place}\nevent: reset\ndata: {{}}\n\n")
                continue
            standings = await audience.of(batch)
            heard = [event for event in batch if event.kind in KINDS and hears(scope, event, standings)]
            if heard:
                await write("".join(_block(event) for event in heard))

    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(beats())
            group.create_task(events())
    except* (ConnectionError, TimeoutError):
        pass  # the reader comes back with the last place it saw


def _block(event: Event) -> str:
    return f"id: {event.place}\nevent: {event.kind}\ndata: {msgspec.json.encode(told(event)).decode()}\n\n"


ROUTES = [web.get("/api/v1/stream", guarded("stream", stream))]
