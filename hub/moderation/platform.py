"""Decisions about comments on platforms that are not ours: each leaves as a delivery, and what came of it is told.

A post with a ``standing`` stands on a platform. What a moderator decides changes its ``state`` at once and orders the
operation that makes it true; the delivery waits as long as the decision can be undone. Done, ``standing`` follows;
failed, ``state`` goes back to what stands and the comment is on the bench again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import msgspec
from sqlalchemy import Row, and_, select, update

from connectors.contract import Capabilities, Micros, Operation, Recipient
from hub.desk.notify import tell
from hub.house import House
from hub.i18n import mark as N_
from hub.messages import locked_conversation
from hub.moderation.adopting import adopt
from hub.moderation.rows import change, onto_bench
from hub.outbox.queue import derive_state, enqueue
from hub.scope import Conflict
from hub.store import schema
from hub.store.tx import Reader, Tx

post, delivery = schema.post, schema.delivery

OPERATIONS: tuple[Operation, ...] = ("hide", "publish", "delete")

MAKES: Mapping[str, str] = {
    "hide": "hidden",
    "publish": "published",
    "delete": "deleted",
    "send": "published",
}
"""How a comment stands once an operation is carried out."""

UNSENT = "unsent"
"""The standing of an answer of ours that is not on the platform yet."""

WAITING = ("held", "queued")
OPEN = (*WAITING, "sending")

Deed = Literal["publish", "reject", "hide", "delete"]

CANNOT = N_("This platform does not let us do that.")
GONE_THERE = N_("The comment is no longer on the platform.")
NO_MASKING = N_("Nothing can be masked on a platform. Hide the comment instead.")
NOTHING_TO_DO = N_("The comment is in another state by now.")


class Remote(msgspec.Struct, frozen=True, kw_only=True):
    """The last order to the platform about a comment, and the state of its delivery (see :mod:`hub.outbox.states`).

    ``operation`` ``send`` is a public answer of ours on its way. ``reason``: a msgid or the platform's words.
    """

    operation: str
    state: str
    reason: str | None
    at: Micros

    @property
    def pending(self) -> bool:
        """Not carried out yet."""
        return self.state in OPEN

    @property
    def failed(self) -> bool:
        """Neither carried out nor about to be."""
        return self.state in ("failed", "possibly-sent")


def capabilities(house: House, inbox: str) -> Capabilities:
    """What a platform lets us do; nothing where the inbox does not run."""
    return house.capabilities.get(inbox, Capabilities())


def remove_operation(can: Capabilities) -> Operation | None:
    """How a rejected comment goes out of sight: hidden where that is possible, because it can be undone."""
    if can.hides:
        return "hide"
    return "delete" if can.deletions else None


def operation_for(can: Capabilities, deed: Deed) -> Operation:
    """The operation that carries out a decision. Raises Conflict for what the platform does not allow."""
    if deed == "publish":
        return "publish"
    if deed == "reject" and (wanted := remove_operation(can)) is not None:
        return wanted
    if (deed == "hide" and can.hides) or (deed == "delete" and can.deletions):
        return deed
    raise Conflict(CANNOT)


def outcome(row: Row[Any], deed: Deed, reason: str, words: str) -> dict[str, Any]:
    """The values that a decision gives a comment on a platform. Raises Conflict where there is nothing to decide."""
    if row.state == "erased" or row.standing == "deleted":
        raise Conflict(GONE_THERE)
    if deed == "publish":
        if row.state == "published" and row.waiting_at is None:
            raise Conflict(NOTHING_TO_DO)
        shown = {"state": "published", "published_at": row.published_at}
        return {**shown, "reason": None, "reason_text": None}
    state = "hidden" if deed == "hide" else "rejected"
    if row.state == state and row.waiting_at is None and deed != "delete":
        raise Conflict(NOTHING_TO_DO)
    return {"state": state, "reason": reason or None, "reason_text": words or None}


def order(tx: Tx, house: House, row: Row[Any], operation: Operation, *, held: bool = True) -> None:
    """Let the platform do it, unless it stands like that already. What was ordered before and has not left is dropped.

    ``held``: only when the decision can no longer be undone.
    """
    withdraw(tx, row.id)
    if MAKES[operation] == row.standing and not in_hand(tx, row.id):
        return
    conversation = locked_conversation(tx, row.conversation)
    to = Recipient(address=_address(tx, row.author), name=row.author_name)
    wait = int(house.directory.config.outbox.undo_seconds * 1_000_000) if held else 0
    enqueue(
        tx,
        house,
        conversation,
        row.id,
        [to],
        inbox=row.inbox,
        operation=operation,
        due_at=tx.now + wait if wait else None,
        held=wait > 0,
    )


def _address(tx: Reader, identity: int | None) -> str:
    found = tx.scalar(select(schema.identity.c.address).where(schema.identity.c.id == identity))
    return str(found or "")


def _orders(number: int) -> Any:
    return and_(delivery.c.message == number, delivery.c.operation.in_(OPERATIONS))


def withdraw(tx: Tx, number: int) -> int:
    """Drop orders about a comment that have not left yet; returns how many."""
    waiting = and_(_orders(number), delivery.c.state.in_(WAITING))
    dropped = tx.execute(
        update(delivery).where(waiting).values(state="cancelled", updated_at=tx.now)
    ).rowcount
    if dropped:
        derive_state(tx, number)
    return int(dropped)


def in_hand(tx: Reader, number: int) -> Row[Any] | None:
    """The order about a comment that is being carried out right now."""
    return tx.row(select(delivery).where(_orders(number), delivery.c.state == "sending"))


def last_order(tx: Reader, number: int) -> Row[Any] | None:
    """The last order about a comment that was not dropped."""
    kept = and_(_orders(number), delivery.c.state != "cancelled")
    return tx.row(
        select(delivery).where(kept).order_by(delivery.c.created_at.desc(), delivery.c.id.desc()).limit(1)
    )


def remotes(tx: Reader, rows: Sequence[Row[Any]]) -> dict[int, Remote]:
    """The last order about each of these posts, and of our own answers their way there."""
    numbers = [row.id for row in rows if row.standing is not None]
    if not numbers:
        return {}
    wanted = and_(delivery.c.message.in_(numbers), delivery.c.state != "cancelled")
    found = tx.rows(select(delivery).where(wanted).order_by(delivery.c.created_at, delivery.c.id))
    return {
        row.message: Remote(
            operation=row.operation, state=row.state, reason=row.reason, at=Micros(row.updated_at)
        )
        for row in found
    }


# --- what came of it ---------------------------------------------------------------------------------------------


def carried_out(tx: Tx, sent: Row[Any], remote_id: str | None = None) -> None:
    """The platform took a delivery about a comment there, or an answer of ours, which it calls ``remote_id``."""
    row = tx.locked(post, sent.message)
    if row is None or row.standing is None or sent.operation not in MAKES:
        return
    published = {"published_at": tx.now} if sent.operation == "publish" and row.published_at is None else {}
    tx.change(post, row.id, standing=MAKES[sent.operation], **published)
    if remote_id is not None:
        adopt(tx, {(row.inbox, remote_id): row.id})
    _tell_screens(tx, row)


def _tell_screens(tx: Tx, row: Row[Any]) -> None:
    """The revision stays: what stands on the platform is no decision, and undoing one must still be possible."""
    place = {"office": row.office, "conversation": row.conversation, "message": row.id}
    tx.emit("post", version=row.revision, **place)


def not_carried_out(tx: Tx, sent: Row[Any]) -> bool:
    """An order to a platform failed for good: the comment stands as it stood and is on the bench again.

    False for a delivery that is no such order; the outbox then tells people as it does for any message.
    """
    row = tx.locked(post, sent.message) if sent.operation in OPERATIONS else None
    if row is None or row.standing is None:
        return False
    last = last_order(tx, row.id)
    if last is not None and last.id == sent.id and row.state != "erased":
        state = row.standing if row.standing in ("published", "held", "hidden") else row.state
        change(tx, row, state=state, claimed_by=None, claimed_until=None, **onto_bench(tx, row, "not-done"))
        if row.decided_by is not None:
            tell(tx, row.decided_by, "failed", row.conversation, row.id)
    return True


# --- undoing -----------------------------------------------------------------------------------------------------


def take_back(tx: Tx, house: House, row: Row[Any], before: str) -> bool:
    """Undo an order about a comment whose state was ``before``: drop it, or have it made undone on the platform.

    False where that is impossible: what was deleted there does not come back.
    """
    if row.standing == "deleted":
        return False
    leaving = in_hand(tx, row.id)
    if leaving is not None and leaving.operation == "delete":
        return False
    stands = MAKES[leaving.operation] if leaving is not None else row.standing
    wanted: Operation = "publish" if before == "published" else "hide"
    stays = (stands == "published") is (before == "published")
    if not stays and wanted == "hide" and not capabilities(house, row.inbox).hides:
        return False
    withdraw(tx, row.id)
    if not stays:
        order(tx, house, row, wanted, held=False)
    return True


def take_back_answer(tx: Tx, house: House, row: Row[Any]) -> bool:
    """Undo a public answer of ours: it does not leave, or it is taken away there. False where neither can be."""
    unsent = and_(delivery.c.message == row.id, delivery.c.operation == "send", delivery.c.state.in_(WAITING))
    values = {"state": "cancelled", "updated_at": tx.now}
    if tx.execute(update(delivery).where(unsent).values(values)).rowcount:
        derive_state(tx, row.id)
        return True
    if row.standing != "published":
        return row.standing == UNSENT and tx.row(_sending(row.id)) is None
    operation = "delete" if capabilities(house, row.inbox).deletions else "hide"
    if operation == "hide" and not capabilities(house, row.inbox).hides:
        return False
    order(tx, house, row, operation, held=False)  # type: ignore[arg-type]
    return True


def _sending(number: int) -> Any:
    return select(delivery.c.id).where(delivery.c.message == number, delivery.c.state == "sending")
