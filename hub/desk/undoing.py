"""One undo for everything: each action remembers how things were, ``u`` puts them back.

Each kind has a function that puts it back, collected in :mod:`hub.desk.undo_kinds`. Nothing that somebody else changed
meanwhile is overwritten: such an undo is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import msgspec
from sqlalchemy import Row, and_, select

from hub.house import House
from hub.i18n import mark as N_
from hub.scope import Conflict, NotFound, Scope
from hub.store import schema
from hub.store.tx import Reader, Tx

undo = schema.undo

T = TypeVar("T")

HOUR = 3_600_000_000

KEPT = HOUR
"""How long ``u`` reaches back, in microseconds; merges and links are undone from their own place at any time."""

NOTHING = N_("There is nothing to undo.")
CHANGED = N_("It cannot be undone any more: somebody changed it meanwhile.")

Undo = Callable[[Tx, House, Scope, Any], None]
"""Puts back what ``data`` of the row says. Raises Conflict when it cannot."""


def remember(tx: Tx, scope: Scope, kind: str, data: Mapping[str, Any]) -> int | None:
    """Note what undoing needs; returns the id, None for the hub itself, which never undoes."""
    if scope.user is None:
        return None
    encoded = msgspec.json.encode(data).decode()
    return tx.add(undo, {"user": scope.user, "kind": kind, "data": encoded, "at": tx.now})


def amend(tx: Tx, undo_id: int, **more: Any) -> None:
    """Add to what an action just remembered."""
    row = tx.locked(undo, undo_id)
    if row is not None:
        data = msgspec.json.decode(row.data) | more
        tx.change(undo, undo_id, data=msgspec.json.encode(data).decode())


def last(tx: Reader, scope: Scope) -> Row[Any] | None:
    """What ``u`` would undo now."""
    mine = and_(undo.c.user == (scope.user or 0), undo.c.undone_at.is_(None), undo.c.at > tx.now - KEPT)
    return tx.row(select(undo).where(mine).order_by(undo.c.at.desc(), undo.c.id.desc()).limit(1))


def undoable(tx: Tx, scope: Scope, act: Callable[[], T]) -> tuple[T, int | None]:
    """Carry out an action; with what it returned, the id by which it is undone. None: it changed nothing, or what it
    changed is not undone, so that nobody is offered to undo something earlier in its place."""
    before = last(tx, scope)
    told = act()
    after = last(tx, scope)
    if after is None or (before is not None and before.id == after.id):
        return told, None
    return told, int(after.id)


def undo_last(
    tx: Tx, house: House, scope: Scope, kinds: Mapping[str, Undo], undo_id: int | None = None
) -> str:
    """Undo the actor's last action, or that with this id; returns its kind.

    Raises NotFound for an id that is not the actor's, Conflict when there is nothing or somebody changed it.
    """
    row = last(tx, scope) if undo_id is None else _mine(tx, scope, undo_id)
    if row is None:
        raise Conflict(NOTHING)
    tx.change(undo, row.id, undone_at=tx.now)
    kinds[row.kind](tx, house, scope, msgspec.json.decode(row.data))
    return str(row.kind)


def _mine(tx: Tx, scope: Scope, undo_id: int) -> Row[Any] | None:
    row = tx.locked(undo, undo_id)
    if row is None or row.user != scope.user:
        raise NotFound("undo")
    return None if row.undone_at is not None else row
