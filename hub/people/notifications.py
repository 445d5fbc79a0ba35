"""What the hub has told a person: listed, counted, marked as read. :func:`hub.desk.notify.tell` adds them."""

from __future__ import annotations

from typing import Any

import msgspec
from sqlalchemy import Row, select, update

from hub.i18n import mark as N_
from hub.scope import NotFound, Scope, may_see
from hub.store.schema import conversation, notification
from hub.store.tx import Reader, Tx

TEXTS: dict[str, str] = {
    "mention": N_("You were mentioned in a note"),
    "assigned": N_("A conversation was assigned to you"),
    "failed": N_("A reply could not be delivered"),
    "woke": N_("A snoozed conversation is back"),
    "overdue": N_("An answer is overdue"),
    "owner-check": N_("The office has answered: check and resolve"),
    "opened": N_("A matter of another office was opened"),
    "rule": N_("A rule asks for your attention"),
    "callback": N_("A call is offered to you"),
    "rules-approval": N_("A draft of the rules waits for your approval"),
    "rules-approved": N_("Your draft of the rules was approved"),
    "rules-sent-back": N_("Your draft of the rules was sent back"),
    "rules-refused": N_(
        "Rules are not published at their set time: they have mistakes, or others were published before"
    ),
}

SHOWN = 100

_rules = msgspec.json.Decoder(tuple[str, ...]).decode


DISTRESS = N_("Somebody may be in danger")


class About(msgspec.Struct, frozen=True, kw_only=True):
    """What a notification tells of its conversation."""

    reference: str
    subject: str
    preview: str
    protocol: str | None
    tags: str


class Notice(msgspec.Struct, frozen=True, kw_only=True):
    """One notification of a person. ``about`` is None where it is about no conversation, and where it is about one that
    they may not read any more (``hidden``)."""

    id: int
    kind: str
    conversation: int | None
    at: int
    read_at: int | None
    rules: str | None
    hidden: bool
    about: About | None


def text_of(notice: Notice) -> str:
    """The msgid that says what a notification is about. A call of the rules for a person in distress says so."""
    if notice.kind == "rule" and notice.about is not None and notice.about.protocol:
        return DISTRESS
    return TEXTS.get(notice.kind, N_("Notifications"))


def calling(notice: Notice) -> tuple[str, ...]:
    """Ids of the rules that call."""
    return _rules(notice.rules) if notice.rules else ()


def recent(tx: Reader, scope: Scope, limit: int = SHOWN) -> list[Notice]:
    """The newest of the actor, unread first.

    Those about a conversation that left their sight are there, too, for they count among the unread; nothing is told
    of it.
    """
    n, c = notification.c, conversation.c
    statement = (
        select(n.id, n.kind, n.conversation, n.at, n.read_at, n.rules, *(c[name] for name in _TOLD))
        .join(conversation, c.id == n.conversation, isouter=True)
        .where(n.user == scope.user)
        .order_by(n.read_at.is_not(None), n.at.desc(), n.id.desc())
        .limit(limit)
    )
    return [_notice(tx, scope, row) for row in tx.rows(statement)]


_TOLD = About.__struct_fields__


def _notice(tx: Reader, scope: Scope, row: Row[Any]) -> Notice:
    hidden = row.conversation is not None and not may_see(tx, scope, row.conversation)
    told = row.conversation is not None and not hidden
    return Notice(
        id=row.id,
        kind=row.kind,
        conversation=row.conversation,
        at=row.at,
        read_at=row.read_at,
        rules=None if hidden else row.rules,
        hidden=hidden,
        about=About(**{name: getattr(row, name) for name in _TOLD}) if told else None,
    )


def read_one(tx: Tx, scope: Scope, notification_id: int) -> tuple[str, int | None]:
    """Mark one as read; returns its kind and its conversation, None for one that the actor may not read any more.

    Raises NotFound for somebody else's.
    """
    n = notification.c
    statement = select(n.kind, n.conversation, n.read_at)
    row = tx.row(statement.where(n.id == notification_id, n.user == scope.user))
    if row is None:
        raise NotFound("notification")
    if row.read_at is None:
        tx.change(notification, notification_id, read_at=tx.now)
        tx.emit("notification", actor=scope.user)
    if row.conversation is None or not may_see(tx, scope, row.conversation):
        return str(row.kind), None
    return str(row.kind), int(row.conversation)


def read_all(tx: Tx, scope: Scope) -> None:
    """Mark all of the actor's as read."""
    n = notification.c
    mine = (n.user == scope.user, n.read_at.is_(None))
    if tx.execute(update(notification).where(*mine).values(read_at=tx.now)).rowcount:
        tx.emit("notification", actor=scope.user)


def unread_about(tx: Reader, scope: Scope, conversation_id: int) -> bool:
    """Whether any of the actor's is about this conversation and not read."""
    n = notification.c
    mine = (n.user == scope.user, n.conversation == conversation_id, n.read_at.is_(None))
    return tx.scalar(select(n.id).where(*mine).limit(1)) is not None


def read_about(tx: Tx, scope: Scope, conversation_id: int) -> None:
    """Mark those about one conversation as read: who looks at it knows."""
    n = notification.c
    mine = (n.user == scope.user, n.conversation == conversation_id, n.read_at.is_(None))
    if tx.execute(update(notification).where(*mine).values(read_at=tx.now)).rowcount:
        tx.emit("notification", actor=scope.user)
