"""Senders on five channels. Each keeps a ledger of what was acknowledged to it, and tells again what was not.

A marker is unique to an item and stands in its text; a sender goes on with the same identity (Message-ID, client id,
event id) until the hub has acknowledged, just as mail servers and browsers' users do.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import re
import time
import uuid
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import aiohttp
import msgspec

from tests.chaos.world import WEBHOOK_SECRET, World

PAUSE = 0.02
"""Between two attempts; the hub is often dead."""


class Ledger:
    """What one sender began and what was acknowledged to it."""

    def __init__(self, channel: str) -> None:
        self.channel = channel
        self.begun: set[str] = set()
        self.acknowledged: set[str] = set()

    @property
    def open(self) -> set[str]:
        """Begun and never acknowledged: may be there, at most once."""
        return self.begun - self.acknowledged


class NotYet(Exception):
    """The hub did not acknowledge."""


Attempt = Callable[[str], Awaitable[None]]
"""Tell one item; raises when it was not acknowledged."""


async def keep_sending(ledger: Ledger, attempt: Attempt, stop: asyncio.Event) -> None:
    """One item after the other, each until it is acknowledged or the run ends."""
    number = 0
    while not stop.is_set():
        number += 1
        marker = f"{ledger.channel}{number:05d}x"
        ledger.begun.add(marker)
        while True:
            try:
                async with asyncio.timeout(5):
                    await attempt(marker)
            except (NotYet, OSError, EOFError, aiohttp.ClientError, TimeoutError):
                if stop.is_set():
                    return
                await asyncio.sleep(PAUSE)
            else:
                ledger.acknowledged.add(marker)
                break


# --- e-mail ------------------------------------------------------------------------------------------------------


def mail_of(marker: str) -> bytes:
    """A mail that only this marker's sender would write."""
    return (
        f"From: Nadawca <{marker}@example.pl>\r\nTo: kontakt@example.org\r\nSubject: Sprawa {marker}\r\n"
        f"Message-ID: <{marker}@example.pl>\r\nDate: Mon, 16 Nov 2026 09:00:00 +0100\r\n"
        f"Content-Type: text/plain; charset=utf-8\r\n\r\nDzień dobry, tu {marker}.\r\n"
    ).encode()


def by_lmtp(world: World) -> Attempt:
    """RFC 2033, by hand: the reply after the final dot is the acknowledgement."""

    async def attempt(marker: str) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", world.lmtp)

        async def say(line: bytes) -> bytes:
            writer.write(line)
            await writer.drain()
            while (answer := await reader.readuntil(b"\r\n"))[3:4] == b"-":
                pass
            if answer[:1] not in b"23":
                raise NotYet(answer)
            return answer

        try:
            await say(b"")
            await say(b"LHLO test\r\n")
            await say(f"MAIL FROM:<{marker}@example.pl>\r\n".encode())
            await say(b"RCPT TO:<kontakt@example.org>\r\n")
            await say(b"DATA\r\n")
            await say(mail_of(marker) + b".\r\n")
        finally:
            writer.close()

    return attempt


# --- forms of the public site --------------------------------------------------------------------------------------

_FIELD = re.compile(r'<input[^>]*type="hidden"[^>]*>')
_NAME = re.compile(r'name="([^"]*)"')
_VALUE = re.compile(r'value="([^"]*)"')


class Form:
    """A form that is fetched once and sent many times, with a client id of its own for each item."""

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        self._session = session
        self._url = url
        self._hidden: dict[str, str] | None = None
        self._clients: dict[str, str] = {}

    async def send(self, marker: str, **fields: str) -> None:
        """Post it; a redirect to the page that thanks is the acknowledgement."""
        if self._hidden is None:
            async with self._session.get(self._url) as page:
                if page.status != 200:
                    raise NotYet(page.status)
                self._hidden = hidden_fields(await page.text())
        client = self._clients.setdefault(marker, str(uuid.uuid4()))
        data = {**self._hidden, "client": client, "consent": "yes", **fields}
        async with self._session.post(self._url, data=data, allow_redirects=False) as answer:
            if answer.status != 303:
                raise NotYet(answer.status, (await answer.text())[:2000])


def hidden_fields(page: str) -> dict[str, str]:
    """Hidden inputs of the first form that has any."""
    found = {}
    for tag in _FIELD.findall(page):
        name, value = _NAME.search(tag), _VALUE.search(tag)
        if name:
            found[name[1]] = value[1] if value else ""
    return found


def by_form(world: World, session: aiohttp.ClientSession) -> Attempt:
    form = Form(session, f"http://127.0.0.1:{world.public}/embed/form/formularz")

    async def attempt(marker: str) -> None:
        await form.send(
            marker,
            name="Jan",
            email=f"{marker}@example.pl",
            subject=f"Sprawa {marker}",
            message=f"Dzień dobry, tu {marker}.",
        )

    return attempt


def by_callback(world: World, session: aiohttp.ClientSession) -> Attempt:
    form = Form(session, f"http://127.0.0.1:{world.public}/embed/callback/oddzwonimy")

    async def attempt(marker: str) -> None:
        number = int(re.sub(r"\D", "", marker))
        await form.send(
            marker,
            phone=f"+48 5{number:08d}",
            time="soon",
            topic=f"Sprawa {marker}",
            name="Jan",
            email=f"{marker}@example.pl",
        )

    return attempt


ARTICLE = "/embed/comments/artykuly?article=a1&title=Artykul"


def by_comment(world: World, session: aiohttp.ClientSession) -> Attempt:
    form = Form(session, f"http://127.0.0.1:{world.public}{ARTICLE}")

    async def attempt(marker: str) -> None:
        await form.send(marker, name="Jan", text=f"Dobry artykuł, {marker}.")

    return attempt


# --- webhook -----------------------------------------------------------------------------------------------------


def by_webhook(world: World, session: aiohttp.ClientSession) -> Attempt:
    url = f"http://127.0.0.1:{world.public}/in/system"

    async def attempt(marker: str) -> None:
        event = {
            "type": "message",
            "id": marker,
            "sender": {"address": marker, "email": f"{marker}@example.pl", "name": "Jan"},
            "subject": f"Sprawa {marker}",
            "text": f"Dzień dobry, tu {marker}.",
        }
        body = msgspec.json.encode(event)
        timestamp = str(int(time.time()))
        signature = hmac.new(WEBHOOK_SECRET.encode(), timestamp.encode() + b"." + body, hashlib.sha256)
        headers = {
            "Content-Type": "application/json",
            "X-Centrala-Timestamp": timestamp,
            "X-Centrala-Signature": f"sha256={signature.hexdigest()}",
        }
        async with session.post(url, data=body, headers=headers) as answer:
            if answer.status != 200:
                raise NotYet(answer.status, await answer.text())

    return attempt


def all_senders(
    world: World, session: aiohttp.ClientSession, stop: asyncio.Event
) -> tuple[dict[str, Ledger], list[Coroutine[Any, Any, None]]]:
    """Ledgers by channel and the loops that fill them; several loops on the channel that carries most."""
    ways: dict[str, Attempt] = {
        "mail": by_lmtp(world),
        "mailb": by_lmtp(world),
        "form": by_form(world, session),
        "callback": by_callback(world, session),
        "comment": by_comment(world, session),
        "hook": by_webhook(world, session),
    }
    ledgers = {channel: Ledger(channel) for channel in ways}
    return ledgers, [keep_sending(ledgers[channel], way, stop) for channel, way in ways.items()]
