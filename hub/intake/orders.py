"""Effects that a decision orders: whatever needs I/O or more than this transaction, carried out by the outbox.

An automatic answer is ordered at most once per sender and day, which a unique key of its row enforces, and
never to a machine (RFC 3834).
"""

from __future__ import annotations

from typing import Any

import msgspec

from connectors.contract import Message
from hub.store.tx import Tx
from rules import Actions

from .state import ConversationState, Item, Rows

DAY = 86_400_000_000

_json = msgspec.json.Encoder().encode


def order_effects(
    tx: Tx, rows: Rows, item: Item, state: ConversationState, message_id: int, actions: Actions
) -> None:
    """Put the effects of a decision up for writing."""

    def order(kind: str, data: dict[str, Any], key: str | None = None) -> None:
        effect = (
            tx.new_id(),
            kind,
            key,
            state.id,
            message_id,
            "waiting",
            tx.now,
            0,
            _json(data).decode(),
            tx.now,
        )
        rows.effects.append(effect)

    message = item.message
    if actions.answer is not None and may_answer(item, state, message):
        order("answer", {"template": actions.answer}, f"answer:{state.identity}:{tx.now // DAY}")
    if actions.notify:
        order("notify", {"whom": actions.notify})
    for name in actions.webhook:
        order("webhook", {"name": name})
    if any(attachment.remote for attachment in message.attachments):
        order("fetch", {})


def may_answer(item: Item, state: ConversationState, message: Message) -> bool:
    """Never to a machine, never into spam, never where a protocol of distress is on."""
    return message.automatic == "no" and state.status != "spam" and state.protocol is None
