"""A conversation that the rules are asked about, read back: what intake knew of it when the last message came."""

from __future__ import annotations

from typing import Any, cast

import msgspec
from sqlalchemy import Row, and_, select

from connectors.contract import (
    Attachment,
    Automatic,
    CallbackWish,
    CommentPlace,
    FormField,
    InboxId,
    Message,
    Party,
)
from hub.house import House
from hub.intake.read import Known, read_conversations, read_history
from hub.intake.state import CONVERSATION, ConversationState, Person, Recent
from hub.language import language_of
from hub.replay.standins import unmask
from hub.store import bulk, schema
from hub.store.tx import Reader, Tx

message, identity = schema.message, schema.identity


class Matter(msgspec.Struct, frozen=True, kw_only=True):
    """``state`` is the conversation, ``message`` what the person wrote, rebuilt, with the stored row's ``id``; ``text``
    is what rules read. ``sent`` as in :func:`hub.intake.facts.build_facts`."""

    state: ConversationState
    person: Person
    history: list[Recent]
    id: int | None
    message: Message
    text: str
    language: tuple[str, float]
    sent: str


class _Data(msgspec.Struct):
    fields: tuple[FormField, ...] = ()
    choice: str = ""


_data = msgspec.json.Decoder(_Data).decode


def read_state(tx: Tx, conversation: int) -> ConversationState | None:
    """A conversation as it is now, locked; None when it is gone or was merged into another."""
    rows = bulk.lookup(
        tx.connection, schema.conversation, ("id",), CONVERSATION, [(conversation,)], lock=True
    )
    state = ConversationState(*rows[0]) if rows else None
    return state if state is not None and state.merged_into is None else None


def read_matter(
    tx: Tx, house: House, conversation: int, message_id: int | None, text: str | None
) -> Matter | None:
    """The conversation, locked; None when it is gone or was merged into another.

    ``message_id``: which message (default: the person's last); ``text``: what it said, where less is kept.
    """
    known = Known()
    read_conversations(tx, known, {conversation})
    state = known.conversations.get(conversation)
    if state is None or state.merged_into is not None:
        return None
    row = _row(tx, state, message_id)
    writer = tx.row(select(identity).where(identity.c.id == ((row and row.identity) or state.identity)))
    person = _person(tx, state, writer)
    written = row.text if row is not None else ""
    if text is None:
        text = unmask(written) if state.channel == "comments" else written
    return Matter(
        state=state,
        person=person,
        history=read_history(tx, [person.contact]).get(person.contact, []),
        id=row.id if row is not None else None,
        message=_message(tx, state, row, writer),
        text=text,
        language=language_of(text, house.directory.config.desk.language_letters),
        sent=known.sent.get(state.id, ""),
    )


def _row(tx: Reader, state: ConversationState, message_id: int | None) -> Row[Any] | None:
    if message_id is not None:
        return tx.get(message, message_id)
    theirs = and_(
        message.c.conversation == state.id, message.c.kind == "inbound", message.c.deleted_at.is_(None)
    )
    return tx.row(select(message).where(theirs).order_by(message.c.number.desc()).limit(1))


def _person(tx: Reader, state: ConversationState, writer: Row[Any] | None) -> Person:
    attributes = tx.scalar(select(schema.contact.c.attributes).where(schema.contact.c.id == state.contact))
    return Person(
        writer.id if writer is not None else state.identity,
        state.contact,
        writer.blocked_until if writer is not None else None,
        attributes or "{}",
    )


def _message(tx: Reader, state: ConversationState, row: Row[Any] | None, writer: Row[Any] | None) -> Message:
    sender = Party(kind="", address="")
    if writer is not None:
        sender = Party(
            kind=writer.kind, address=writer.address, name=writer.name, verified=bool(writer.verified)
        )
    if row is None:
        return Message(inbox=InboxId(state.inbox), sender=sender, suspicious=state.suspicious or "")
    data = _data(row.data)
    return Message(
        inbox=InboxId(row.inbox or state.inbox),
        sender=sender,
        choice=data.choice,
        text=row.text if data.choice else "",
        subject=unmask(row.subject) if state.channel == "comments" else row.subject,
        attachments=_attachments(tx, row.id),
        automatic=cast("Automatic", row.automatic),
        comment=_place(tx, row.id) if state.channel == "comments" else None,
        callback=_wish(tx, row.id) if row.channel == "callback" else None,
        fields=data.fields,
        suspicious=state.suspicious or "",
    )


def _attachments(tx: Reader, message_id: int) -> tuple[Attachment, ...]:
    table = schema.attachment
    rows = tx.rows(select(table).where(table.c.message == message_id).order_by(table.c.position))
    return tuple(
        Attachment(filename=row.filename, content_type=row.content_type, size=row.size, inline=row.inline)
        for row in rows
    )


def _place(tx: Reader, message_id: int) -> CommentPlace | None:
    post, article = schema.post, schema.article
    joined = select(article.c.key, article.c.section).join(post, post.c.article == article.c.id)
    row = tx.row(joined.where(post.c.id == message_id))
    return CommentPlace(article=row.key, section=row.section) if row is not None else None


def _wish(tx: Reader, message_id: int) -> CallbackWish | None:
    row = tx.get(schema.callback, message_id)
    return CallbackWish(number=row.number, topic=row.topic) if row is not None else None
