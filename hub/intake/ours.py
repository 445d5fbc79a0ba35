"""What the office wrote on another way than through the hub: shown as sent by us, where that person's matter is.

A platform tells us also what somebody wrote in its own inbox, or in another client. It asks no rule and reopens
nothing, but ends the citizen's wait: there is an answer now. Where we know no matter of that person it opens one, so
that nothing is lost, and nobody has to answer it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import Row

from connectors.contract import Message, Receipt, Recipient
from hub.desk.actions import QUIET
from hub.desk.row import ACTIVE, change
from hub.messages import append
from hub.outbox.echoes import recognise
from hub.outbox.orders import add_effect
from hub.outbox.queue import sent_as
from hub.scope import SYSTEM
from hub.store import bulk, schema
from hub.store.tx import Tx

from .attachments import keep_attachments
from .batch import run
from .read import pair_key
from .state import Item, Rows
from .write import write

conversation, seen = schema.conversation, schema.seen


def take_ours(tx: Tx, item: Item) -> Receipt:
    """Keep one message of our own; told again, or one that left through the hub, it is a duplicate."""
    known = _known(tx, item.message)
    if known is not None:
        return known
    places = _places(tx, item.message)
    known = recognise(tx, item.call.house, item.message, places)
    if known is not None:
        return known
    row = _matter(tx, places)
    if row is None:
        return _opened(tx, item)
    message, house = item.message, item.call.house
    recipient = Recipient(address=message.sender.address, name=message.sender.name or _name(tx, message))
    added = append(
        tx,
        row.id,
        kind="outbound",
        text=message.text,
        subject=message.subject,
        inbox=message.inbox,
        channel=house.channels[message.inbox],
        recipients=[recipient],
        language=row.language,
        state="accepted",
        data={"by": house.directory.inboxes[message.inbox].name},
    )
    _keep_source(tx, item, row.id, added.id)
    if row.status in ACTIVE:
        first = row.first_reply_at or tx.now
        change(tx, SYSTEM, row.id, **{**QUIET, "status": "waiting-citizen", "first_reply_at": first})
    return Receipt(conversation=row.id, message=added.id, reference=row.reference)


def _known(tx: Tx, message: Message) -> Receipt | None:
    if message.external_id is None:
        return None
    key = [(str(message.inbox), message.external_id)]
    before = tx.lookup(seen, ("inbox", "external_id"), ("conversation", "message"), key)
    if before:
        return Receipt(conversation=before[0][0], message=before[0][1], duplicate=True)
    sent = sent_as(tx, message.inbox, message.wire_id or message.external_id)
    if sent:
        return Receipt(conversation=sent[0].conversation, message=sent[0].message, duplicate=True)
    return None


def _name(tx: Tx, message: Message) -> str:
    """The name of the person, which a copy of our own message does not tell."""
    key = [(message.sender.kind, message.sender.address)]
    found = tx.lookup(schema.identity, ("kind", "address"), ("name",), key)
    return str(found[0][0]) if found else ""


def _places(tx: Tx, message: Message) -> list[int]:
    """The conversations of its thread and the latest with this person in this inbox, in this order."""
    keys = [(str(key),) for key in (*message.thread_keys, pair_key(message))]
    found: dict[str, int] = dict(tx.lookup(schema.thread_key, ("key",), ("key", "conversation"), keys))
    return [found[key] for (key,) in keys if key in found]


def _matter(tx: Tx, places: Sequence[int]) -> Row[Any] | None:
    """The conversation of its thread, else the latest with this person in this inbox."""
    for number in places:
        row = tx.locked(conversation, number)
        while row is not None and row.merged_into is not None:
            row = tx.locked(conversation, row.merged_into)
        if row is not None:
            return row
    return None


def _opened(tx: Tx, item: Item) -> Receipt:
    """A matter of its own. No machine answers it, and nobody waits."""
    quiet = msgspec.structs.replace(item.message, automatic="list")
    [receipt], _ = run(tx, [Item(item.call, quiet, item.language, item.raw)])
    if receipt.message is not None and receipt.conversation is not None:
        by = item.call.house.directory.inboxes[item.message.inbox].name
        data = msgspec.json.encode({"by": by}).decode()
        tx.change(
            schema.message, receipt.message, kind="outbound", state="accepted", automatic="no", data=data
        )
        change(tx, SYSTEM, receipt.conversation, **{**QUIET, "status": "waiting-citizen"})
    return receipt


def _keep_source(tx: Tx, item: Item, conversation_id: int, message_id: int) -> None:
    """Where it came from, its files and names: told again it is a duplicate, and what answers it finds the matter."""
    message = item.message
    tx.change(
        schema.message,
        message_id,
        raw=item.raw,
        external_id=message.external_id,
        sent_at=message.sent_at,
        html=message.html or None,
    )
    rows = Rows()
    keep_attachments(tx, rows, message, message_id)
    rows.thread_keys = {key: (key, conversation_id, tx.now) for key in message.adds_keys}
    write(tx, rows)
    if message.external_id is not None:
        row = (str(message.inbox), message.external_id, conversation_id, message_id, tx.now)
        columns = ("inbox", "external_id", "conversation", "message", "at")
        bulk.insert(tx.connection, seen, columns, [row])
    if any(attachment.remote for attachment in message.attachments):
        add_effect(tx, "fetch", {}, conversation=conversation_id, message=message_id)
