"""A conversation on the screen: its page, the parts that live news refresh, its files, its originals."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from aiohttp import web
from sqlalchemy import Row

from connectors.contract import Micros, Recipient
from hub.calendar import at_wall_clock, calendar, next_working_day, wall_moment
from hub.callbacks.lists import Call, about_calls
from hub.callbacks.texts import STATE_NAMES
from hub.chats.desk import Visitor, visitor_of
from hub.desk import actions, beside, contacts, drafts, topics, view, ways
from hub.desk.addresses import show_addresses
from hub.desk.inviting import inviting
from hub.desk.lists import NAMES
from hub.desk.row import about_row
from hub.house import House
from hub.i18n import mark as N_
from hub.moderation.bench import Standing, standings
from hub.scope import NotFound, Scope
from hub.store.kept import Inquiry, inquire, learn, together
from hub.store.tx import Reader
from hub.surveys.reading import SCORE_NAMES
from hub.surveys.record import about_surveys
from hub.web import platform_words
from hub.web.call_words import CALL_WORDS
from hub.web.conversation_files import PREVIEWS, has_remote_images
from hub.web.conversation_words import (
    OUTCOME_NAMES,
    PRIORITY_BY_RANK,
    PRIORITY_NAMES,
    STATES,
    line,
)
from hub.web.desk import desk_of, number_of, scope_of
from hub.web.forms import Form, read_json, read_query
from hub.web.inbox import VOCABULARY, Where, about_listed
from hub.web.inviting import title_of
from hub.web.pages import Draw, drawing, show, shows
from hub.web.render import conversation_path, render


class SnoozeTo(msgspec.Struct, frozen=True, kw_only=True):
    """One offered end of a snooze: a msgid, its key, the office's local time (``YYYY-MM-DDTHH:MM``), the moment."""

    name: str
    key: str
    local: str
    at: Micros


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that one conversation's panes show."""

    row: Row[Any]
    stream: view.Stream
    person: beside.Person
    around: beside.Around
    tags: Sequence[str]
    calls: Sequence[Call]
    visitor: Visitor | None
    surveys: Sequence[Row[Any]]
    places: Mapping[int, Standing]
    may_snooze_to: Sequence[SnoozeTo]
    invites: Sequence[str]


class Composing(msgspec.Struct, frozen=True, kw_only=True):
    """What the composer and the dialogs of a conversation need."""

    reach: ways.Reach
    drafts: Mapping[str, Row[Any]]
    files: Mapping[str, Sequence[Row[Any]]]
    people: Sequence[Row[Any]]
    queues: Sequence[Any]
    offices: Sequence[Any]
    topics: Sequence[str]


class Place(Where, frozen=True, kw_only=True):
    """Which list the conversation was opened from, and before which message to read."""

    before: int | None = None


class _Found(msgspec.Struct, frozen=True):
    """What the first of two questions of a conversation's page finds; the second one needs it."""

    row: Row[Any]
    page: Sequence[Row[Any]]
    person: beside.Person
    around: beside.Around
    calls: Sequence[Call]
    surveys: Sequence[Row[Any]]


def _about(tx: Reader, scope: Scope, number: int, before: int | None) -> Inquiry[_Found]:
    return together(
        lambda told: _Found(*told),
        about_row(tx, scope, number),
        view.about_page(tx, number, before),
        beside.about_person(tx, scope, number),
        beside.about_around(tx, scope, number),
        about_calls(tx, scope, number),
        about_surveys(tx, number),
    )


def _about_shown(tx: Reader, house: House, found: _Found) -> Inquiry[Shown]:
    row = found.row

    def made(told: tuple[view.Stream]) -> Shown:
        [stream] = told
        return Shown(
            row=row,
            stream=stream,
            person=found.person,
            around=found.around,
            tags=msgspec.json.decode(row.tags),
            calls=found.calls,
            visitor=visitor_of(tx, house, row),
            surveys=found.surveys,
            places=_places(tx, stream.entries),
            may_snooze_to=snooze_choices(house, row.office, tx.now),
            invites=inviting(tx, house, row, [identity.kind for identity in found.person.identities]),
        )

    return together(made, view.about_stream(tx, found.page))


def read_shown(tx: Reader, house: House, scope: Scope, number: int) -> Shown:
    """The conversation with its surroundings. Raises Denied, NotFound."""
    return learn(tx, _about_shown(tx, house, learn(tx, _about(tx, scope, number, None))))


def _survivor(tx: Reader, scope: Scope, number: int, before: int | None = None) -> _Found:
    """The conversation, or the one that it was merged into. Raises Denied, NotFound."""
    try:
        found = learn(tx, _about(tx, scope, number, before))
    except NotFound:
        further = view.leads_to(tx, scope, number)
    else:
        further = found.row.merged_into and view.leads_to(tx, scope, number)
        if further is None:
            return found
    if further == number:
        raise NotFound("conversation")
    return learn(tx, _about(tx, scope, further, before))


def _places(tx: Reader, entries: Sequence[view.Entry]) -> dict[int, Standing]:
    """How comments on platforms stand there, by message; of a copy in a private conversation that of the comment."""
    posts = {e.row.id: e.data.get("from_post", e.row.id) for e in entries if e.row.channel == "comments"}
    found = standings(tx, list(posts.values()))
    return {message: found[post] for message, post in posts.items() if post in found}


def about_composing(tx: Reader, house: House, scope: Scope, row: Row[Any]) -> Inquiry[Composing]:
    """What can be done from here: ways to answer, drafts, people and queues to hand it to."""
    directory = house.directory
    lines = [q for q in directory.queues.values() if not (q.moderation or q.spam)]

    def made(told: tuple[Any, ...]) -> Composing:
        reach, (own, files), people, used = told
        return Composing(
            reach=reach,
            drafts=own,
            files=files,
            people=people,
            queues=[q for q in lines if q.office in directory.front or q.office == scope.office],
            offices=[o for o in directory.offices.values() if o.id not in directory.front],
            topics=used,
        )

    return together(
        made,
        ways.about_reach(tx, house, scope, row),
        drafts.about_drafts(tx, scope, row.id),
        actions.about_assignable(tx, house, scope, row.office),
        topics.about_used(tx, scope),
    )


SNOOZES = (
    (N_("In three hours"), "h"),
    (N_("Next working day"), "n"),
    (N_("On Monday"), "m"),
    (N_("In a week"), "w"),
)


def snooze_choices(house: House, office: str, now: Micros) -> list[SnoozeTo]:
    """The offered times; a week from now is a working day, or the first one after it."""
    cal = calendar(house.directory, office)
    time_of_day = house.directory.config.desk.snooze_until
    today = at_wall_clock(cal.zone, now).date()
    monday = today + dt.timedelta(days=7 - today.weekday())
    minute = int(time_of_day[:2]) * 60 + int(time_of_day[3:])
    moments = (
        Micros(now + 3 * 3_600_000_000),
        next_working_day(cal, now, time_of_day),
        wall_moment(cal.zone, monday, minute),
        next_working_day(cal, wall_moment(cal.zone, today + dt.timedelta(days=6), minute), time_of_day),
    )
    return [
        SnoozeTo(name=name, key=key, local=f"{at_wall_clock(cal.zone, at):%Y-%m-%dT%H:%M}", at=at)
        for (name, key), at in zip(SNOOZES, moments, strict=True)
    ]


def words(request: web.Request, house: House) -> dict[str, Any]:
    """Names of states and sentences for system lines, for the templates of a conversation."""
    scope = scope_of(request)
    zone = house.directory.zone(scope.office)

    def said(entry: view.Entry) -> str:
        return line(entry.data, entry.author, scope.language, zone, house.directory)

    return {
        **VOCABULARY,
        "line": said,
        "states": STATES,
        "call_states": STATE_NAMES,
        "outcomes": OUTCOME_NAMES,
        "statuses": actions.STATUS_NAMES,
        "priorities": PRIORITY_NAMES,
        "priority_by_rank": PRIORITY_BY_RANK,
        "topic_of": topics.shown,
        "score_names": SCORE_NAMES,
        "languages": actions.LANGUAGES,
        "list_names": NAMES,
        "previews": PREVIEWS,
        "invites_to": lambda inbox: title_of(house.channels.get(inbox, "")),
        "has_remote_images": has_remote_images,
        "recipients_of": recipients_of,
        "line_of": show_addresses,
        "half_typed": drafts.half_typed,
        **CALL_WORDS,
        **platform_words.vocabulary(house),
    }


def recipients_of(stored: str) -> list[Recipient]:
    """Recipients as a message, a delivery or a draft keeps them."""
    return msgspec.json.decode(stored, type=list[Recipient])


def page(request: web.Request, tx: Reader) -> Draw:
    """The whole console with one conversation open. One that was merged leads to its survivor."""
    desk, scope, place = desk_of(request), scope_of(request), read_query(request, Place)
    house, number = desk.house(), number_of(request)
    found = _survivor(tx, scope, number, place.before)
    if found.row.id != number:
        raise web.HTTPFound(conversation_path(found.row.id))
    shown, composing, listed = inquire(
        tx,
        _about_shown(tx, house, found),
        about_composing(tx, house, scope, found.row),
        about_listed(tx, house, scope, Where(view=place.view, queue=place.queue, after=place.after)),
    )
    return drawing(
        request,
        "inbox/conversation.html",
        shown=shown,
        composing=composing,
        listed=listed,
        current=number,
        client_id=desk.entropy(16).hex(),
        **words(request, house),
    )


class Seen(Form, frozen=True, kw_only=True):
    number: int


async def mark_read(request: web.Request) -> web.StreamResponse:
    """The page says up to which message its person has read. A GET alone changes nothing."""
    desk, scope, number = desk_of(request), scope_of(request), number_of(request)
    body = await read_json(request, Seen)
    await desk.store.write(lambda tx: view.mark_read(tx, scope, number, body.number))
    return web.json_response({})


def parts(request: web.Request, tx: Reader) -> Draw:
    """Head, stream and context as they are now, to be morphed into an open page."""
    return _parts(request, tx, number_of(request))


def _parts(request: web.Request, tx: Reader, number: int, headers: Mapping[str, str] | None = None) -> Draw:
    house = desk_of(request).house()
    shown = learn(tx, _about_shown(tx, house, _survivor(tx, scope_of(request), number)))
    return drawing(request, "inbox/parts.html", headers=headers, shown=shown, **words(request, house))


async def render_parts(
    request: web.Request, number: int, headers: Mapping[str, str] | None = None
) -> web.Response:
    """The parts of a conversation that change, each for its place in the page."""
    return await show(request, lambda tx: _parts(request, tx, number, headers))


async def print_view(request: web.Request) -> web.StreamResponse:
    """The whole conversation on paper."""
    desk, scope, number = desk_of(request), scope_of(request), number_of(request)
    house = desk.house()

    def query(tx: Reader) -> tuple[Shown, list[view.Entry]]:
        shown = read_shown(tx, house, scope, number)
        entries, earlier = list(shown.stream.entries), shown.stream.earlier
        while earlier is not None:
            more = view.stream(tx, scope, number, earlier)
            entries, earlier = [*more.entries, *entries], more.earlier
        return shown, entries

    shown, entries = await desk.store.read(query)
    return render(request, "inbox/print.html", shown=shown, entries=entries, **words(request, house))


async def person_of(request: web.Request) -> web.StreamResponse:
    """A person leads to their latest conversation that the actor may see."""
    desk, scope, number = desk_of(request), scope_of(request), number_of(request)
    found = await desk.store.read(lambda tx: contacts.latest_conversation(tx, scope, number))
    raise web.HTTPFound(conversation_path(found))


ROUTES = [
    web.get("/conversations/{id}", shows(page)),
    web.get("/conversations/{id}/parts", shows(parts)),
    web.post("/conversations/{id}/read", mark_read),
    web.get("/conversations/{id}/print", print_view),
    web.get("/contacts/{id}", person_of),
]
