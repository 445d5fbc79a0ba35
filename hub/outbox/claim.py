"""Claiming: which deliveries are due, in lane order, and the attempt that is committed before the wire is touched."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Row,
    Select,
    and_,
    bindparam,
    exists,
    func,
    not_,
    or_,
    select,
    tuple_,
    update,
)

from connectors._failpoint import failpoint
from hub.cluster.leases import Lease, still
from hub.house import House
from hub.store import schema
from hub.store.tx import Reader, Tx

from .queue import derive_state
from .settle import settle

SECOND = 1_000_000

START_WITHIN = 30
"""Seconds from the claim within which the wire must be touched; later the attempt is given up untried."""

APART = 5 * SECOND
"""How far the clocks of two nodes may be apart: what falls due within that time is no notice that waits."""

delivery, attempt = schema.delivery, schema.attempt


class Begun(NamedTuple):
    """An attempt that was committed, and the inbox that its delivery leaves by."""

    delivery: int
    attempt: int
    inbox: str


def _everybody(_: str) -> bool:
    return True


_earlier = delivery.alias("earlier")


def _free_behind(before: ColumnElement[bool]) -> ColumnElement[bool]:
    """What its time alone, if anything, keeps from being sent. ``before``: what puts another of its lane before it."""
    of_lane = _earlier.c.lane == delivery.c.lane
    # Held deliveries free their lane: what an agent may still take back must not hold up what is ready. So does one
    # that was never tried and has a later time of its own: a notice that waits for the morning.
    waits = and_(_earlier.c.attempts == 0, _earlier.c.due_at > bindparam("now", type_=BigInteger) + APART)
    return and_(
        delivery.c.state.in_(("held", "queued")),
        delivery.c.destination.not_in(bindparam("resting", expanding=True)),
        delivery.c.inbox.in_(bindparam("inboxes", expanding=True)),
        not_(exists().where(of_lane, before, _earlier.c.state == "queued", not_(waits))),
        not_(exists().where(of_lane, _earlier.c.state == "sending")),
    )


def _claimable(free: ColumnElement[bool]) -> Select[Any]:
    return (
        select(delivery.c.id, delivery.c.lane, delivery.c.attempts, delivery.c.message, delivery.c.inbox)
        .where(delivery.c.due_at <= bindparam("now"), free)
        .order_by(delivery.c.due_at, delivery.c.created_at, delivery.c.id)
        .limit(bindparam("most"))
        .with_for_update(skip_locked=True, of=delivery)
    )


_free = _free_behind(
    tuple_(_earlier.c.created_at, _earlier.c.id) < tuple_(delivery.c.created_at, delivery.c.id)
)
_to_claim = _claimable(_free)
_next_free = select(func.min(delivery.c.due_at)).where(_free)


def claim(
    tx: Tx,
    node: str,
    limit: int,
    resting: Sequence[str],
    inboxes: Collection[str],
    leases: Collection[Lease] = (),
    admit: Callable[[str], bool] = _everybody,
) -> list[Begun]:
    """Take at most ``limit`` due deliveries, one a lane, the oldest first.

    ``leases`` are those under which some of the inboxes are sent for; ``admit`` is asked, by inbox, before each is
    begun. Raises Fenced when a lease is lost.
    """
    still(tx, leases)
    wanted = {"now": tx.now, "resting": resting, "inboxes": list(inboxes), "most": 2 * limit}
    lanes: set[str] = set()
    claimed: list[Begun] = []
    for row in tx.rows(_to_claim, wanted):
        if row.lane in lanes or len(claimed) == limit or not admit(row.inbox):
            continue
        lanes.add(row.lane)
        claimed.append(Begun(row.id, _begin(tx, row, node), row.inbox))
    return claimed


def _begin(tx: Tx, row: Row[Any], node: str) -> int:
    number = row.attempts + 1
    tx.change(delivery, row.id, state="sending", attempts=number, updated_at=tx.now)
    values = {
        "delivery": row.id,
        "number": number,
        "node": node,
        "started_at": tx.now,
        "send_by": tx.now + START_WITHIN * SECOND,
    }
    failpoint("outbox.claim.between")
    begun = tx.add(attempt, values)
    derive_state(tx, row.message)
    return begun


def next_due(tx: Reader, inboxes: Collection[str] | None = None) -> int | None:
    """When the next delivery falls due, of these inboxes or of all; None where none waits."""
    first = select(func.min(delivery.c.due_at)).where(delivery.c.state.in_(("held", "queued")))
    if inboxes is not None:
        first = first.where(delivery.c.inbox.in_(inboxes))
    found: int | None = tx.scalar(first)
    return found


def next_free(tx: Reader, resting: Sequence[str], inboxes: Collection[str]) -> int | None:
    """The same for those for which nothing stands in the way: what waits behind another one of its lane, or for a
    ``resting`` destination, is due for as long as that takes, and looking for it again at once would find nothing."""
    found: int | None = tx.scalar(_next_free, {"now": tx.now, "resting": resting, "inboxes": list(inboxes)})
    return found


def any_left(
    tx: Reader, me: str, in_hand: Collection[int], limits: Mapping[str, float], gone: Callable[[str], bool]
) -> bool:
    """Whether there is an attempt without an outcome that is for us to settle: a claim of ``me`` that was committed and
    never heard of, or what another process left (:func:`find_ambiguous`)."""
    elsewhere = or_(attempt.c.node != me, attempt.c.id.not_in(in_hand))
    return any(row.node == me or _over(row, tx.now, limits, gone) for row in tx.rows(_open.where(elsewhere)))


_open = (
    select(attempt.c.id, attempt.c.delivery, attempt.c.send_by, attempt.c.node, delivery.c.inbox)
    .join(delivery, delivery.c.id == attempt.c.delivery)
    .where(attempt.c.finished_at.is_(None))
)


def _over(row: Row[Any], now: int, limits: Mapping[str, float], gone: Callable[[str], bool]) -> bool:
    """Whether the process that began an attempt cannot bring it to its end any more."""
    return row.send_by + int(limits.get(row.inbox, 60.0) * SECOND) < now or gone(row.node)


def release_unheard(tx: Tx, me: str, in_hand: Collection[int]) -> int:
    """Attempts of ``me`` that it knows nothing of: the connection to the store broke after the claim was committed.
    Nobody has touched the wire for them, so they simply go back. Returns how many.
    """
    unheard = (attempt.c.finished_at.is_(None), attempt.c.node == me, attempt.c.id.not_in(in_hand))
    rows = tx.rows(select(attempt.c.id, attempt.c.delivery).where(*unheard).order_by(attempt.c.id))
    for row in rows:
        release_untried(tx, row.delivery, row.id, "the claim was not heard of, nothing was sent")
    return len(rows)


def find_ambiguous(
    tx: Tx, house: House, me: str, limits: Mapping[str, float], gone: Callable[[Tx, str], bool]
) -> int:
    """Attempts of others than ``me`` that a crash left without an outcome: at once those of processes that are
    ``gone``, the rest when they must be over. Either way a process that only hangs sends nothing more for them: it
    looks just before the wire. What it was sending in that moment may have arrived, which is what is recorded.

    ``limits`` is the longest a send may take, in seconds by inbox. Returns how many were settled.
    """
    found = tx.rows(_open.where(attempt.c.node != me).with_for_update(skip_locked=True, of=attempt))
    verdicts = {node: gone(tx, node) for node in sorted({row.node for row in found})}
    over = [row for row in found if _over(row, tx.now, limits, verdicts.__getitem__)]
    for row in over:
        settle(
            tx,
            house,
            row.delivery,
            row.id,
            "ambiguous",
            private="the process ended before the outcome was known",
        )
    return len(over)


def release_untried(
    tx: Tx, delivery_id: int, attempt_id: int, why: str = "started too late, nothing was sent"
) -> None:
    """An attempt for which nothing touched the wire: it simply goes back."""
    row = tx.locked(delivery, delivery_id)
    still_open = and_(attempt.c.id == attempt_id, attempt.c.finished_at.is_(None))
    ours = tx.execute(
        update(attempt).where(still_open).values(finished_at=tx.now, outcome="temporary", private_reason=why)
    ).rowcount
    if ours and row is not None and row.state == "sending":
        tx.change(delivery, delivery_id, state="queued", due_at=tx.now, updated_at=tx.now)
        derive_state(tx, row.message)
