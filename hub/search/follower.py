"""Keeping the search index up with the stream: after the commit, beside intake, never in its way.

The follower remembers its place in the stream with each batch that it writes, and goes on from there after a restart.
Where the stream does not reach back so far, every message is read again, oldest first, from the last id done.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
from sqlalchemy import Row, delete, insert, select, update

from connectors._failpoint import failpoint
from connectors.contract import Clock, Log
from hub.search.words import doc_words, reach_words
from hub.store import bulk
from hub.store.schema import (
    attachment,
    conversation,
    conversation_office,
    identity,
    message,
    search_doc,
    setting,
)
from hub.store.store import StorageFault, Store, StoreFull, ends_transaction
from hub.store.tx import Event, Reader, Tx
from hub.stream import Reset, Stream

PLACE = "search-place"
REBUILD = "search-rebuild"

CHUNK = 64
"""Messages written in one command: a few milliseconds of the one writer."""

BUSY = 64
"""Calls that wait for a commit from which on the index waits too."""

PAUSE = 0.05
PATIENCE = 100
"""Pauses after which the index goes on all the same, so that it is never more than seconds behind."""

GATHER = 0.25
"""Seconds between two batches: the engine's index writes a segment for each commit, so a few large ones cost the one
writer far less than many small ones, and a search that is a quarter of a second behind is still a search."""

BREATH = 2.0
"""Pause between two commands of one batch, as a multiple of what the one before took: after a burst the index catches
up in a third of the time that there is, and whoever looks at the console has the rest."""

AGAIN = 5.0
"""Seconds before the next try when the storage failed."""

COLUMNS = ("message", "conversation", "words", "reach")


class Doc(msgspec.Struct, frozen=True, kw_only=True):
    """What the index keeps of one message."""

    message: int
    conversation: int
    words: str
    reach: str


async def run_search(store: Store, stream: Stream, clock: Clock, log: Log, *, gather: float = GATHER) -> None:
    """Follow the stream until cancelled; ``gather`` is in seconds."""
    while True:
        try:
            await _follow(store, stream, clock, log, gather)
        except (StorageFault, StoreFull) as fault:
            log.warning("search waits for the storage", error=type(fault).__name__)
            await clock.sleep(AGAIN)


async def _follow(store: Store, stream: Stream, clock: Clock, log: Log, gather: float) -> None:
    place = await store.read(lambda tx: _number(tx, PLACE))
    if await store.read(lambda tx: _number(tx, REBUILD)) is not None:
        place = await _rebuild(store, stream, clock, log)
    async for batch in stream.follow(place or 0):
        failpoint("search.before")
        if isinstance(batch, Reset):
            await _rebuild(store, stream, clock, log)
            continue
        await _take(store, clock, log, batch)
        failpoint("search.after")
        if gather:
            await clock.sleep(gather)


async def _take(store: Store, clock: Clock, log: Log, batch: Sequence[Event]) -> None:
    """Index what a batch of events is about, then move the place on."""
    messages = sorted({e.message for e in batch if e.message is not None and e.kind in ("message", "post")})
    moved = sorted({e.conversation for e in batch if e.conversation is not None and e.kind == "conversation"})
    place = batch[-1].place
    for start in range(0, max(len(messages), 1), CHUNK):
        part = messages[start : start + CHUNK]
        last = start + CHUNK >= len(messages)
        began = clock.monotonic()
        docs = await store.read(lambda tx, part=part: make_docs(tx, part))  # type: ignore[misc]
        await _quiet(store, clock)
        await store.write(
            lambda tx, part=part, docs=docs, last=last: _keep(
                tx, log, part, docs, moved if last else [], place if last else None
            )  # type: ignore[misc]
        )
        if not last:
            await clock.sleep(BREATH * (clock.monotonic() - began))


async def _quiet(store: Store, clock: Clock) -> None:
    """Let intake go first when many calls wait for a commit."""
    for _ in range(PATIENCE):
        if store.waiting < BUSY:
            return
        await clock.sleep(PAUSE)


def _keep(
    tx: Tx, log: Log, messages: Sequence[int], docs: Sequence[Doc], moved: Sequence[int], place: int | None
) -> None:
    gone = set(messages) - {doc.message for doc in docs}
    if gone:
        tx.execute(delete(search_doc).where(search_doc.c.message.in_(gone)))
    _put(tx, log, docs)
    _reach_again(tx, moved)
    if place is not None:
        _set_number(tx, PLACE, place)


def _put(tx: Tx, log: Log, docs: Sequence[Doc]) -> None:
    """Write documents. One that the engine refuses is told and left out: nothing behind it could be found else."""
    rows = [tuple(getattr(doc, column) for column in COLUMNS) for doc in docs]
    try:
        with tx.savepoint() as inner:
            bulk.put(inner.connection, search_doc, ("message",), COLUMNS, rows)
    except Exception as error:
        if ends_transaction(error):
            raise
        if len(docs) == 1:
            why = type(error).__name__
            log.error("a message cannot be found by its words", message=docs[0].message, error=why)
            return
        for doc in docs:
            _put(tx, log, [doc])


def _reach_again(tx: Tx, conversations: Sequence[int]) -> None:
    """A conversation moved to another office, or another one was asked: its messages are found there now."""
    for number, reach in _reaches(tx, conversations).items():
        changed = (search_doc.c.conversation == number, search_doc.c.reach != reach)
        tx.execute(update(search_doc).where(*changed).values(reach=reach))


def make_docs(tx: Reader, messages: Sequence[int]) -> list[Doc]:
    """Documents of those messages that are there and meant to be found: system lines and deleted ones are not."""
    if not messages:
        return []
    m = message.c
    statement = (
        select(
            m.id,
            m.conversation,
            m.subject,
            m.text,
            m.identity,
            identity.c.name,
            identity.c.address,
            conversation.c.reference,
        )
        .join(conversation, conversation.c.id == m.conversation)
        .join(identity, identity.c.id == m.identity, isouter=True)
        .where(m.id.in_(messages), m.kind != "system", m.deleted_at.is_(None))
    )
    rows = tx.rows(statement)
    files = _files(tx, [row.id for row in rows])
    reaches = _reaches(tx, {row.conversation for row in rows})
    return [_doc(row, files[row.id], reaches[row.conversation]) for row in rows]


def _doc(row: Row[Any], files: Iterable[str], reach: str) -> Doc:
    parts = (row.subject, row.text, row.name or "", row.address or "", *files, row.reference.replace("-", ""))
    return Doc(message=row.id, conversation=row.conversation, words=doc_words(parts), reach=reach)


def _files(tx: Reader, messages: Sequence[int]) -> defaultdict[int, list[str]]:
    found: defaultdict[int, list[str]] = defaultdict(list)
    a = attachment.c
    for row in tx.rows(select(a.message, a.filename).where(a.message.in_(messages)).order_by(a.id)):
        found[row.message].append(row.filename)
    return found


def _reaches(tx: Reader, conversations: Iterable[int]) -> dict[int, str]:
    wanted = list(conversations)
    if not wanted:
        return {}
    c, asked = conversation.c, conversation_office.c
    offices: defaultdict[int, set[str]] = defaultdict(set)
    for row in tx.rows(select(asked.conversation, asked.office).where(asked.conversation.in_(wanted))):
        offices[row.conversation].add(row.office)
    rows = tx.rows(select(c.id, c.office, c.channel).where(c.id.in_(wanted)))
    return {row.id: reach_words(offices[row.id] | {row.office}, row.channel) for row in rows}


# --- everything again ------------------------------------------------------------------------------------------


async def _rebuild(store: Store, stream: Stream, clock: Clock, log: Log) -> int:
    """Index every message, from the last id done on; returns the place from which the stream is to be followed."""
    place = stream.last
    await store.write(lambda tx: _begin_rebuild(tx, place))
    while True:
        await _quiet(store, clock)
        done = await store.read(lambda tx: _number(tx, REBUILD)) or 0
        part = await store.read(lambda tx, done=done: _after(tx, done))  # type: ignore[misc]
        if not part:
            break
        docs = await store.read(lambda tx, part=part: make_docs(tx, part))  # type: ignore[misc]
        await store.write(lambda tx, part=part, docs=docs: _keep_rebuilt(tx, log, part, docs))  # type: ignore[misc]
    await store.write(_end_rebuild)
    return await store.read(lambda tx: _number(tx, PLACE)) or 0


def _begin_rebuild(tx: Tx, place: int) -> None:
    """Note where the stream was: what happens while everything is read comes again afterwards."""
    if _number(tx, REBUILD) is None:
        _set_number(tx, REBUILD, 0)
        _set_number(tx, PLACE, place)


def _after(tx: Reader, done: int) -> list[int]:
    statement = select(message.c.id).where(message.c.id > done).order_by(message.c.id).limit(CHUNK)
    return [row.id for row in tx.rows(statement)]


def _keep_rebuilt(tx: Tx, log: Log, messages: Sequence[int], docs: Sequence[Doc]) -> None:
    _keep(tx, log, messages, docs, [], None)
    _set_number(tx, REBUILD, messages[-1])


def _end_rebuild(tx: Tx) -> None:
    tx.execute(delete(setting).where(setting.c.name == REBUILD))


def _number(tx: Reader, name: str) -> int | None:
    stored = tx.scalar(select(setting.c.value).where(setting.c.name == name))
    return None if stored is None else int(stored)


def _set_number(tx: Tx, name: str, value: int) -> None:
    if not tx.execute(update(setting).where(setting.c.name == name).values(value=str(value))).rowcount:
        tx.execute(insert(setting).values(name=name, value=str(value)))


def behind(tx: Reader, last: int) -> int:
    """How many places the index is behind the stream, for the metrics."""
    return max(0, last - (_number(tx, PLACE) or 0))
