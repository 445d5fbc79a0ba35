"""Events that are not messages: reports, bounces, edits, deletions, reactions, what a citizen changes about a call.

Each is about a message that we know (by what the channel called it) or do not know yet; the latter are parked
and tried again when that message turns up, for 72 hours.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, assert_never

import msgspec
from sqlalchemy import Row, and_, delete, exists, or_, select

from connectors.contract import (
    Appeal,
    Article,
    Bounce,
    Call,
    CallbackChange,
    Consent,
    Deletion,
    DeliveryReport,
    Edit,
    Inbound,
    Message,
    Moderated,
    PostReport,
    Profile,
    Reaction,
    Receipt,
    Unknown,
    Visit,
)
from hub.callbacks.service import change_by_citizen
from hub.chats.leaving import visited
from hub.deciding.existing import decide
from hub.house import House
from hub.messages import locked_conversation, system_line
from hub.moderation import arrivals, elsewhere
from hub.outbox.queue import sent_as
from hub.store import bulk, schema
from hub.store.store import ends_transaction
from hub.store.tx import Tx

from .batch import preview
from .bounces import bounced
from .profiles import name_known
from .reports import reported
from .state import Item

HOUR = 3_600_000_000


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Inbound).decode
_data = msgspec.json.Decoder(dict[str, Any]).decode

message, delivery, parked, seen = schema.message, schema.delivery, schema.parked, schema.seen


def apply_event(tx: Tx, house: House, event: Inbound, raw: int) -> Receipt:
    """Carry out one event, or park it; told again it is a duplicate."""
    if event.external_id is not None:
        key = [(str(event.inbox), event.external_id)]
        before = tx.lookup(seen, ("inbox", "external_id"), ("conversation", "message"), key)
        if before:
            return Receipt(conversation=before[0][0], message=before[0][1], duplicate=True)
    receipt = _carry_out(tx, house, event)
    if receipt is None:
        _park(tx, house, event, raw)
        receipt = Receipt(parked=True)
    if event.external_id is not None:
        row = (event.inbox, event.external_id, receipt.conversation, receipt.message, tx.now)
        columns = ("inbox", "external_id", "conversation", "message", "at")
        bulk.insert(tx.connection, seen, columns, [row])
    return receipt


def _carry_out(tx: Tx, house: House, event: Inbound) -> Receipt | None:
    """None: what it is about is not known (yet)."""
    match event:
        case DeliveryReport():
            return reported(tx, event)
        case Bounce():
            return bounced(tx, event)
        case PostReport() | Appeal():
            return arrivals.apply(tx, house, event)
        case Edit() | Deletion() | Moderated() if (row := elsewhere.post_of(tx, event)) is not None:
            return _on_platform(tx, house, row, event)
        case Moderated():
            return None
        case Edit() | Deletion() if arrivals.is_about_comment(tx, event):
            return arrivals.apply(tx, house, event)
        case Edit() | Deletion() | Reaction():
            return _changed(tx, house, event)
        case Consent():
            return _consent(tx, event)
        case Profile():
            return name_known(tx, event)
        case Visit():
            return Receipt(conversation=visited(tx, event))
        case Article():
            return elsewhere.name_article(tx, event)
        case CallbackChange():
            return Receipt(conversation=change_by_citizen(tx, house, event))
        case Message() | Unknown() | Call():
            raise TypeError("messages and calls are taken elsewhere")
        case _:
            assert_never(event)


def _on_platform(tx: Tx, house: House, row: Row[Any], event: Edit | Deletion | Moderated) -> Receipt:
    """About a comment on a platform that is not ours; a text that was replaced there since is not shown again."""
    written = tx.locked(message, row.id) if isinstance(event, Edit) else None
    if written is not None and isinstance(event, Edit) and not _is_news(tx, written, event):
        return Receipt(conversation=row.conversation, message=row.id)
    return elsewhere.apply(tx, house, row, event)


def _park(tx: Tx, house: House, event: Inbound, raw: int) -> None:
    hours = house.directory.config.intake.park_hours
    tx.add(
        parked,
        {
            "inbox": event.inbox,
            "target": event.target or "",
            "inbound": _encode(event),
            "raw": raw,
            "at": tx.now,
            "expires_at": tx.now + hours * HOUR,
        },
    )


def release_parked(tx: Tx, items: Sequence[Item]) -> None:
    """After messages came in: carry out what waited for them."""
    houses = {
        (str(item.message.inbox), item.message.external_id): item.call.house
        for item in items
        if item.message.external_id is not None
    }
    waiting = tx.lookup(parked, ("inbox", "target"), ("inbox", "target"), list(houses))
    for inbox, target in dict.fromkeys(waiting):
        release_target(tx, houses[inbox, target], inbox, target)


def release_target(tx: Tx, house: House, inbox: str, target: str) -> None:
    """Carry out what was parked for one remote id or external id, in the order in which it came. What cannot be carried
    out goes to the quarantine: whatever its message is doing just now must not fail with it."""
    statement = select(parked).where(parked.c.inbox == inbox, parked.c.target == target)
    for row in tx.rows(statement.order_by(parked.c.at, parked.c.id)):
        try:
            with tx.savepoint() as inner:
                if _carry_out(inner, house, _decode(row.inbound)) is not None:
                    inner.execute(delete(parked).where(parked.c.id == row.id))
        except Exception as error:
            if ends_transaction(error):
                raise
            to_quarantine(tx, row, f"could not be carried out: {type(error).__name__}")


def to_quarantine(tx: Tx, row: Row[Any], why: str) -> None:
    """Show the raw bytes of a parked event to people instead of letting it wait on."""
    if row.raw is not None:
        raw = schema.raw
        tx.execute(raw.update().where(raw.c.id == row.raw).values(state="quarantined", error=why))
    tx.execute(delete(parked).where(parked.c.id == row.id))


def release_known(tx: Tx, house: House) -> None:
    """Carry out what is parked though its target is known by now.

    Where one process parks a report at the moment at which another one writes down what it is about, neither sees the
    other's row.
    """
    received = and_(seen.c.inbox == parked.c.inbox, seen.c.external_id == parked.c.target)
    left = and_(delivery.c.inbox == parked.c.inbox, delivery.c.remote_id == parked.c.target)
    known = or_(exists().where(received), exists().where(left))
    for row in tx.rows(select(parked.c.inbox, parked.c.target).where(known).distinct()):
        release_target(tx, house, row.inbox, row.target)


# --- about being written to --------------------------------------------------------------------------------------


def _consent(tx: Tx, event: Consent) -> Receipt:
    """Somebody does not want to be written to, or wants it again; their latest conversation shows it."""
    table, sender = schema.identity, event.sender
    mine = (table.c.kind == sender.kind, table.c.address == sender.address)
    row = tx.row(select(table.c.id, table.c.contact, table.c.silent_since).where(*mine))
    if row is None:
        contact = tx.add(
            schema.contact, {"name": sender.name, "language": sender.language, "created_at": tx.now}
        )
        values = {"kind": sender.kind, "address": sender.address, "contact": contact, "name": sender.name}
        since = None if event.allowed else tx.now
        tx.add(table, {**values, "verified": sender.verified, "created_at": tx.now, "silent_since": since})
        return Receipt()
    if (row.silent_since is None) is event.allowed:
        return Receipt()
    tx.change(table, row.id, silent_since=None if event.allowed else tx.now)
    conversation = schema.conversation
    theirs = (conversation.c.contact == row.contact, conversation.c.merged_into.is_(None))
    latest = select(conversation.c.id).where(*theirs)
    found = tx.scalar(latest.order_by(conversation.c.activity_at.desc()).limit(1))
    if found is None:
        return Receipt()
    added = system_line(tx, found, "speaks-again" if event.allowed else "silent", address=sender.address)
    return Receipt(conversation=found, message=added.id)


# --- about what came in ------------------------------------------------------------------------------------------


def _changed(tx: Tx, house: House, event: Edit | Deletion | Reaction) -> Receipt | None:
    """An edit, a deletion or a reaction, from the one who wrote it (a reaction: from anybody)."""
    key = [(str(event.inbox), event.target or "")]
    found = tx.lookup(seen, ("inbox", "external_id"), ("conversation", "message"), key)
    row = tx.locked(message, found[0][1]) if found and found[0][1] is not None else None
    if row is None:
        sent = sent_as(tx, event.inbox, event.target) if isinstance(event, Reaction) else ()
        row = tx.locked(message, sent[0].message) if sent else None
    if row is None:
        return None
    if not isinstance(event, Deletion) and not _is_news(tx, row, event):
        return Receipt(conversation=row.conversation, message=row.id)
    row = tx.locked(message, row.id) or row
    rewritten = not isinstance(event, Reaction) and _wrote(tx, row, event)
    if isinstance(event, Reaction):
        _react(tx, row, event)
    elif rewritten:
        _rewrite(tx, row, event)
    if rewritten and isinstance(event, Edit):
        decide(tx, house, row.conversation, "edit", message=row.id)
    conversation = locked_conversation(tx, row.conversation)
    shown = conversation.preview
    if rewritten and isinstance(event, Edit) and shown == preview(row.text):
        shown = preview(event.text)  # lists show its first words
    tx.change(schema.conversation, conversation.id, version=conversation.version + 1, preview=shown)
    tx.emit(
        "message",
        office=conversation.office,
        queue=conversation.queue,
        conversation=conversation.id,
        message=row.id,
    )
    return Receipt(conversation=row.conversation, message=row.id)


def _wrote(tx: Tx, row: Row[Any], event: Edit | Deletion) -> bool:
    key = [(event.sender.kind, event.sender.address)]
    found = tx.lookup(schema.identity, ("kind", "address"), ("id",), key)
    return bool(found) and found[0][0] == row.identity


def _is_news(tx: Tx, row: Row[Any], event: Edit | Reaction) -> bool:
    """Whether it was made after what the channel told last; then that is noted. Channels tell things in any order."""
    if event.at is None:
        return True
    data = _data(row.data)
    what = "edit" if isinstance(event, Edit) else f"reaction {event.sender.address}"
    told = data.setdefault("told", {})
    if told.get(what, 0) > event.at:
        return False
    told[what] = event.at
    tx.change(message, row.id, data=_encode(data).decode())
    return True


def _rewrite(tx: Tx, row: Row[Any], event: Edit | Deletion) -> None:
    """Both keep what stood there before: an agent may have answered that."""
    data = _data(row.data)
    data.setdefault("before", []).append({"at": tx.now, "text": row.text})
    kept = _encode(data).decode()
    if isinstance(event, Edit):
        tx.change(
            message,
            row.id,
            text=event.text,
            full_text=None,
            html=event.html or None,
            edited_at=tx.now,
            data=kept,
        )
    else:
        tx.change(message, row.id, deleted_at=tx.now, data=kept)


def _react(tx: Tx, row: Row[Any], event: Reaction) -> None:
    data = _data(row.data)
    reactions = data.setdefault("reactions", {})
    reactions.pop(event.sender.address, None)
    if event.emoji:
        reactions[event.sender.address] = event.emoji
    tx.change(message, row.id, data=_encode(data).decode())
