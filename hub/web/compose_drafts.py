"""Drafts of the composer: kept by revision while somebody writes, read back, thrown away."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from connectors.contract import Recipient
from hub.desk import drafts
from hub.desk.addresses import BadAddress, read_addresses
from hub.desk.drafts import Kind, Newer
from hub.desk.row import seen
from hub.i18n import mark as N_
from hub.store.tx import Reader, Tx
from hub.web.compose_files import file_json
from hub.web.desk import desk_of, number_of, scope_of
from hub.web.forms import Form, read_json
from hub.web.render import redirect, refusal, wants_json


class DraftBody(Form, frozen=True, kw_only=True):
    """What the composer keeps on the server while somebody writes; ``inbox`` and ``queue`` of a new conversation."""

    kind: Kind
    revision: int
    text: str
    conversation: int | None = None
    id: int | None = None
    subject: str = ""
    to: str = ""
    cc: str = ""
    bcc: str = ""
    inbox: str | None = None
    queue: str | None = None
    based_on: int = 0


def _read_lines(body: DraftBody) -> tuple[list[Recipient], dict[str, str]]:
    """The recipients of a draft, and the lines that cannot be read yet: sending reads them anew."""
    recipients: list[Recipient] = []
    half_typed: dict[str, str] = {}
    for role, line in zip(drafts.ROLES, (body.to, body.cc, body.bcc), strict=True):
        try:
            recipients += read_addresses(line, role)
        except BadAddress:
            half_typed[role] = line
    return recipients, half_typed


async def save_draft(request: web.Request) -> web.StreamResponse:
    """Keep a draft. 409 with the stored text when another window saved meanwhile."""
    desk, scope, body = desk_of(request), scope_of(request), await read_json(request, DraftBody)
    recipients, half_typed = _read_lines(body)

    def command(tx: Tx) -> drafts.Stored:
        return drafts.save_draft(
            tx,
            scope,
            conversation=body.conversation,
            kind=body.kind,
            revision=body.revision,
            text=body.text,
            subject=body.subject,
            recipients=recipients,
            half_typed=half_typed,
            inbox=body.inbox,
            queue=body.queue,
            based_on=body.based_on,
            draft_id=body.id,
        )

    try:
        stored = await desk.store.write(command)
    except Newer as newer:
        problem = {"status": 409, "detail": refusal(request, newer)}
        return web.json_response({**problem, "text": newer.text, "revision": newer.revision}, status=409)
    return web.json_response({"id": str(stored.id), "revision": stored.revision})


async def read_draft(request: web.Request) -> web.StreamResponse:
    """The actor's drafts in a conversation, as they are stored."""
    desk, scope, number = desk_of(request), scope_of(request), number_of(request)

    def query(tx: Reader) -> dict[str, Any]:
        seen(tx, scope, number)
        own = drafts.drafts_of(tx, scope, number)
        return {kind: _draft_json(tx, row) for kind, row in own.items()}

    return web.json_response(await desk.store.read(query))


def _draft_json(tx: Reader, row: Any) -> dict[str, Any]:
    return {
        "id": str(row.id),
        "revision": row.revision,
        "text": row.text,
        "subject": row.subject,
        "based_on": row.based_on,
        **drafts.lines_of(row),
        "files": [file_json(file) for file in drafts.files(tx, row.id)],
    }


async def discard(request: web.Request) -> web.StreamResponse:
    """Throw an own draft away."""
    desk, scope, number = desk_of(request), scope_of(request), number_of(request)
    await desk.store.write(lambda tx: drafts.discard(tx, scope, number))
    if wants_json(request):
        return web.json_response({})
    return redirect(request, "/inbox/drafts", N_("Discarded."))


ROUTES = [
    web.get("/conversations/{id}/drafts", read_draft),
    web.post("/drafts", save_draft),
    web.post("/drafts/{id}/discard", discard),
]
