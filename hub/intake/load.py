"""Queue load and agents on duty, as rules see them: a snapshot a few seconds old, so that no message pays for it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import msgspec
from sqlalchemy import ColumnElement, func, literal_column, select

from hub.store import schema
from hub.store.tx import Reader, Tx

MINUTE = 60_000_000

_WAITING = ("open", "waiting-office")


STALE = 60_000_000
"""Microseconds after which :func:`present_load` looks anew: by then nothing came in for a while, and there is time."""


class Counts(dict[str, int]):
    """Numbers by queue, where one that is missing is nought: a snapshot names only queues in which something waits or
    somebody works, and a rule that asks for an empty one must not fail."""

    def get(self, key: str, default: object = None) -> int:
        """The number; nought for a queue that is not named."""
        return super().get(key, 0)


class Load(msgspec.Struct, frozen=True, kw_only=True):
    """By queue: ``waiting`` conversations, ``oldest`` minutes for which the first has waited, ``on_duty`` agents.

    ``available`` users by id; ``people`` who can be assigned something, by login: their id and office. ``id`` names
    the stored snapshot to which traces refer; 0 before the first one.
    """

    id: int = 0
    waiting: dict[str, int] = {}
    oldest: dict[str, int] = {}
    on_duty: dict[str, int] = {}
    available: frozenset[int] = frozenset()
    people: dict[str, tuple[int, str]] = {}

    def __post_init__(self) -> None:
        """Of a snapshot what it does not name is known to be nought; before the first nothing is known."""
        if self.id:
            for name in ("waiting", "oldest", "on_duty"):
                msgspec.structs.force_setattr(self, name, Counts(getattr(self, name)))


def read_load(tx: Reader) -> Load:
    """What waits and who is there now. With many open conversations this takes a while: not for the one writer."""
    lines = _waiting(tx)
    on_duty: dict[str, int] = {}
    available: set[int] = set()
    for queue, person in _on_duty(tx):
        on_duty[queue] = on_duty.get(queue, 0) + 1
        available.add(person)
    return Load(
        waiting={queue: count for queue, count, _ in lines},
        oldest={queue: max(0, tx.now - since) // MINUTE for queue, _, since in lines},
        on_duty=on_duty,
        available=frozenset(available),
        people=_people(tx),
    )


def keep_load(tx: Tx, load: Load) -> Load:
    """Keep a snapshot beside the traces of the decisions that will see it."""
    seen = {"waiting": load.waiting, "oldest": load.oldest, "on_duty": load.on_duty}
    data = msgspec.json.encode(seen).decode()
    return msgspec.structs.replace(load, id=tx.add(schema.load_snapshot, {"at": tx.now, "data": data}))


def present_load(tx: Tx) -> Load:
    """What a decision sees that no message brought about (a timer, a changed status): the last one, or a new one."""
    table = schema.load_snapshot
    # After the clock was put back there are some of a time to come: they are old.
    row = tx.row(select(table).where(table.c.at <= tx.now).order_by(table.c.at.desc()).limit(1))
    if row is None or row.at < tx.now - STALE:
        return keep_load(tx, read_load(tx))
    return msgspec.structs.replace(msgspec.json.decode(row.data, type=Load), id=row.id)


def _waiting(tx: Reader) -> Sequence[tuple[str, int, int]]:
    """Queue, how many wait, since when the first of them."""
    conversation = schema.conversation
    oldest: ColumnElement[int] = func.min(literal_column(schema.WAIT.text))
    counted = select(conversation.c.queue, func.count(), oldest).where(
        literal_column(f"({schema.LISTED})"),  # as the index by status says it
        conversation.c.status.in_(_WAITING),
        conversation.c.queue.is_not(None),
    )
    return cast("Sequence[tuple[str, int, int]]", tx.rows(counted.group_by(conversation.c.queue)))


def _people(tx: Reader) -> dict[str, tuple[int, str]]:
    user = schema.user
    active = select(user.c.login, user.c.id, user.c.office).where(user.c.active.is_(True))
    return {row.login: (row.id, row.office) for row in tx.rows(active)}


def _on_duty(tx: Reader) -> list[tuple[str, int]]:
    user, member = schema.user, schema.user_queue
    duty = (
        select(member.c.queue, user.c.id)
        .join(user, user.c.id == member.c.user)
        .where(user.c.active.is_(True), user.c.presence == "available")
    )
    return list(cast("Sequence[tuple[str, int]]", tx.rows(duty)))
