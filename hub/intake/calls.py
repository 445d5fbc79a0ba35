"""Telephone calls on their way in: each event finds its call, or opens one as a message of a conversation."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row

from connectors.contract import Call as CallEvent
from connectors.contract import InboxId, Message, Receipt, ThreadKey, conversation_key
from hub.callbacks.service import matter_of
from hub.language import NOT_TOLD
from hub.people.users import by_extension
from hub.phone import follow, record
from hub.phone.states import State, state_of, told
from hub.scope import NotFound
from hub.store import schema
from hub.store.tx import Tx

from .batch import run
from .state import Call, Item


def take_call(tx: Tx, call: Call, event: CallEvent, raw: int) -> Receipt:
    """Carry out one event; told again it is a duplicate, whatever state the call is in by now."""
    if event.external_id is not None and (before := _seen(tx, event)) is not None:
        return before
    row = record.find(tx, event.inbox, event.call)
    fresh = row is None
    if row is None:
        row = _open(tx, call, event, raw)
    facts = record.facts_of(row)
    before_state: State = "ringing" if fresh else state_of(facts)
    user = by_extension(tx, event.extension)
    facts = told(facts, event, user, tx.now)
    author = None
    if facts.answered_at is not None and facts.logged_at is None:
        author = user if facts.extension == event.extension else by_extension(tx, facts.extension)
    after = record.keep(tx, call.house, row, facts, author or row.author)
    follow.follow(tx, call.house, record.locked(tx, row.id), facts, before_state, after)
    return _remember(tx, event, row.conversation, row.id)


def _seen(tx: Tx, event: CallEvent) -> Receipt | None:
    key = [(str(event.inbox), event.external_id or "")]
    found = tx.lookup(schema.seen, ("inbox", "external_id"), ("conversation", "message"), key)
    return Receipt(conversation=found[0][0], message=found[0][1], duplicate=True) if found else None


def _remember(tx: Tx, event: CallEvent, conversation: int, message: int) -> Receipt:
    if event.external_id is not None:
        columns = ("inbox", "external_id", "conversation", "message", "at")
        tx.insert(schema.seen, columns, [(event.inbox, event.external_id, conversation, message, tx.now)])
    reference = tx.scalar(
        schema.conversation.select()
        .with_only_columns(schema.conversation.c.reference)
        .where(schema.conversation.c.id == conversation)
    )
    return Receipt(conversation=conversation, message=message, reference=reference or "")


def _open(tx: Tx, call: Call, event: CallEvent, raw: int) -> Row[Any]:
    """A message for a call that nobody told of yet, where the caller's last call or open callback is, else in a
    conversation of its own that the rules route like any other."""
    sender = event.sender or record.hidden_party(call.house, event.inbox, event.call)
    message = Message(
        inbox=InboxId(event.inbox),
        external_id=record.seen_key(event.call),
        received_at=event.received_at,
        sender=sender,
        thread_keys=_thread_keys(tx, event),
        direct=True,
        sent_at=event.at,
    )
    [receipt], _ = run(tx, [Item(call, message, NOT_TOLD, raw, spoken=True)])
    row = tx.locked(schema.message, receipt.message or 0)
    if row is None:
        raise NotFound("message")
    return row


def _thread_keys(tx: Tx, event: CallEvent) -> tuple[ThreadKey, ...]:
    waiting = matter_of(tx, event.sender.address) if event.sender is not None else None
    return (conversation_key(waiting),) if waiting is not None else ()
