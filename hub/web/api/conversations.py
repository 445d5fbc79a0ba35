"""The API of integrations, conversations: the desk's own services behind bearer tokens, described by
``/api/v1/openapi.json``. :mod:`hub.web.api.endpoint` serves them.
"""

from __future__ import annotations

from hub.desk import actions, lists, notes, row, transfer, view
from hub.desk import reply as replies
from hub.house import House
from hub.people.users import find_login
from hub.scope import Conflict, Scope
from hub.store.tx import Reader, Tx
from hub.web.api import types as t
from hub.web.api.endpoint import Call, Endpoint, routes
from hub.web.forms import Unacceptable

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


def _reply(tx: Tx, house: House, scope: Scope, number: int, body: t.ReplyBody, call: Call) -> t.Answer:
    if body.based_on > row.seen(tx, scope, number).messages:
        # An id of a message in its place would make the check for what is new an empty one.
        raise Unacceptable(
            "`based_on` is above the number of the last message: give its `number`, not its `id`"
        )
    draft = replies.Draft(
        text=body.text,
        client_id=call.id,
        based_on=body.based_on,
        subject=body.subject,
        after=body.after,
        topic=body.topic,
        outcome=body.outcome,
        undo_seconds=0,
    )
    done = replies.reply(tx, house, scope, number, draft)
    return t.Written(message=str(done.message), number=done.number)


def _note(tx: Tx, house: House, scope: Scope, number: int, body: t.NoteBody, call: Call) -> t.Answer:
    done = notes.add_note(tx, house, scope, number, body.text, client_id=call.id)
    return t.Written(message=str(done.id), number=done.number)


def _assign(tx: Tx, house: House, scope: Scope, number: int, body: t.AssignBody, call: Call) -> t.Answer:
    account = find_login(tx, body.login) if body.login is not None else None
    if body.login is not None and account is None:
        raise Conflict(actions.NO_AGENT)
    assignee = account.id if account is not None else None
    actions.assign(tx, house, scope, [number], assignee, version=body.version)
    return _version(tx, scope, number)


def _transfer(tx: Tx, house: House, scope: Scope, number: int, body: t.TransferBody, call: Call) -> t.Answer:
    if (body.queue is None) == (body.office is None):
        raise Unacceptable("name either a queue or an office")
    if body.queue is not None and body.queue not in house.directory.queues:
        raise Unacceptable("there is no such `queue`: give the id that it has in the configuration")
    if body.office is not None and body.office not in house.directory.offices:
        raise Unacceptable("there is no such `office`: give the id that it has in the configuration")
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


def _status(tx: Tx, house: House, scope: Scope, number: int, body: t.StatusBody, call: Call) -> t.Answer:
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

ROUTES = routes(ENDPOINTS)
