"""Live pages: one event stream for a browser, with what its person may see and nothing else.

``/live`` follows the stream of the hub from ``Last-Event-ID`` on. Its events: ``changes`` (a list of ids and kinds),
``reset`` (read the page again), ``marks`` (who looks or writes in a conversation), ``typing`` (citizens). Nothing is
buffered for a slow browser: it is behind in the stream, reads the store, and is told to read its page again when it
is too far behind.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from functools import lru_cache, partial
from typing import Any, Literal

import msgspec
from aiohttp import web

from hub.callbacks.lists import waiting as waiting_calls
from hub.desk.counts import count_lists
from hub.desk.presence import Person
from hub.desk.presence import What as Mark
from hub.i18n import translate_plural
from hub.moderation.bench import waiting_counts
from hub.people.audience import Audience, Standings, hears, read_standings, sees
from hub.people.notifications import read_about, unread_about
from hub.people.presence import browser_back, browser_gone, browser_is_missed
from hub.people.sessions import Signed, find_session
from hub.scope import allows, may_see
from hub.store.tx import Event, Reader
from hub.stream import Reset
from hub.web.desk import Desk, desk_of, scope_of, signed_of
from hub.web.forms import Form, read_json
from hub.web.guard import AT_ONCE, CROWD, LIVE, session_token
from hub.web.pages import Draw, shows
from hub.web.render import language_of
from hub.web.typing import TYPING, Typing

BEHIND = 2000
"""Events behind the head of the stream at which reading the page again is cheaper than catching up."""

TICK = 5.0
"""Seconds between looks at marks that ran out; every fourth sends a sign of life and looks at the session."""

WRITE_SECONDS = 30.0
"""Longest that one event may wait for its browser."""

MARKED = 256
"""Conversations of which one browser is told who is there."""

_json = msgspec.json.Encoder().encode


class Change(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One event as a browser gets it: ids alone."""

    kind: str
    conversation: int | None = None
    message: int | None = None
    queue: str | None = None
    queue_before: str | None = None
    actor: int | None = None
    version: int | None = None


class Attendance:
    """How many live connections each person has in this process."""

    def __init__(self) -> None:
        self._open: dict[int, int] = {}

    @contextlib.asynccontextmanager
    async def present(self, desk: Desk, user: int) -> AsyncIterator[None]:
        """While inside, the person's browser is there. The last one to go starts the wait for offline."""
        first = user not in self._open
        self._open[user] = self._open.get(user, 0) + 1
        try:
            if first and await desk.store.read(lambda tx: browser_is_missed(tx, user)):
                await desk.store.write(lambda tx: browser_back(tx, desk.house(), user))
            yield
        finally:
            self._open[user] -= 1
            if not self._open[user]:
                del self._open[user]
                await asyncio.shield(desk.store.write(lambda tx: browser_gone(tx, user)))

    @property
    def people(self) -> int:
        """How many different people have a page open."""
        return len(self._open)


ATTENDANCE = web.AppKey("attendance", Attendance)
AUDIENCE = web.AppKey("audience", Audience)


class Streams(set[asyncio.Task[None]]):
    """The open streams of an application."""

    closing = False


STREAMS = web.AppKey("streams", Streams)


class _Line:
    """The open connection of one browser: whole events, one writer at a time."""

    def __init__(self, response: web.StreamResponse) -> None:
        self._response = response
        self._turn = asyncio.Lock()
        self.place = 0

    async def send(self, event: str, data: Any, place: int | None = None) -> None:
        head = f"id: {place}\n" if place is not None else ""
        await self._write(f"{head}event: {event}\ndata: {_json(data).decode()}\n\n")

    async def beat(self) -> None:
        """A sign of life, which also moves the browser's Last-Event-ID on."""
        await self._write(f"id: {self.place}\n\n" if self.place else ": alive\n\n")

    async def _write(self, text: str) -> None:
        async with self._turn, asyncio.timeout(WRITE_SECONDS):
            await self._response.write(text.encode())


class _Ended(Exception):
    """The session is over."""


class _Follower:
    """What one connection knows: whose it is, what it told about marks."""

    def __init__(self, request: web.Request, line: _Line) -> None:
        self.request = request
        self.desk = desk_of(request)
        self.signed: Signed = signed_of(request)
        self.line = line
        self.told: dict[int, str] = {}
        self.moved: set[int] = set()
        self.stir = asyncio.Event()
        self.typed: dict[int, str] = {}
        self.typing = asyncio.Event()

    async def changes(self, after: int | None) -> None:
        """Pass events on until cancelled."""
        audience = self.request.app[AUDIENCE]
        async for batch in self.desk.stream.follow(after):
            if isinstance(batch, Reset) or self.desk.stream.last - batch[-1].place > BEHIND:
                self.line.place = batch.place if isinstance(batch, Reset) else batch[-1].place
                await self.line.send("reset", {}, self.line.place)
                continue
            standings = await audience.of(batch)
            heard = [_change(event) for event in batch if hears(self.signed.scope, event, standings)]
            self.line.place = batch[-1].place
            if any(event.kind == "user" and event.actor == self.signed.user for event in batch):
                await self.renew()
            if heard:
                await self.line.send("changes", heard, self.line.place)

    async def renew(self) -> None:
        """Rights may have changed since the connection began; the session may have ended; another process, where the
        person's last page closed, may believe them gone."""
        desk, user, token = self.desk, self.signed.user, session_token(self.request)
        house = desk.house()
        signed, missed = await desk.store.read(
            lambda tx: (find_session(tx, house.directory, token), browser_is_missed(tx, user))
        )
        if signed is None:
            raise _Ended
        self.signed = signed
        if missed:
            await desk.store.write(lambda tx: browser_back(tx, house, user))

    async def ticks(self) -> None:
        """Marks that ran out, signs of life."""
        count = 0
        while True:
            await self.desk.clock.sleep(TICK)
            count += 1
            self.note(*self.told)
            if count % 4 == 0:
                await self.renew()
                await self.line.beat()

    def note(self, *conversations: int) -> None:
        """Somebody came, wrote or went there."""
        if len(self.moved) < MARKED:
            self.moved.update(conversations)
        self.stir.set()

    async def marks(self) -> None:
        """Tell who is where, as it changes."""
        while True:
            await self.stir.wait()
            self.stir.clear()
            moved, self.moved = self.moved, set()
            if not moved:
                continue
            standings = await self._standings(moved)
            for conversation in sorted(moved):
                await self._tell_mark(conversation, standings)

    def note_typing(self, signs: Mapping[int, str], standings: Standings) -> None:
        """Citizens type: in this person's own conversations, or in the one that they look at."""
        user, now = self.signed.user, self.desk.clock.now()
        for conversation, what in signs.items():
            standing = standings.get(conversation)
            if standing is None or not sees(self.signed.scope, standing):
                continue
            if standing.assignee == user or self.desk.presence.is_at(conversation, user, now):
                self.typed[conversation] = what
                self.typing.set()

    async def typings(self) -> None:
        """Tell where citizens type."""
        while True:
            await self.typing.wait()
            self.typing.clear()
            typed, self.typed = self.typed, {}
            await self.line.send("typing", {str(conversation): what for conversation, what in typed.items()})

    async def _standings(self, conversations: set[int]) -> Standings:
        wanted = sorted(conversations)
        return await self.desk.store.read(lambda tx: read_standings(tx, wanted))

    async def _tell_mark(self, conversation: int, standings: Standings) -> None:
        standing = standings.get(conversation)
        if standing is None or not sees(self.signed.scope, standing):
            return
        there = self.desk.presence.at(conversation, self.desk.clock.now(), but=self.signed.user)
        said = said_of(self.request, there)
        if self.told.get(conversation, "") == said or (said and len(self.told) >= MARKED):
            return
        if said:
            self.told[conversation] = said
        else:
            self.told.pop(conversation, None)
        await self.line.send("marks", {"conversation": conversation, "text": said})


def said_of(request: web.Request, people: Sequence[Person]) -> str:
    """Who is there, in a sentence; "" for nobody."""
    language = language_of(request)
    writing = [person.name for person in people if person.what == "writing"]
    looking = [person.name for person in people if person.what == "looking"]
    if writing:
        number, names = len(writing), ", ".join(writing)
        return translate_plural(language, "{names} is writing", "{names} are writing", number, names=names)
    number, names = len(looking), ", ".join(looking)
    said = translate_plural(language, "{names} is looking", "{names} are looking", number, names=names)
    return said if looking else ""


# In a flood every console gets every event: each is put into words once.
@lru_cache(maxsize=2048)
def _change(event: Event) -> msgspec.Raw:
    return msgspec.Raw(_json(Change(**{name: getattr(event, name) for name in Change.__struct_fields__})))


def place_of(request: web.Request) -> int | None:
    """The place of the stream from which a reader goes on."""
    asked = request.headers.get("Last-Event-ID") or request.query.get("after", "")
    return int(asked) if asked.isascii() and asked.isdigit() and len(asked) <= 16 else None


async def endless(
    request: web.Request, tell: Callable[[web.StreamResponse], Coroutine[Any, Any, None]]
) -> web.StreamResponse:
    """An answer of server-sent events that ends with ``tell``, with its reader, or when the hub stops."""
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "X-Accel-Buffering": "no"})
    await response.prepare(request)
    streams = request.app[STREAMS]
    if streams.closing:  # it was asked for before the hub began to stop
        return response
    task = asyncio.create_task(tell(response))
    streams.add(task)
    try:
        await task
    finally:
        task.cancel()
        streams.discard(task)
    return response


async def live(request: web.Request) -> web.StreamResponse:
    """The event stream of a browser."""
    return await endless(request, partial(_follow, request))


async def _follow(request: web.Request, response: web.StreamResponse) -> None:
    await response.write(b"retry: 2000\n\n")
    line = _Line(response)
    desk, follower = desk_of(request), _Follower(request, line)
    unfollow = desk.presence.follow(follower.note)
    unhear = request.app[TYPING].follow(follower.note_typing)
    follower.note(*desk.presence.conversations())
    try:
        async with request.app[ATTENDANCE].present(desk, follower.signed.user), asyncio.TaskGroup() as group:
            group.create_task(follower.changes(place_of(request)))
            group.create_task(follower.marks())
            group.create_task(follower.typings())
            group.create_task(follower.ticks())
    except* (_Ended, ConnectionError, TimeoutError):
        pass  # the browser comes back by itself, or its person logs in again
    finally:
        unfollow()
        unhear()


async def close_streams(app: web.Application) -> None:
    """At shutdown: let go of open streams at once, and begin none, so that the hub need not wait for them."""
    streams = app[STREAMS]
    streams.closing = True
    for task in list(streams):
        task.cancel()


def install(app: web.Application, desk: Desk) -> None:
    """What the live pages of an application share."""
    app[ATTENDANCE] = Attendance()
    app[CROWD] = asyncio.Semaphore(AT_ONCE)
    app[AUDIENCE] = Audience(desk.store)
    app[STREAMS] = Streams()
    app[TYPING] = Typing(desk)
    app.cleanup_ctx.append(app[TYPING].context)
    app.on_shutdown.append(close_streams)


# --- who is where ----------------------------------------------------------------------------------------------


class Here(Form, frozen=True, kw_only=True):
    conversation: int
    what: Literal["looking", "writing", "replying", "stopped", "gone"]


async def here(request: web.Request) -> web.StreamResponse:
    """A page says that its person looks at a conversation, writes in it, or left it."""
    desk, scope, said = desk_of(request), scope_of(request), await read_json(request, Here)
    user = signed_of(request).user
    if said.what == "gone":
        desk.presence.gone(said.conversation, user)
    elif said.what == "stopped":
        desk.presence.stopped_writing(said.conversation, user)
        desk.show(said.conversation, user, "stops")
    elif await desk.store.read(lambda tx: may_see(tx, scope, said.conversation)):
        mark: Mark = "looking" if said.what == "looking" else "writing"
        desk.presence.mark(said.conversation, user, scope.name, mark, desk.clock.now())
        if said.what != "writing":  # a note, which is nobody's business outside
            desk.show(said.conversation, user, "looks" if said.what == "looking" else "writes")
        if await desk.store.read(lambda tx: unread_about(tx, scope, said.conversation)):
            await desk.store.write(lambda tx: read_about(tx, scope, said.conversation))
    there = desk.presence.at(said.conversation, desk.clock.now(), but=user)
    may = await desk.store.read(lambda tx: may_see(tx, scope, said.conversation))
    return web.json_response({"text": said_of(request, there) if may else ""})


# --- counts ----------------------------------------------------------------------------------------------------


def counts(request: web.Request, tx: Reader) -> Draw:
    """How much waits where, for the badges: by view, by ``queue:ID``, by the path of a place in the rail."""
    signed, house = signed_of(request), desk_of(request).house()
    scope = signed.scope
    found = count_lists(tx, house, scope) if allows(scope, "answer") else {}
    calls = waiting_calls(tx, scope) if allows(scope, "answer") else 0
    comments = waiting_counts(tx, scope).get("", 0) if allows(scope, "moderate") else 0
    rail = {"/inbox": found.get("mine", 0), "/callbacks": calls, "/moderation": comments}
    return partial(web.json_response, {"counts": {**found, **rail, "unread": signed.unread}})


ROUTES = [
    web.get(LIVE, live),
    web.post("/live/here", here),
    web.get("/live/counts", shows(counts)),
]
