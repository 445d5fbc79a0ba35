"""What could not be taken in: kept as raw bytes, visible to people, and ready to be parsed again."""

from __future__ import annotations

from connectors.contract import Message, Receipt
from hub.desk.row import change
from hub.messages import system_line
from hub.scope import SYSTEM
from hub.store import bulk, schema
from hub.store.tx import Tx

from .handle import CURSOR
from .references import new_reference
from .state import Call

UNKNOWN_SENDER = ("quarantine", "unknown")


def quarantine(tx: Tx, call: Call, reason: str) -> list[Receipt]:
    """Commit a call as raw with a conversation in quarantine; the wire's identities are noted, so that it is not told
    again for ever."""
    raw = tx.add(
        schema.raw,
        {
            "inbox": call.inbox,
            "received_at": tx.now,
            "content_type": call.raw.content_type,
            "content": call.raw.content,
            "blob": call.raw.blob,
            "state": "quarantined",
            "error": reason[:2000],
        },
    )
    if call.raw.blob is not None:
        tx.change(schema.blob, call.raw.blob, owner=raw)
    conversation = _conversation(tx, call)
    line = system_line(tx, conversation, "quarantined", raw=raw)
    tx.change(schema.message, line.id, raw=raw)
    ids = {item.external_id for item in call.items if item.external_id is not None}
    seen = [(call.inbox, external_id, conversation, None, tx.now) for external_id in sorted(ids)]
    columns = ("inbox", "external_id", "conversation", "message", "at")
    bulk.insert_new(tx.connection, schema.seen, columns, seen)
    if call.state is not None:
        row = (call.inbox, call.state.key, call.state.value, tx.now)
        bulk.put(tx.connection, schema.cursor, ("inbox", "key"), CURSOR, [row])
    return [Receipt(conversation=conversation, quarantined=True) for _ in call.items]


def _conversation(tx: Tx, call: Call) -> int:
    """Visible in the inbox's own queue; the sender is not known for certain, so it belongs to nobody yet."""
    directory = call.house.directory
    inbox = directory.inboxes[call.inbox]
    first = next((item for item in call.items if isinstance(item, Message)), None)
    identity, contact = _nobody(tx)
    return tx.add(
        schema.conversation,
        {
            "reference": new_reference(call.house.random),
            "office": directory.office_of_queue(inbox.queue, inbox.office),
            "queue": inbox.queue,
            "status": "open",
            "priority": 0,
            "tier": 1,
            "contact": contact,
            "identity": identity,
            "inbox": call.inbox,
            "channel": call.house.channels[call.inbox],
            "subject": first.subject[:200] if first else "",
            "preview": "",
            "language": inbox.language,
            "tags": "[]",
            "messages": 0,
            "version": 0,
            "created_at": tx.now,
            "activity_at": tx.now,
            "waiting_since": tx.now,
            "listed": True,
            "quarantined": True,
        },
    )


def _nobody(tx: Tx) -> tuple[int, int]:
    """The identity and contact that stand for a sender who is not known."""
    kind, address = UNKNOWN_SENDER
    found = tx.lookup(schema.identity, ("kind", "address"), ("id", "contact"), [UNKNOWN_SENDER])
    if found:
        return found[0][0], found[0][1]
    contact = tx.add(schema.contact, {"name": "", "created_at": tx.now})
    values = {"kind": kind, "address": address, "contact": contact, "verified": False, "created_at": tx.now}
    return tx.add(schema.identity, values), contact


def release(tx: Tx, raw: int, conversation: int | None) -> None:
    """The quarantine of bytes that were parsed again is over; ``conversation`` is the one that showed them."""
    tx.change(schema.raw, raw, state="parsed-again")
    row = tx.locked(schema.conversation, conversation) if conversation is not None else None
    if row is None:
        return
    if row.quarantined:  # else people work on it already
        over = {"status": "resolved", "resolved_at": tx.now, "quarantined": False}
        change(tx, SYSTEM, row.id, **over, waiting_since=None, due_at=None)
    system_line(tx, row.id, "parsed-again", raw=raw)
