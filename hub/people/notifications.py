"""What the hub has told a person: listed, counted, marked as read. :func:`hub.desk.notify.tell` adds them."""

from __future__ import annotations

from collections.abc import Sequence
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
    "rules-refused": N_("Rules were not published at their time: the checks found mistakes"),
}

SHOWN = 100

_ABOUT = tuple(conversation.c[name] for name in ("reference", "subject", "preview", "protocol", "tags"))
"""What is told of the conversation beside."""

_rules = msgspec.json.Decoder(tuple[str, ...]).decode


DISTRESS = N_("Somebody may be in danger")


def text_of(row: Row[Any]) -> str:
    """The msgid that says what a notification is about. A call of the rules for a person in distress says so."""
    if row.kind == "rule" and row.protocol:
        return DISTRESS
    return TEXTS.get(row.kind, N_("Notifications"))


def calling(row: Row[Any]) -> tuple[str, ...]:
    """Ids of the rules that call, of a row of :func:`recent`."""
    return _rules(row.rules) if row.rules else ()


def recent(tx: Reader, scope: Scope, limit: int = SHOWN) -> Sequence[Row[Any]]:
    """The newest of the actor, unread first, with reference, subject, preview, tags and protocol of the conversation.

    Those about a conversation that the actor may not read any more are left out.
    """
    n, c = notification.c, conversation.c
    statement = (
        select(n.id, n.kind, n.conversation, n.message, n.at, n.read_at, n.rules, *_ABOUT)
        .join(conversation, c.id == n.conversation, isouter=True)
        .where(n.user == scope.user)
        .order_by(n.read_at.is_not(None), n.at.desc(), n.id.desc())
        .limit(limit)
    )
    return [
        row for row in tx.rows(statement) if row.conversation is None or may_see(tx, scope, row.conversation)
    ]


def read_one(tx: Tx, scope: Scope, notification_id: int) -> tuple[str, int | None]:
    """Mark one as read; returns its kind and its conversation. Raises NotFound for somebody else's."""
    n = notification.c
    statement = select(n.kind, n.conversation, n.read_at)
    row = tx.row(statement.where(n.id == notification_id, n.user == scope.user))
    if row is None:
        raise NotFound("notification")
    if row.read_at is None:
        tx.change(notification, notification_id, read_at=tx.now)
        tx.emit("notification", actor=scope.user)
    return str(row.kind), None if row.conversation is None else int(row.conversation)


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
