"""What became of what we sent: reports about one sending, and watermarks about all up to a moment."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, func, select

from connectors.contract import DeliveryReport, Receipt
from hub.outbox.queue import derive_state, sent_as
from hub.outbox.settle import fail_reported
from hub.outbox.states import may_move
from hub.store import schema
from hub.store.tx import Tx

from .bounces import REFUSED

SKEW = 1_000_000
"""Microseconds by which the clocks of the two sides may differ: nobody reads a message this soon after it left."""

attempt, delivery, message = schema.attempt, schema.delivery, schema.message


def reported(tx: Tx, event: DeliveryReport) -> Receipt | None:
    """Move what the report is about; None when its target is not known (yet)."""
    rows: Sequence[Row[Any]] = sent_as(tx, event.inbox, event.target)
    if event.target and not rows:
        return None
    for row in [*rows, *_before(tx, event, rows)]:
        _move(tx, row, event)
    return Receipt(conversation=rows[0].conversation, message=rows[0].message) if rows else Receipt()


def _move(tx: Tx, row: Row[Any], event: DeliveryReport) -> None:
    if not may_move(row.state, event.state):
        return
    if event.state == "failed":
        fail_reported(tx, row, event.reason or REFUSED)
    else:
        tx.change(delivery, row.id, state=event.state, updated_at=tx.now)
        derive_state(tx, row.message)
        tx.emit("delivery", conversation=row.conversation, message=row.message)


def _before(tx: Tx, event: DeliveryReport, named: Sequence[Row[Any]]) -> list[Row[Any]]:
    """What went to the person of a watermark before its moment, in the matter that they last wrote about."""
    if event.to is None or event.state not in ("delivered", "read"):
        return []
    until = event.until + SKEW if event.until is not None else _began(tx, named)
    key = f"pair:{event.inbox}:{event.to.kind}:{event.to.address}"
    found = tx.lookup(schema.thread_key, ("key",), ("conversation",), [(key,)])
    if not found or until is None:
        return []
    open_states = ("accepted",) if event.state == "delivered" else ("accepted", "delivered")
    statement = (
        select(delivery)
        .join(message, message.c.id == delivery.c.message)
        .join(attempt, attempt.c.delivery == delivery.c.id)
        .where(message.c.conversation == found[0][0], message.c.kind == "outbound")
        .where(delivery.c.inbox == event.inbox, delivery.c.state.in_(open_states))
        .group_by(*delivery.c)
        .having(func.max(attempt.c.started_at) <= until)
    )
    done = {row.id for row in named}
    return [row for row in tx.rows(statement) if row.id not in done]


def _began(tx: Tx, rows: Sequence[Row[Any]]) -> int | None:
    """When the last attempt of a named sending began."""
    ids = [row.id for row in rows]
    began: int | None = tx.scalar(select(func.max(attempt.c.started_at)).where(attempt.c.delivery.in_(ids)))
    return began
