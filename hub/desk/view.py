"""A conversation as the screen shows it: one stream over all channels."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import msgspec
from sqlalchemy import Row, Select, and_, or_, select

from hub.desk.row import about_row, seen
from hub.scope import NotFound, Scope, require
from hub.store import schema
from hub.store.kept import (
    Answers,
    Engine,
    Inquiry,
    Kept,
    Question,
    among,
    engine_of,
    inquire,
    keep,
    learn,
    many,
    value,
)
from hub.store.tx import Reader, Tx

conversation, message = schema.conversation, schema.message

PAGE = 100
"""Messages shown at once, the latest; the earlier ones come on request."""


class Sending(msgspec.Struct, frozen=True, kw_only=True):
    """One delivery with its attempts, the first one first."""

    row: Row[Any]
    attempts: tuple[Row[Any], ...]


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One message of the stream. ``author``: name of the colleague, or of the office that answered by mail;
    ``sender``: of the citizen."""

    row: Row[Any]
    author: str
    sender: str
    address: str
    data: dict[str, Any]
    recipients: tuple[dict[str, Any], ...]
    files: tuple[Row[Any], ...]
    sendings: tuple[Sending, ...]


class Stream(msgspec.Struct, frozen=True, kw_only=True):
    """Entries in order of time; ``earlier``: number before which there are more."""

    entries: tuple[Entry, ...]
    earlier: int | None


def leads_to(tx: Reader, scope: Scope, conversation_id: int) -> int:
    """The conversation itself, or the one that it was merged into. Raises NotFound."""
    require(scope, "answer")
    found = conversation_id
    for _ in range(20):
        further = tx.row(select(conversation.c.merged_into).where(conversation.c.id == found))
        if further is None:
            raise NotFound("conversation")
        if further.merged_into is None:
            return found
        found = int(further.merged_into)
    raise NotFound("conversation")


def stream(tx: Reader, scope: Scope, conversation_id: int, before: int | None = None) -> Stream:
    """The latest messages, or those before a number. Raises Denied, NotFound."""
    _, page = inquire(tx, about_row(tx, scope, conversation_id), about_page(tx, conversation_id, before))
    return learn(tx, about_stream(tx, page))


def about_page(tx: Reader, conversation_id: int, before: int | None = None) -> Inquiry[Sequence[Row[Any]]]:
    """The rows of :func:`stream`, for whoever may see the conversation: the latest first, one more than is shown."""
    values = {"conversation": conversation_id, "before": before if before is not None else (1 << 31) - 1}
    return Inquiry([Question(_kept(engine_of(tx)).page, values)], _first)


def about_stream(tx: Reader, page: Sequence[Row[Any]]) -> Inquiry[Stream]:
    """What :func:`stream` tells, from the rows that :func:`about_page` found."""
    rows = sorted(page[:PAGE], key=lambda row: (row.at, row.number))
    earlier = page[PAGE - 1].number if len(page) > PAGE else None
    entries = _about_entries(tx, rows)
    return Inquiry(entries.questions, lambda told: Stream(entries=tuple(entries.made(told)), earlier=earlier))


def entry(tx: Reader, scope: Scope, message_id: int) -> Entry:
    """One message. Raises Denied, NotFound."""
    row = tx.get(message, message_id)
    if row is None:
        raise NotFound("message")
    seen(tx, scope, row.conversation)
    return learn(tx, _about_entries(tx, [row]))[0]


def _about_entries(tx: Reader, rows: Sequence[Row[Any]]) -> Inquiry[list[Entry]]:
    kept, sent = _kept(engine_of(tx)), many(tx, (row.id for row in rows if row.kind == "outbound"))
    values = {
        "ids": many(tx, (row.id for row in rows)),
        "authors": many(tx, {row.author for row in rows if row.author is not None}),
        "senders": many(tx, {row.identity for row in rows if row.identity is not None}),
        "sent": sent,
    }
    return Inquiry([Question(one, values) for one in kept.around], lambda told: _entries(rows, told))


def _entries(rows: Sequence[Row[Any]], told: Answers) -> list[Entry]:
    users, identities, files, sent, tries = told
    names = {user.id: user.name for user in users}
    senders = {identity.id: (identity.name, identity.address) for identity in identities}
    files_of, sent_of = _grouped(files, "message"), _grouped(sent, "message")
    attempts = _grouped(tries, "delivery")
    found = []
    for row in rows:
        sender, address = senders.get(row.identity, ("", ""))
        data = msgspec.json.decode(row.data)
        sendings = (Sending(row=one, attempts=attempts.get(one.id, ())) for one in sent_of.get(row.id, ()))
        found.append(
            Entry(
                row=row,
                author=names.get(row.author, "") or data.get("by", ""),
                sender=sender or address,
                address=address,
                data=data,
                recipients=tuple(msgspec.json.decode(row.recipients)),
                files=files_of.get(row.id, ()),
                sendings=tuple(sendings),
            )
        )
    return found


def _first(answers: Answers) -> Sequence[Any]:
    return answers[0]


def _grouped(rows: Sequence[Any], column: str) -> dict[int, tuple[Any, ...]]:
    found: dict[int, tuple[Any, ...]] = {}
    for row in rows:
        key = getattr(row, column)
        found[key] = (*found.get(key, ()), row)
    return found


class _Statements(msgspec.Struct, frozen=True):
    page: Kept
    around: tuple[Kept, ...]
    """Of some messages: their authors, senders, files, deliveries, attempts."""


@cache
def _kept(engine: Engine) -> _Statements:
    wanted = and_(
        message.c.conversation == value("conversation"),
        message.c.number < value("before"),
        # What was taken back in time was never sent: it is a draft again, and no part of the story.
        or_(message.c.deleted_at.is_(None), message.c.kind != "outbound"),
    )
    user, identity, file = schema.user.c, schema.identity.c, schema.attachment.c
    delivery, attempt = schema.delivery, schema.attempt
    sent = among(engine, delivery.c.message, "sent")
    around: tuple[Select[Any], ...] = (
        select(user.id, user.name).where(among(engine, user.id, "authors")),
        select(identity.id, identity.name, identity.address).where(among(engine, identity.id, "senders")),
        select(schema.attachment).where(among(engine, file.message, "ids")).order_by(file.position, file.id),
        select(delivery).where(sent).order_by(delivery.c.id),
        select(attempt)
        .join(delivery, delivery.c.id == attempt.c.delivery)
        .where(sent)
        .order_by(attempt.c.number),
    )
    page = select(message).where(wanted).order_by(message.c.number.desc()).limit(PAGE + 1)
    return _Statements(keep(engine, page), tuple(keep(engine, statement) for statement in around))


def mark_read(tx: Tx, scope: Scope, conversation_id: int, number: int) -> None:
    """The actor has seen the messages up to ``number``. Reading moves no version and tells nobody."""
    row = seen(tx, scope, conversation_id)
    if scope.user is None:
        return
    read = schema.conversation_read
    mine = and_(read.c.user == scope.user, read.c.conversation == row.id)
    before = tx.scalar(select(read.c.number).where(mine))
    upto = min(number, row.messages)
    if before is None:
        tx.execute(read.insert().values(user=scope.user, conversation=row.id, number=upto))
    elif before < upto:
        tx.execute(read.update().where(mine).values(number=upto))


def raw_of(tx: Reader, scope: Scope, message_id: int) -> Row[Any]:
    """The bytes as the wire brought them (``content`` or ``blob``). Raises Denied, NotFound."""
    found = entry(tx, scope, message_id)
    row = tx.row(select(schema.raw).where(schema.raw.c.id == (found.row.raw or 0)))
    if row is None:
        raise NotFound("raw")
    return row


def file_of(tx: Reader, scope: Scope, attachment_id: int) -> Row[Any]:
    """A file of a message that the actor may see, or of an own draft. Raises Denied, NotFound."""
    require(scope, "answer")
    row = tx.get(schema.attachment, attachment_id)
    if row is None:
        raise NotFound("file")
    if row.message is not None:
        entry(tx, scope, row.message)
        return row
    mine = and_(schema.draft.c.id == (row.draft or 0), schema.draft.c.user == (scope.user or 0))
    if tx.row(select(schema.draft.c.id).where(mine)) is None:
        raise NotFound("file")
    return row
