"""Places in the stream: the last act of a transaction, and the only one for which writers wait for each other.

The head row is a lock: places become visible in the order in which they were given, which a sequence would not promise
with two writers. Whoever holds it keeps all others from committing, so nothing is done meanwhile that could be done
before or after: on PostgreSQL one statement takes the head and writes the events, and :class:`Event` values are made
after the commit.
"""

from __future__ import annotations

from collections.abc import Sequence
from operator import attrgetter

from connectors.contract import Micros

from . import bulk, driver, schema
from .tx import Event, EventDraft, Tx

_DRAFT = EventDraft.__struct_fields__
_COLUMNS = ("place", "at", *_DRAFT)
_draft = attrgetter(*_DRAFT)

_TAKE_SQLITE = "UPDATE stream_head SET place = place + ? WHERE id = 1 RETURNING place"
_TAKE_POSTGRES = f"""
    WITH head AS (UPDATE stream_head SET place = place + $1 WHERE id = 1 RETURNING place - $1 AS before),
    told AS (
        INSERT INTO event ({bulk.names(_COLUMNS)})
        SELECT head.before + k.number, $2, {bulk.names(_DRAFT, "k.")}
        FROM head, {bulk.unnest(schema.event, _DRAFT, first=3)} WITH ORDINALITY AS k ({bulk.names(_DRAFT)}, number)
    )
    SELECT before + 1 FROM head
"""  # noqa: S608 - our own column names


def place_events(tx: Tx) -> int:
    """Give the events of a transaction their places in the stream and write them; the place of the first, 0 without."""
    if not tx.events:
        return 0
    rows = list(map(_draft, tx.events))
    if not tx.sqlite:
        arrays = bulk.arrays(len(_DRAFT), rows)
        [(first,)] = driver.fetch(tx.connection, _TAKE_POSTGRES, (len(rows), tx.now, *arrays))
        return int(first)
    [(last,)] = driver.fetch(tx.connection, _TAKE_SQLITE, (len(rows),))
    first = int(last) - len(rows) + 1
    placed = [(place, tx.now, *row) for place, row in enumerate(rows, first)]
    bulk.insert(tx.connection, schema.event, _COLUMNS, placed)
    return first


def placed_events(drafts: Sequence[EventDraft], first: int, at: Micros) -> list[Event]:
    """Events as they stand in the stream, of which the first got the place ``first``."""
    return [
        Event(
            place=place,
            at=at,
            kind=draft.kind,
            office=draft.office,
            queue=draft.queue,
            queue_before=draft.queue_before,
            conversation=draft.conversation,
            message=draft.message,
            actor=draft.actor,
            version=draft.version,
        )
        for place, draft in enumerate(drafts, first)
    ]
