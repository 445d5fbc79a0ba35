"""Telling colleagues: rows that their screens show and count."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import msgspec

from hub.store import schema
from hub.store.tx import Tx

Kind = Literal[
    "mention",
    "assigned",
    "failed",
    "woke",
    "overdue",
    "owner-check",
    "opened",
    "rule",
    "callback",
    "rules-approval",
    "rules-approved",
    "rules-sent-back",
    "rules-refused",
]


def tell(
    tx: Tx,
    user: int,
    kind: Kind,
    conversation: int | None = None,
    message: int | None = None,
    rules: Sequence[str] = (),
) -> int:
    """Leave a notification for a user; the event carries them as its actor. ``rules``: ids of those that call."""
    row: dict[str, Any] = {
        "user": user,
        "kind": kind,
        "conversation": conversation,
        "message": message,
        "at": tx.now,
    }
    if rules:
        row["rules"] = msgspec.json.encode(rules).decode()
    notification = tx.add(schema.notification, row)
    tx.emit("notification", actor=user, conversation=conversation, message=message)
    return notification
