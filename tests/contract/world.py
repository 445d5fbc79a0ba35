"""What a connector needs around it, for tests: an :class:`Env` and a sink that keeps a ledger.

The sink commits like the hub: all or nothing, one event an identity, cursors with the items. Everything else is real
(time, sockets) or as small as it can be (blobs in a dictionary, tokens with a fixed key).
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import random
import time
from collections.abc import AsyncIterator, Sequence
from typing import Any

import msgspec

from connectors.contract import (
    BlobId,
    Booking,
    Chat,
    ChatHours,
    Connector,
    Cursor,
    Env,
    Fetched,
    Inbound,
    InboxId,
    Micros,
    Office,
    OutAttachment,
    Overtaken,
    PublicPost,
    Raw,
    Receipt,
    Refused,
    Serves,
    Sink,
    ThreadKey,
    ThreadPage,
)
from hub.i18n import translate

INBOX = InboxId("test-inbox")
OFFICE = Office(id="centrala", name="Infolinia", zone="Europe/Warsaw")


class Clock:
    """The time of the machine, for tests against real servers."""

    def now(self) -> Micros:
        return Micros(time.time_ns() // 1000)

    def monotonic(self) -> float:
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class FixedClock(Clock):
    """A moment that does not pass, for tests of exact bytes: Tuesday, 10 November 2026, 17:40 in Warsaw."""

    def __init__(self, at: int = 1_794_328_800_000_000) -> None:
        self.at = at

    def now(self) -> Micros:
        return Micros(self.at)


class Log:
    """Keeps every line as text, to be searched for what must not be there."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def _add(self, level: str, event: str, details: dict[str, Any]) -> None:
        self.lines.append(f"{level} {event} {details!r}")

    def info(self, event: str, **details: Any) -> None:
        self._add("info", event, details)

    def warning(self, event: str, **details: Any) -> None:
        self._add("warning", event, details)

    def error(self, event: str, **details: Any) -> None:
        self._add("error", event, details)

    def count(self, words: str) -> int:
        """How many lines hold these words."""
        return sum(words in line for line in self.lines)


class Blobs:
    """Large bytes, in memory."""

    def __init__(self) -> None:
        self.kept: dict[BlobId, bytes] = {}
        self.largest_chunk = 0

    async def put(self, content: bytes | AsyncIterator[bytes]) -> BlobId:
        if isinstance(content, bytes):
            whole = content
        else:
            pieces = []
            async for piece in content:
                self.largest_chunk = max(self.largest_chunk, len(piece))
                pieces.append(piece)
            whole = b"".join(pieces)
        blob = BlobId(len(self.kept) + 1)
        self.kept[blob] = whole
        return blob

    async def get(self, blob: BlobId) -> bytes:
        return self.kept[blob]


class Tokens:
    """Signed names with a key that only tests have."""

    def sign(self, what: str, value: int | str) -> str:
        return f"{value}x{self._mac(what, str(value))}"

    def verify(self, what: str, token: str) -> str | None:
        value, _, mac = token.rpartition("x")
        return value if value and hmac.compare_digest(mac, self._mac(what, value)) else None

    def _mac(self, what: str, value: str) -> str:
        digest = hmac.new(b"only for tests", f"{what}:{value}".encode(), hashlib.sha256).hexdigest()
        return digest[:16].replace("x", "y")


class NoEgress:
    """Requests to addresses from outside: a connector that makes one here fails its test."""

    async def request(self, method: str, url: str, **_: Any) -> Fetched:
        raise AssertionError(f"{method} to an address from outside")


class NoThreads:
    """A site without comments."""

    async def page(
        self, inbox: InboxId, article: str, *, visitor: str | None, cursor: str | None, size: int
    ) -> ThreadPage:
        return ThreadPage(posts=(), total=0, next=None, moderation="pre")

    async def post(self, inbox: InboxId, post: int, *, visitor: str | None) -> PublicPost | None:
        return None


class NoAppointments:
    """An office without free times."""

    async def slots(self, inbox: InboxId, days: int) -> tuple[Micros, ...]:
        return ()

    async def booking(self, callback: int) -> Booking | None:
        return None


class NoChats:
    """A house in which nobody chats: closed, so that a chat's page is a form."""

    async def hours(self, inbox: InboxId) -> ChatHours:
        return ChatHours(staffed=False, mails=True)

    async def chats(self, inbox: InboxId, visitors: Sequence[str], *, messages: int) -> dict[str, Chat]:
        return {}

    async def file(self, inbox: InboxId, visitor: str, file: int) -> OutAttachment | None:
        return None

    async def news(self, inbox: InboxId) -> AsyncIterator[frozenset[str]]:
        await asyncio.Event().wait()
        yield frozenset()

    async def present(self, inbox: InboxId) -> Sequence[str]:
        return ()


class Budget:
    """A day's money in memory; the hub's own is tried in tests/hub."""

    def __init__(self) -> None:
        self.taken: dict[str, int] = {}

    async def spend(self, what: str, amount: int, limit: int, *, zone: str) -> int | None:
        spent = self.taken.get(what, 0) + amount
        if spent > limit or spent < 0:
            return None
        self.taken[what] = spent
        return limit - spent

    async def spent(self, what: str, *, zone: str) -> int:
        return self.taken.get(what, 0)


class Ledger:
    """A sink that writes down what was committed, and refuses when told to.

    ``events`` are the committed items without repetitions, ``told`` counts every item that was handed over, and
    ``seconds`` is how long a commit takes. ``open``: commits may end, those with items; ``begun``: one has begun;
    ``refused``: one was refused. ``crowded``: that many commits of items are refused, the next ones are taken, as in
    a hub that has room for small messages only.
    """

    def __init__(self) -> None:
        self.events: list[Inbound] = []
        self.raws: list[Raw] = []
        self.cursors: dict[str, str] = {}
        self.told = 0
        self.refusals = 0
        self.refusing: Exception | None = None
        self.away = False
        self.crowded = 0
        self.seconds = 0.0
        self.open, self.begun, self.refused = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self.open.set()
        self._known: dict[str, int] = {}
        self._commits: set[asyncio.Task[list[Receipt]]] = set()

    def refuse(self, retry_after: float = 0.1) -> None:
        """From now on take nothing."""
        self.refusing = Refused("the hub is full", retry_after=retry_after)

    def lose_storage(self, retry_after: float = 0.05) -> None:
        """From now on take nothing, and tell nothing either."""
        self.refusing = Refused("the storage failed", retry_after=retry_after)
        self.away = True

    def take(self) -> None:
        """Take everything again."""
        self.refusing, self.away = None, False

    async def accept(self, raw: Raw, items: Sequence[Inbound], state: Cursor | None = None) -> list[Receipt]:
        # As in the hub, cancelling the caller does not cancel the commit.
        commit = asyncio.create_task(self._commit(raw, list(items), state))
        self._commits.add(commit)
        commit.add_done_callback(self._commits.discard)
        return await asyncio.shield(commit)

    async def _commit(self, raw: Raw, items: list[Inbound], state: Cursor | None) -> list[Receipt]:
        await asyncio.sleep(self.seconds)
        if items:
            self.begun.set()
            await self.open.wait()
        if self.refusing is not None:
            self.refusals += 1
            self.refused.set()
            raise self.refusing
        if items and self.crowded:
            self.crowded -= 1
            self.refusals += 1
            raise Refused("the hub is nearly full", retry_after=0.02)
        if state is not None and state.replaces not in (msgspec.UNSET, self.cursors.get(state.key)):
            raise Overtaken(state.key)
        if items:
            self.raws.append(raw)
        receipts = [self._one(item) for item in items]
        if state is not None:
            self.cursors[state.key] = state.value
        return receipts

    def _one(self, item: Inbound) -> Receipt:
        self.told += 1
        if item.external_id is not None and item.external_id in self._known:
            return Receipt(message=self._known[item.external_id], duplicate=True)
        self.events.append(item)
        number = len(self.events)
        if item.external_id is not None:
            self._known[item.external_id] = number
        return Receipt(conversation=number, message=number, reference="3F7-K2M-9QX")

    async def cursor(self, key: str) -> str | None:
        if self.away and self.refusing is not None:
            raise self.refusing
        return self.cursors.get(key)

    def signal(self, conversation_key: ThreadKey, what: str) -> None:
        """Not worth a commit, and not written down."""

    async def wait_for(self, count: int, seconds: float = 20.0) -> list[Inbound]:
        """The events, once there are at least ``count``. Raises TimeoutError."""
        end = time.monotonic() + seconds
        while len(self.events) < count:
            if time.monotonic() > end:
                raise TimeoutError(f"{len(self.events)} of {count} events came within {seconds} s")
            await asyncio.sleep(0.005)
        return self.events


def make_env(**changes: Any) -> Env:
    """An environment on loopback; give ``log``, ``blobs`` or ``clock`` to look into them."""
    parts: dict[str, Any] = {
        "inbox": INBOX,
        "office": OFFICE,
        "clock": Clock(),
        "random": random.Random(1),
        "egress": NoEgress(),
        "blobs": Blobs(),
        "tokens": Tokens(),
        "translate": translate,
        "log": Log(),
        "public_url": "http://127.0.0.1:8080",
        "threads": NoThreads(),
        "appointments": NoAppointments(),
        "budget": Budget(),
        "chats": NoChats(),
    }
    return Env(**(parts | changes))


async def whole(connector: Connector, sink: Sink) -> None:
    """A connector at work as in a hub of one process: it reads its wire and serves."""
    async with asyncio.TaskGroup() as tasks:
        if isinstance(connector, Serves):
            tasks.create_task(connector.serve(sink))
        tasks.create_task(connector.run(sink))
