"""Queue load and agents on duty, as rules see them: a snapshot a few seconds old, so that no message pays for it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import msgspec
from sqlalchemy import func, literal_column, select

from hub.store import schema
from hub.store.tx import Reader, Tx

_WAITING = ("open", "waiting-office")


class Load(msgspec.Struct, frozen=True, kw_only=True):
    """``waiting`` conversations and ``on_duty`` agents by queue; ``available`` users by id.

    ``id`` names the stored snapshot to which traces refer; 0 before the first one.
    """

    id: int = 0
    waiting: dict[str, int] = {}
    on_duty: dict[str, int] = {}
    available: frozenset[int] = frozenset()


def read_load(tx: Reader) -> Load:
    """What waits and who is there now. With many open conversations this takes a while: not for the one writer."""
    waiting = _waiting(tx)
    on_duty: dict[str, int] = {}
    available: set[int] = set()
    for queue, person in _on_duty(tx):
        on_duty[queue] = on_duty.get(queue, 0) + 1
        available.add(person)
    return Load(waiting=waiting, on_duty=on_duty, available=frozenset(available))


def keep_load(tx: Tx, load: Load) -> Load:
    """Keep a snapshot beside the traces of the decisions that will see it."""
    data = msgspec.json.encode({"waiting": load.waiting, "on_duty": load.on_duty}).decode()
    return msgspec.structs.replace(load, id=tx.add(schema.load_snapshot, {"at": tx.now, "data": data}))


def _waiting(tx: Reader) -> dict[str, int]:
    conversation = schema.conversation
    counted = select(conversation.c.queue, func.count()).where(
        literal_column(f"({schema.LISTED})"),  # as the index by status says it
        conversation.c.status.in_(_WAITING),
        conversation.c.queue.is_not(None),
    )
    return dict(cast("Sequence[tuple[str, int]]", tx.rows(counted.group_by(conversation.c.queue))))


def _on_duty(tx: Reader) -> list[tuple[str, int]]:
    user, member = schema.user, schema.user_queue
    duty = (
        select(member.c.queue, user.c.id)
        .join(user, user.c.id == member.c.user)
        .where(user.c.active.is_(True), user.c.presence == "available")
    )
    return list(cast("Sequence[tuple[str, int]]", tx.rows(duty)))
