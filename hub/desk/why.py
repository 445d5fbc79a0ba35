"""Why is this here? The stored traces of a conversation in plain values, the newest first."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from sqlalchemy import select

from hub.desk.row import seen
from hub.scope import Scope
from hub.store import schema
from hub.store.tx import Reader
from rules import Trace, decode_trace

trace = schema.trace

MOST = 20
"""Decisions shown; a conversation rarely has more than three."""


class Reason(msgspec.Struct, frozen=True, kw_only=True):
    """One decision. ``number`` of the message that it was about, if any. ``version`` of the rule set."""

    at: int
    number: int | None
    version: int
    trace: Trace


def why(tx: Reader, scope: Scope, conversation: int) -> Sequence[Reason]:
    """The decisions about a conversation. Raises Denied, NotFound."""
    seen(tx, scope, conversation)
    message = schema.message
    statement = (
        select(trace, message.c.number)
        .join(message, message.c.id == trace.c.message, isouter=True)
        .where(trace.c.conversation == conversation)
        .order_by(trace.c.at.desc(), trace.c.id.desc())
        .limit(MOST)
    )
    return [
        Reason(at=row.at, number=row.number, version=row.version, trace=decode_trace(row.data))
        for row in tx.rows(statement)
    ]
