"""How one call of the API is served: its token, its parameters and body, its effect once per key, its errors.

Each module of calls lists its :class:`Endpoint` values; routes, checks of rights and the description are made from
them. Calls that change something take an ``Idempotency-Key``.
"""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

import msgspec
from aiohttp import web

from connectors._failpoint import failpoint
from hub.desk import reply as replies
from hub.house import House
from hub.i18n import mark as N_
from hub.idempotency import LONGEST_KEY, KeyReused, KeyRunning, once, request_hash
from hub.people.tokens import Bearer, Grant, find_bearer
from hub.ruleset import Clashes, Refused
from hub.scope import Conflict, Denied, NotFound, Scope
from hub.store.tx import Reader, Tx
from hub.web.api import types as t
from hub.web.desk import Desk, desk_of, number_of
from hub.web.forms import Unacceptable, convert, read_json
from hub.web.guard import explained
from hub.web.render import refusal, text

BEARER = web.RequestKey("bearer", Bearer)


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """What a change gets besides its body: ``id`` under which the same call is known again, the revision of
    ``If-Match``, and what was ``prepared`` before the transaction."""

    id: str
    match: int | None = None
    prepared: Any = None


Later = Callable[[], t.Answer]
"""The rest of a long answer, which needs no store: it is made in a thread."""

Read = Callable[[Reader, House, Scope, int, Any], t.Answer | Later]
"""Reads: the number of the path (0: none) and the query."""

Change = Callable[[Tx, House, Scope, int, Any, Call], t.Answer]
"""Changes: the number of the path, the body, the call."""

Prepare = Callable[[Desk, Scope, int, Any], Awaitable[Any]]
"""What a change needs that takes too long for a transaction."""


class Endpoint(msgspec.Struct, frozen=True, kw_only=True):
    """One call. ``read`` or ``change`` carries it out. ``largest``: most bytes of its body, where the usual are too
    few. ``etag`` gives the revision that ``If-Match`` of a later change names."""

    method: str
    path: str
    summary: str
    grant: Grant
    answer: type[t.Answer]
    query: type[t.Request] | None = None
    body: type[t.Request] | None = None
    read: Read | None = None
    change: Change | None = None
    prepare: Prepare | None = None
    largest: int = 0
    etag: Callable[[Any], int] | None = None


Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

NO_TOKEN = N_("Send a valid token: Authorization: Bearer …")
REUSED = N_("This Idempotency-Key was used for another request.")
RUNNING = N_("The first call with this Idempotency-Key has not finished yet.")
NO_KEY = N_("Send an Idempotency-Key of 1 to 200 characters.")


async def bearer_of(request: web.Request, grant: Grant) -> Bearer | None:
    """Who calls; None without a valid token. Raises Denied when the token does not grant this."""
    kind, _, token = request.headers.get("Authorization", "").partition(" ")
    if not hmac.compare_digest(kind.lower().encode(), b"bearer") or not token:
        return None
    desk = desk_of(request)
    directory = desk.house().directory
    bearer = await desk.store.read(lambda tx: find_bearer(tx, directory, token.strip()))
    if bearer is not None and grant not in bearer.grants:
        raise Denied(grant)
    return bearer


def guarded(grant: Grant, handler: Handler) -> Handler:
    """``handler`` behind a token that grants it; ``request[BEARER]`` is who calls."""

    async def checked(request: web.Request) -> web.StreamResponse:
        bearer = await bearer_of(request, grant)
        if bearer is None:
            refused = explained(request, 401, text(request, NO_TOKEN))
            refused.headers["WWW-Authenticate"] = "Bearer"
            return refused
        request[BEARER] = bearer
        return await handler(request)

    return checked


def routes(endpoints: Iterable[Endpoint]) -> list[web.RouteDef]:
    """The routes of some calls."""
    return [
        web.route(e.method, e.path, guarded(e.grant, _reading(e) if e.read is not None else _changing(e)))
        for e in endpoints
    ]


def _number(request: web.Request) -> int:
    return number_of(request) if "id" in request.match_info else 0


def _answered(endpoint: Endpoint, answer: t.Answer) -> web.Response:
    headers = {"ETag": f'"{endpoint.etag(answer)}"'} if endpoint.etag is not None else {}
    body = msgspec.json.encode(answer)
    return web.Response(body=body, content_type="application/json", headers=headers)


def _reading(endpoint: Endpoint) -> Handler:
    async def handle(request: web.Request) -> web.StreamResponse:
        desk, scope, read = desk_of(request), request[BEARER].scope, endpoint.read
        if endpoint.query is None and request.query:
            raise Unacceptable("this call takes no parameters")
        query = convert(request.query, endpoint.query) if endpoint.query else None
        number, house = _number(request), desk.house()
        if read is None:
            raise NotFound("call")
        found = await desk.store.read(lambda tx: read(tx, house, scope, number, query))
        answer = found if isinstance(found, t.Answer) else await asyncio.to_thread(found)
        return _answered(endpoint, answer)

    return handle


def _changing(endpoint: Endpoint) -> Handler:
    running: set[tuple[int, str]] = set()

    async def handle(request: web.Request) -> web.StreamResponse:
        bearer, key = request[BEARER], request.headers.get("Idempotency-Key", "")
        if not 1 <= len(key) <= LONGEST_KEY:
            return explained(request, 400, text(request, NO_KEY))
        if (bearer.token, key) in running:
            return explained(request, 409, text(request, RUNNING))
        running.add((bearer.token, key))
        try:
            return await _change(request, endpoint, bearer, key)
        except (replies.Stale, Clashes, Refused) as conflict:
            return _told(request, conflict)
        except KeyReused:
            return explained(request, 422, text(request, REUSED))
        except KeyRunning:
            return explained(request, 409, text(request, RUNNING))
        finally:
            running.discard((bearer.token, key))

    return handle


async def _change(request: web.Request, endpoint: Endpoint, bearer: Bearer, key: str) -> web.Response:
    if endpoint.body is None or endpoint.change is None:
        raise NotFound("call")
    if endpoint.largest:
        request = request.clone(client_max_size=endpoint.largest)
    body, change = await read_json(request, endpoint.body), endpoint.change
    desk, number, match = desk_of(request), _number(request), _match(request)
    house = desk.house()
    same = request_hash(request.path.encode(), await request.read())
    prepared = None
    if endpoint.prepare is not None:
        prepared = await endpoint.prepare(desk, bearer.scope, number, body)
    call = Call(id=f"api:{bearer.token}:{key}", match=match, prepared=prepared)

    def work(tx: Tx) -> str:
        return msgspec.json.encode(change(tx, house, bearer.scope, number, body, call)).decode()

    failpoint("api.change.before")
    answer, again = await desk.store.write(lambda tx: once(tx, f"token:{bearer.token}", key, same, work))
    failpoint("api.change.after")
    headers = {"Idempotent-Replay": "true"} if again else {}
    return web.Response(text=answer, content_type="application/json", headers=headers)


def _match(request: web.Request) -> int | None:
    """The revision in ``If-Match``. Raises Unacceptable for what is none of ours."""
    stated = request.headers.get("If-Match", "").strip().removeprefix("W/").strip('"')
    if not stated or stated == "*":
        return None
    if not (stated.isascii() and stated.isdigit() and len(stated) < 16):
        raise Unacceptable("If-Match is not the ETag of an answer")
    return int(stated)


def _told(request: web.Request, conflict: Conflict) -> web.Response:
    """A conflict that says more than a sentence (RFC 9457)."""
    problem = t.Problem(
        type="about:blank",
        title="Conflict",
        status=409,
        detail=refusal(request, conflict),
        unseen=list(conflict.numbers) if isinstance(conflict, replies.Stale) else [],
        findings=t.findings_of(conflict.proof) if isinstance(conflict, Refused) else [],
        clashes=t.clashes_of(conflict.clashes) if isinstance(conflict, Clashes) else [],
    )
    return web.Response(
        body=msgspec.json.encode(problem), status=409, content_type="application/problem+json"
    )
