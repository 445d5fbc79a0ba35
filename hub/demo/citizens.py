"""How a citizen of a story writes: the forms, signatures and mails of anybody outside, given to the connectors."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import random
import uuid
from collections.abc import Callable, Mapping, Sequence
from urllib.parse import urlencode

import msgspec

from connectors._widget import CLIENT
from connectors.contract import (
    Channel,
    Clock,
    Connector,
    Cursor,
    Inbound,
    InboxId,
    LiveChat,
    Message,
    Micros,
    ParseContext,
    Party,
    Raw,
    Receipt,
    Request,
    Response,
    Sink,
    ThreadKey,
    Tokens,
    Visit,
)

CONNECTED = ("telegram", "operator", "xmpp")
"""Inboxes that keep a connection to their provider, and are told by it as soon as there is something."""

BEYOND = Micros(1 << 70)
"""A time that no store can hold: what a reader with a fault makes of a mail."""


class Refused(Exception):
    """A form of the story was not taken; the text is what the hub answered."""


class Listening:
    """A sink that passes everything on and remembers what became of it."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self.receipts: list[Receipt] = []
        self._heard = asyncio.Event()

    def forget(self) -> None:
        """Wait for something new from now on."""
        self.receipts = []
        self._heard.clear()

    async def heard(self, via: str) -> Receipt:
        """What became of the first thing that was told since. Raises :class:`Refused` when nothing comes."""
        try:
            await asyncio.wait_for(self._heard.wait(), 10)
        except TimeoutError as error:
            raise Refused(f"{via}: the provider told the hub nothing") from error
        return self.receipts[0]

    async def accept(self, raw: Raw, items: Sequence[Inbound], state: Cursor | None = None) -> list[Receipt]:
        """See :class:`connectors.contract.Sink`."""
        told = await self._sink.accept(raw, items, state)
        if told:
            self.receipts = told
            self._heard.set()
        return told

    async def cursor(self, key: str) -> str | None:
        """See :class:`connectors.contract.Sink`."""
        return await self._sink.cursor(key)

    def signal(self, conversation_key: ThreadKey, what: str) -> None:
        """See :class:`connectors.contract.Sink`."""
        self._sink.signal(conversation_key, what)


class Doors:
    """The ways into the hub: connectors by inbox, each with its sink. Nothing of them listens on the network."""

    def __init__(
        self,
        connectors: Mapping[str, Connector],
        sink: Callable[[str], Sink],
        mail: Channel,
        tokens: Tokens,
        clock: Clock,
    ) -> None:
        self._connectors = connectors
        self._sinks = {inbox: Listening(sink(inbox)) for inbox in connectors}
        self._mail = mail
        self._tokens = tokens
        self._clock = clock
        self._tasks: list[asyncio.Task[None]] = []

    async def open(self) -> None:
        """Let connectors that have nothing but routes take what is posted, and those ask that are told at once."""
        for inbox, connector in self._connectors.items():
            if connector.routes() or inbox in CONNECTED:
                self._tasks.append(asyncio.create_task(connector.run(self._sinks[inbox])))
        await asyncio.sleep(0)

    async def close(self) -> None:
        """Close them again."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def deliver(self, inbox: str, mail: bytes, *, broken: bool = False) -> Receipt:
        """A mail as the office's mail server hands it over; ``broken``: read with a fault, and not to be stored."""
        context = ParseContext(inbox=InboxId(inbox), now=self._clock.now(), tokens=self._tokens)
        items = self._mail.parse(mail, context)
        if broken:
            items = [msgspec.structs.replace(i, sent_at=BEYOND) for i in items if isinstance(i, Message)]
        raw = Raw(content=mail, content_type="message/rfc822")
        [receipt] = await self._sinks[inbox].accept(raw, items)
        return receipt

    def listening(self, inbox: str) -> Listening:
        """The sink of an inbox, for what a provider tells by itself."""
        return self._sinks[inbox]

    def visitor(self, inbox: str, name: str, email: str, draw: random.Random) -> Visitor:
        """Somebody on the site's chat page."""
        return Visitor(self._sinks[inbox], InboxId(inbox), name, email, draw)

    async def show(self, inbox: str, channel: Channel, page: bytes) -> Receipt:
        """What the hub would find if it asked a provider now."""
        context = ParseContext(inbox=InboxId(inbox), now=self._clock.now(), tokens=self._tokens)
        raw = Raw(content=page, content_type="application/json")
        return (await self._sinks[inbox].accept(raw, channel.parse(page, context)))[0]

    async def post(self, inbox: str, path: str, fields: Mapping[str, str], remote: str) -> Receipt:
        """A form as a browser posts it. Raises :class:`Refused` when the page says what is wrong with it."""
        body = urlencode(fields).encode()
        headers = {"content-type": "application/x-www-form-urlencoded"}
        return await self._post(inbox, path, body, headers, fields, remote)

    async def tell(self, inbox: str, event: Mapping[str, object], secret: str) -> Receipt:
        """An event of the office's application or exchange, signed as docs/channels/webhook.md says."""
        body = msgspec.json.encode(event)
        headers = {name.lower(): value for name, value in signed(body, secret, self._clock.now()).items()}
        return await self._post(inbox, f"/in/{inbox}", body, headers, {}, "127.0.0.1")

    async def _post(
        self,
        inbox: str,
        path: str,
        body: bytes,
        headers: Mapping[str, str],
        fields: Mapping[str, str],
        remote: str,
    ) -> Receipt:
        route = next(r for r in self._connectors[inbox].routes() if (r.method, r.path) == ("POST", path))
        request = Request(
            method="POST",
            path=path,
            params={},
            query={},
            headers=headers,
            cookies={},
            body=body,
            remote=remote,
            language="pl",
            fields=fields,
        )
        sink = self._sinks[inbox]
        sink.receipts = []
        answer: Response = await route.handler(request)
        if answer.status >= 400 or not sink.receipts:
            raise Refused(f"{path} answered {answer.status}: {answer.body.decode()[-3000:]}")
        return sink.receipts[0]


class Visitor:
    """Somebody who chats: always the same person by their e-mail address."""

    def __init__(self, sink: Listening, inbox: InboxId, name: str, email: str, draw: random.Random) -> None:
        address = hashlib.sha256(email.encode()).hexdigest()[:32]
        self._sink = sink
        self._inbox = inbox
        self._draw = draw
        self._party = Party(kind="chat", address=address, name=name)
        self._chat = LiveChat(email=email)

    async def says(self, text: str) -> Receipt:
        """A message."""
        said = Message(
            inbox=self._inbox,
            external_id=str(uuid.UUID(int=self._draw.getrandbits(128), version=4)),
            sender=self._party,
            text=text,
            direct=True,
            chat=self._chat,
        )
        raw = Raw(content=text.encode(), content_type="text/plain")
        return (await self._sink.accept(raw, [said]))[0]

    async def leaves(self) -> None:
        """The page is closed."""
        left = Visit(inbox=self._inbox, sender=self._party, what="left")
        await self._sink.accept(Raw(content=b"left", content_type="text/plain"), [left])


def signed(body: bytes, secret: str, now: Micros) -> dict[str, str]:
    """The headers that the office's application signs a request with."""
    timestamp = str(now // 1_000_000)
    digest = hmac.new(secret.encode(), timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()
    return {"X-Centrala-Timestamp": timestamp, "X-Centrala-Signature": f"sha256={digest}"}


# --- what is filled in ---------------------------------------------------------------------------------------------


def _with_client(draw: random.Random, **fields: str) -> dict[str, str]:
    client = str(uuid.UUID(int=draw.getrandbits(128), version=4))
    return {CLIENT: client, "consent": "yes", **fields}


def contact_form(
    draw: random.Random, name: str, email: str, phone: str, subject: str, text: str
) -> dict[str, str]:
    """The contact form."""
    return _with_client(draw, name=name, email=email, phone=phone, subject=subject, message=text)


def callback_form(
    draw: random.Random, name: str, email: str, phone: str, topic: str, at: Micros | None
) -> dict[str, str]:
    """The order of a call; ``at`` None: as soon as possible."""
    time = "soon" if at is None else str(at // 1_000_000)
    return _with_client(draw, name=name, email=email, phone=phone, topic=topic, time=time)


def comment_form(
    draw: random.Random, name: str, email: str, text: str, article: Mapping[str, str], parent: int | None
) -> dict[str, str]:
    """A comment, or an answer to the comment ``parent``."""
    place = {**article, "parent": str(parent or "")}
    return _with_client(draw, do="comment", name=name, email=email, text=text, **place)


def report_form(post: int, reason: str, article: Mapping[str, str]) -> dict[str, str]:
    """A reader's report of a comment as it was published."""
    return {"do": "report", "post": str(post), "version": "1", "reason": reason, **article}


def call_event(
    draw: random.Random, event: str, phone: str, call: str = "", extension: str = ""
) -> dict[str, object]:
    """An event of the telephone exchange; see docs/channels/phone.md."""
    told = {
        "event": event,
        "call": call or f"{draw.getrandbits(48):012x}",
        "caller": phone,
        "extension": extension,
    }
    return {name: value for name, value in told.items() if value}


def application_event(
    draw: random.Random, name: str, thread: str, subject: str, text: str
) -> dict[str, object]:
    """A message in the office's application."""
    sender = {"address": thread, "name": name, "language": "pl"}
    event = {"type": "message", "id": f"{draw.getrandbits(64):016x}", "sender": sender, "text": text.strip()}
    return {**event, "thread": thread, **({"subject": subject} if subject else {})}
