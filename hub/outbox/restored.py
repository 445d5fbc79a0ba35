"""After a backup was restored: what waited to be sent when it was made may have been sent since then.

Nobody can know, so nothing of it is sent by itself: it is shown as "possibly sent", and a person decides. Orders about
comments (publish, hide, delete) go out again: twice is the same as once.
"""

from __future__ import annotations

from sqlalchemy import delete, select

from hub.backup import MARK
from hub.i18n import mark as N_
from hub.outbox.settle import give_to_people
from hub.store.schema import delivery, setting
from hub.store.tx import Tx

WAITING = ("held", "queued", "sending")

WHY = N_("The hub was restored from a backup. This may have been sent after the backup was made.")


def hold_waiting(tx: Tx) -> int:
    """Hold what waited in a backup that was just restored; returns how many deliveries. Once: the mark goes."""
    when = tx.scalar(select(setting.c.value).where(setting.c.name == MARK).with_for_update())
    if when is None:
        return 0
    waiting = (
        delivery.c.state.in_(WAITING),
        delivery.c.operation == "send",
        delivery.c.created_at <= int(when),
    )
    rows = tx.rows(select(delivery).where(*waiting).order_by(delivery.c.id).with_for_update())
    for row in rows:
        give_to_people(tx, row, "possibly-sent", WHY)
    tx.execute(delete(setting).where(setting.c.name == MARK))
    return len(rows)
