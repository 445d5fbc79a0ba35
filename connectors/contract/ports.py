"""Narrow ways from a connector into the hub and its machine: time, files, HTTP, tokens, and what pages may show."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Any, Literal, Protocol

import msgspec

from connectors.contract.outbound import Choice, OutAttachment
from connectors.contract.words import BlobId, InboxId, Micros


class Clock(Protocol):
    """Time as a parameter."""

    def now(self) -> Micros:
        """Microseconds UTC."""

    def monotonic(self) -> float:
        """Seconds that never go back."""

    async def sleep(self, seconds: float) -> None:
        """Wait; cancellable."""


class Blobs(Protocol):
    """Large bytes: durable before ``put`` returns, unreferenced ones are swept after 24 h. Raises Refused."""

    async def put(self, content: bytes | AsyncIterator[bytes]) -> BlobId:
        """Keep bytes; returns once they would survive a power cut."""

    async def get(self, blob: BlobId) -> bytes:
        """All bytes. Raises KeyError for an unknown id."""


class Fetched(msgspec.Struct, frozen=True, kw_only=True):
    """An HTTP answer from outside, with the body already read."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Egress(Protocol):
    """The one client for HTTP to addresses that come from outside: resolved addresses are checked and pinned at
    each hop, private ranges refused unless configured, size and time limited."""

    async def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] = {},
        body: bytes | None = None,
        timeout: float = 15.0,
        max_bytes: int = 10_000_000,
    ) -> Fetched:
        """Raises :class:`SendError` (``temporary`` before anything was sent, ``ambiguous`` after)."""


class Tokens(Protocol):
    """Signed names. ``what`` keeps the spaces apart (``conversation``, ``callback``, ``visitor``)."""

    def sign(self, what: str, value: int | str) -> str:
        """Lower-case letters and digits only, so that it survives the local part of an address."""

    def verify(self, what: str, token: str) -> str | None:
        """The value as text, or None."""


class PublicPost(msgspec.Struct, frozen=True, kw_only=True):
    """A comment as readers may see it: masked, and never an address of its author."""

    id: int
    parent: int | None
    depth: int
    author: str
    text: str
    at: Micros
    version: int
    state: str
    office: bool = False
    edited: bool = False
    mine: bool = False
    editable: bool = False
    appealable: bool = False
    reason: str = ""
    """Told to the author only: why it was rejected; a msgid, or the moderator's own words."""
    pending: str = ""
    """Shown to the author only: an edit that waits for approval."""
    reported: Literal["", "open", "kept", "removed"] = ""
    """Told to whoever reported it: what came of it."""


class ThreadPage(msgspec.Struct, frozen=True, kw_only=True):
    """One page of an article's comments; ``next`` is the cursor of the following page.

    ``moderation`` is what the editorial team set for the article; None: as the site says.
    """

    posts: tuple[PublicPost, ...]
    total: int
    next: str | None
    moderation: Literal["pre", "post"] | None = None
    open: bool = True


class PublicThread(Protocol):
    """The narrow port through which a comment section reads. ``visitor`` is the reader's own author id."""

    async def page(
        self, inbox: InboxId, article: str, *, visitor: str | None, cursor: str | None, size: int
    ) -> ThreadPage:
        """Published posts in thread order, and the visitor's own in any state."""

    async def post(self, inbox: InboxId, post: int, *, visitor: str | None) -> PublicPost | None:
        """One post, if this visitor may see it."""


class Booking(msgspec.Struct, frozen=True, kw_only=True):
    """A callback as its citizen may see it."""

    id: int
    state: str
    at: Micros | None
    number: str
    """With all but the last three digits masked."""
    topic: str
    attempts: int
    movable: bool


class Appointments(Protocol):
    """The narrow port of the callback form."""

    async def slots(self, inbox: InboxId, days: int) -> tuple[Micros, ...]:
        """Times that can still be wished for within the office's hours."""

    async def booking(self, callback: int) -> Booking | None:
        """By the id of a verified token."""


class ChatFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file of a chat's message; ``size`` in bytes."""

    id: int
    filename: str
    size: int


class ChatMessage(msgspec.Struct, frozen=True, kw_only=True):
    """A message as the visitor may see it. ``author`` is the agent's name in the house, which a page shows only as far
    as it is configured to; empty for what the hub wrote by itself. ``choices``: buttons to answer with, of the last
    message only; a pressed one comes back as :attr:`Message.choice`."""

    id: int
    number: int
    mine: bool
    text: str
    at: Micros
    author: str = ""
    files: tuple[ChatFile, ...] = ()
    choices: tuple[Choice, ...] = ()


class Chat(msgspec.Struct, frozen=True, kw_only=True):
    """A visitor's chat as it is now.

    ``waiting``: nobody has taken it; ``place`` is the place in the line from 1, ``wait`` the expected seconds, None
    where too little is known. ``agent``: the name of whoever has it. ``closes_at``: the visitor was warned that it
    will be closed then. ``leads_to`` says where answers go when they leave: ``email``, ``phone`` or nowhere.
    ``transcript``: it can be asked for by mail, which takes a word of ours and ends after some. ``left``: the hub was
    told that they left. ``messages`` in order.
    """

    conversation: int
    reference: str
    state: Literal["waiting", "active", "closed"]
    agent: str = ""
    place: int | None = None
    wait: float | None = None
    closes_at: Micros | None = None
    leads_to: Literal["", "email", "phone"] = ""
    transcript: bool = False
    left: bool = False
    messages: tuple[ChatMessage, ...] = ()


class ChatHours(msgspec.Struct, frozen=True, kw_only=True):
    """Whether anybody is there to talk to. ``staffed``: within the hours and somebody is on duty; ``opens_at``: when
    that may be again. ``waiting`` people in the line and the expected ``wait`` of one more, in seconds. ``mails``: the
    hub can send mails (transcripts, answers to those who left)."""

    staffed: bool
    opens_at: Micros | None = None
    waiting: int = 0
    wait: float | None = None
    mails: bool = False


class VisitorConversation(Protocol):
    """The narrow port of a chat's visitor pages: they see what was sent to that visitor, and nothing else.

    What a visitor does goes to the :class:`Sink`, as everything that comes in.
    """

    async def hours(self, inbox: InboxId) -> ChatHours:
        """As of now, or a moment ago."""

    async def chats(self, inbox: InboxId, visitors: Sequence[str], *, messages: int) -> Mapping[str, Chat]:
        """The chats of these visitors, each with its last ``messages``. Who has none, or wrote last so long ago that it
        begins anew, is left out."""

    async def file(self, inbox: InboxId, visitor: str, file: int) -> OutAttachment | None:
        """A file of a message that this visitor may see."""

    def news(self, inbox: InboxId) -> AsyncIterator[frozenset[str]]:
        """Visitors whose chats changed, again and again; several changes of a moment are told once."""

    async def present(self, inbox: InboxId) -> Sequence[str]:
        """Visitors who did not leave as far as the hub knows: after a start, those that are to be waited for."""


Translate = Callable[..., str]
"""``translate(language, msgid, **placeholders)``: gettext with placeholders substituted, never evaluated."""


class Log(Protocol):
    """Structured log; ``event`` is a short phrase, details are keywords. Never an address, a number, a secret."""

    def info(self, event: str, **details: Any) -> None: ...
    def warning(self, event: str, **details: Any) -> None: ...
    def error(self, event: str, **details: Any) -> None: ...


class Office(msgspec.Struct, frozen=True, kw_only=True):
    """What of an office a connector needs."""

    id: str
    name: str
    zone: str
    language: str = "pl"


class Budget(Protocol):
    """A durable counter for what a day may cost: money, a provider's units. It holds under concurrency and restarts.

    Raises Refused: then nothing was taken or given back. In a sending that is for the connector to tell as a
    :class:`SendError`, since only it knows whether anything has left."""

    async def spend(self, what: str, amount: int, limit: int, *, zone: str) -> int | None:
        """Take ``amount`` from today's ``limit`` (the day of ``zone``); returns what is left, None if it is not enough,
        and then takes nothing. A negative amount gives back."""

    async def spent(self, what: str, *, zone: str) -> int:
        """What was taken today."""


class Siblings(Protocol):
    """The same inbox in the hub's other processes: for what hangs on a connection that one of them holds.

    What is told may be dropped or come late, and is worth no commit. Where there is one process only, nobody is told.
    """

    @property
    def reachable(self) -> bool:
        """Whether what is told now reaches those that there are; true where there are none."""

    @property
    def alone(self) -> bool:
        """Whether there are no other processes, nor will be."""

    def tell(self, what: bytes) -> None:
        """Tell all of them; returns at once."""

    def hear(self, call: Callable[[bytes], None]) -> Callable[[], None]:
        """Have ``call`` given what they tell; returns what ends it."""


class NoSiblings:
    """One process alone."""

    reachable = True
    alone = True

    def tell(self, what: bytes) -> None:
        """Nobody hears it."""

    def hear(self, call: Callable[[bytes], None]) -> Callable[[], None]:
        """Nobody tells anything."""
        return lambda: None
