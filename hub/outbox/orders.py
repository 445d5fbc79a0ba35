"""Effects as rows: ordered inside a transaction, carried out later by the outbox."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from hub.store import bulk, schema
from hub.store.tx import Tx

DAY = 86_400_000_000

EFFECT = ("id", "kind", "key", "conversation", "message", "state", "due_at", "attempts", "data", "created_at")


def answer_key(contact: int, day: int) -> str:
    """The key under which one person gets one automatic answer a day (days of UTC since 1970), on whatever channel."""
    return f"answer:{contact}:{day}"


def add_effect(
    tx: Tx,
    kind: str,
    data: Mapping[str, Any],
    *,
    key: str | None = None,
    conversation: int | None = None,
    message: int | None = None,
    due_at: int | None = None,
) -> int:
    """Order an effect; returns its id. With a ``key`` that was ordered before, nothing happens."""
    effect = tx.new_id()
    due = tx.now if due_at is None else due_at
    encoded = msgspec.json.encode(data).decode()
    row = (effect, kind, key, conversation, message, "waiting", due, 0, encoded, tx.now)
    bulk.insert_new(tx.connection, schema.effect, EFFECT, [row])
    tx.ring("effects")
    return effect
