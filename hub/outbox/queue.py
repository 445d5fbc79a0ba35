"""Putting a message on its way out: which inbox it leaves through, its deliveries, its lanes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import Row, and_, bindparam, exists, func, select, update

from connectors._split import split_text
from connectors.contract import Capabilities, Operation, Recipient
from hub.chats.keeping import answered
from hub.house import House
from hub.store import schema
from hub.store.tx import Reader, Tx

from .states import State, message_state

HOUR = 3_600_000_000

_json = msgspec.json.Encoder().encode

_latest = select(func.max(schema.delivery.c.created_at))
_in_lane = _latest.where(
    schema.delivery.c.lane == bindparam("lane"), schema.delivery.c.state.in_(("held", "queued", "sending"))
)
_about = _latest.where(schema.delivery.c.message == bindparam("message"))
_LATEST = select(_in_lane.scalar_subquery(), _about.scalar_subquery())
"""When the last delivery of a lane that is not over was made, and the last one of a message."""

_STATES = select(schema.delivery.c.state).where(schema.delivery.c.message == bindparam("message")).distinct()


def outlet(house: House, office: str, address_kind: str, preferred: str | None = None) -> str | None:
    """The inbox through which an address of this kind is reached best, or None; see :func:`outlets`."""
    return next(iter(outlets(house, office, address_kind, preferred)), None)


def outlets(house: House, office: str, address_kind: str, preferred: str | None = None) -> list[str]:
    """The inboxes through which an address of this kind is reached: one of each channel, the best first.

    First the preferred one (where the message came in), then others of the same office, then those of the front office.
    """
    able = [inbox for inbox, can in house.capabilities.items() if address_kind in can.reaches]
    inboxes = house.directory.inboxes
    near = [inbox for inbox in able if inboxes[inbox].office == office]
    front = [inbox for inbox in able if inboxes[inbox].office in house.directory.front]
    first = [preferred] if preferred in able else []
    found: dict[str, str] = {}
    for inbox in (*first, *near, *front):
        found.setdefault(house.channels.get(inbox, ""), inbox)
    return list(found.values())


def destination(inbox: str, address: str) -> str:
    """What a breaker watches: the inbox and, for mail, the peer's domain."""
    return f"{inbox}/{address.rpartition('@')[2].lower() if '@' in address else ''}"


def enqueue(
    tx: Tx,
    house: House,
    conversation: Row[Any],
    message: int,
    recipients: Sequence[Recipient],
    *,
    inbox: str,
    operation: Operation = "send",
    due_at: int | None = None,
    held: bool = False,
) -> list[int]:
    """Write the deliveries of an outbound message; returns their ids. Wake the outbox after the commit.

    A channel that knows copies gets one delivery with all recipients, any other one delivery for each, and one for each
    part of a text that is too long for one. ``held``: due in the future so that the agent can take it back.
    """
    can = house.capabilities.get(inbox, Capabilities())
    groups = [tuple(recipients)] if can.copies else [(recipient,) for recipient in recipients]
    parts = 1
    if operation == "send" and can.splits:
        written = tx.scalar(select(schema.message.c.text).where(schema.message.c.id == message))
        parts = len(parts_of(can, written or ""))
    give_up = int(house.directory.config.outbox.give_up_hours * HOUR)
    lanes = [f"{conversation.id}/{inbox}/{group[0].address if group else ''}" for group in groups]
    turns = {lane: _turn(tx, lane, message) for lane in lanes}
    ids = [
        tx.add(
            schema.delivery,
            {
                "message": message,
                "conversation": conversation.id,
                "inbox": inbox,
                "operation": operation,
                "part": part,
                "lane": lane,
                "destination": destination(inbox, group[0].address if group else ""),
                "recipients": _json(group).decode(),
                "state": "held" if held else "queued",
                "due_at": tx.now if due_at is None else turns[lane] + (due_at - tx.now),
                "give_up_at": turns[lane] + give_up,
                "attempts": 0,
                "created_at": turns[lane],
                "updated_at": tx.now,
            },
        )
        for group, lane in zip(groups, lanes, strict=True)
        for part in range(parts)
    ]
    derive_state(tx, message)
    if can.live and operation == "send":
        for recipient in recipients:
            answered(tx, house, inbox, recipient.address, message, conversation.id)
    tx.ring("outbox")
    return ids


def hurry(tx: Tx, inbox: str) -> None:
    """The other side of an inbox is there again after an outage: what waits there for a further attempt is due now.

    After a day the gap between two attempts is hours long. What a provider told us to hold back waits on.
    """
    delivery, attempt = schema.delivery, schema.attempt
    last = and_(attempt.c.delivery == delivery.c.id, attempt.c.number == delivery.c.attempts)
    failed = exists().where(last, attempt.c.outcome == "temporary")
    waiting = and_(
        delivery.c.inbox == inbox, delivery.c.state == "queued", delivery.c.due_at > tx.now, failed
    )
    tx.execute(update(delivery).where(waiting).values(due_at=tx.now))
    tx.ring("outbox")


def _turn(tx: Tx, lane: str, message: int) -> int:
    """When a new delivery counts as made: now, but after whatever waits in its lane or is about its message already.

    Ids do not tell what came first, because each node hands them out from blocks of its own; nor do the nodes' clocks.
    """
    [latest] = tx.rows(_LATEST, {"lane": lane, "message": message})
    return max(tx.now, *(1 + (at or 0) for at in latest))


def parts_of(can: Capabilities, text: str) -> list[str]:
    """A text as the channel takes it: whole, or in parts where it is too long and the channel splits."""
    return split_text(text, can.max_length, can.counts) if can.splits and can.max_length else [text]


def sent_as(tx: Reader, inbox: str, target: str | None) -> Sequence[Row[Any]]:
    """Deliveries that the channel calls ``target``. A bounce may come to another mailbox than the one that sent."""
    if not target:
        return ()
    rows = tx.rows(
        select(schema.delivery).where(schema.delivery.c.inbox == inbox, schema.delivery.c.remote_id == target)
    )
    return rows or tx.rows(select(schema.delivery).where(schema.delivery.c.remote_id == target))


def derive_state(tx: Tx, message: int) -> State:
    """Bring a message's state in line with its deliveries and return it."""
    state = message_state(row.state for row in tx.rows(_STATES, {"message": message}))
    tx.change(schema.message, message, state=state)
    return state
