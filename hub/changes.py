"""What a transaction changed about conversations, for whatever looks at it when the transaction ends.

Rules may run on a changed status or changed tags, and a deadline follows when somebody begins or ceases to wait.
Whoever changes such a column notes it here; :mod:`hub.deciding.ending` takes it up.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from sqlalchemy import Row

from hub.store.tx import Tx

WATCHED = ("status", "tags", "waiting_since", "queue", "merged_into", "quarantined")
"""Columns of a conversation whose change somebody may want to know of."""


class Changed(msgspec.Struct, frozen=True, kw_only=True):
    """One change of one conversation: its columns before and after. ``ruled``: rules don't run on it; ``new``: it was
    opened just now."""

    conversation: int
    before: Mapping[str, Any]
    after: Mapping[str, Any]
    ruled: bool = False
    new: bool = False


def note(tx: Tx, row: Row[Any], values: Mapping[str, Any]) -> None:
    """Note that columns of a conversation are set to ``values``; ``row`` is the conversation as it was."""
    if any(name in values and values[name] != getattr(row, name) for name in WATCHED):
        before = {name: getattr(row, name) for name in WATCHED}
        after = {name: values.get(name, before[name]) for name in WATCHED}
        tx.at_end(Changed(conversation=row.id, before=before, after=after))


def began(tx: Tx, conversation: int) -> None:
    """Note that a conversation was opened in which somebody waits already (a moved message, a private continuation)."""
    none = dict.fromkeys(WATCHED)
    tx.at_end(Changed(conversation=conversation, before=none, after=none, ruled=True, new=True))


def by_rule(tx: Tx) -> None:
    """Say of everything noted so far in this (inner) transaction that a rule did it."""
    tx.endings[:] = [
        msgspec.structs.replace(matter, ruled=True) if isinstance(matter, Changed) else matter
        for matter in tx.endings
    ]
