"""The public pages of the hub itself: contact form, callback, comments and chat; and the signed webhook."""

from __future__ import annotations

import hashlib
import hmac
import re
import time
import uuid
from collections.abc import Mapping, Sequence

import aiohttp
import msgspec
from aiohttp import web

from tests.chaos.channels.base import Channel, Way, inbox
from tests.chaos.ledgers import Attempt, NotYet, answers_in, number_of, person_of
from tests.servers.process import free_port

_FIELD = re.compile(r'<input[^>]*type="hidden"[^>]*>')
_NAME = re.compile(r'name="([^"]*)"')
_VALUE = re.compile(r'value="([^"]*)"')
_SAID = re.compile(r'<li class="said".*?</li>', re.DOTALL)

UNLIMITED = 'per_address = ""\nper_site = ""'


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


class Pages(Channel):
    """Form, callback and comments. Answers to the first two go out by mail."""

    unanswered = ("artykuly",)

    def config(self) -> str:
        return (
            inbox("formularz", "form", UNLIMITED)
            + inbox("oddzwonimy", "callback", UNLIMITED)
            + inbox("artykuly", "comments", f'moderation = "post"\n{UNLIMITED}')
        )

    async def open(self, session: aiohttp.ClientSession) -> None:
        self._session = session

    def _form(self, path: str) -> Form:
        return Form(self._session, f"{self.place.url}/embed/{path}")

    def ways(self) -> Mapping[str, Way]:
        return {
            "form": Way(attempt=_contact(self._form("form/formularz"))),
            "callback": Way(attempt=_callback(self._form("callback/oddzwonimy"))),
            "comment": Way(attempt=_comment(self._form("comments/artykuly?article=a1&title=Artykul"))),
        }


def _contact(form: Form) -> Attempt:
    async def attempt(marker: str) -> None:
        await form.send(
            marker,
            name="Jan",
            email=f"{marker}@example.pl",
            subject=f"Sprawa {marker}",
            message=f"Dzień dobry, tu {marker}.",
        )

    return attempt


def _callback(form: Form) -> Attempt:
    async def attempt(marker: str) -> None:
        await form.send(
            marker,
            phone=f"+48 5{number_of(marker):08d}",
            time="soon",
            topic=f"Sprawa {marker}",
            name="Jan",
            email=f"{marker}@example.pl",
        )

    return attempt


def _comment(form: Form) -> Attempt:
    async def attempt(marker: str) -> None:
        await form.send(marker, name="Jan", text=f"Dobry artykuł, {marker}.")

    return attempt


class LiveChat(Channel):
    """Visitors of a chat. What they get is what their page shows; one who has left gets a mail."""

    kind = "chat"
    series = 3

    def config(self) -> str:
        return inbox("czat", "chat", UNLIMITED)

    async def open(self, session: aiohttp.ClientSession) -> None:
        self._session = session
        self._url = f"{self.place.url}/embed/chat/czat"
        self._clients: dict[str, str] = {}
        self._tokens: dict[str, str] = {}

    def ways(self) -> Mapping[str, Way]:
        return {"chat": Way(attempt=self._write, series=self.series)}

    async def _write(self, marker: str) -> None:
        """As the page's script does it; the token is what the page of a new visitor holds."""
        visitor = person_of(marker, self.series)
        if visitor not in self._tokens:
            async with self._session.get(self._url) as page:
                if page.status != 200:
                    raise NotYet(page.status)
                self._tokens[visitor] = hidden_fields(await page.text())["me"]
        data = {
            "me": self._tokens[visitor],
            "client": self._clients.setdefault(marker, str(uuid.uuid4())),
            "consent": "yes",
            "name": "Jan",
            "email": f"{visitor}@example.pl",
            "text": f"Dzień dobry, tu {marker}.",
        }
        headers = {"Accept": "application/json"}
        async with self._session.post(self._url, data=data, headers=headers) as answer:
            if answer.status != 200:
                raise NotYet(answer.status, (await answer.text())[:2000])

    async def received(self) -> Sequence[str]:
        found: list[str] = []
        for token in self._tokens.values():
            async with self._session.get(self._url, params={"me": token}) as page:
                found += answers_in(" ".join(_SAID.findall(await page.text())))
        return found


class Webhook(Channel):
    """Another system: tells by signed calls, and remembers what the hub posts by its id, as the documentation asks."""

    kind = "webhook"
    series = 3
    secret = "a secret of the chaos tests, long enough"

    def config(self) -> str:
        self._port = free_port()
        settings = f'secret = "{self.secret}"\nurl = "http://127.0.0.1:{self._port}/"\nper_address = ""'
        diary = f"http://127.0.0.1:{self._port}/dziennik"
        hook = f'[[hooks]]\nid = "dziennik"\nurl = "{diary}"\nsecret = "{self.secret}"\n'
        return inbox("system", "webhook", settings) + hook

    async def open(self, session: aiohttp.ClientSession) -> None:
        self._session = session
        self._bodies: dict[bytes, None] = {}

        async def take(request: web.Request) -> web.Response:
            self._bodies.setdefault(await request.read())
            return web.json_response({"ok": True})

        app = web.Application()
        app.router.add_post("/", take)
        app.router.add_post("/dziennik", take)
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self._port).start()

    async def close(self) -> None:
        await self._runner.cleanup()

    def ways(self) -> Mapping[str, Way]:
        return {"hook": Way(attempt=self._tell, series=self.series)}

    async def _tell(self, marker: str) -> None:
        person = person_of(marker, self.series)
        event = {
            "type": "message",
            "id": marker,
            "sender": {"address": person, "email": f"{person}@example.pl", "name": "Jan"},
            "subject": f"Sprawa {marker}",
            "text": f"Dzień dobry, tu {marker}.",
        }
        body = msgspec.json.encode(event)
        timestamp = str(int(time.time()))
        signature = hmac.new(self.secret.encode(), timestamp.encode() + b"." + body, hashlib.sha256)
        headers = {
            "Content-Type": "application/json",
            "X-Centrala-Timestamp": timestamp,
            "X-Centrala-Signature": f"sha256={signature.hexdigest()}",
        }
        async with self._session.post(f"{self.place.url}/in/system", data=body, headers=headers) as answer:
            if answer.status != 200:
                raise NotYet(answer.status, await answer.text())

    async def received(self) -> Sequence[str]:
        return [marker for body in self._bodies for marker in answers_in(body.decode())]
