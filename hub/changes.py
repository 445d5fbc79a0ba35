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

WATCHED = ("status", "tags", "waiting_since", "queue")
"""Columns of a conversation whose change somebody may want to know of."""


class Changed(msgspec.Struct, frozen=True, kw_only=True):
    """One change of one conversation: its columns before and after. ``ruled``: a rule did it."""

    conversation: int
    before: Mapping[str, Any]
    after: Mapping[str, Any]
    ruled: bool = False


def note(tx: Tx, row: Row[Any], values: Mapping[str, Any]) -> None:
    """Note that columns of a conversation are set to ``values``; ``row`` is the conversation as it was."""
    if any(name in values and values[name] != getattr(row, name) for name in WATCHED):
        before = {name: getattr(row, name) for name in WATCHED}
        after = {name: values.get(name, before[name]) for name in WATCHED}
        tx.at_end(Changed(conversation=row.id, before=before, after=after))


def by_rule(tx: Tx) -> None:
    """Say of everything noted so far in this (inner) transaction that a rule did it."""
    tx.endings[:] = [
        msgspec.structs.replace(matter, ruled=True) if isinstance(matter, Changed) else matter
        for matter in tx.endings
    ]
