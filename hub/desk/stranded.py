"""What waits in queues that nobody works, because the configuration does not name them any more."""

from __future__ import annotations

import msgspec
from sqlalchemy import ColumnElement, func, literal_column, select

from hub.desk.row import ACTIVE
from hub.directory import Directory
from hub.scope import Scope, own_office, require
from hub.store import schema
from hub.store.tx import Reader

conversation = schema.conversation


class Stranded(msgspec.Struct, frozen=True, kw_only=True):
    """A queue that there is not, how many conversations stand in it, and when the first of them came."""

    queue: str
    number: int
    since: int


def stranded(tx: Reader, directory: Directory, scope: Scope) -> list[Stranded]:
    """By queue, of the actor's business. Such conversations stand in no list but those of all queues. Raises Denied."""
    require(scope, "supervise")
    c = conversation.c
    listed: ColumnElement[bool] = literal_column(f"({schema.LISTED})")  # as the indexes say it
    waiting = (
        select(c.queue, c.office, func.count().label("number"), func.min(c.created_at).label("since"))
        .where(listed, c.status.in_(ACTIVE), c.queue.not_in(sorted(directory.queues)))
        .group_by(c.queue, c.office)
        .order_by(c.queue, c.office)
    )
    return [
        Stranded(queue=row.queue, number=row.number, since=row.since)
        for row in tx.rows(waiting)
        if own_office(scope, row.office)
    ]
