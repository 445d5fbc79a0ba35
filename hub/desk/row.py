"""One conversation under a person's hands: found within their scope, guarded by its version, changed with an event.

Every action of the desk begins with :func:`opened` and ends with :func:`change`, so scope, version guard and event are
never left to the action itself.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from sqlalchemy import Row, and_, select

from hub.changes import note
from hub.desk.texts import GONE, MERGED
from hub.messages import announce
from hub.scope import Conflict, NotFound, Scope, require, visible
from hub.store.kept import Answers, Engine, Inquiry, Kept, Question, engine_of, keep, learn, value
from hub.store.schema import conversation
from hub.store.tx import Reader, Tx

ACTIVE = ("open", "waiting-citizen", "waiting-office", "snoozed")
"""Statuses of conversations that still want something from somebody."""


def seen(tx: Reader, scope: Scope, conversation_id: int) -> Row[Any]:
    """The conversation, if this actor may read it. Raises Denied, NotFound."""
    return learn(tx, about_row(tx, scope, conversation_id))


def about_row(tx: Reader, scope: Scope, conversation_id: int) -> Inquiry[Row[Any]]:
    """What :func:`seen` finds. Raises Denied; NotFound when it is told."""
    require(scope, "answer")

    def found(answers: Answers) -> Row[Any]:
        [rows] = answers
        if not rows:
            raise NotFound("conversation")
        row: Row[Any] = rows[0]
        return row

    return Inquiry([Question(_seen(engine_of(tx), scope), {"id": conversation_id})], found)


@lru_cache(maxsize=1024)
def _seen(engine: Engine, scope: Scope) -> Kept:
    return keep(engine, select(conversation).where(and_(conversation.c.id == value("id"), visible(scope))))


def opened(tx: Tx, scope: Scope, conversation_id: int, version: int | None = None) -> Row[Any]:
    """The conversation, locked for a change.

    ``version``: what the actor saw; Conflict when it moved on since. Raises Denied, NotFound, and Conflict for one that
    was merged into another.
    """
    seen(tx, scope, conversation_id)
    found = tx.locked(conversation, conversation_id)
    if found is None:
        raise NotFound("conversation")
    if found.merged_into is not None:
        raise Conflict(MERGED)
    if version is not None and found.version != version:
        raise Conflict(GONE)
    return found


def change(tx: Tx, scope: Scope, conversation_id: int, **values: Any) -> int:
    """Set columns, move the version on, tell the stream; returns the new version."""
    before = tx.locked(conversation, conversation_id)
    if before is None:
        raise NotFound("conversation")
    tx.change(conversation, conversation_id, version=before.version + 1, **values)
    note(tx, before, values)
    moved = "queue" in values and values["queue"] != before.queue
    announce(tx, conversation_id, actor=scope.user, queue_before=before.queue if moved else None)
    return int(before.version) + 1
