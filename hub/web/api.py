"""The API of integrations: the desk's own services behind bearer tokens, described by ``/api/v1/openapi.json``.

``ENDPOINTS`` is the one list of what there is: routes, checks of rights and the description are made from it. Calls
that change something take an ``Idempotency-Key``.
"""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from aiohttp import web

from hub.desk import actions, lists, notes, row, transfer, view
from hub.desk import reply as replies
from hub.house import House
from hub.i18n import mark as N_
from hub.idempotency import LONGEST_KEY, KeyReused, KeyRunning, once, request_hash
from hub.people.tokens import Bearer, Grant, find_bearer
from hub.people.users import find_login
from hub.scope import Conflict, Denied, NotFound, Scope
from hub.store.tx import Reader, Tx
from hub.web import api_types as t
from hub.web.desk import desk_of, number_of
from hub.web.forms import Unacceptable, convert, read_json
from hub.web.guard import explained
from hub.web.render import text

BEARER = web.RequestKey("bearer", Bearer)

Read = Callable[[Reader, House, Scope, int, Any], t.Answer]
"""Reads: the number of the path (0: none) and the query."""

Change = Callable[[Tx, House, Scope, int, Any, str], t.Answer]
"""Changes: the number of the path, the body, an id under which the same call is known again."""


class Endpoint(msgspec.Struct, frozen=True, kw_only=True):
    """One call. ``read`` or ``change`` carries it out."""

    method: str
    path: str
    summary: str
    grant: Grant
    answer: type[t.Answer]
    query: type[t.Request] | None = None
    body: type[t.Request] | None = None
    read: Read | None = None
    change: Change | None = None


# --- what it does ----------------------------------------------------------------------------------------------


def _list(tx: Reader, house: House, scope: Scope, _: int, query: t.ListQuery) -> t.Answer:
    asked = lists.Asked(view=query.view, queue=query.queue, after=query.after, size=query.limit)
    try:
        page = lists.page(tx, house, scope, asked)
    except ValueError as error:
        raise Unacceptable("`after` is not the `next` of a page") from error
    return t.Conversations(conversations=[t.conversation_of(found) for found in page.rows], next=page.next)


def _one(tx: Reader, house: House, scope: Scope, number: int, _: None) -> t.Answer:
    return t.conversation_of(row.seen(tx, scope, number))


def _messages(tx: Reader, house: House, scope: Scope, number: int, query: t.MessagesQuery) -> t.Answer:
    return t.messages_of(view.stream(tx, scope, number, query.before))


def _reply(tx: Tx, house: House, scope: Scope, number: int, body: t.ReplyBody, key: str) -> t.Answer:
    draft = replies.Draft(
        text=body.text,
        client_id=key,
        based_on=body.based_on,
        subject=body.subject,
        after=body.after,
        topic=body.topic,
        outcome=body.outcome,
        undo_seconds=0,
    )
    done = replies.reply(tx, house, scope, number, draft)
    return t.Written(message=str(done.message), number=done.number)


def _note(tx: Tx, house: House, scope: Scope, number: int, body: t.NoteBody, key: str) -> t.Answer:
    done = notes.add_note(tx, house, scope, number, body.text, client_id=key)
    return t.Written(message=str(done.id), number=done.number)


def _assign(tx: Tx, house: House, scope: Scope, number: int, body: t.AssignBody, key: str) -> t.Answer:
    account = find_login(tx, body.login) if body.login is not None else None
    if body.login is not None and account is None:
        raise Conflict(actions.NO_AGENT)
    assignee = account.id if account is not None else None
    actions.assign(tx, house, scope, [number], assignee, version=body.version)
    return _version(tx, scope, number)


def _transfer(tx: Tx, house: House, scope: Scope, number: int, body: t.TransferBody, key: str) -> t.Answer:
    if (body.queue is None) == (body.office is None):
        raise Unacceptable("name either a queue or an office")
    transfer.transfer(
        tx,
        house,
        scope,
        [number],
        queue=body.queue,
        office=body.office,
        note=body.note,
        version=body.version,
    )
    return _version(tx, scope, number)


def _status(tx: Tx, house: House, scope: Scope, number: int, body: t.StatusBody, key: str) -> t.Answer:
    if body.status == "resolved":
        actions.resolve(tx, scope, [number], topic=body.topic, outcome=body.outcome, version=body.version)
    else:
        actions.set_status(tx, scope, [number], body.status, version=body.version)
    return _version(tx, scope, number)


def _version(tx: Tx, scope: Scope, number: int) -> t.Changed:
    """What may have left the actor's sight by the change still answers."""
    locked = tx.locked(view.conversation, number)
    return t.Changed(version=locked.version if locked is not None else 0)


ENDPOINTS = (
    Endpoint(
        method="GET",
        path="/api/v1/conversations",
        summary="Conversations of a view, page by page",
        grant="read",
        query=t.ListQuery,
        answer=t.Conversations,
        read=_list,
    ),
    Endpoint(
        method="GET",
        path="/api/v1/conversations/{id}",
        summary="One conversation",
        grant="read",
        answer=t.Conversation,
        read=_one,
    ),
    Endpoint(
        method="GET",
        path="/api/v1/conversations/{id}/messages",
        summary="Messages of a conversation, the latest first page",
        grant="read",
        query=t.MessagesQuery,
        answer=t.Messages,
        read=_messages,
    ),
    Endpoint(
        method="POST",
        path="/api/v1/conversations/{id}/reply",
        summary="Reply to the person; 409 when something new came in since `based_on`",
        grant="write",
        body=t.ReplyBody,
        answer=t.Written,
        change=_reply,
    ),
    Endpoint(
        method="POST",
        path="/api/v1/conversations/{id}/notes",
        summary="Add a note for colleagues",
        grant="write",
        body=t.NoteBody,
        answer=t.Written,
        change=_note,
    ),
    Endpoint(
        method="POST",
        path="/api/v1/conversations/{id}/assign",
        summary="Give it to somebody, or back to the queue",
        grant="write",
        body=t.AssignBody,
        answer=t.Changed,
        change=_assign,
    ),
    Endpoint(
        method="POST",
        path="/api/v1/conversations/{id}/transfer",
        summary="Hand it to another queue or office",
        grant="write",
        body=t.TransferBody,
        answer=t.Changed,
        change=_transfer,
    ),
    Endpoint(
        method="POST",
        path="/api/v1/conversations/{id}/status",
        summary="Set its status",
        grant="write",
        body=t.StatusBody,
        answer=t.Changed,
        change=_status,
    ),
)

# --- how it is called ------------------------------------------------------------------------------------------

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


def _json(answer: t.Answer, status: int = 200) -> web.Response:
    return web.Response(body=msgspec.json.encode(answer), status=status, content_type="application/json")


def _number(request: web.Request) -> int:
    return number_of(request) if "id" in request.match_info else 0


def _reading(endpoint: Endpoint) -> Handler:
    async def handle(request: web.Request) -> web.StreamResponse:
        desk, scope, read = desk_of(request), request[BEARER].scope, endpoint.read
        if endpoint.query is None and request.query:
            raise Unacceptable("this call takes no parameters")
        query = convert(request.query, endpoint.query) if endpoint.query else None
        number, house = _number(request), desk.house()
        if read is None:
            raise NotFound("call")
        return _json(await desk.store.read(lambda tx: read(tx, house, scope, number, query)))

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
        except replies.Stale as stale:
            return _stale(request, stale)
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
    body, change = await read_json(request, endpoint.body), endpoint.change
    desk, number = desk_of(request), _number(request)
    house = desk.house()
    same = request_hash(request.path.encode(), await request.read())

    def work(tx: Tx) -> str:
        client_id = f"api:{bearer.token}:{key}"
        return msgspec.json.encode(change(tx, house, bearer.scope, number, body, client_id)).decode()

    answer, again = await desk.store.write(lambda tx: once(tx, f"token:{bearer.token}", key, same, work))
    headers = {"Idempotent-Replay": "true"} if again else {}
    return web.Response(text=answer, content_type="application/json", headers=headers)


def _stale(request: web.Request, stale: replies.Stale) -> web.Response:
    problem = t.Problem(
        type="about:blank",
        title="Conflict",
        status=409,
        detail=text(request, str(stale)),
        unseen=list(stale.numbers),
    )
    answer = _json(problem, 409)
    answer.content_type = "application/problem+json"
    return answer


ROUTES = [
    web.route(e.method, e.path, guarded(e.grant, _reading(e) if e.read is not None else _changing(e)))
    for e in ENDPOINTS
]
