"""What happens in chats while it happens: open pages are told, and the hub is told who came and who left."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from functools import partial
from itertools import islice

from connectors._i18n import N_
from connectors._widget import Door, Pages
from connectors.chat.elsewhere import Elsewhere, Here, Shown, Signalled, show
from connectors.chat.reading import Writer, visitor_party
from connectors.chat.rooms import Page, Room, Rooms, event
from connectors.chat.settings import Settings
from connectors.chat.view import Shown as Words
from connectors.chat.visitors import KIND, file_ticket
from connectors.contract import (
    Chat,
    DeliveryReport,
    Env,
    Party,
    Presence,
    Raw,
    Refused,
    Sink,
    Visit,
    conversation_key,
)

RECENT = 30
"""Messages that a page is told of when it opens."""

NEWEST = 8
"""Messages among which the new ones are looked for afterwards; what a page has shown already it is not told again."""

BATCH = 50
"""Visitors whose chats are read together; between two batches others get their turn."""

NOTHING = Raw(content=b"", content_type="text/plain")
"""What came over the wire with the end of a connection."""

SIGNS = ("here", "typing", "paused", "read", "left")
"""What a page says of its visitor without writing; "here" alone keeps it from being taken for gone."""

GUEST = N_("Visitor {code}")


class Live:
    """The living part of one chat inbox."""

    def __init__(self, settings: Settings, env: Env, pages: Pages) -> None:
        self.rooms = Rooms(env.clock.monotonic)
        self.door = Door()
        self._settings = settings
        self._env = env
        self._pages = pages
        self._elsewhere = Elsewhere(env.siblings, self.rooms, env.clock, self._signalled)
        self._moved: set[str] = set()
        self._stir = asyncio.Event()

    async def run(self, sink: Sink) -> None:
        """Until cancelled: follow the hub, tell pages, notice who left. At the end all streams are closed."""
        try:
            with self.door.held(sink):
                await self._remember()
                async with asyncio.TaskGroup() as group:
                    group.create_task(self._follow())
                    group.create_task(self._tell())
                    group.create_task(self._miss())
                    group.create_task(self._elsewhere.hear())
        finally:
            self.rooms.close()

    def writer(self, visitor: str, language: str, consent: str = "") -> Writer:
        """A visitor as somebody who writes now."""
        env = self._env
        guest = env.translate(env.office.language, GUEST, code=visitor[:4].upper())
        return Writer(
            inbox=env.inbox,
            visitor=visitor,
            now=env.clock.now(),
            language=language,
            consent=consent,
            guest=guest,
        )

    # --- towards visitors -----------------------------------------------------------------------------------------

    async def stream(self, visitor: str, language: str) -> AsyncIterator[bytes]:
        """The events of one open page."""
        room, page = self.rooms.stay(visitor, self._settings.leave_seconds), Page(language)
        room.pages.append(page)
        self._elsewhere.tell(Here(visitors=(visitor,)))
        self.stir(visitor)
        try:
            async for chunk in page.chunks():
                yield chunk
        finally:
            room.pages.remove(page)
            self.rooms.going(visitor, self._settings.leave_seconds)

    def stir(self, *visitors: str) -> None:
        """Have these visitors' pages told what is new."""
        self._moved.update(visitors)
        self._stir.set()

    def show(self, presence: Presence) -> None:
        """An agent types, stops, or has read."""
        visitor = presence.to.address
        show(self.rooms.known(visitor), presence.what)
        self._elsewhere.tell(Shown(visitor=visitor, what=presence.what))

    async def _remember(self) -> None:
        """After a start: who did not leave is waited for."""
        while True:
            try:
                present = await self._env.chats.present(self._env.inbox)
                break
            except Refused as refused:
                await self._env.clock.sleep(refused.retry_after)
        for visitor in present:
            self.rooms.stay(visitor, 2 * self._settings.leave_seconds)

    async def _follow(self) -> None:
        while True:
            try:
                async for visitors in self._env.chats.news(self._env.inbox):
                    self.stir(*visitors)
            except Refused as refused:  # the pages stay open, and are told afterwards what they missed
                await self._env.clock.sleep(refused.retry_after)
                self.stir(*(room.visitor for room in self.rooms.here()))

    async def _tell(self) -> None:
        while True:
            await self._stir.wait()
            self._stir.clear()
            moved, self._moved = self._moved, set()
            wanted = iter([room for room in self.rooms.here() if room.visitor in moved])
            while rooms := list(islice(wanted, BATCH)):
                try:
                    await self._tell_rooms(rooms)
                except Refused as refused:
                    self.stir(*(room.visitor for room in (*rooms, *wanted)))
                    await self._env.clock.sleep(refused.retry_after)
                await asyncio.sleep(0)

    async def _tell_rooms(self, rooms: Sequence[Room]) -> None:
        visitors = [room.visitor for room in rooms]
        opened = any(not page.told for room in rooms for page in room.pages)
        most = RECENT if opened else NEWEST
        found = await self._env.chats.chats(self._env.inbox, visitors, messages=most)
        back = []
        for room in rooms:
            chat = found.get(room.visitor)
            if chat is None:
                self._over(room)
                continue
            room.conversation = chat.conversation
            for page in room.pages:
                self._tell_page(room, page, chat)
            if chat.left:
                back.append(Visit(inbox=self._env.inbox, sender=self._party(room), what="came"))
        if back:
            await self._accept(back)

    def _tell_page(self, room: Room, page: Page, chat: Chat) -> None:
        shown = self.shown(page.language)
        new = [message for message in chat.messages if message.id not in page.told]
        state = self._pages.render("state.html", page.language, chat=chat, shown=shown)
        if not new and state == page.state:
            return
        page.state = state
        page.told.update(message.id for message in new)
        room.told.update(message.id for message in new if not message.mine)
        said = [
            {
                "id": message.id,
                "number": message.number,
                "mine": message.mine,
                "html": self._pages.render(
                    "message.html",
                    page.language,
                    message=message,
                    shown=shown,
                    ticket=partial(file_ticket, self._env.tokens, room.visitor),
                    token=self._env.tokens.sign(KIND, room.visitor),
                ),
            }
            for message in new
        ]
        page.push(event("news", {"messages": said, "state": state, "open": chat.state != "closed"}))

    def _over(self, room: Room) -> None:
        """The chat is too old to go on: the page begins anew."""
        for page in room.pages:
            page.push(event("over", {}))
            page.close()

    def shown(self, language: str) -> Words:
        """The words for a reader."""
        env = self._env
        return Words(
            translate=env.translate, language=language, zone=env.office.zone, agents=self._settings.agents
        )

    # --- towards the hub ------------------------------------------------------------------------------------------

    async def signalled(self, visitor: str, what: str, upto: int) -> None:
        """A page posted a sign, one of :data:`SIGNS`. Raises :class:`Refused`."""
        if what not in SIGNS:
            return
        room = self.rooms.known(visitor)
        if room is not None:
            await self._signalled(room, what, upto)
        if room is None or not room.pages:
            self._elsewhere.tell(Signalled(visitor=visitor, what=what, upto=upto))

    async def _signalled(self, room: Room, what: str, upto: int) -> None:
        room.heard = self._env.clock.monotonic()
        if what in ("typing", "paused") and room.conversation:
            self.door.sink.signal(conversation_key(room.conversation), what)
        elif what == "left":
            self.going(room)
        elif what == "read" and upto in room.told:
            await self._read(room, upto)

    async def _read(self, room: Room, message: int) -> None:
        """The visitor has seen our messages up to this one."""
        now, party = self._env.clock.now(), self._party(room)
        report = DeliveryReport(
            inbox=self._env.inbox, received_at=now, target=str(message), to=party, state="read", at=now
        )
        await self.door.sink.accept(NOTHING, [report])

    def going(self, room: Room) -> None:
        """A page says that it is being closed. Its stream is written to, so that it is found out whether it is."""
        self.rooms.going(room.visitor, self._settings.leave_seconds)
        for page in room.pages:
            page.push(b": going\n\n")

    async def _miss(self) -> None:
        """Tell the hub who is gone."""
        pause = min(5.0, self._settings.leave_seconds / 2)
        while True:
            await self._env.clock.sleep(pause)
            rooms = await self._elsewhere.gone(self.rooms.gone())
            left = [Visit(inbox=self._env.inbox, sender=self._party(room), what="left") for room in rooms]
            if left and await self._accept(left):
                self._forget(rooms)

    def _forget(self, rooms: Sequence[Room]) -> None:
        """The hub knows that they left. Who came back while it was told stays, and it is told of that."""
        gone = {id(room) for room in self.rooms.gone()}
        for room in rooms:
            if id(room) in gone:
                self.rooms.forget(room.visitor)
            else:
                self.stir(room.visitor)

    async def _accept(self, items: Sequence[Visit]) -> bool:
        """Whether the hub took it; it is told again at the next opportunity where it did not."""
        try:
            await self.door.sink.accept(NOTHING, items)
        except Refused:
            return False
        return True

    def _party(self, room: Room) -> Party:
        return visitor_party(self.writer(room.visitor, ""))
