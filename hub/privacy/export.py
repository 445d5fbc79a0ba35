"""Everything that is kept of a person, as JSON that they and other systems can read (GDPR, articles 15 and 20)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
from sqlalchemy import Row, Table, or_, select

from hub.privacy.people import Person
from hub.store import schema as s
from hub.store.tx import Reader

Record = dict[str, Any]


def export(tx: Reader, person: Person) -> Record:
    """``contacts``, ``addresses``, ``conversations`` with their messages, ``messages_elsewhere``, ``comments``,
    ``callbacks`` and ``surveys``. Times are RFC 3339 UTC; of each file there is the ``blob`` that holds its bytes."""
    return {
        "contacts": [_contact(row) for row in _rows(tx, s.contact, s.contact.c.id.in_(person.contacts))],
        "addresses": [
            _identity(row) for row in _rows(tx, s.identity, s.identity.c.id.in_(person.identities))
        ],
        "conversations": [_conversation(tx, key) for key in person.conversations],
        "messages_elsewhere": _messages(tx, s.message.c.id.in_(person.elsewhere)),
        "comments": [_comment(row) for row in _comments(tx, person)],
        "callbacks": [
            _callback(row) for row in _rows(tx, s.callback, s.callback.c.contact.in_(person.contacts))
        ],
        "surveys": [_survey(row) for row in _rows(tx, s.survey, s.survey.c.contact.in_(person.contacts))],
    }


def _rows(tx: Reader, table: Table, condition: Any) -> Sequence[Row[Any]]:
    return tx.rows(select(table).where(condition).order_by(table.c.id))


def _at(moment: int | None) -> str | None:
    if moment is None:
        return None
    whole = dt.datetime.fromtimestamp(moment // 1_000_000, dt.UTC)
    return whole.isoformat().replace("+00:00", "Z")


def _taken(row: Row[Any], *names: str) -> Record:
    """Columns as they are; those that end in ``_at`` as times."""
    times: dict[bool, Callable[[Any], Any]] = {True: _at, False: lambda value: value}
    return {name: times[name.endswith("_at") or name == "at"](getattr(row, name)) for name in names}


def _contact(row: Row[Any]) -> Record:
    known = _taken(row, "name", "language", "note", "created_at")
    return {**known, "attributes": msgspec.json.decode(row.attributes)}


def _identity(row: Row[Any]) -> Record:
    names = ("kind", "address", "name", "verified", "blocked_reason", "created_at")
    return {**_taken(row, *names), "blocked_until": _at(row.blocked_until)}


def _conversation(tx: Reader, key: int) -> Record:
    (row,) = _rows(tx, s.conversation, s.conversation.c.id == key)
    names = ("reference", "office", "queue", "status", "channel", "subject", "topic", "outcome", "language")
    return {
        **_taken(row, *names, "created_at", "resolved_at"),
        "tags": msgspec.json.decode(row.tags),
        "messages": _messages(tx, s.message.c.conversation == key),
    }


def _messages(tx: Reader, condition: Any) -> list[Record]:
    """What people wrote, notes about the person too; lines of the system itself say nothing more."""
    message, attachment = s.message, s.attachment
    rows = tx.rows(
        select(message)
        .where(condition, message.c.kind != "system")
        .order_by(message.c.conversation, message.c.number)
    )
    files: dict[int, list[Record]] = {row.id: [] for row in rows}
    for start in range(0, len(rows), 500):
        wanted = [row.id for row in rows[start : start + 500]]
        for file in _rows(tx, attachment, attachment.c.message.in_(wanted)):
            files[file.message].append(_taken(file, "filename", "content_type", "size", "sha256", "blob"))
    return [_message(row, files[row.id]) for row in rows]


def _message(row: Row[Any], files: list[Record]) -> Record:
    return {
        **_taken(row, "number", "kind", "channel", "at", "subject", "text", "language", "automatic"),
        "full_text": row.full_text if row.full_text is not None else row.text,
        "recipients": msgspec.json.decode(row.recipients),
        "data": msgspec.json.decode(row.data),
        "files": files,
    }


def _comments(tx: Reader, person: Person) -> Sequence[Row[Any]]:
    post, article = s.post.c, s.article.c
    statement = (
        select(s.post, article.title, article.url)
        .join(s.article, article.id == post.article)
        .where(or_(post.author.in_(person.identities), post.conversation.in_(person.conversations)))
    )
    return tx.rows(statement.order_by(post.id))


def _comment(row: Row[Any]) -> Record:
    names = ("title", "url", "author_name", "state", "text", "pending_text", "reason", "reason_text")
    return _taken(row, *names, "created_at", "published_at", "edited_at")


def _callback(row: Row[Any]) -> Record:
    names = ("number", "email", "topic", "state", "attempts", "outcome", "note")
    return _taken(row, *names, "wished_at", "due_at", "created_at")


def _survey(row: Row[Any]) -> Record:
    return _taken(row, "channel", "asked_at", "answered_at", "score", "comment")
