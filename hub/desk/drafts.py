"""Drafts: what an agent is writing, kept on the server by revision until they send or discard it themselves.

Nobody else's action touches a draft: not an assignment, not a transfer, not a resolve. A save names the revision it
began with; when another window saved meanwhile it is refused and both texts are at hand.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache, lru_cache
from typing import Any, Literal

import msgspec
from sqlalchemy import ColumnElement, Row, and_, func, or_, select, update

from connectors.contract import BlobId, Recipient
from hub.desk.addresses import Role, show_addresses
from hub.desk.row import opened, seen
from hub.house import House
from hub.i18n import mark as N_
from hub.scope import Conflict, NotFound, Scope, require, visible
from hub.store import schema
from hub.store.kept import Answers, Engine, Inquiry, Kept, Question, engine_of, keep, value
from hub.store.schema import conversation as matter
from hub.store.tx import Reader, Tx

draft, attachment = schema.draft, schema.attachment

Kind = Literal["reply", "note", "forward", "new"]

ROLES: tuple[Role, ...] = ("to", "cc", "bcc")

SHOWN = 100
"""Most drafts that a list shows or a count tells."""

LONGEST = 200_000
"""Most characters of a draft; sending has the smaller, configured limit."""

LONGEST_LINE = 10_000
"""Most characters that are kept of a line of recipients which cannot be read yet."""

NEWER = N_("This text was changed in another window. Nothing is lost: both versions are shown.")
TOO_LONG = N_("The text is too long.")
TOO_MANY_FILES = N_("Files in one message: at most {n}.")


class Stored(msgspec.Struct, frozen=True, kw_only=True):
    """Where a draft was saved."""

    id: int
    revision: int


class Newer(Conflict):
    """The draft moved on in another window; ``text`` and ``revision`` are what is stored."""

    def __init__(self, stored: Row[Any]) -> None:
        super().__init__(NEWER)
        self.text = str(stored.text)
        self.revision = int(stored.revision)


def drafts_of(tx: Reader, scope: Scope, conversation: int) -> dict[str, Row[Any]]:
    """The actor's drafts in a conversation, by kind."""
    mine = and_(draft.c.user == (scope.user or 0), draft.c.conversation == conversation)
    return {row.kind: row for row in tx.rows(select(draft).where(mine))}


def about_drafts(
    tx: Reader, scope: Scope, conversation: int
) -> Inquiry[tuple[dict[str, Row[Any]], dict[str, Sequence[Row[Any]]]]]:
    """:func:`drafts_of` a conversation and the :func:`files` of each, both by kind."""

    def made(told: Answers) -> tuple[dict[str, Row[Any]], dict[str, Sequence[Row[Any]]]]:
        own, held = told
        of = {row.kind: [file for file in held if file.draft == row.id] for row in own}
        return {row.kind: row for row in own}, dict(of)

    values = {"me": scope.user or 0, "conversation": conversation}
    return Inquiry([Question(kept, values) for kept in _of_conversation(engine_of(tx))], made)


@cache
def _of_conversation(engine: Engine) -> tuple[Kept, Kept]:
    mine = and_(draft.c.user == value("me"), draft.c.conversation == value("conversation"))
    held = attachment.c.draft.in_(select(draft.c.id).where(mine))
    order = (attachment.c.position, attachment.c.id)
    return (
        keep(engine, select(draft).where(mine)),
        keep(engine, select(attachment).where(held).order_by(*order)),
    )


def _mine(scope: Scope) -> ColumnElement[bool]:
    """Drafts of the actor. One in a matter that left their sight waits there until they see it again."""
    reachable = select(matter.c.id).where(matter.c.id == draft.c.conversation, visible(scope))
    sees = or_(draft.c.conversation.is_(None), reachable.correlate(draft).exists())
    return and_(draft.c.user == (scope.user or 0), sees)


def own_draft(tx: Reader, scope: Scope, draft_id: int) -> Row[Any]:
    """One of the actor's drafts, in a conversation that they may still see. Raises NotFound."""
    row = tx.row(select(draft).where(and_(draft.c.id == draft_id, _mine(scope))))
    if row is None:
        raise NotFound("draft")
    return row


# A letter may begin with its address, and a note or a reply with nothing but words.
_BEGUN = or_(
    draft.c.text != "",
    and_(
        draft.c.kind == "new",
        or_(draft.c.subject != "", draft.c.recipients != "[]", draft.c.half_typed.is_not(None)),
    ),
)


def unfinished(tx: Reader, scope: Scope) -> Sequence[Row[Any]]:
    """All drafts of the actor in which something is begun, the newest first; not of what they may not see any more."""
    require(scope, "answer")
    return tx.rows(select(draft).where(_mine(scope), _BEGUN).order_by(draft.c.updated_at.desc()).limit(SHOWN))


def about_number(tx: Reader, scope: Scope) -> Inquiry[int]:
    """How many :func:`unfinished` finds. Raises Denied."""
    require(scope, "answer")
    return Inquiry([Question(_count(engine_of(tx), scope), {})], lambda told: int(told[0][0].number))


@lru_cache(maxsize=1024)
def _count(engine: Engine, scope: Scope) -> Kept:
    some = select(draft.c.id).where(_mine(scope), _BEGUN).limit(SHOWN).subquery()
    return keep(engine, select(func.count().label("number")).select_from(some))


def save_draft(
    tx: Tx,
    scope: Scope,
    *,
    conversation: int | None,
    kind: Kind,
    revision: int,
    text: str,
    subject: str = "",
    recipients: Sequence[Recipient] = (),
    half_typed: Mapping[str, str] | None = None,
    inbox: str | None = None,
    queue: str | None = None,
    based_on: int = 0,
    draft_id: int | None = None,
) -> Stored:
    """Keep a draft. ``revision`` is the one it began with, 0 for a new one.

    ``half_typed`` has by role what stands in a line of recipients that cannot be read yet; ``inbox`` and ``queue`` are
    of a new conversation.

    Raises Denied, NotFound, Newer when another window saved meanwhile, Conflict for a text that is too long.
    """
    require(scope, "answer")
    if conversation is not None:
        seen(tx, scope, conversation)
    if len(text) > LONGEST:
        raise Conflict(TOO_LONG)
    values = {
        "subject": subject[:998],
        "text": text,
        "recipients": msgspec.json.encode(list(recipients)).decode(),
        "half_typed": _kept_lines(half_typed),
        "inbox": inbox,
        "queue": queue,
        "based_on": based_on,
        "updated_at": tx.now,
    }
    row = _find(tx, scope, conversation, kind, draft_id)
    if row is None:
        place = {"user": scope.user, "conversation": conversation, "kind": kind, "revision": 1}
        return Stored(id=tx.add(draft, {**place, **values}), revision=1)
    if row.revision != revision:
        if row.text != text:
            raise Newer(row)
        if all(getattr(row, name) == value for name, value in values.items() if name != "updated_at"):
            return Stored(id=row.id, revision=row.revision)
    tx.change(draft, row.id, revision=row.revision + 1, **values)
    return Stored(id=row.id, revision=row.revision + 1)


def _kept_lines(half_typed: Mapping[str, str] | None) -> str | None:
    lines = {role: line[:LONGEST_LINE] for role, line in (half_typed or {}).items()}
    return msgspec.json.encode(lines).decode() if lines else None


def half_typed(row: Row[Any]) -> dict[str, str]:
    """Lines of a draft that hold no recipients yet, by role.

    A program of the version before knows recipients only: where it saved some, the line is of before.
    """
    lines = msgspec.json.decode(row.half_typed or "{}", type=dict[str, str])
    read = {recipient.role for recipient in msgspec.json.decode(row.recipients, type=list[Recipient])}
    return {role: line for role, line in lines.items() if role not in read}


def lines_of(row: Row[Any]) -> dict[str, str]:
    """The lines of recipients of a draft by role, as somebody typed them."""
    recipients = msgspec.json.decode(row.recipients, type=list[Recipient])
    return {role: show_addresses(recipients, role) for role in ROLES} | half_typed(row)


def _find(
    tx: Tx, scope: Scope, conversation: int | None, kind: Kind, draft_id: int | None
) -> Row[Any] | None:
    if draft_id is not None:
        own_draft(tx, scope, draft_id)
        return tx.locked(draft, draft_id)
    if conversation is None:
        return None
    place = and_(draft.c.user == scope.user, draft.c.conversation == conversation, draft.c.kind == kind)
    return tx.row(select(draft).where(place).with_for_update())


def discard(tx: Tx, scope: Scope, draft_id: int) -> None:
    """Throw an own draft away, files included. Raises NotFound."""
    row = own_draft(tx, scope, draft_id)
    for found in files(tx, row.id):
        remove_file(tx, scope, found.id)
    tx.execute(draft.delete().where(draft.c.id == row.id))


def files(tx: Reader, draft_id: int) -> Sequence[Row[Any]]:
    """The files of a draft, in order."""
    statement = select(attachment).where(attachment.c.draft == draft_id)
    return tx.rows(statement.order_by(attachment.c.position, attachment.c.id))


def add_file(
    tx: Tx,
    house: House,
    scope: Scope,
    draft_id: int,
    *,
    filename: str,
    content_type: str,
    size: int,
    sha256: str,
    blob: BlobId,
) -> int:
    """Put an uploaded file, whose bytes are durable already, to a draft; returns its id.

    Raises NotFound, Conflict above the configured number of files. The name is data for people, never a path.
    """
    row = own_draft(tx, scope, draft_id)
    held, most = files(tx, row.id), house.directory.config.limits.uploads
    if len(held) >= most:
        raise Conflict(TOO_MANY_FILES, n=most)
    if row.conversation is not None:
        opened(tx, scope, row.conversation)
    values = {
        "draft": row.id,
        "position": max((found.position for found in held), default=0) + 1,
        "filename": clean_name(filename),
        "content_type": content_type[:200] or "application/octet-stream",
        "size": size,
        "sha256": sha256,
        "blob": blob,
        "inline": False,
        "content_id": "",
    }
    tx.change(schema.blob, blob, owner=row.id)
    return tx.add(attachment, values)


def clean_name(filename: str) -> str:
    """What a person called a file, without folders and control characters."""
    last = filename.replace("\\", "/").rsplit("/", 1)[-1]
    return "".join(c for c in last if c.isprintable()).strip()[:200] or "file"


def remove_file(tx: Tx, scope: Scope, attachment_id: int) -> None:
    """Take a file out of an own draft; its bytes are swept later. Raises NotFound."""
    require(scope, "answer")
    row = tx.locked(attachment, attachment_id)
    owner = select(draft.c.user).where(draft.c.id == (row.draft if row is not None else None))
    if row is None or scope.user is None or tx.scalar(owner) != scope.user:
        raise NotFound("file")
    shared = tx.row(select(attachment.c.id).where(attachment.c.blob == row.blob, attachment.c.id != row.id))
    if row.blob is not None and shared is None:
        tx.change(schema.blob, row.blob, owner=None)
    tx.execute(attachment.delete().where(attachment.c.id == attachment_id))


def hand_over_files(tx: Tx, draft_id: int, message: int) -> int:
    """The files of a draft become those of a sent message; returns how many."""
    rows = files(tx, draft_id)
    for row in rows:
        tx.change(attachment, row.id, draft=None, message=message)
        if row.blob is not None:
            owner = and_(schema.blob.c.id == row.blob, schema.blob.c.owner == draft_id)
            tx.execute(update(schema.blob).where(owner).values(owner=message))
    return len(rows)


def give_back(
    tx: Tx, scope: Scope, conversation: int | None, kind: Kind, message: Row[Any], text: str
) -> int:
    """A message that was taken back is a draft again, before what was written since; returns the draft."""
    row = _find(tx, scope, conversation, kind, None)
    if row is None:
        place = {"user": scope.user, "conversation": conversation, "kind": kind, "revision": 1}
        same = {"text": text, "subject": message.subject, "recipients": message.recipients}
        found = tx.add(draft, {**place, **same, "based_on": message.number, "updated_at": tx.now})
    else:
        found = int(row.id)
        both = f"{text}\n\n{row.text}" if row.text.strip() else text
        tx.change(
            draft, found, text=both, revision=row.revision + 1, based_on=message.number, updated_at=tx.now
        )
    tx.execute(update(attachment).where(attachment.c.message == message.id).values(message=None, draft=found))
    tx.execute(update(schema.blob).where(schema.blob.c.owner == message.id).values(owner=found))
    return found
