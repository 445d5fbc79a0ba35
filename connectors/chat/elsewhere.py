"""One chat served by several processes: what concerns a visitor goes to the process where their page is open.

A page's stream hangs on one process; what it posts may reach any. So signs for and of a visitor who is not here are
told to the others, and nobody is said to have left before the others were asked. All of it may be lost: a sign of
typing is forgotten, and a visitor who could not be asked about is waited for a little longer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress

import msgspec

from connectors.chat.rooms import Room, Rooms, event
from connectors.contract import Clock, Refused, Siblings

ANSWER_SECONDS = 2.0
"""How long the others have to say that a visitor is with them."""

UNASKED_SECONDS = 600.0
"""How much longer a visitor is waited for while the others cannot be asked."""

MOST = 1000
"""What may wait to be carried out; more is dropped."""


class Here(msgspec.Struct, frozen=True, array_like=True, tag="here"):
    """These visitors are with me."""

    visitors: tuple[str, ...]


class Ask(msgspec.Struct, frozen=True, array_like=True, tag="ask"):
    """Who has these visitors?"""

    visitors: tuple[str, ...]


class Shown(msgspec.Struct, frozen=True, array_like=True, tag="show"):
    """An agent types to a visitor, stops, or has read."""

    visitor: str
    what: str


class Signalled(msgspec.Struct, frozen=True, array_like=True, tag="signal"):
    """A page posted a sign; ``upto`` is the last message that it has seen, if the sign is about that."""

    visitor: str
    what: str
    upto: int = 0


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Here | Ask | Shown | Signalled).decode

CarryOut = Callable[[Room, str, int], Awaitable[None]]


class Elsewhere:
    """The other processes, for one chat. ``signalled`` carries out a page's sign in a room of ours."""

    def __init__(self, siblings: Siblings, rooms: Rooms, clock: Clock, signalled: CarryOut) -> None:
        self._siblings = siblings
        self._rooms = rooms
        self._clock = clock
        self._signalled = signalled

    def tell(self, what: Here | Ask | Shown | Signalled) -> None:
        """Tell them, if there are any."""
        if not self._siblings.alone:
            self._siblings.tell(_encode(what))

    async def hear(self) -> None:
        """Until cancelled: do what they tell."""
        heard: asyncio.Queue[bytes] = asyncio.Queue(MOST)

        def put(what: bytes) -> None:
            with suppress(asyncio.QueueFull):
                heard.put_nowait(what)

        leave = self._siblings.hear(put)
        try:
            while True:
                what = await heard.get()
                with suppress(msgspec.MsgspecError, Refused):
                    await self._carry_out(_decode(what))
        finally:
            leave()

    async def gone(self, rooms: Sequence[Room]) -> list[Room]:
        """Those of our visitors without a page who are with nobody else either."""
        if not rooms or self._siblings.alone:
            return list(rooms)
        if not self._siblings.reachable:
            now = self._clock.monotonic()
            return [room for room in rooms if room.until + UNASKED_SECONDS <= now]
        self.tell(Ask(visitors=tuple(room.visitor for room in rooms)))
        await self._clock.sleep(ANSWER_SECONDS)
        still = {id(room) for room in self._rooms.gone()}
        return [room for room in rooms if id(room) in still]

    async def _carry_out(self, what: Here | Ask | Shown | Signalled) -> None:
        match what:
            case Here():
                for visitor in what.visitors:
                    self._leave_to_them(visitor)
            case Ask():
                here = tuple(visitor for visitor in what.visitors if self._has(visitor))
                if here:
                    self.tell(Here(visitors=here))
            case Shown():
                show(self._rooms.known(what.visitor), what.what)
            case Signalled():
                room = self._rooms.known(what.visitor)
                if room is not None and room.pages:
                    await self._signalled(room, what.what, what.upto)

    def _leave_to_them(self, visitor: str) -> None:
        room = self._rooms.known(visitor)
        if room is not None and not room.pages:
            self._rooms.forget(visitor)

    def _has(self, visitor: str) -> bool:
        room = self._rooms.known(visitor)
        return room is not None and (bool(room.pages) or room.until > self._clock.monotonic())


def show(room: Room | None, what: str) -> None:
    """Tell the pages in a room what an agent does."""
    for page in room.pages if room else ():
        page.push(event("presence", {"what": what}))
