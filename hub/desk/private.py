"""The private answer to a public comment on a platform: once, for as long as the platform allows, then as it answers.

Such a comment may be in its own conversation or the first message of a private one that a moderator opened. What the
person answers comes by the inbox of direct messages and continues that conversation.
"""

from __future__ import annotations

from typing import Any

import msgspec
from sqlalchemy import Row, and_, or_, select

from connectors.contract import Micros
from hub.house import House
from hub.store import schema
from hub.store.tx import Reader

SECOND = 1_000_000

message, post, delivery = schema.message, schema.post, schema.delivery

_data = msgspec.json.Decoder(dict[str, Any]).decode

LEAVES = ("failed", "cancelled")
"""States of a delivery that did not reach anybody."""


class Opening(msgspec.Struct, frozen=True, kw_only=True):
    """A comment whose author can be written to: the identity, the inbox, what the platform calls the comment."""

    identity: int
    inbox: str
    target: str
    closes_at: Micros | None


def opening(tx: Reader, house: House, last: Row[Any] | None) -> Opening | None:
    """Whether the last thing that the person wrote is a comment that can still be answered in private.

    ``last`` is the row of that message. None where the platform has no private answers, or had its one already.
    """
    if last is None or last.identity is None or last.inbox not in house.capabilities:
        return None
    can = house.capabilities[last.inbox]
    if not can.private_replies:
        return None
    data = _data(last.data)
    row = tx.row(select(post).where(post.c.id == data.get("from_post", last.id)))
    target = data.get("wire_id") or last.external_id
    if row is None or row.standing in (None, "deleted") or row.state == "erased" or not target:
        return None
    if answered_privately(tx, row, str(target)):
        return None
    window = can.reply_window
    closes = Micros(row.created_at + window * SECOND) if window is not None else None
    return Opening(identity=last.identity, inbox=row.inbox, target=str(target), closes_at=closes)


def answered_privately(tx: Reader, row: Row[Any], target: str) -> bool:
    """Whether a private answer to this comment left, or is about to, in its conversation or one that continues it."""
    link = schema.conversation_link
    continued = select(link.c.other).where(link.c.conversation == row.conversation)
    named = message.c.data.contains(f'"target":{msgspec.json.encode(target).decode()}', autoescape=True)
    sent = and_(
        or_(message.c.conversation == row.conversation, message.c.conversation.in_(continued)),
        message.c.kind == "outbound",
        named,
        ~message.c.data.contains('"public":true'),
    )
    left = select(delivery.c.id).where(
        delivery.c.message.in_(select(message.c.id).where(sent)),
        delivery.c.operation == "send",
        delivery.c.state.not_in(LEAVES),
    )
    return tx.row(left.limit(1)) is not None
