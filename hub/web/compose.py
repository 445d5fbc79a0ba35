"""The composer's side of the server: sending, notes, forwarding, new conversations, canned texts."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from connectors.contract import Recipient
from hub.desk import beside, canned, drafts, notes, outward, reply, topics
from hub.desk.addresses import BadAddress, Role, read_addresses
from hub.desk.outward import Letter
from hub.desk.repeats import TakenBefore
from hub.desk.reply import After, Draft, Stale
from hub.desk.row import seen
from hub.house import House
from hub.i18n import mark as N_
from hub.people.preferences import Preferences
from hub.scope import Scope
from hub.store.tx import Reader, Tx
from hub.web.desk import desk_of, number_of, scope_of, signed_of
from hub.web.forms import Form, Unacceptable, read_form, read_query
from hub.web.guard import explained
from hub.web.inbox import undo_path
from hub.web.render import conversation_path, redirect, refusal, render, text, wants_json

SENT = N_("Sent. You can take it back for {seconds} s.")
SENT_AT_ONCE = N_("Sent.")
NOTED = N_("Note added.")
BLIND = N_("Note added. {names} cannot see this conversation and was not told.")


def undo_seconds(house: House, preferences: Preferences) -> float:
    """How long this person can take a message back."""
    own = preferences.undo_seconds
    return house.directory.config.outbox.undo_seconds if own is None else own


def typed_recipients(to: str, cc: str, bcc: str) -> tuple[Recipient, ...]:
    """The three lines of the composer. Raises BadAddress."""
    lines: tuple[tuple[str, Role], ...] = ((to, "to"), (cc, "cc"), (bcc, "bcc"))
    return tuple(found for line, role in lines for found in read_addresses(line, role))


def _refused(request: web.Request, error: BadAddress | Stale | TakenBefore) -> web.Response:
    """Why nothing was sent, with what the composer needs to go on: the field of an unclear address, the numbers of the
    messages that came in meanwhile, or that what it sends next is another message."""
    match error:
        case BadAddress():
            return _problem(request, 422, text(request, error.msgid, **error.details), field="recipients")
        case Stale():
            return _problem(request, 409, refusal(request, error), new=error.numbers)
        case TakenBefore():
            return _problem(request, 409, refusal(request, error), again=True)


def _problem(request: web.Request, status: int, detail: str, **more: object) -> web.Response:
    if not wants_json(request):
        return explained(request, status, detail)
    body = {"type": "about:blank", "title": detail, "status": status, "detail": detail, **more}
    return web.json_response(body, status=status, content_type="application/problem+json")


# --- sending ---------------------------------------------------------------------------------------------------


class ReplyForm(Form, frozen=True, kw_only=True):
    """The composer as a form; it works without a script too. ``way``: see :attr:`hub.desk.ways.Way.key`.

    ``parameters`` has a value on each line, ``choices`` labels with ``|`` between them.
    """

    text: str = ""
    client_id: str
    based_on: int
    to: str = ""
    cc: str = ""
    bcc: str = ""
    subject: str = ""
    way: str = ""
    template: str = ""
    parameters: str = ""
    choices: str = ""
    draft: int | None = None
    after: After = "open"
    topic: str = ""


async def send_reply(request: web.Request) -> web.StreamResponse:
    """Send a reply, once, unless something new came in."""
    desk, scope, number = desk_of(request), scope_of(request), number_of(request)
    form, house = await read_form(request, ReplyForm), desk.house()
    seconds = undo_seconds(house, signed_of(request).preferences)
    topic, outcome = topics.read(form.topic)
    identity, _, inbox = form.way.partition("/")
    try:
        draft = Draft(
            text=form.text,
            client_id=_client_id(form.client_id),
            based_on=form.based_on,
            recipients=typed_recipients(form.to, form.cc, form.bcc),
            subject=form.subject,
            identity=int(identity) if identity.isdecimal() else None,
            inbox=inbox or None,
            template=form.template,
            parameters=tuple(form.parameters.splitlines()) if form.template else (),
            choices=tuple(label for part in form.choices.split("|") if (label := part.strip())),
            draft=form.draft,
            after=form.after,
            topic=topic,
            outcome=outcome,
            undo_seconds=seconds,
        )
        sent = await desk.store.write(lambda tx: reply.reply(tx, house, scope, number, draft))
    except (BadAddress, Stale, TakenBefore) as error:
        return _refused(request, error)
    return _sent(request, number, sent, seconds)


def _client_id(given: str) -> str:
    if not 8 <= len(given) <= 64 or not given.isascii() or not given.replace("-", "").isalnum():
        raise Unacceptable("client_id: 8 to 64 letters, digits and hyphens")
    return given


def _sent(request: web.Request, number: int, sent: reply.Replied, seconds: float) -> web.StreamResponse:
    seconds = seconds if sent.undo is not None else 0.0
    msgid = SENT if seconds > 0 else SENT_AT_ONCE
    undo = undo_path(sent.undo) if seconds > 0 else ""
    said = text(request, msgid, seconds=f"{seconds:g}")
    if not wants_json(request):
        return redirect(request, conversation_path(number), msgid, undo=undo, seconds=f"{seconds:g}")
    body = {"message": str(sent.message), "number": sent.number, "said": said, "undo": undo or None}
    return web.json_response({**body, "seconds": seconds, "conversation": str(number)})


class NoteForm(Form, frozen=True, kw_only=True):
    text: str
    client_id: str
    draft: int | None = None


async def add_note(request: web.Request) -> web.StreamResponse:
    """Add a private note."""
    desk, scope, number = desk_of(request), scope_of(request), number_of(request)
    form, house = await read_form(request, NoteForm), desk.house()
    client_id = _client_id(form.client_id)

    def command(tx: Tx) -> notes.Noted:
        noted = notes.add_note(tx, house, scope, number, form.text, client_id=client_id)
        if form.draft is not None:
            drafts.discard(tx, scope, form.draft)
        return noted

    try:
        noted = await desk.store.write(command)
    except TakenBefore as error:
        return _refused(request, error)
    msgid, names = BLIND if noted.blind else NOTED, ", ".join(noted.blind)
    if not wants_json(request):
        return redirect(request, conversation_path(number), msgid, names=names)
    said = text(request, msgid, names=names)
    return web.json_response({"message": str(noted.id), "number": noted.number, "said": said, "undo": None})


class ForwardForm(Form, frozen=True, kw_only=True):
    text: str = ""
    client_id: str
    to: str
    cc: str = ""
    subject: str = ""
    files: bool = False


async def forward(request: web.Request) -> web.StreamResponse:
    """Send a message on to an outside address."""
    desk, scope, number = desk_of(request), scope_of(request), number_of(request)
    form, house = await read_form(request, ForwardForm), desk.house()
    seconds = undo_seconds(house, signed_of(request).preferences)
    try:
        letter = Letter(
            text=form.text,
            client_id=_client_id(form.client_id),
            recipients=typed_recipients(form.to, form.cc, ""),
            subject=form.subject,
            undo_seconds=seconds,
        )

        def command(tx: Tx) -> tuple[int, reply.Replied]:
            sent = outward.forward(tx, house, scope, number, letter, files=form.files)
            return outward.conversation_of(tx, number), sent

        conversation, sent = await desk.store.write(command)
    except (BadAddress, TakenBefore) as error:
        return _refused(request, error)
    return _sent(request, conversation, sent, seconds)


class NewForm(Form, frozen=True, kw_only=True):
    inbox: str
    to: str
    text: str
    subject: str
    client_id: str
    cc: str = ""
    bcc: str = ""
    queue: str | None = None
    draft: int | None = None


class NewAsked(Form, frozen=True, kw_only=True):
    to: str = ""
    draft: int | None = None


async def new_page(request: web.Request) -> web.StreamResponse:
    """The page on which a conversation is started, or a draft of one is gone on with."""
    desk, scope, asked = desk_of(request), scope_of(request), read_query(request, NewAsked)
    house = desk.house()

    def query(tx: Reader) -> tuple[Any, Any]:
        if asked.draft is None:
            return None, ()
        kept = drafts.own_draft(tx, scope, asked.draft)
        return kept, drafts.files(tx, kept.id)

    kept, files = await desk.store.read(query)
    lines = drafts.lines_of(kept) if kept else {}
    return render(
        request,
        "inbox/new.html",
        inboxes=[house.directory.inboxes[inbox] for inbox in outward.starting_inboxes(house, scope)],
        queues=[q for q in house.directory.queues.values() if q.id in scope.queues and not q.moderation],
        client_id=desk.entropy(16).hex(),
        kept=kept,
        files=files,
        to=lines.get("to") or asked.to[:254],
        cc=lines.get("cc", ""),
        bcc=lines.get("bcc", ""),
    )


async def start(request: web.Request) -> web.StreamResponse:
    """Start a conversation and go there."""
    desk, scope = desk_of(request), scope_of(request)
    form, house = await read_form(request, NewForm), desk.house()
    seconds = undo_seconds(house, signed_of(request).preferences)
    try:
        letter = Letter(
            text=form.text,
            client_id=_client_id(form.client_id),
            recipients=typed_recipients(form.to, form.cc, form.bcc),
            subject=form.subject,
            draft=form.draft,
            undo_seconds=seconds,
        )

        def command(tx: Tx) -> tuple[int, reply.Replied]:
            sent = outward.start(tx, house, scope, form.inbox, letter, form.queue)
            return outward.conversation_of(tx, sent.message), sent

        conversation, sent = await desk.store.write(command)
    except (BadAddress, TakenBefore) as error:
        return _refused(request, error)
    return _sent(request, conversation, sent, seconds)


# --- canned texts ----------------------------------------------------------------------------------------------


class Words(Form, frozen=True, kw_only=True):
    q: str = ""


async def find_texts(request: web.Request) -> web.StreamResponse:
    """Canned texts that fit what was typed after the slash, with the placeholders filled."""
    desk, scope, number = desk_of(request), scope_of(request), number_of(request)
    asked, house = read_query(request, Words), desk.house()

    def query(tx: Reader) -> list[dict[str, str]]:
        row = seen(tx, scope, number)
        found = canned.find(tx, scope, asked.q[:60], row.office, row.language)
        values = _values(tx, house, scope, row)
        return [
            {"shortcut": t.shortcut, "title": t.title, "text": canned.filled(t.text, **values)} for t in found
        ]

    return web.json_response({"texts": await desk.store.read(query)})


def _values(tx: Reader, house: House, scope: Scope, row: Any) -> dict[str, str]:
    person = beside.person(tx, scope, row.id).contact
    office = house.directory.offices.get(row.office)
    return {
        "name": person.name if person else "",
        "number": row.reference,
        "agent": scope.name,
        "office": office.name if office else "",
    }


ROUTES = [
    web.post("/conversations/{id}/reply", send_reply),
    web.post("/conversations/{id}/notes", add_note),
    web.get("/conversations/{id}/texts", find_texts),
    web.post("/messages/{id}/forward", forward),
    web.get("/new", new_page),
    web.post("/new", start),
]
