"""What a batch holds in memory: conversations as they become, people as they are known, rows to write.

Mutable on purpose: a later item of the batch must see what an earlier one did. The field order of
:class:`ConversationState` is the column order of the table (a test compares them), because rows go in and
out of it by position.
"""

from __future__ import annotations

from operator import attrgetter
from typing import Any

import msgspec

from connectors.contract import Cursor, Inbound, Message, Raw
from hub.cluster.leases import Lease
from hub.house import House
from rules import Scan

from .load import Load


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """One ``accept`` on its way into a batch, with what was found out before the transaction.

    ``languages`` holds for each item the language of its text and the confidence, ``looked`` what the rules look for in
    it, where it is a message that will be decided about as it is (None: then that is found when needed). A running
    decision keeps the ``house`` (and with it the rules) that it was accepted with. ``lease``: what was read under one,
    is taken under it.
    """

    inbox: str
    raw: Raw
    items: tuple[Inbound, ...]
    state: Cursor | None
    languages: tuple[tuple[str, float], ...]
    looked: tuple[Scan | None, ...]
    house: House
    load: Load
    lease: Lease | None = None


class ConversationState(msgspec.Struct, gc=False):
    """A row of ``conversation``."""

    id: int
    reference: str
    office: str
    queue: str | None
    status: str
    priority: int
    tier: int
    owner: int | None
    assignee: int | None
    contact: int
    identity: int
    inbox: str
    channel: str
    subject: str
    preview: str
    language: str
    tags: str
    topic: str | None
    outcome: str | None
    messages: int
    version: int
    created_at: int
    activity_at: int
    inbound_at: int | None
    waiting_since: int | None
    due_at: int | None
    first_reply_at: int | None = None
    resolved_at: int | None = None
    snoozed_until: int | None = None
    woken: str | None = None
    failed: bool = False
    listed: bool = True
    quarantined: bool = False
    suspicious: str | None = None
    suggested_office: str | None = None
    protocol: str | None = None
    possible_duplicate: int | None = None
    previous: int | None = None
    merged_into: int | None = None


CONVERSATION = ConversationState.__struct_fields__
"""Columns of a new or a read conversation, in order."""

CHANGING = (
    *("office", "queue", "status", "priority", "tier", "assignee", "identity", "inbox", "channel", "preview"),
    *(
        "language",
        "tags",
        "topic",
        "messages",
        "version",
        "activity_at",
        "inbound_at",
        "waiting_since",
        "due_at",
    ),
    *("resolved_at", "snoozed_until", "woken", "listed", "suspicious", "suggested_office", "protocol"),
)
"""Columns of an existing conversation that a message may change."""

conversation_row = attrgetter(*CONVERSATION)
conversation_changes = attrgetter(*CHANGING, "id")

MESSAGE = (
    *(
        "id",
        "conversation",
        "number",
        "kind",
        "channel",
        "inbox",
        "identity",
        "at",
        "sent_at",
        "subject",
        "text",
    ),
    *("full_text", "html", "recipients", "external_id", "automatic", "language", "raw", "data"),
)


class Person(msgspec.Struct, gc=False):
    """A sender's identity row and what of the contact rules may see."""

    id: int
    contact: int
    blocked_until: int | None = None
    attributes: str = "{}"


class Recent(msgspec.Struct, gc=False):
    """A recent conversation of a contact."""

    id: int
    status: str
    queue: str | None
    channel: str
    activity_at: int
    created_at: int


class Item(msgspec.Struct, frozen=True):
    """A message of a call, with the language of its text and the id of the raw row that carries it.

    ``spoken``: it stands for a telephone call, so no machine answers it in writing. ``looked``: see :class:`Call`.
    """

    call: Call
    message: Message
    language: tuple[str, float]
    raw: int
    spoken: bool = False
    looked: Scan | None = None


class Rows(msgspec.Struct):
    """What the batch will write, by table, as tuples in the order of the columns that ``write`` names."""

    contacts: list[tuple[Any, ...]] = []
    attributes: dict[int, str] = {}
    identities: list[tuple[Any, ...]] = []
    conversations: list[ConversationState] = []
    changed: dict[int, ConversationState] = {}
    messages: list[tuple[Any, ...]] = []
    attachments: list[tuple[Any, ...]] = []
    blobs: list[tuple[Any, ...]] = []
    owned_blobs: list[tuple[int, int]] = []
    traces: list[tuple[Any, ...]] = []
    thread_keys: dict[str, tuple[Any, ...]] = {}
    latest_keys: dict[str, tuple[Any, ...]] = {}
    seen: list[tuple[Any, ...]] = []
    effects: list[tuple[Any, ...]] = []
    articles: list[tuple[Any, ...]] = []
    sites: list[tuple[str, int]] = []
    titles: list[tuple[str, str, int]] = []
    posts: list[tuple[Any, ...]] = []
    links: list[tuple[Any, ...]] = []
    offices: list[tuple[Any, ...]] = []
    timers: dict[tuple[str, int], tuple[Any, ...]] = {}
