"""What a screen needs of the running hub, handed to it whole: store, stream, clock, the current house.

Handlers get it with ``desk_of(request)`` and the person behind the request with ``scope_of(request)``.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

import msgspec
from aiohttp import web

from connectors.contract import Blobs, Clock, Health, Log, SendError
from hub.cautions import Caution
from hub.desk.inviting import SILENT, Invite
from hub.desk.presence import Presence
from hub.desk.showing import Deed
from hub.house import House
from hub.people.sessions import Signed
from hub.scope import Scope
from hub.store.store import Store
from hub.stream import Stream


def _to_nobody(conversation: int, user: int, deed: Deed) -> None:
    """Without a running hub nobody is told."""


async def _nowhere(inbox: str, token: str) -> str:
    """Without a running hub no channel makes a link."""
    raise SendError("temporary", SILENT, "no connector runs")


def _without_redis() -> bool | None:
    """Where there is no Redis."""
    return None


class Desk(msgspec.Struct, frozen=True, kw_only=True):
    """``house`` gives the house as it is now; take it once in a request. ``health`` is by inbox; ``presence`` knows
    who looks at which conversation, ``drafts`` the same of drafts of the rules.

    ``entropy(n)`` gives n unguessable bytes. ``reparse(raw)`` reads quarantined bytes again: its sentence says what
    became of them. ``ready`` tells whether everything that the hub needs to take messages has started; ``cautions``
    what is wrong with it as a whole. ``show(conversation, user, deed)`` lets the other side see what an agent does.
    ``invite(inbox, token)`` makes a link into a conversation, see :class:`connectors.contract.Invites`.
    ``redis_up`` tells whether Redis carries to and from this process, None where there is none.
    """

    store: Store
    stream: Stream
    presence: Presence
    house: Callable[[], House]
    clock: Clock
    blobs: Blobs
    log: Log
    entropy: Callable[[int], bytes]
    health: Callable[[], Mapping[str, Health]]
    reparse: Callable[[int], Awaitable[str]]
    ready: Callable[[], bool]
    cautions: Callable[[], tuple[Caution, ...]] = tuple
    show: Callable[[int, int, Deed], None] = _to_nobody
    drafts: Presence = msgspec.field(default_factory=Presence)
    invite: Invite = _nowhere
    redis_up: Callable[[], bool | None] = _without_redis


DESK = web.AppKey("desk", Desk)
SIGNED = web.RequestKey("signed", Signed)
LANGUAGE = web.RequestKey("language", str)
PLACE = web.RequestKey("place", int)
"""The place of the stream at which a page began to read."""


def desk_of(request: web.Request) -> Desk:
    """The running hub."""
    return request.app[DESK]


def signed_of(request: web.Request) -> Signed:
    """The session behind a request. Raises KeyError on pages without one (log-in)."""
    return request[SIGNED]


def scope_of(request: web.Request) -> Scope:
    """The actor of a request, for services and queries."""
    return request[SIGNED].scope


def number_of(request: web.Request, name: str = "id") -> int:
    """A numeric part of the path. Raises HTTPNotFound for anything else."""
    text = request.match_info[name]
    if not (text.isascii() and text.isdigit() and len(text) <= 16):
        raise web.HTTPNotFound
    return int(text)
