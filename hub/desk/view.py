"""A conversation as the screen shows it: one stream over all channels, and the person beside it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
from sqlalchemy import Row, and_, case, false, or_, select, true

from hub.desk.contacts import identities, links
from hub.desk.row import seen
from hub.scope import NotFound, Scope, require, visible
from hub.store import schema
from hub.store.tx import Reader, Tx

conversation, message = schema.conversation, schema.message

PAGE = 100
"""Messages shown at once, the latest; the earlier ones come on request."""

HISTORY = 30
"""Other conversations of the same person shown beside it."""


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


class Person(msgspec.Struct, frozen=True, kw_only=True):
    """The context pane. ``history`` rows have ``may_open``; where that is false no text may be shown."""

    contact: Row[Any] | None
    identities: Sequence[Row[Any]]
    links: Sequence[Row[Any]]
    history: Sequence[Row[Any]]


class Around(msgspec.Struct, frozen=True, kw_only=True):
    """What else belongs to it: who is named by id, standing merges, related conversations, offices that were asked."""

    owner: str
    assignee: str
    merges: Sequence[Row[Any]]
    related: Sequence[Row[Any]]
    asked: Sequence[Row[Any]]
    moved_from: int | None


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
    seen(tx, scope, conversation_id)
    wanted = and_(
        message.c.conversation == conversation_id,
        message.c.number < (before if before is not None else (1 << 31) - 1),
        # What was taken back in time was never sent: it is a draft again, and no part of the story.
        or_(message.c.deleted_at.is_(None), message.c.kind != "outbound"),
    )
    rows = tx.rows(select(message).where(wanted).order_by(message.c.number.desc()).limit(PAGE + 1))
    shown = rows[:PAGE]
    entries = _entries(tx, sorted(shown, key=lambda row: (row.at, row.number)))
    return Stream(entries=tuple(entries), earlier=shown[-1].number if len(rows) > PAGE else None)


def entry(tx: Reader, scope: Scope, message_id: int) -> Entry:
    """One message. Raises Denied, NotFound."""
    row = tx.get(message, message_id)
    if row is None:
        raise NotFound("message")
    seen(tx, scope, row.conversation)
    return _entries(tx, [row])[0]


def _entries(tx: Reader, rows: Sequence[Row[Any]]) -> list[Entry]:
    ids = [row.id for row in rows]
    names = user_names(tx, (row.author for row in rows))
    senders = _senders(tx, {row.identity for row in rows if row.identity is not None})
    files = _grouped(tx, select(schema.attachment).where(schema.attachment.c.message.in_(ids)), "message")
    sendings = _sendings(tx, [row.id for row in rows if row.kind == "outbound"])
    found = []
    for row in rows:
        sender, address = senders.get(row.identity, ("", ""))
        data = msgspec.json.decode(row.data)
        found.append(
            Entry(
                row=row,
                author=names.get(row.author, "") or data.get("by", ""),
                sender=sender or address,
                address=address,
                data=data,
                recipients=tuple(msgspec.json.decode(row.recipients)),
                files=tuple(sorted(files.get(row.id, ()), key=lambda file: (file.position, file.id))),
                sendings=tuple(sendings.get(row.id, ())),
            )
        )
    return found


def user_names(tx: Reader, users: Iterable[int | None]) -> dict[int | None, str]:
    """Names of colleagues by id."""
    wanted = {user for user in users if user is not None}
    if not wanted:
        return {}
    user = schema.user
    return {row.id: row.name for row in tx.rows(select(user.c.id, user.c.name).where(user.c.id.in_(wanted)))}


def _senders(tx: Reader, ids: set[int]) -> dict[int | None, tuple[str, str]]:
    identity = schema.identity
    statement = select(identity.c.id, identity.c.name, identity.c.address).where(identity.c.id.in_(ids))
    return {row.id: (row.name, row.address) for row in tx.rows(statement)} if ids else {}


def _grouped(tx: Reader, statement: Any, column: str) -> dict[int, list[Row[Any]]]:
    found: dict[int, list[Row[Any]]] = {}
    for row in tx.rows(statement):
        found.setdefault(getattr(row, column), []).append(row)
    return found


def _sendings(tx: Reader, messages: list[int]) -> dict[int, list[Sending]]:
    if not messages:
        return {}
    delivery, attempt = schema.delivery, schema.attempt
    rows = tx.rows(select(delivery).where(delivery.c.message.in_(messages)).order_by(delivery.c.id))
    tries = _grouped(
        tx,
        select(attempt).where(attempt.c.delivery.in_([row.id for row in rows])).order_by(attempt.c.number),
        "delivery",
    )
    found: dict[int, list[Sending]] = {}
    for row in rows:
        found.setdefault(row.message, []).append(Sending(row=row, attempts=tuple(tries.get(row.id, ()))))
    return found


def person(tx: Reader, scope: Scope, conversation_id: int) -> Person:
    """Who wrote, and their history over all channels. Raises Denied, NotFound.

    Of matters that the actor may not open, a history row says when, on which channel, at which office and about which
    topic, nothing else.
    """
    row = seen(tx, scope, conversation_id)
    open_to = visible(scope)
    columns = conversation.c
    shown = (
        *(columns.id, columns.channel, columns.office, columns.topic),
        *(columns.activity_at, columns.created_at),
    )
    hidden = (columns.reference, columns.subject, columns.preview, columns.status)
    statement = (
        select(
            *shown,
            case((open_to, true()), else_=false()).label("may_open"),
            *(case((open_to, column), else_="").label(column.name) for column in hidden),
        )
        .where(columns.contact == row.contact, columns.id != row.id, columns.merged_into.is_(None))
        .order_by(columns.activity_at.desc())
        .limit(HISTORY)
    )
    return Person(
        contact=tx.get(schema.contact, row.contact),
        identities=identities(tx, row.contact),
        links=links(tx, row.contact),
        history=tx.rows(statement),
    )


def around(tx: Reader, scope: Scope, conversation_id: int) -> Around:
    """What stands in the context pane besides the person. Raises Denied, NotFound."""
    row = seen(tx, scope, conversation_id)
    names = user_names(tx, (row.owner, row.assignee))
    merge, link = schema.conversation_merge, schema.conversation_link
    absorbed = (
        select(merge.c.id, merge.c.absorbed, merge.c.at, conversation.c.reference)
        .join(conversation, conversation.c.id == merge.c.absorbed)
        .where(merge.c.survivor == row.id, merge.c.undone_at.is_(None))
    )
    linked = select(link.c.other).where(link.c.conversation == row.id)
    back = select(link.c.conversation).where(link.c.other == row.id)
    near = or_(
        conversation.c.id.in_(linked),
        conversation.c.id.in_(back),
        conversation.c.id.in_(
            [found for found in (row.previous, row.possible_duplicate) if found is not None]
        ),
    )
    related = select(conversation).where(near, visible(scope), conversation.c.id != row.id).limit(20)
    asked = schema.conversation_office
    return Around(
        owner=names.get(row.owner, ""),
        assignee=names.get(row.assignee, ""),
        merges=tx.rows(absorbed.order_by(merge.c.at.desc())),
        related=tx.rows(related.order_by(conversation.c.activity_at.desc())),
        asked=tx.rows(select(asked).where(asked.c.conversation == row.id).order_by(asked.c.at)),
        moved_from=tx.scalar(back.where(link.c.kind == "moved")),
    )


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
