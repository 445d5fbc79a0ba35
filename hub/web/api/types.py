"""What the API takes and gives: every request forbids unknown fields, every answer lists its fields one by one.

Ids are strings (they may exceed what JavaScript holds), times RFC 3339 in UTC.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal

import msgspec
from sqlalchemy import Row

from hub.desk import view
from hub.desk.lists import View
from hub.ruleset.proof import Proof
from hub.web.words import machine
from rules.editing.merge import Clash as Clashing

Meta = msgspec.Meta
Id = Annotated[str, Meta(pattern="^[0-9]{1,16}$", examples=["4711"])]
Time = Annotated[str, Meta(description="RFC 3339, UTC.", examples=["2026-11-16T08:00:00Z"])]
Short = Annotated[str, Meta(max_length=200)]
Status = Literal["open", "waiting-citizen", "waiting-office", "snoozed", "resolved", "spam"]


class Request(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of what the API takes."""


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """Base of what the API gives."""


# --- requests --------------------------------------------------------------------------------------------------


class ListQuery(Request, frozen=True, kw_only=True):
    """Which conversations: a view, perhaps of one queue, page by page."""

    view: View = "all"
    queue: str | None = None
    after: Annotated[str, Meta(description="`next` of the page before.", max_length=200)] = ""
    limit: Annotated[int, Meta(ge=1, le=100)] = 50


class MessagesQuery(Request, frozen=True, kw_only=True):
    """The latest messages, or those before a number."""

    before: Annotated[int | None, Meta(description="`earlier` of the page before.")] = None


class ReplyBody(Request, frozen=True, kw_only=True):
    """A reply to the person, on the channel they used."""

    text: Annotated[str, Meta(min_length=1, max_length=50_000)]
    based_on: Annotated[int, Meta(ge=0, description="Number of the last message that its author has seen.")]
    subject: Annotated[str, Meta(max_length=500)] = ""
    after: Annotated[
        Literal["open", "waiting-citizen", "resolve"], Meta(description="What becomes of the conversation.")
    ] = "open"
    topic: Short | None = None
    outcome: Short | None = None


class NoteBody(Request, frozen=True, kw_only=True):
    """A note that colleagues see and the person does not."""

    text: Annotated[str, Meta(min_length=1, max_length=50_000)]


class AssignBody(Request, frozen=True, kw_only=True):
    """Who acts now."""

    login: Annotated[str | None, Meta(description="Null: nobody, back to the queue.")]
    version: int | None = None


class TransferBody(Request, frozen=True, kw_only=True):
    """To a queue, or to an office's first queue."""

    queue: str | None = None
    office: str | None = None
    note: Annotated[str, Meta(max_length=50_000)] = ""
    version: int | None = None


class StatusBody(Request, frozen=True, kw_only=True):
    """A new status. Resolving keeps topic and outcome."""

    status: Literal["open", "waiting-citizen", "waiting-office", "resolved"]
    topic: Short | None = None
    outcome: Short | None = None
    version: int | None = None


# --- answers ---------------------------------------------------------------------------------------------------


class Conversation(Answer, frozen=True, kw_only=True):
    """One matter of one person. ``messages`` is the number of its last message, ``version`` grows with each change."""

    id: Id
    reference: str
    status: Status
    office: str
    queue: str | None
    priority: int
    tier: int
    channel: str
    inbox: str
    subject: str
    preview: str
    language: str
    tags: list[str]
    topic: str | None
    outcome: str | None
    assignee: Id | None
    owner: Id | None
    contact: Id
    messages: int
    version: int
    created_at: Time
    activity_at: Time
    waiting_since: Time | None
    due_at: Time | None
    resolved_at: Time | None


class Conversations(Answer, frozen=True, kw_only=True):
    """One page of a list."""

    conversations: list[Conversation]
    next: str | None


class File(Answer, frozen=True, kw_only=True):
    """An attachment; its bytes are in the console."""

    id: Id
    filename: str
    content_type: str
    size: int


class Attempt(Answer, frozen=True, kw_only=True):
    """One try to deliver. ``outcome`` is null while it runs, or when a crash left it open."""

    at: Time
    outcome: Literal["accepted", "delivered", "temporary", "permanent", "throttled", "ambiguous"] | None


class Delivery(Answer, frozen=True, kw_only=True):
    """One way of an outbound message out, with every attempt: the truth about what was sent."""

    id: Id
    inbox: str
    state: str
    reason: str | None
    attempts: list[Attempt]


class Message(Answer, frozen=True, kw_only=True):
    """One message. ``author`` is a colleague's name, ``sender`` and ``address`` the person's."""

    id: Id
    number: int
    kind: Literal["inbound", "outbound", "note", "call", "system"]
    channel: str
    at: Time
    subject: str
    text: str
    unreadable: Annotated[str, Meta(description="Why something of it cannot be read, as it is encrypted.")]
    language: str
    automatic: str
    state: str | None
    author: str
    sender: str
    address: str
    attachments: list[File]
    deliveries: list[Delivery]


class Messages(Answer, frozen=True, kw_only=True):
    """Messages in order; ``earlier``: ask for those ``before`` this number."""

    messages: list[Message]
    earlier: int | None


class Written(Answer, frozen=True, kw_only=True):
    """A message that was added."""

    message: Id
    number: int


class Changed(Answer, frozen=True, kw_only=True):
    """The version of the conversation after a change."""

    version: int


class Finding(Answer, frozen=True, kw_only=True):
    """What a check of the rules found. ``rule`` is the id of a rule or the name of a test, ``line`` 0 where unknown."""

    part: Literal["form", "names", "lint", "tests"]
    level: Literal["error", "warning", "hint"]
    code: str
    rule: str
    key: str
    line: int
    text: str
    advice: str


class Clash(Answer, frozen=True, kw_only=True):
    """A part of a rule set that somebody else changed too: its text before, theirs (stored) and yours (refused).

    ``order``: the part was moved to two different places.
    """

    kind: str
    name: str
    before: str
    stored: str
    refused: str
    order: bool


class Problem(Answer, frozen=True, kw_only=True):
    """An error (RFC 9457). ``unseen``: numbers of messages that came since ``based_on``; ``findings``: why a rule set
    is not published; ``clashes``: what of a draft somebody else changed too."""

    type: str
    title: str
    status: int
    detail: str
    unseen: list[int] = []
    findings: list[Finding] = []
    clashes: list[Clash] = []


def _time(at: int | None) -> str | None:
    return None if at is None else machine(at)


def _id(number: int | None) -> str | None:
    return None if number is None else str(number)


def conversation_of(row: Row[Any]) -> Conversation:
    """From a row of ``conversation``."""
    return Conversation(
        id=str(row.id),
        reference=row.reference,
        status=row.status,
        office=row.office,
        queue=row.queue,
        priority=row.priority,
        tier=row.tier,
        channel=row.channel,
        inbox=row.inbox,
        subject=row.subject,
        preview=row.preview,
        language=row.language,
        tags=msgspec.json.decode(row.tags, type=list[str]),
        topic=row.topic,
        outcome=row.outcome,
        assignee=_id(row.assignee),
        owner=_id(row.owner),
        contact=str(row.contact),
        messages=row.messages,
        version=row.version,
        created_at=machine(row.created_at),
        activity_at=machine(row.activity_at),
        waiting_since=_time(row.waiting_since),
        due_at=_time(row.due_at),
        resolved_at=_time(row.resolved_at),
    )


def messages_of(found: view.Stream) -> Messages:
    """From what the screen shows."""
    return Messages(messages=[_message(entry) for entry in found.entries], earlier=found.earlier)


def _message(entry: view.Entry) -> Message:
    row = entry.row
    return Message(
        id=str(row.id),
        number=row.number,
        kind=row.kind,
        channel=row.channel,
        at=machine(row.at),
        subject=row.subject,
        text=row.text if row.deleted_at is None else "",
        unreadable=entry.data.get("unreadable", ""),
        language=row.language,
        automatic=row.automatic,
        state=row.state,
        author=entry.author or "",
        sender=entry.sender or "",
        address=entry.address or "",
        attachments=_files(entry.files),
        deliveries=[_delivery(sending) for sending in entry.sendings],
    )


def _delivery(sending: view.Sending) -> Delivery:
    row = sending.row
    tries = [Attempt(at=machine(a.started_at), outcome=a.outcome) for a in sending.attempts]
    return Delivery(id=str(row.id), inbox=row.inbox, state=row.state, reason=row.reason, attempts=tries)


def _files(rows: Sequence[Row[Any]]) -> list[File]:
    return [
        File(id=str(row.id), filename=row.filename, content_type=row.content_type, size=row.size)
        for row in rows
    ]


def findings_of(proof: Proof) -> list[Finding]:
    """What the checks found, errors first."""
    return [
        Finding(
            part=item.part,
            level=item.level,
            code=item.code,
            rule=item.rule,
            key=item.key,
            line=item.line,
            text=str(item.text),
            advice=str(item.advice),
        )
        for item in proof.items
    ]


def clashes_of(clashes: Sequence[Clashing]) -> list[Clash]:
    """The clashes of a merge."""
    return [
        Clash(
            kind=one.key.kind,
            name=one.key.name,
            before=one.base,
            stored=one.ours,
            refused=one.theirs,
            order=one.order,
        )
        for one in clashes
    ]
