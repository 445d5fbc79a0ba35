"""Keeps one inbox connected: log in, look through the archive, beat, and begin again with growing gaps."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import xml.etree.ElementTree as ET  # nosec: only to build
from typing import Literal

from connectors.contract import Cursor, Env, Health, Micros, fault
from connectors.xmpp.archive import NONE, Archive, Mark, Page, mark
from connectors.xmpp.intake import Intake
from connectors.xmpp.names import CARBONS, CLIENT, ROSTER
from connectors.xmpp.settings import Settings
from connectors.xmpp.stream import Client, Component, Lost, Misconfigured, Refusal, WrongCredentials

FIRST_GAP = 0.5
"""Seconds before the first attempt to connect again; it doubles with each further one."""

LONGEST_GAP = 120.0
CREDENTIALS_GAP = 60.0
"""Least wait after a refused login, so that no server locks the account."""

CURSOR = "archive"

BACK = 300_000_000
"""Microseconds that are read before a moment, where we have no place in the archive: clocks differ."""

State = Literal["ok", "starting", "degraded", "unreachable", "wrong_credentials", "misconfigured"]


class Standing:
    """How the connection is: for the health page, and for the log once when it fails and once when it is back."""

    def __init__(self, env: Env) -> None:
        self._env = env
        self._down_since: float | None = None
        self.health = Health(state="starting")

    def up(self) -> None:
        """It works."""
        if self._down_since is not None:
            seconds = round(self._env.clock.monotonic() - self._down_since, 1)
            self._env.log.info("xmpp is back", inbox=self._env.inbox, down_seconds=seconds)
            self._down_since = None
        self.health = Health(state="ok", last_seen=self._env.clock.now())

    def down(self, state: State, detail: str) -> None:
        """It does not, and why: a few words without addresses and secrets."""
        if self._down_since is None:
            self._down_since = self._env.clock.monotonic()
        if self.health.state != state:
            self._env.log.warning("xmpp is down", inbox=self._env.inbox, state=state, detail=detail)
        self.health = Health(state=state, detail=detail, last_seen=self.health.last_seen)


async def made(settings: Settings, resource: str) -> Client | Component:
    """A stream that is not connected yet. Raises Misconfigured for a ``ca_file`` that cannot be read."""
    if settings.way == "component":
        return Component(settings)
    try:  # loading certificates is slow
        context = await asyncio.to_thread(ssl.create_default_context, cafile=settings.ca_file)
    except (OSError, ssl.SSLError) as error:
        raise Misconfigured("ca_file cannot be read") from error
    return Client(settings, resource, context)


def explained(error: Exception) -> tuple[State, str]:
    """What a failure says about the inbox."""
    match error:
        case WrongCredentials():
            return "wrong_credentials", f"the server refused the login: {error}"
        case Misconfigured():
            return "misconfigured", str(error)
        case Lost():
            return "unreachable", str(error)
        case _:
            return "unreachable", type(error).__name__


class Link:
    """The connection of one running inbox. ``up`` says that stanzas can leave; ``since`` when its session began."""

    def __init__(self, settings: Settings, env: Env, stream: Client | Component, standing: Standing) -> None:
        self._settings = settings
        self._env = env
        self._standing = standing
        self.stream = stream
        self.archive: Archive | None = None
        if isinstance(stream, Client):
            self.archive = Archive(stream, settings.address, settings.timeout_seconds)
        self.since = Micros(0)
        self.up = False
        self._mark: Mark | None = None

    @property
    def sender(self) -> str:
        """Whom stanzas come from: a component must say it, a client may not."""
        return self._settings.address if self._settings.way == "component" else ""

    async def keep(self, intake: Intake) -> None:
        """Stay connected until cancelled, whatever happens."""
        clock, gap = self._env.clock, FIRST_GAP
        while True:
            began = clock.monotonic()
            try:
                await self._session(intake)
            except (WrongCredentials, Misconfigured, Lost, OSError, Refusal) as error:
                self._standing.down(*explained(error))
                if isinstance(error, WrongCredentials):
                    gap = max(gap, CREDENTIALS_GAP)
            except Exception as error:  # a fault of ours must not end the inbox
                self._standing.down("degraded", f"reading failed: {type(error).__name__}")
                self._env.log.error("xmpp session failed", inbox=self._env.inbox, **fault(error))
            finally:
                self.up = False
                self.stream.cut()
            if clock.monotonic() - began > 2 * gap:
                gap = FIRST_GAP
            await clock.sleep(gap * (0.5 + self._env.random.random()))
            gap = min(gap * 2, LONGEST_GAP)

    async def _session(self, intake: Intake) -> None:
        """One connection, to its end. Always raises."""
        settings = self._settings
        host, port = settings.host, settings.to_port
        await intake.room()
        intake.hold()
        if await self.stream.open(host, port, settings.timeout_seconds) == "started":
            self.since = self._env.clock.now()
        self.up = True
        self._standing.up()
        beats = asyncio.create_task(self._beat(intake))
        ended = asyncio.create_task(self.stream.ended.wait())
        try:
            await asyncio.wait({beats, ended}, return_when=asyncio.FIRST_COMPLETED)
            if beats.done():
                await beats
            raise self.stream.problem or Lost("the connection broke")
        finally:
            for task in (beats, ended):
                task.cancel()
            await asyncio.gather(beats, ended, return_exceptions=True)

    async def _beat(self, intake: Intake) -> None:
        """Say hello, then look through the archive again and again; that also finds a connection that is dead."""
        if self.archive is not None and self._mark is None:
            await self._find_place(intake)  # before anything can come live
        if isinstance(self.stream, Client):
            await self._hello(self.stream)
        while True:
            try:
                if not intake.full:  # else no answer could come
                    await self.look(intake)
                if not intake.waiting:
                    self._standing.up()
            except Refusal as refusal:  # live messages go on; the next look may do better
                self._standing.down("degraded", f"the archive refused: {refusal.condition}")
            intake.release()
            await self._env.clock.sleep(
                self._settings.archive_seconds * (0.8 + self._env.random.random() / 5)
            )

    async def _hello(self, stream: Client) -> None:
        """Servers pass on who wants to see us only to those who have asked for their list of contacts."""
        for kind, query in (("get", ROSTER), ("set", f"{CARBONS}enable")):
            with contextlib.suppress(Refusal):
                await stream.ask("", kind, ET.Element(query), self._settings.timeout_seconds)
        stream.put(ET.Element(f"{{{CLIENT}}}presence"))

    async def flush(self) -> None:
        """One round trip: what left before is with the server. Raises Lost."""
        domain = self._settings.domain
        sender = domain if self._settings.way == "component" else ""
        await self.stream.ping(domain, self._settings.timeout_seconds, sender)

    # --- the archive ------------------------------------------------------------------------------------------------

    async def look(self, intake: Intake) -> None:
        """Commit what the archive holds behind our place. Raises Lost, Refusal."""
        if self.archive is None:
            await self.flush()
            return
        while self.archive is not None and self._mark is not None:
            page = await self._page(self.archive, self._mark)
            if page is not None and page.entries:
                last = page.entries[-1]
                place = Mark(at=last.at or self._mark.at, id=last.id)
                found = await intake.take_archived([entry.stanza for entry in page.entries], _cursor(place))
                if found:
                    self._env.log.info("taken from the archive", inbox=self._env.inbox, stanzas=found)
                self._mark = place
            if page is not None and (page.complete or not page.entries):
                return

    async def _find_place(self, intake: Intake) -> None:
        """Our committed place; at the first start a little before now, or the beginning where all is wanted."""
        committed = await intake.place(CURSOR)
        if committed is not None:
            self._mark = mark(committed)
            return
        new = self._settings.first_scan == "new"
        place = Mark(at=self.since - BACK) if new else Mark()
        await intake.move(_cursor(place))
        self._mark = place

    async def _page(self, archive: Archive, after: Mark) -> Page | None:
        """The next page; None where the place is gone and an earlier one was taken instead."""
        try:
            return await archive.page(after)
        except Refusal as refusal:
            if refusal.condition == "item-not-found" and after.id:
                self._env.log.warning("the archive has forgotten our place", inbox=self._env.inbox)
                self._mark = Mark(at=max(after.at - BACK, 0))
                return None
            self._without_archive(refusal)
            return None

    def _without_archive(self, refusal: Refusal) -> None:
        if refusal.condition not in NONE:
            raise refusal
        self._env.log.warning(
            "the server keeps no archive: what comes while nobody listens may be lost", inbox=self._env.inbox
        )
        self.archive = None


def _cursor(place: Mark) -> Cursor:
    return Cursor(key=CURSOR, value=str(place))
