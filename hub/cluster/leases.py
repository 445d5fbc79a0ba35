"""Leases with fencing numbers: which node does what only one may do. Pure commands of a transaction.

Each taking of a lease raises its fence. Whoever writes in the name of a lease calls :func:`still` in the same
transaction: a node that hung and wakes finds a higher fence there and writes nothing. So the fence alone keeps things
right; times only decide how soon a silent holder is replaced. They are the database's, because the clocks of hosts
differ, and beside them a taker may go by its own stopwatch (``stale``), because also the database's clock can jump.

On PostgreSQL :func:`still` takes a lock (``FOR KEY SHARE``) that a renewal does not touch and a taking must wait for:
what began under a lease is committed or gone before somebody else has it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

import msgspec
from sqlalchemy import BigInteger, ColumnElement, cast, extract, func, literal, or_, select, update

from hub.store import bulk, schema
from hub.store.tx import Reader, Tx

lease = schema.lease

NOBODY = ""
"""The holder of a lease that is free."""


class Fenced(Exception):
    """Somebody else holds the lease now: nothing may be written in its name. ``names`` are the leases concerned."""

    def __init__(self, names: Collection[str]) -> None:
        super().__init__(f"another node has taken over {', '.join(sorted(names))}")
        self.names = frozenset(names)


class Lease(msgspec.Struct, frozen=True, kw_only=True):
    """A lease as its holder has it. Fence 0: the store has no other user, and there is no row."""

    name: str
    fence: int


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """How a lease stands: ``over`` tells that its time has run out by the database's clock."""

    holder: str
    fence: int
    expires_at: int
    over: bool

    @property
    def mark(self) -> tuple[int, int]:
        """Changes with each taking and each renewal."""
        return self.fence, self.expires_at


def moment(tx: Reader) -> ColumnElement[int]:
    """Now, in microseconds, by the one clock that all nodes share: PostgreSQL's. SQLite is on our own host."""
    if tx.sqlite:
        return literal(tx.now, BigInteger())
    return cast(extract("epoch", func.clock_timestamp()) * 1_000_000, BigInteger)


def standings(tx: Reader) -> dict[str, Standing]:
    """All leases by name."""
    over = (lease.c.expires_at <= moment(tx)).label("over")
    return {
        row.name: Standing(holder=row.holder, fence=row.fence, expires_at=row.expires_at, over=bool(row.over))
        for row in tx.rows(select(lease, over))
    }


def take(
    tx: Tx,
    holder: str,
    names: Iterable[str],
    ttl: int,
    *,
    stale: Mapping[str, tuple[int, int]] | None = None,
    dead: Collection[str] = (),
) -> list[Lease]:
    """Take those of ``names`` that are free, for ``ttl`` microseconds.

    Free is also what has run out by the database's clock, what still bears the mark that the taker has seen unchanged
    for long enough (``stale``, see :attr:`Standing.mark`), and what belongs to a holder known to be ``dead``.
    """
    wanted = sorted(names)
    if not wanted:
        return []
    stale = stale or {}
    bulk.insert_new(tx.connection, lease, _COLUMNS, [(name, NOBODY, 0, 0) for name in wanted])
    rows = tx.rows(
        select(lease, or_(lease.c.holder == NOBODY, lease.c.expires_at <= moment(tx)).label("free"))
        .where(lease.c.name.in_(wanted))
        .order_by(lease.c.name)
        .with_for_update()
    )
    free = [
        row.name
        for row in rows
        if row.free or row.holder in dead or stale.get(row.name) == (row.fence, row.expires_at)
    ]
    values = {"holder": holder, "fence": lease.c.fence + 1, "expires_at": moment(tx) + ttl}
    return _leases(tx, free, values)


_COLUMNS = ("name", "holder", "fence", "expires_at")


def _leases(
    tx: Tx, names: Collection[str], values: Mapping[str, Any], *only: ColumnElement[bool]
) -> list[Lease]:
    """Change these rows and give them as they are then."""
    if not names:
        return []
    changed = update(lease).where(lease.c.name.in_(sorted(names)), *only).values(**values)
    rows = tx.rows(changed.returning(lease.c.name, lease.c.fence))
    return sorted((Lease(name=row.name, fence=row.fence) for row in rows), key=lambda one: one.name)


def renew(tx: Tx, holder: str, leases: Collection[Lease], ttl: int) -> list[Lease]:
    """Hold them for ``ttl`` microseconds from now; returns those that are still ours, in one statement for all."""
    names = [one.name for one in leases]
    mine = _leases(tx, names, {"expires_at": moment(tx) + ttl}, lease.c.holder == holder)
    known = set(leases)
    return [one for one in mine if one in known]


def release(tx: Tx, holder: str, leases: Collection[Lease]) -> None:
    """Let others have them at once; no error for what is somebody else's by now."""
    _leases(tx, [one.name for one in leases], {"holder": NOBODY, "expires_at": 0}, lease.c.holder == holder)


def still(tx: Reader, leases: Iterable[Lease]) -> None:
    """Call it in the transaction that writes in their name, before the first write. Raises :class:`Fenced`."""
    named = {one for one in leases if one.fence}  # of one lease perhaps two fences: lost, and taken again
    if not named:
        return
    names = sorted({one.name for one in named})
    statement = select(lease.c.name, lease.c.fence).where(lease.c.name.in_(names))
    locked = statement.order_by(lease.c.name).with_for_update(read=True, key_share=True)
    found = {row.name: row.fence for row in tx.rows(locked)}
    lost = {one.name for one in named if found.get(one.name) != one.fence}
    if lost:
        raise Fenced(lost)
