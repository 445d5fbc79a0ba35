"""The quarantine as supervisors see it: what could not be taken in, why, and the way out of it."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Row, Select, func, select, true

from hub.audit import record
from hub.desk.row import change
from hub.directory import Directory
from hub.house import House
from hub.i18n import mark as N_
from hub.messages import system_line
from hub.scope import Conflict, NotFound, Scope, require
from hub.store.schema import conversation, message, raw
from hub.store.tx import Reader, Tx

SHOWN = 200

OVER = N_("It is not in quarantine any more.")


def _reachable(directory: Directory, scope: Scope) -> ColumnElement[bool]:
    """Raws of inboxes that are this actor's business: those of their office, for the front office all."""
    if scope.front or scope.role == "system":
        return true()
    own = [inbox.id for inbox in directory.inboxes.values() if inbox.office == scope.office]
    return raw.c.inbox.in_(own)


def quarantined(tx: Reader, house: House, scope: Scope) -> list[Row[Any]]:
    """Raws in quarantine, the newest first, with their conversation (None: a report about a message nobody knows).

    ``suspicious`` says why a mail that could be read is here all the same. Raises Denied for less than supervisors.
    """
    require(scope, "supervise")
    mine = _reachable(house.directory, scope)
    unread = _listing().where(raw.c.state == "quarantined", mine)
    held = _listing().where(conversation.c.quarantined.is_(True), conversation.c.merged_into.is_(None), mine)
    rows = [*tx.rows(unread), *tx.rows(held)]
    unique = {row.id: row for row in rows}
    return sorted(unique.values(), key=lambda row: (-row.received_at, -row.id))[:SHOWN]


def _listing() -> Select[Any]:
    c = conversation.c
    return (
        select(
            raw.c.id,
            raw.c.inbox,
            raw.c.received_at,
            raw.c.error,
            raw.c.state,
            func.length(raw.c.content).label("size"),
            c.id.label("conversation"),
            c.reference,
            c.subject,
            c.suspicious,
        )
        .join(message, message.c.raw == raw.c.id, isouter=True)
        .join(conversation, c.id == message.c.conversation, isouter=True)
        .order_by(raw.c.received_at.desc(), raw.c.id.desc())
        .limit(SHOWN)
    )


def raw_bytes(tx: Reader, house: House, scope: Scope, raw_id: int) -> Row[Any]:
    """The raw row with its bytes, or the blob that holds them. Raises Denied, NotFound."""
    require(scope, "supervise")
    row = tx.row(select(raw).where(raw.c.id == raw_id, _reachable(house.directory, scope)))
    if row is None:
        raise NotFound("raw")
    return row


def release_to(tx: Tx, house: House, scope: Scope, conversation_id: int, queue: str) -> None:
    """Let people work on it as it is, in a queue. Raises Denied, NotFound (also for a foreign queue), Conflict."""
    require(scope, "supervise")
    target = house.directory.queues.get(queue)
    row = tx.locked(conversation, conversation_id)
    if row is None or target is None or not (scope.front or row.office == scope.office == target.office):
        raise NotFound("conversation")
    if not row.quarantined:
        raise Conflict(OVER)
    change(
        tx,
        scope,
        conversation_id,
        quarantined=False,
        queue=queue,
        office=target.office,
        status="open",
        listed=True,
        waiting_since=row.waiting_since or tx.now,
    )
    system_line(tx, conversation_id, "released", scope.user, queue=queue)
    record(tx, scope.user, "quarantine-released", f"conversation:{conversation_id}", {"queue": queue})
