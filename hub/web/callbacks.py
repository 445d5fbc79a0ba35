"""Callbacks: the call offered to me with its buttons, what is due, what comes, and one call with its history.

Dialling is by hand, so every state is a button of a plain form. ``callbacks.js`` only keeps the page fresh and notes
that a number was dialled when its link is clicked.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec
from aiohttp import web
from babel.dates import format_date
from sqlalchemy import Row

from connectors._phone import shown
from connectors.contract import Micros
from hub import calendar
from hub.callbacks import calls, lists, schedule, service
from hub.callbacks.texts import ATTEMPT_OUTCOMES, OUTCOMES, STATE_NAMES
from hub.desk import topics
from hub.house import House
from hub.i18n import mark as N_
from hub.scope import Conflict, Scope
from hub.store.tx import Reader, Tx
from hub.web.desk import desk_of, number_of, scope_of
from hub.web.forms import Form, read_form, read_query
from hub.web.render import is_fragment, language_of, own, redirect, refusal, render, wants_json
from hub.web.words import moment

HERE = "/callbacks"
SECOND = 1_000_000
LATEST = 1 << 33
"""Seconds since 1970 beyond which nothing is a time of a list: the year 2242."""

Deed = Callable[..., Row[Any]]

DEEDS: Mapping[str, tuple[Deed, str]] = {
    "take": (calls.take, N_("The call is yours. Dial the number.")),
    "dial": (calls.dial, N_("Dialling.")),
    "answer": (calls.answer, N_("The person answered.")),
    "hang-up": (calls.hang_up, N_("The call has ended. Note what came of it.")),
    "release": (calls.release, N_("The call was given back to the queue.")),
    "no-answer": (calls.no_answer, N_("Noted: nobody answered. The person is told if we can write to them.")),
    "wrong-number": (calls.wrong_number, N_("Noted: the number is wrong.")),
    "cancel": (service.cancel, N_("The call was cancelled. The person is told if we can write to them.")),
}
"""What a button does, and what is said afterwards."""


class Asked(Form, frozen=True, kw_only=True):
    """``queue`` narrows the lists."""

    queue: str | None = None


class Day(msgspec.Struct, frozen=True, kw_only=True):
    """Free times of one day as choices of a list."""

    first: Micros
    times: tuple[Micros, ...]


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """What the board shows."""

    board: lists.Board
    attempts: tuple[lists.Attempt, ...]
    topics: tuple[str, ...]


def day_of(at: Micros, language: str, zone: str) -> str:
    """A day in words: ``czwartek, 12 listopada``."""
    return str(format_date(moment(at, zone), "EEEE, d MMMM", locale=language))


async def board(request: web.Request) -> web.StreamResponse:
    """The page, or for ``callbacks.js`` its inner part."""
    desk, scope, asked = desk_of(request), scope_of(request), read_query(request, Asked)
    house = desk.house()

    def query(tx: Reader) -> Seen:
        found = lists.board(tx, house, scope, asked.queue)
        mine = found.mine
        tried = lists.history(tx, scope, mine.id) if mine else ()
        return Seen(board=found, attempts=tried, topics=_topics(tx, scope) if mine else ())

    seen = await desk.store.read(query)
    template = "callbacks/parts.html" if is_fragment(request) else "callbacks/board.html"
    return render(
        request, template, **_shared(request, house), seen=seen, asked=asked, queues=_queues(house, request)
    )


async def one(request: web.Request) -> web.StreamResponse:
    """One call: its history, and moving or cancelling it."""
    return await _one(request)


async def _one(
    request: web.Request, *, kept: Finished | None = None, error: str = "", status: int = 200
) -> web.Response:
    """The page of a call; where a form was refused with the reason and with what somebody had written down."""
    desk, scope, number = desk_of(request), scope_of(request), number_of(request)
    house = desk.house()

    def query(tx: Reader) -> tuple[lists.Call, tuple[lists.Attempt, ...], tuple[str, ...]]:
        return lists.one(tx, scope, number), lists.history(tx, scope, number), _topics(tx, scope)

    call, attempts, used = await desk.store.read(query)
    return render(
        request,
        "callbacks/one.html",
        status=status,
        kept=kept,
        error=error,
        **_shared(request, house),
        call=call,
        attempts=attempts,
        topics=used,
        days=_days(house, call, desk.clock.now()),
    )


def _topics(tx: Reader, scope: Scope) -> tuple[str, ...]:
    """Topics used last, without their outcomes."""
    found = (topics.read(used)[0] for used in topics.used(tx, scope))
    return tuple(dict.fromkeys(topic for topic in found if topic))


def _shared(request: web.Request, house: House) -> dict[str, Any]:
    return {
        "states": STATE_NAMES,
        "outcomes": OUTCOMES,
        "attempt_outcomes": ATTEMPT_OUTCOMES,
        "shown": shown,
        "tries": house.directory.config.desk.callback_attempts,
        "day_name": lambda at, office: day_of(at, language_of(request), house.directory.zone(office)),
        "time_name": lambda at, office: f"{calendar.at_wall_clock(house.directory.zone(office), at):%H:%M}",
    }


def _queues(house: House, request: web.Request) -> list[str]:
    """Queues to choose from: the person's own, for a supervisor all that take calls."""
    scope = scope_of(request)
    if scope.queues:
        return [queue for queue in scope.queues if queue in house.directory.queues]
    return [queue.id for queue in house.directory.queues.values() if not (queue.moderation or queue.spam)]


def _days(house: House, call: lists.Call, now: Micros) -> list[Day]:
    """Times to which a call can be moved, by day."""
    cal = calendar.calendar(house.directory, call.office, call.queue)
    grouped: dict[str, list[Micros]] = {}
    for at in schedule.slots(house.directory.config.desk, cal, now):
        grouped.setdefault(calendar.local(cal, at).date.isoformat(), []).append(at)
    return [Day(first=times[0], times=tuple(times)) for times in grouped.values()]


# --- deeds -------------------------------------------------------------------------------------------------------


class Pressed(Form, frozen=True, kw_only=True):
    """``version``: the state of the call that the button stood beside; ``next``: where to go back to."""

    version: int
    next: str = HERE


async def pressed(request: web.Request) -> web.StreamResponse:
    """One of the buttons without further words."""
    act, said = DEEDS[request.match_info["deed"]]
    form = await read_form(request, Pressed)
    return await _do(request, act, said, form.next, version=form.version)


class Finished(Form, frozen=True, kw_only=True):
    """Topic and outcome are those of the conversation as well."""

    version: int
    outcome: str = ""
    topic: str = ""
    note: str = ""
    next: str = HERE


async def finished(request: web.Request) -> web.StreamResponse:
    """The call is done."""
    form = await read_form(request, Finished)
    said = N_("The call is done.")
    more = {"outcome": form.outcome, "topic": form.topic, "note": form.note}
    try:
        return await _do(request, calls.finish, said, form.next, version=form.version, **more)
    except Conflict as refused:
        return await _one(request, kept=form, error=refusal(request, refused), status=409)


class Moved(Form, frozen=True, kw_only=True):
    """``time`` in seconds since 1970; empty: as soon as possible."""

    version: int
    time: int | None = None
    next: str = HERE


async def moved(request: web.Request) -> web.StreamResponse:
    """Another time; the citizen is told."""
    form = await read_form(request, Moved)
    if form.time is not None and not 0 < form.time < LATEST:
        raise Conflict(N_("Choose one of the times of the list."))
    at = None if form.time is None else Micros(form.time * SECOND)
    said = N_("The call was moved. The person is told if we can write to them.")
    return await _do(request, service.move, said, form.next, version=form.version, at=at)


async def _do(request: web.Request, act: Deed, said: str, back: str, **more: Any) -> web.StreamResponse:
    desk, scope, number = desk_of(request), scope_of(request), number_of(request)
    house = desk.house()

    def command(tx: Tx) -> None:
        act(tx, house, scope, number, **more)

    await desk.store.write(command)
    if wants_json(request):
        return web.Response(status=204)
    return redirect(request, own(back, HERE), said)


ROUTES = [
    web.get(HERE, board),
    web.get(HERE + r"/{id:\d+}", one),
    web.post(HERE + r"/{id:\d+}/finish", finished),
    web.post(HERE + r"/{id:\d+}/move", moved),
    web.post(HERE + rf"/{{id:\d+}}/{{deed:{'|'.join(DEEDS)}}}", pressed),
]
