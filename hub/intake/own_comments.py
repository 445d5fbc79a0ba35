"""Comments of the office itself on a platform: those that left through the hub are recognised, others shown as ours.

A platform tells us of every comment, our own too, and sometimes before it has answered the request that made it.
"""

from __future__ import annotations

from sqlalchemy import and_, literal_column, select

from connectors.contract import Message, Receipt
from hub.messages import append, locked_conversation
from hub.moderation.adopting import adopt
from hub.moderation.answers import add_office_post, answered
from hub.moderation.masking import mask
from hub.moderation.platform import carried_out
from hub.outbox.queue import derive_state, sent_as
from hub.store import bulk, schema
from hub.store.tx import Tx

from .state import Item

delivery, message, post, seen = schema.delivery, schema.message, schema.post, schema.seen


def take_own_comment(tx: Tx, item: Item) -> Receipt:
    """One comment of ours; of one that answers nothing we know only the raw bytes are kept."""
    written = item.message
    receipt = _known(tx, written) or _on_its_way(tx, written)
    if receipt is not None:
        _note_link(tx, written, receipt)
    else:
        receipt = _shown(tx, item)
        if written.external_id is not None:
            row = (str(written.inbox), written.external_id, receipt.conversation, receipt.message, tx.now)
            columns = ("inbox", "external_id", "conversation", "message", "at")
            bulk.insert(tx.connection, seen, columns, [row])
            if receipt.message is not None:
                adopt(tx, {(str(written.inbox), written.external_id): receipt.message})
    return receipt


def _note_link(tx: Tx, written: Message, receipt: Receipt) -> None:
    """Where an answer of ours stands, which the platform did not say when it took it."""
    row = tx.locked(post, receipt.message) if receipt.message is not None else None
    if row is not None and row.author is None and not row.link and written.comment is not None:
        tx.change(post, row.id, link=written.comment.link)


def _known(tx: Tx, written: Message) -> Receipt | None:
    key = [(str(written.inbox), written.external_id or "")]
    before = tx.lookup(seen, ("inbox", "external_id"), ("conversation", "message"), key)
    if before:
        return Receipt(conversation=before[0][0], message=before[0][1], duplicate=True)
    sent = sent_as(tx, written.inbox, written.external_id)
    if sent:
        return Receipt(conversation=sent[0].conversation, message=sent[0].message, duplicate=True)
    return None


def _on_its_way(tx: Tx, written: Message) -> Receipt | None:
    """The answer that is being sent, or may have been: the platform can tell of it before the send returns."""
    on_its_way = and_(
        delivery.c.inbox == written.inbox,
        delivery.c.operation == "send",
        literal_column(f"(delivery.{schema.UNSURE})"),
        delivery.c.remote_id.is_(None),
    )
    joined = select(delivery, message.c.text).join(message, message.c.id == delivery.c.message)
    words = written.text.split()
    for row in tx.rows(joined.where(on_its_way).order_by(delivery.c.id)):
        if row.text.split() == words and tx.locked(post, row.message) is not None:
            tx.change(delivery, row.id, remote_id=written.external_id, updated_at=tx.now)
            if row.state == "possibly-sent":
                tx.change(delivery, row.id, state="accepted", reason=None)
                derive_state(tx, row.message)
                carried_out(tx, row, written.external_id)
            return Receipt(conversation=row.conversation, message=row.message, duplicate=True)
    return None


def _shown(tx: Tx, item: Item) -> Receipt:
    """As the office's post under what it answers, in that author's conversation."""
    written, house = item.message, item.call.house
    place = written.comment
    parent = _parent(tx, written)
    if place is None or parent is None:
        return Receipt()
    above = tx.locked(post, parent)
    if above is None or above.standing is None:
        return Receipt()
    text = mask(written.text)
    added = append(
        tx,
        above.conversation,
        kind="outbound",
        text=text,
        inbox=written.inbox,
        channel=house.channels[written.inbox],
        reply_to=above.id,
        state="delivered",
        data={"by": house.directory.inboxes[written.inbox].name, "public": True},
    )
    tx.change(message, added.id, raw=item.raw, external_id=written.external_id, sent_at=written.sent_at)
    add_office_post(tx, house, above, added.id, text, standing=place.standing, link=place.link)
    answered(tx, locked_conversation(tx, above.conversation))
    return Receipt(conversation=above.conversation, message=added.id, post_state="published")


def _parent(tx: Tx, written: Message) -> int | None:
    ref = written.comment.parent_ref if written.comment else ""
    if not ref:
        return None
    found = tx.lookup(seen, ("inbox", "external_id"), ("message",), [(str(written.inbox), ref)])
    if found:
        number: int | None = found[0][0]
        return number
    return next((row.message for row in sent_as(tx, written.inbox, ref)), None)
