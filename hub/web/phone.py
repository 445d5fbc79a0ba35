"""The telephone on screen: what rings now, noting a call from anywhere, the calls that are still to be noted.

``phone.js`` opens the form over the page that one is on and shows a ringing call; without it both are pages.
"""

from __future__ import annotations

from typing import Any, Literal

from aiohttp import web

from connectors._phone import BadNumber, normalise
from hub.desk import topics
from hub.desk.contacts import identities
from hub.desk.row import seen
from hub.house import House
from hub.i18n import mark as N_
from hub.people.users import claim_extension, extension_of
from hub.phone import lists, log
from hub.phone.lists import Line, Who
from hub.scope import Conflict, Scope
from hub.store.tx import Reader
from hub.web.call_words import CALL_WORDS
from hub.web.desk import desk_of, number_of, scope_of
from hub.web.forms import Form, read_form, read_query
from hub.web.render import conversation_path, is_fragment, redirect, refusal, render, text, wants_json

Direction = Literal["in", "out"]


class Asked(Form, frozen=True, kw_only=True):
    """What the form is opened for: a call that the exchange told of, a conversation, or nothing yet. A number never
    stands in an address, which proxies write down."""

    call: int | None = None
    conversation: int | None = None


class Typed(Form, frozen=True, kw_only=True):
    """A number while it is typed."""

    number: str = ""


class Filled(Form, frozen=True, kw_only=True):
    """The form of a call; ``conversation`` 0 means a new one."""

    client_id: str
    outcome: str = ""
    call: int | None = None
    conversation: int | None = None
    number: str = ""
    name: str = ""
    direction: Direction = "in"
    topic: str = ""
    note: str = ""
    queue: str | None = None


async def now(request: web.Request) -> web.StreamResponse:
    """What rings at the person's telephone, as a part of any page."""
    desk, scope = desk_of(request), scope_of(request)
    calls = await desk.store.read(lambda tx: lists.at_my_telephone(tx, scope))
    return render(request, "phone/now.html", calls=calls, **CALL_WORDS)


async def calls_to_note(request: web.Request) -> web.StreamResponse:
    """The calls that a person had and has not noted, and the telephone at which they sit."""
    desk, scope = desk_of(request), scope_of(request)
    calls, extension = await desk.store.read(lambda tx: (lists.to_note(tx, scope), extension_of(tx, scope)))
    return render(request, "phone/calls.html", calls=calls, extension=extension, **CALL_WORDS)


class Seat(Form, frozen=True, kw_only=True):
    extension: str = ""


async def sit_down(request: web.Request) -> web.StreamResponse:
    """Say at which telephone one sits."""
    desk, scope, form = desk_of(request), scope_of(request), await read_form(request, Seat)
    await desk.store.write(lambda tx: claim_extension(tx, scope, form.extension))
    said = (
        N_("Calls at this telephone are yours now.")
        if form.extension.strip()
        else N_("You have no telephone now.")
    )
    return redirect(request, "/phone", said)


def _known(tx: Reader, scope: Scope, asked: Asked, typed: str = "") -> tuple[Line | None, str, Who]:
    """The call, the number and the person that the form begins with."""
    if asked.call is not None:
        line = lists.one(tx, scope, asked.call)
        row = seen(tx, scope, line.conversation)
        return line, line.number, lists.of_contact(tx, scope, row.contact)
    if asked.conversation is not None:
        row = seen(tx, scope, asked.conversation)
        phones = [found.address for found in identities(tx, row.contact) if found.kind == "phone"]
        return None, typed or next(iter(phones), ""), lists.of_contact(tx, scope, row.contact)
    return None, typed, _who(tx, scope, typed)


def _who(tx: Reader, scope: Scope, typed: str) -> Who:
    try:
        return lists.who(tx, scope, normalise(typed))
    except BadNumber:
        return Who()


async def form(request: web.Request) -> web.StreamResponse:
    """The form of a call: as a page, or for ``phone.js`` alone."""
    desk, scope, asked = desk_of(request), scope_of(request), read_query(request, Asked)
    house = desk.house()

    def query(tx: Reader) -> tuple[Line | None, str, Who, list[str]]:
        return *_known(tx, scope, asked), _topics(tx, scope)

    line, number, who, used = await desk.store.read(query)
    return _form(request, house, asked=asked, line=line, number=number, who=who, topics=used)


def _form(request: web.Request, house: House, *, status: int = 200, **shown: Any) -> web.Response:
    desk, scope = desk_of(request), scope_of(request)
    template = "phone/form.html" if is_fragment(request) else "phone/log.html"
    given = {"values": {}, "error": "", "client_id": desk.entropy(16).hex(), **shown}
    return render(
        request,
        template,
        status=status,
        inbox=lists.phone_inbox(house, scope.office),
        queues=_queues(house, scope),
        **given,
        **CALL_WORDS,
    )


def _topics(tx: Reader, scope: Scope) -> list[str]:
    """Topics used last, without their outcomes."""
    found = (topics.read(used)[0] for used in topics.used(tx, scope))
    return list(dict.fromkeys(topic for topic in found if topic))


def _queues(house: House, scope: Scope) -> list[str]:
    """Queues in which a call can open a conversation: the person's own first."""
    working = [q.id for q in house.directory.queues.values() if not (q.moderation or q.spam)]
    own = [queue for queue in scope.queues if queue in working]
    near = [q for q in working if house.directory.queues[q].office == scope.office]
    return list(dict.fromkeys((*own, *near)))


async def who(request: web.Request) -> web.StreamResponse:
    """Whose number it is, while it is typed: a part of the form."""
    desk, scope, typed = desk_of(request), scope_of(request), await read_form(request, Typed)
    found = await desk.store.read(lambda tx: _who(tx, scope, typed.number))
    return render(request, "phone/who.html", who=found, asked=Asked(), line=None, typed=bool(typed.number))


async def noted(request: web.Request) -> web.StreamResponse:
    """Note the call."""
    desk, scope, filled = desk_of(request), scope_of(request), await read_form(request, Filled)
    house = desk.house()
    entry = log.Entry(
        outcome=filled.outcome,
        client_id=filled.client_id,
        call=filled.call,
        conversation=filled.conversation or None,
        number=filled.number,
        name=filled.name,
        direction=filled.direction,
        topic=filled.topic,
        note=filled.note,
        queue=filled.queue,
    )
    try:
        done = await desk.store.write(lambda tx: log.log_call(tx, house, scope, entry))
    except Conflict as refused:
        if wants_json(request):
            raise
        return await _refused(request, house, filled, refusal(request, refused))
    undo = f"/undo/{done.undo}" if done.undo is not None else ""
    path = conversation_path(done.conversation)
    if wants_json(request):
        return web.json_response({"said": text(request, SAID), "undo": undo or None, "path": path})
    return redirect(request, path, SAID, undo=undo)


SAID = N_("The call is noted.")


async def _refused(request: web.Request, house: House, filled: Filled, why: str) -> web.Response:
    """The form again, with what was filled in."""
    desk, scope = desk_of(request), scope_of(request)
    asked = Asked(call=filled.call, conversation=filled.conversation or None)

    def query(tx: Reader) -> tuple[Line | None, str, Who, list[str]]:
        return *_known(tx, scope, asked, filled.number), _topics(tx, scope)

    line, number, found, used = await desk.store.read(query)
    shown = {"asked": asked, "line": line, "number": number, "who": found, "topics": used}
    values = {"name": filled.name, "topic": filled.topic, "note": filled.note, "direction": filled.direction}
    return _form(request, house, status=409, error=why, values=values, **shown)


async def conversation_of(request: web.Request) -> web.StreamResponse:
    """A call leads to its conversation."""
    desk, scope, number = desk_of(request), scope_of(request), number_of(request)
    line = await desk.store.read(lambda tx: lists.one(tx, scope, number))
    raise web.HTTPFound(conversation_path(line.conversation))


ROUTES = [
    web.get("/phone", calls_to_note),
    web.get("/phone/now", now),
    web.get("/phone/log", form),
    web.post("/phone/log", noted),
    web.post("/phone/who", who),
    web.post("/phone/extension", sit_down),
    web.get("/phone/{id}", conversation_of),
]
