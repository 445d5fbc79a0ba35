"""A site with a chat: the connector at work, a house that answers it, a clock that tests move, and visitors."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import uuid
from collections.abc import AsyncIterator, Sequence

import msgspec

from connectors.chat.connector import LiveChats
from connectors.chat.settings import Settings
from connectors.chat.visitors import HEADER, KIND
from connectors.contract import (
    Chat,
    ChatHours,
    ChatMessage,
    InboxId,
    Micros,
    NoSiblings,
    OutAttachment,
    Refused,
    Response,
    Siblings,
)
from tests.connectors.requests import form_post, open_stream
from tests.contract.world import Ledger, NoChats, make_env, whole

ANNA, BEN = "a" * 32, "b" * 32
PATH = "/embed/chat/test-inbox"
MORNING = Micros(1_794_816_000_000_000)
JSON = {"accept": "application/json"}


class House(NoChats):
    """A house whose chats a test sets."""

    def __init__(self) -> None:
        self.now = ChatHours(staffed=True, mails=True)
        self.known: dict[str, Chat] = {}
        self.files: dict[tuple[str, int], OutAttachment] = {}
        self.there: tuple[str, ...] = ()
        self.away = False
        self._news: asyncio.Queue[frozenset[str]] = asyncio.Queue()

    def changed(self, *visitors: str) -> None:
        """Something happened in their chats."""
        self._news.put_nowait(frozenset(visitors))

    def _look(self) -> None:
        if self.away:
            raise Refused("the storage failed")

    async def hours(self, inbox: InboxId) -> ChatHours:
        return self.now

    async def chats(self, inbox: InboxId, visitors: Sequence[str], *, messages: int) -> dict[str, Chat]:
        self._look()
        return {visitor: self.known[visitor] for visitor in visitors if visitor in self.known}

    async def file(self, inbox: InboxId, visitor: str, file: int) -> OutAttachment | None:
        return self.files.get((visitor, file))

    async def news(self, inbox: InboxId) -> AsyncIterator[frozenset[str]]:
        while True:
            news = await self._news.get()
            self._look()
            yield news

    async def present(self, inbox: InboxId) -> Sequence[str]:
        self._look()
        return self.there


class Clock:
    """Time that passes when told; sleepers wake at once, so that loops turn."""

    def __init__(self) -> None:
        self.at = 100.0

    def now(self) -> Micros:
        return MORNING

    def monotonic(self) -> float:
        return self.at

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(0.002)


class Site:
    """A chat at work: what it took, and the house behind it."""

    def __init__(
        self, settings: Settings, *, clock: Clock | None = None, siblings: Siblings | None = None
    ) -> None:
        self.house, self.clock, self.ledger = House(), clock or Clock(), Ledger()
        self.signals: list[tuple[str, str]] = []
        self.ledger.signal = lambda conversation_key, what: self.signals.append(  # type: ignore[method-assign]
            (conversation_key, what)
        )
        self.env = make_env(chats=self.house, clock=self.clock, siblings=siblings or NoSiblings())
        self.chat = LiveChats(settings, self.env)

    def token(self, visitor: str = ANNA) -> str:
        return self.env.tokens.sign(KIND, visitor)

    async def write(self, text: str = "Dzień dobry", visitor: str = ANNA, **fields: str) -> Response:
        """Post a first message by script."""
        whole = {
            "me": self.token(visitor),
            "client": str(uuid.uuid4()),
            "text": text,
            "consent": "yes",
            **fields,
        }
        return await form_post(self.chat, PATH, whole, headers=JSON)

    def answered(self, *messages: ChatMessage, visitor: str = ANNA, **more: object) -> None:
        """From now on the visitor has a chat with these messages."""
        chat = Chat(
            conversation=7, reference="3F7-K2M-9QX", state="active", agent="Anna Sekretna", transcript=True
        )
        self.house.known[visitor] = msgspec.structs.replace(chat, messages=messages, **more)

    async def signal(self, what: str, visitor: str = ANNA, **fields: str) -> Response:
        return await form_post(
            self.chat, f"{PATH}/signal", {"me": self.token(visitor), "what": what, **fields}
        )

    @contextlib.asynccontextmanager
    async def page(self, visitor: str = ANNA) -> AsyncIterator[list[tuple[str, dict[str, object]]]]:
        """An open page; what it is told."""
        told: list[tuple[str, dict[str, object]]] = []
        stream = await open_stream(self.chat, f"{PATH}/stream", {HEADER: self.token(visitor)})

        async def read() -> None:
            async for chunk in stream:
                for name, data in re.findall(r"event: (\w+)\ndata: (.*)\n\n", chunk.decode()):
                    told.append((name, json.loads(data)))

        task = asyncio.create_task(read())
        await asyncio.sleep(0.01)
        yield told
        task.cancel()
        await asyncio.wait({task})
        await stream.aclose()  # type: ignore[attr-defined]


@contextlib.asynccontextmanager
async def at_work(settings: Settings | None = None) -> AsyncIterator[Site]:
    site = Site(settings or Settings())
    task = asyncio.create_task(whole(site.chat, site.ledger))
    await asyncio.sleep(0.01)
    yield site
    task.cancel()
    await asyncio.wait({task})


def said(number: int = 17, text: str = "W czym pomóc?", *, mine: bool = False, **more: object) -> ChatMessage:
    message = ChatMessage(id=number, number=number, mine=mine, text=text, at=MORNING, author="Anna Sekretna")
    return msgspec.structs.replace(message, **more)


def body(answer: Response) -> str:
    return answer.body.decode()
