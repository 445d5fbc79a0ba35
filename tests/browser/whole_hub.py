"""The whole hub in this process, with the configuration that we ship, a mail server that keeps a ledger, and people.

Both listeners are on free ports of loopback; the store is a new file; the clock is the machine's.
"""

from __future__ import annotations

import contextlib
import io
import logging
import os
import random
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
from playwright.async_api import Browser, Page

from hub import logs
from hub.app import Hub
from hub.cli_config import CHANNELS
from hub.clock import SystemClock
from hub.config import Config, Inbox
from hub.configfile import load
from hub.directory import directory
from hub.people import passwords
from hub.people.users import add_user, set_queues
from hub.scope import SYSTEM
from hub.store.tx import Tx
from tests.servers.mailsink import MailSink
from tests.servers.process import free_port
from tests.wordforms import keep_forms, known_rules, lend_forms

CONFIG = Path(__file__).parents[2] / "config" / "centrala.toml"
PASSWORD = "zielony tramwaj o świcie"

PEOPLE = (("redakcja", "moderator"), ("redakcja2", "moderator"), ("konsultant", "agent"))


class WholeHub:
    """A running hub, where it is, and all that it logged."""

    def __init__(self, hub: Hub, mails: MailSink, log: io.StringIO) -> None:
        self.hub = hub
        self.mails = mails
        self.log = log
        self.public = hub.config.hub.public_url
        self.console = f"http://127.0.0.1:{hub.ports()['private']}"

    async def enter(self, browser: Browser, login: str, **context: Any) -> Page:
        """A logged-in person's page in a browser context of their own, in Polish."""
        page = await (await browser.new_context(locale="pl-PL", **context)).new_page()
        await page.goto(f"{self.console}/login")
        await page.fill('input[name="login"]', login)
        await page.fill('input[name="password"]', PASSWORD)
        await page.click('button:not([type="button"])')
        await page.wait_for_url(lambda url: "/login" not in url)
        return page


def _config(folder: Path, mails: MailSink, more: Mapping[str, str] = {}) -> Config:
    port = free_port()
    changes = {
        "CENTRALA_HUB_PUBLIC_URL": f"http://127.0.0.1:{port}",
        "CENTRALA_HUB_DATA_DIR": str(folder / "data"),
        "CENTRALA_STORE_URL": f"sqlite:{folder / 'data' / 'centrala.db'}",
        "CENTRALA_PUBLIC_PORT": str(port),
        "CENTRALA_PRIVATE_PORT": "0",
        "CENTRALA_OUTBOX_UNDO_SECONDS": "0",
        "CENTRALA_INBOX_KONTAKT_LISTEN_PORT": "0",
        "CENTRALA_INBOX_KONTAKT_SMTP_PORT": str(mails.port),
        **more,
    }
    return load(CONFIG, environ=changes, channels=CHANNELS)


def _with_inboxes(config: Config, inboxes: Sequence[Inbox]) -> Config:
    if not inboxes:
        return config
    hub = msgspec.structs.replace(config.hub, egress_allow=("127.0.0.0/8",))
    return msgspec.structs.replace(config, hub=hub, inboxes=(*config.inboxes, *inboxes))


def _hire(tx: Tx, config: Config, password: str) -> None:
    for login, role in PEOPLE:
        person = add_user(tx, SYSTEM, login, login.title(), role, "krajowa", password, "pl")
        set_queues(tx, SYSTEM, directory(config), person, ("bezrobotni", "redakcja"))


@contextlib.asynccontextmanager
async def whole_hub(
    folder: Path, mails: MailSink, more: Mapping[str, str] = {}, inboxes: Sequence[Inbox] = ()
) -> AsyncIterator[WholeHub]:
    """A hub that runs until the end of the block; ``more`` are settings, as the environment gives them, ``inboxes``
    further ones whose providers are on loopback."""
    config = _with_inboxes(_config(folder, mails, more), inboxes)
    os.makedirs(config.hub.data_dir, exist_ok=True)
    lend_forms(Path(config.hub.data_dir))
    log = io.StringIO()
    handlers, level = list(logging.root.handlers), logging.root.level
    logs.configure(form="json", level="debug", secrets=logs.known_secrets(config), stream=log)
    hub = Hub(lambda: config, SystemClock(), random.Random(7), logs.logger)
    with known_rules():
        await hub.start()
    keep_forms(Path(config.hub.data_dir))
    try:
        password = passwords.hash_password(PASSWORD)
        await hub.store.write(lambda tx: _hire(tx, config, password))
        yield WholeHub(hub, mails, log)
    finally:
        await hub.stop()
        logging.root.handlers[:] = handlers
        logging.root.setLevel(level)
