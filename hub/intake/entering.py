"""The rows of one message: itself, what it is recognised by when it is told again, and the keys that find it later."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import msgspec

from connectors.contract import Message, Recipient
from hub.moderation.masking import masked_message

from .read import Known, comment_key, pair_key
from .state import ConversationState, Item, Person, Rows

_json = msgspec.json.Encoder().encode


def add_message(
    known: Known,
    rows: Rows,
    item: Item,
    person: Person,
    state: ConversationState,
    message_id: int,
    now: int,
) -> None:
    """Put a message up for writing, as the last one of its conversation."""
    message = item.message
    rows.messages.append(
        (
            *(message_id, state.id, state.messages, "inbound"),
            item.call.house.channels[message.inbox],
            *(message.inbox, person.id, now, message.sent_at, message.subject, message.text),
            message.full_text if message.full_text != message.text else None,
            message.html or None,
            _recipients(message.recipients),
            *(message.external_id, message.automatic, item.language[0], item.raw),
            _data(message),
        )
    )
    if message.external_id is not None:
        key = (str(message.inbox), message.external_id)
        known.seen[key] = (state.id, message_id)
        rows.seen.append((*key, state.id, message_id, now))
    _add_keys(known, rows, message, state, now)


def _add_keys(known: Known, rows: Rows, message: Message, state: ConversationState, now: int) -> None:
    """A key goes on to the conversation that follows the one it led to, or each later message of a thread that never
    changes its name would begin another one. It never goes anywhere else: keys can be forged."""
    conversation = state.id
    keys: list[str] = [*message.adds_keys]
    if message.comment is not None:
        keys.append(comment_key(message))
    for key in keys:
        before = known.keys.get(key)
        if before is None:
            rows.thread_keys[key] = (key, conversation, now)
        elif before == state.previous and before != conversation:
            rows.latest_keys[key] = (key, conversation, now)
        else:
            continue
        known.keys[key] = conversation
    if message.direct:
        pair = pair_key(message)
        if known.keys.get(pair) != conversation:
            known.keys[pair] = conversation
            rows.latest_keys[pair] = (pair, conversation, now)


def as_kept(item: Item) -> Item:
    """What is kept of a message: a comment masked, everything else as it came."""
    if item.message.comment is None:
        return item
    return Item(item.call, masked_message(item.message), item.language, item.raw, item.spoken)


def _data(message: Message) -> str:
    data: dict[str, Any] = {}
    if message.wire_id is not None:
        data["wire_id"] = message.wire_id
    if message.reply_to:
        data["reply_to"] = [{"address": party.address, "name": party.name} for party in message.reply_to]
    if message.fields:
        data["fields"] = message.fields
    if message.public:
        data["public"] = True
    if message.choice:
        data["choice"] = message.choice
    if message.unreadable:
        data["unreadable"] = message.unreadable
    return _json(data).decode() if data else "{}"


@lru_cache(maxsize=1024)
def _recipients(recipients: tuple[Recipient, ...]) -> str:
    """As JSON; most mails to one inbox name the same recipients."""
    return _json(recipients).decode()
