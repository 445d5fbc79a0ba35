"""What a visitor may see of their conversation: what they wrote on this page and what was sent to it, nothing else.

Notes, mails, messages of other people in a merged conversation and answers that are still held stay out. Visitors are
told apart by their address alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import msgspec
from sqlalchemy import Row, and_, or_, select

from connectors.contract import BlobId, Chat, ChatFile, ChatHours, ChatMessage, Choice, Micros
from hub.calendar import calendar, is_open, next_opening
from hub.chats.leaving import TRANSCRIPTS, further
from hub.chats.line import Place, in_line, places, wait_of_a_place
from hub.chats.record import KIND, present
from hub.house import House
from hub.intake.joining import DAY, joins_directly
from hub.outbox.queue import outlet
from hub.store.schema import attachment, chat, conversation, delivery, identity, message, user, user_queue
from hub.store.tx import Reader
from hub.surveys.record import spelled_out

SHOWN = ("sending", "accepted", "delivered", "read", "possibly-sent")
"""States of a sending to the page in which the page shows it."""


class _Extra(msgspec.Struct, frozen=True):
    """What the ``data`` of a message says besides its text: buttons, and whose survey's page the text names."""

    choices: tuple[Choice, ...] = ()
    survey: int = 0


_extra = msgspec.json.Decoder(_Extra).decode


def chats(tx: Reader, house: House, inbox: str, visitors: Sequence[str], messages: int) -> dict[str, Chat]:
    """See :meth:`connectors.contract.VisitorConversation.chats`."""
    wanted = select(chat).where(chat.c.inbox == inbox, chat.c.visitor.in_(visitors))
    rows = {row.visitor: row for row in tx.rows(wanted)}
    matters = _matters(tx, {row.conversation for row in rows.values()})
    going_on = {
        visitor: (row, matters[row.conversation])
        for visitor, row in rows.items()
        if row.conversation in matters and _goes_on(tx, house, matters[row.conversation])
    }
    waits = any(matter.status == "open" and matter.assignee is None for _, matter in going_on.values())
    line = places(tx) if waits else {}
    costs = {queue: wait_of_a_place(tx, queue) for queue in {place.queue for place in line.values()}}
    agents = _names(tx, {matter.assignee for _, matter in going_on.values()})
    return {
        visitor: _chat(tx, house, row, matter, line, costs, agents.get(matter.assignee, ""), messages)
        for visitor, (row, matter) in going_on.items()
    }


def _matters(tx: Reader, numbers: set[int]) -> dict[int, Row[Any]]:
    """Conversations by the id that a chat knows; of a merged one its survivor."""
    first = {
        row.id: row for row in tx.rows(select(conversation).where(conversation.c.id.in_(sorted(numbers))))
    }
    survivors = {row.merged_into for row in first.values() if row.merged_into is not None}
    if not survivors:
        return first
    found = select(conversation).where(conversation.c.id.in_(sorted(survivors)))
    second = {row.id: row for row in tx.rows(found)}
    return {number: second.get(row.merged_into, row) for number, row in first.items()}


def _goes_on(tx: Reader, house: House, matter: Row[Any]) -> bool:
    """Whether what the visitor writes now would still belong here; the page of an old matter stays shut."""
    desk = house.directory.config.desk
    if matter.activity_at < tx.now - int(desk.reopen_days * DAY):
        return False
    return joins_directly(desk, status=matter.status, resolved_at=matter.resolved_at, now=tx.now)


def _names(tx: Reader, users: set[int | None]) -> Mapping[int | None, str]:
    wanted = sorted(found for found in users if found is not None)
    if not wanted:
        return {}
    return {row.id: row.name for row in tx.rows(select(user.c.id, user.c.name).where(user.c.id.in_(wanted)))}


def _chat(
    tx: Reader,
    house: House,
    row: Row[Any],
    matter: Row[Any],
    line: Mapping[int, Place],
    costs: Mapping[str, float | None],
    agent: str,
    messages: int,
) -> Chat:
    place = line.get(matter.id)
    cost = costs.get(place.queue) if place else None
    way = further(house, matter.office, row)
    return Chat(
        conversation=matter.id,
        reference=matter.reference,
        state=_state(row, matter),
        agent=agent,
        place=place.number if place else None,
        wait=cost * place.number if place and cost is not None else None,
        closes_at=row.closes_at,
        leads_to=way.kind if way else "",
        transcript=row.answered_at is not None and row.transcripts < TRANSCRIPTS,
        left=row.left_at is not None,
        messages=_messages(tx, house, row, matter.id, messages) if messages else (),
    )


def _state(row: Row[Any], matter: Row[Any]) -> Literal["waiting", "active", "closed"]:
    if row.ended_at is not None or matter.status in ("resolved", "spam"):
        return "closed"
    return "waiting" if matter.assignee is None else "active"


def _visible(row: Row[Any]) -> Any:
    """The condition on messages that the visitor of this chat may see."""
    own = select(identity.c.id).where(identity.c.kind == KIND, identity.c.address == row.visitor)
    sent = (
        select(delivery.c.id)
        .where(delivery.c.message == message.c.id, delivery.c.inbox == row.inbox)
        .where(delivery.c.operation == "send", delivery.c.state.in_(SHOWN))
        .where(delivery.c.recipients.contains(row.visitor, autoescape=True))
        .exists()
    )
    theirs = and_(message.c.kind == "inbound", message.c.identity.in_(own))
    ours = and_(message.c.kind == "outbound", sent)
    return and_(message.c.inbox == row.inbox, message.c.deleted_at.is_(None), or_(theirs, ours))


def _messages(tx: Reader, house: House, row: Row[Any], number: int, most: int) -> tuple[ChatMessage, ...]:
    columns = [message.c[name] for name in ("id", "number", "kind", "text", "at", "author", "data")]
    statement = select(*columns).where(message.c.conversation == number, _visible(row))
    rows = list(reversed(tx.rows(statement.order_by(message.c.number.desc()).limit(most))))
    authors = _names(tx, {found.author for found in rows})
    files = _files(tx, [found.id for found in rows])
    return tuple(
        ChatMessage(
            id=found.id,
            number=found.number,
            mine=found.kind == "inbound",
            text=spelled_out(house, found.text, _extra(found.data).survey),
            at=Micros(found.at),
            author=authors.get(found.author, ""),
            files=tuple(files.get(found.id, ())),
            choices=_extra(found.data).choices if found is rows[-1] and found.kind == "outbound" else (),
        )
        for found in rows
    )


def _files(tx: Reader, messages: Sequence[int]) -> dict[int, list[ChatFile]]:
    found: dict[int, list[ChatFile]] = {}
    stored = select(attachment).where(attachment.c.message.in_(messages), attachment.c.blob.is_not(None))
    for row in tx.rows(stored.order_by(attachment.c.position)) if messages else ():
        file = ChatFile(id=row.id, filename=row.filename, size=row.size)
        found.setdefault(row.message, []).append(file)
    return found


def file_of(
    tx: Reader, house: House, inbox: str, visitor: str, number: int
) -> tuple[str, str, BlobId] | None:
    """Name, type and bytes of a file of a message that this visitor may see."""
    row = tx.row(select(chat).where(chat.c.inbox == inbox, chat.c.visitor == visitor))
    matter = _matters(tx, {row.conversation}).get(row.conversation) if row is not None else None
    if row is None or matter is None or not _goes_on(tx, house, matter):
        return None
    statement = (
        select(attachment.c.filename, attachment.c.content_type, attachment.c.blob)
        .join(message, message.c.id == attachment.c.message)
        .where(attachment.c.id == number, attachment.c.blob.is_not(None))
        .where(message.c.conversation == matter.id, _visible(row))
    )
    found = tx.row(statement)
    return None if found is None else (found.filename, found.content_type, BlobId(found.blob))


def hours(tx: Reader, house: House, inbox: str) -> ChatHours:
    """See :meth:`connectors.contract.VisitorConversation.hours`."""
    found = house.directory.inboxes.get(inbox)
    if found is None:
        return ChatHours(staffed=False)
    cal, now = calendar(house.directory, found.office, found.queue), Micros(tx.now)
    opened = is_open(cal, now)
    staffed = opened and _on_duty(tx, found.queue)
    waiting, cost = in_line(places(tx), found.queue), wait_of_a_place(tx, found.queue)
    return ChatHours(
        staffed=staffed,
        opens_at=None if opened else next_opening(cal, now),
        waiting=waiting,
        wait=None if cost is None else cost * (waiting + 1),
        mails=outlet(house, found.office, "email") is not None,
    )


def _on_duty(tx: Reader, queue: str) -> bool:
    """Whether somebody who works the queue says that they are available."""
    works = (
        select(user.c.id)
        .join(user_queue, user_queue.c.user == user.c.id)
        .where(user_queue.c.queue == queue, user.c.active.is_(True), user.c.presence == "available")
    )
    return tx.row(works.limit(1)) is not None


# --- whose chats changed -----------------------------------------------------------------------------------------


def moved(tx: Reader, inbox: str, conversations: set[int], queues: set[str]) -> frozenset[str]:
    """Visitors of these conversations, and those in the lines of these queues."""
    about = or_(
        conversation.c.id.in_(sorted(conversations)), conversation.c.merged_into.in_(sorted(conversations))
    )
    waits = and_(
        conversation.c.queue.in_(sorted(queues)),
        conversation.c.assignee.is_(None),
        conversation.c.status == "open",
        present(),
    )
    statement = (
        select(chat.c.visitor)
        .join(conversation, conversation.c.id == chat.c.conversation)
        .where(chat.c.inbox == inbox, or_(about, waits) if queues else about)
    )
    return frozenset(row.visitor for row in tx.rows(statement))


def among_chats(tx: Reader, inbox: str, conversations: set[int]) -> set[int]:
    """Which of these conversations are chats of this inbox."""
    about = or_(
        conversation.c.id.in_(sorted(conversations)), conversation.c.merged_into.in_(sorted(conversations))
    )
    statement = (
        select(conversation.c.id, conversation.c.merged_into)
        .join(chat, chat.c.conversation == conversation.c.id)
        .where(chat.c.inbox == inbox, about)
    )
    return {row.merged_into or row.id for row in tx.rows(statement)}


def here(tx: Reader, inbox: str) -> list[str]:
    """Visitors who are there, as far as we know."""
    return [row.visitor for row in tx.rows(select(chat.c.visitor).where(chat.c.inbox == inbox, present()))]
