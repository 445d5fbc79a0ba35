"""A site with the chat on its pages, the whole hub behind it on a Monday morning, visitors and agents in Chromium."""

from __future__ import annotations

import asyncio
import contextlib
import io
import os
import random
import subprocess
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import msgspec
from aiohttp import web
from playwright.async_api import Browser, FrameLocator, Page
from sqlalchemy import select

from connectors.contract import Micros
from hub import logs
from hub.app import Hub
from hub.clock import SystemClock
from hub.config import Config, Inbox
from hub.directory import directory
from hub.people import passwords
from hub.people.presence import set_presence
from hub.people.users import add_user, set_queues
from hub.scope import SYSTEM, Scope
from hub.store import schema
from hub.store.tx import Tx
from tests.browser.whole_hub import PASSWORD, WholeHub
from tests.browser.whole_hub import _config as config_of
from tests.hub.callbacks.desk import at
from tests.servers.mailsink import MailSink
from tests.wordforms import keep_forms, known_rules, lend_forms

CHAT = "/embed/chat/czat"
LEAVE_SECONDS = 2.0


class MovedClock(SystemClock):
    """The machine's clock, moved to a Monday morning, and further when a test says so."""

    def __init__(self) -> None:
        self.ahead = at("2026-11-16 10:00") - time.time_ns() // 1000

    def now(self) -> Micros:
        return Micros(time.time_ns() // 1000 + self.ahead)

    def jump(self, to: str) -> None:
        """To a moment in Warsaw."""
        self.ahead += at(to) - self.now()


class ChatSite:
    """The hub, the clock, and a page of another site (for the browser another host) with the chat on it."""

    def __init__(self, hub: WholeHub, clock: MovedClock, origin: str) -> None:
        self.hub = hub
        self.clock = clock
        self.page = f"{origin}/strona"
        self.chat = hub.public + CHAT

    def jump(self, to: str) -> None:
        """To a moment in Warsaw."""
        self.clock.jump(to)
        self.hub.hub.wakes["timers"].ring()

    def pass_minutes(self, minutes: float) -> None:
        """Let time go by at once; what falls due is looked for."""
        self.clock.ahead += int(minutes * 60_000_000)
        self.hub.hub.wakes["timers"].ring()

    async def visitor(self, browser: Browser, *, javascript: bool = True, **options: Any) -> Page:
        """A visitor's browser, with nothing open yet."""
        context = await browser.new_context(locale="pl-PL", java_script_enabled=javascript, **options)
        page = await context.new_page()
        return page

    async def rows(self, table: Any, **where: Any) -> Any:
        """Rows of a table, by id."""
        wanted = [table.c[name] == value for name, value in where.items()]
        return await self.hub.hub.store.read(
            lambda tx: tx.rows(select(table).where(*wanted).order_by(table.c.id))
        )

    async def conversation(self) -> Any:
        """The only conversation."""
        [row] = await self.rows(schema.conversation)
        return row

    async def until(self, ask: Callable[[], Awaitable[object]], seconds: float = 30) -> None:
        """Wait until the hub says so."""
        end = time.monotonic() + seconds
        while not await ask():
            assert time.monotonic() < end, "it did not happen in time"
            await asyncio.sleep(0.05)


async def begin(chat: Page | FrameLocator, text: str, *, email: str = "", name: str = "Zofia") -> None:
    """Fill in the form that begins a chat, and send it."""
    await chat.locator("input[name=name]").fill(name)
    if email:
        await chat.locator("#begin input[name=email]").fill(email)
    await chat.locator("textarea[name=text]").fill(text)
    await chat.locator("input[name=consent]").check()
    await chat.locator("#begin button").click()


async def say(chat: Page | FrameLocator, text: str) -> None:
    """Write in a chat that goes on."""
    await chat.locator("#write textarea").fill(text)
    await chat.locator("#write button:not(.plain)").first.click()


async def answer(console: Page, text: str) -> None:
    """An agent writes in the conversation that is open."""
    await console.fill("#reply-text", text)
    await console.click("#reply-form [data-send]:not([data-send=waiting-citizen])")


def _with_tls(config: Config, folder: Path) -> Config:
    """The public listener under https, with a certificate that nobody else trusts."""
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    names = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
    made = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", *names]
    subprocess.run([*made, "-keyout", str(key), "-out", str(certificate)], check=True, capture_output=True)
    public = msgspec.structs.replace(config.public, certificate=str(certificate), certificate_key=str(key))
    address = config.hub.public_url.replace("http://", "https://")
    return msgspec.structs.replace(
        config, public=public, hub=msgspec.structs.replace(config.hub, public_url=address)
    )


def _with_site(config: Config, origin: str) -> Config:
    def changed(inbox: Inbox) -> Inbox:
        if inbox.kind != "chat":
            return inbox
        settings = {**inbox.settings, "origins": [origin], "leave_seconds": LEAVE_SECONDS}
        return msgspec.structs.replace(inbox, settings=settings)

    return msgspec.structs.replace(config, inboxes=tuple(changed(inbox) for inbox in config.inboxes))


async def _page(request: web.Request) -> web.Response:
    hub = request.app[PUBLIC]
    body = (
        f'<a data-centrala-chat href="{hub}{CHAT}">Porozmawiaj z nami</a>'
        f'<script src="{hub}{CHAT}/static/open.js" defer></script>'
    )
    text = (
        '<!doctype html><html lang="pl"><meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>Strona</title><main><h1>Urząd pracy</h1><p>Tekst.</p>{body}</main>"
    )
    # As strict as a site can be: our script needs its own host and nothing else.
    policy = f"default-src 'none'; script-src {hub}; frame-src {hub}; style-src 'none'"
    return web.Response(text=text, content_type="text/html", headers={"Content-Security-Policy": policy})


PUBLIC = web.AppKey("public", str)


@contextlib.asynccontextmanager
async def chat_site(
    folder: Path,
    mails: MailSink,
    logins: tuple[str, ...] = ("anna", "ewa"),
    *,
    tls: bool = False,
    changed: Callable[[Config], Config] = lambda config: config,
) -> AsyncIterator[ChatSite]:
    """Everything at work until the end of the block; agents have the whole front office's queues. ``changed`` gives
    the configuration that the hub runs with."""
    config = changed(config_of(folder, mails))
    config = _with_tls(config, folder) if tls else config
    app = web.Application()
    app[PUBLIC] = config.hub.public_url
    app.router.add_get("/strona", _page)
    app.router.add_get("/inna", _page)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    origin = f"http://localhost:{runner.addresses[0][1]}"
    config = _with_site(config, origin)
    os.makedirs(config.hub.data_dir)
    lend_forms(Path(config.hub.data_dir))
    clock = MovedClock()
    hub = Hub(lambda: config, clock, random.Random(7), logs.logger)
    with known_rules():
        await hub.start()
    keep_forms(Path(config.hub.data_dir))
    hashed = passwords.hash_password(PASSWORD)

    def hire(tx: Tx) -> None:
        for login in logins:
            name = f"{login.title()} Testowa"
            person = add_user(tx, SYSTEM, login, name, "agent", "krajowa", hashed, "pl")
            set_presence(tx, hub.house(), Scope(user=person, role="agent", office="krajowa"), "available")
            set_queues(
                tx,
                SYSTEM,
                directory(config),
                person,
                ("informacja", "cudzoziemcy", "bezrobotni", "pracodawcy"),
            )

    try:
        await hub.store.write(hire)
        yield ChatSite(WholeHub(hub, mails, io.StringIO()), clock, origin)
    finally:
        await hub.stop()
        await runner.cleanup()
