"""Why is this here? The stored decisions about a conversation, the newest first, and each of them whole."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from sqlalchemy import select

from hub.desk.row import seen
from hub.replay.stored import Stored, one
from hub.scope import NotFound, Scope
from hub.store import schema
from hub.store.tx import Reader
from rules import Trace, decode_trace

trace = schema.trace

FEW, MANY = 20, 1_000
"""Decisions shown at first and at most; a conversation rarely has more than three."""


class Reason(msgspec.Struct, frozen=True, kw_only=True):
    """One decision. ``number`` of the message that it was about, if any; ``on`` what made the rules be asked;
    ``version`` of the rule set. ``id`` is for :func:`decision`."""

    id: int
    at: int
    on: str
    number: int | None
    version: int
    trace: Trace


class _On(msgspec.Struct):
    """What of the stored facts is told in a list."""

    on: str = "new"


_on = msgspec.json.Decoder(_On).decode


def why(tx: Reader, scope: Scope, conversation: int, limit: int = FEW) -> Sequence[Reason]:
    """The decisions about a conversation, the newest ``limit``. Raises Denied, NotFound."""
    seen(tx, scope, conversation)
    message = schema.message
    statement = (
        select(trace, message.c.number)
        .join(message, message.c.id == trace.c.message, isouter=True)
        .where(trace.c.conversation == conversation)
        .order_by(trace.c.at.desc(), trace.c.id.desc())
        .limit(limit)
    )
    return [
        Reason(
            id=row.id,
            at=row.at,
            on=_on(row.facts).on,
            number=row.number,
            version=row.version,
            trace=decode_trace(row.data),
        )
        for row in tx.rows(statement)
    ]


def decision(tx: Reader, scope: Scope, conversation: int, number: int) -> Stored:
    """One of these decisions with all the facts that it was made on. Raises Denied, NotFound."""
    seen(tx, scope, conversation)
    found = one(tx, number)
    if found is None or found.conversation != conversation:
        raise NotFound("decision")
    return found
