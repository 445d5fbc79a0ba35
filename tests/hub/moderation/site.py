"""A comment section on a real port: the connector behind the public listener, with a test's intake and thread."""

from __future__ import annotations

import asyncio
import contextlib
import random
import re
import time
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
from aiohttp import web

from connectors.comments import CHANNEL
from connectors.comments.settings import Settings
from connectors.contract import Connector, Env, Office
from hub.i18n import translate
from hub.rates import Rates
from hub.web import public
from tests.contract.world import Blobs, Budget, Log, NoAppointments, NoChats, NoEgress
from tests.hub.moderation.world import INBOX, World

PATH = f"/embed/comments/{INBOX}"


class Site:
    """``url`` is where the section is; ``log`` what the listener and the connector logged; ``running`` ends when the
    inbox is to stop."""

    def __init__(self, url: str, connector: Connector, log: Log, running: asyncio.Task[None]) -> None:
        self.root = url
        self.url = url + PATH
        self.connector = connector
        self.log = log
        self.running = running


def environment(world: World, log: Log, url: str) -> Env:
    """The surroundings of the connector: everything of the test's hub."""
    return Env(
        inbox=INBOX,
        office=Office(id="krajowa", name="Infolinia urzędów pracy", zone="Europe/Warsaw"),
        clock=world.clock,
        random=random.Random(5),
        egress=NoEgress(),
        blobs=Blobs(),
        tokens=world.house.tokens,
        translate=translate,
        log=log,
        public_url=url,
        threads=world.thread,
        appointments=NoAppointments(),
        budget=Budget(),
        chats=NoChats(),
    )


@contextlib.asynccontextmanager
async def section(world: World, settings: Settings | None = None, **listener: Any) -> AsyncIterator[Site]:
    """A running section."""
    log = Log()
    url = "http://127.0.0.1"
    connector = CHANNEL.create(settings or Settings(moderation="pre"), environment(world, log, url))
    app = public.build(
        routes=connector.routes(),
        settings=public.Settings(public_url=url, **listener),
        translate=translate,
        log=log,
        ready=lambda: True,
        rates=Rates(time.monotonic),
    )
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    running = asyncio.create_task(connector.run(world.sink))
    await asyncio.sleep(0)
    try:
        yield Site(f"http://127.0.0.1:{runner.addresses[0][1]}", connector, log, running)
    finally:
        running.cancel()
        await runner.cleanup()


class Reader:
    """A browser without JavaScript that fills in forms; in a frame of another site it keeps no cookies."""

    def __init__(self, site: Site, *, framed: bool = False) -> None:
        jar = aiohttp.DummyCookieJar() if framed else aiohttp.CookieJar(unsafe=True)
        self.http = aiohttp.ClientSession(cookie_jar=jar)
        self.site = site
        self.headers = {"Accept": "text/html", "Sec-Fetch-Dest": "iframe" if framed else "document"}
        self.status = 0
        self.address = ""

    async def __aenter__(self) -> Reader:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.http.close()

    async def open(self, **query: str) -> str:
        """The section of an article; in English, unless told."""
        values = {"article": "zasilek", "title": "Zasiłek od A do Z", "lang": "en", **query}
        return await self._follow("GET", self.site.url, params=values)

    async def send(self, page: str, **fields: str) -> str:
        """Fill in the first form of a page and send it; the page that it leads to."""
        return await self.post(forms(page)[0] | fields)

    async def post(self, fields: dict[str, str]) -> str:
        """Send fields as a form; the page that it leads to."""
        return await self._follow("POST", f"{self.site.url}?lang=en", data=fields)

    async def _follow(self, method: str, url: str, **more: Any) -> str:
        async with self.http.request(method, url, headers=self.headers, **more) as response:
            self.status = response.status
            self.address = str(response.url)
            return await response.text()


def forms(page: str) -> list[dict[str, str]]:
    """The hidden fields of each form of a page, in order."""
    bodies = re.findall(r"<form[^>]*>(.*?)</form>", page, re.DOTALL)
    hidden = r'<input type="hidden" name="([^"]+)" value="([^"]*)">'
    return [dict(re.findall(hidden, body)) for body in bodies]


def form_of(page: str, deed: str, post: int | None = None) -> dict[str, str]:
    """The hidden fields of the form that does ``deed`` to a comment."""
    for fields in forms(page):
        if fields.get("do") == deed and (post is None or fields.get("post") == str(post)):
            return fields
    raise AssertionError(f"the page has no form that can {deed}")
