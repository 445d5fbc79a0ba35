"""Stored decisions read back: the facts of each, whole and as they were decided on.

A trace keeps its facts without the texts, which the message holds, and without load and duty, which a snapshot holds
for many traces. Everything here only reads; both engines answer a batch with two statements. Three things are not as
they were, and :attr:`Stored.text` names them:

- a comment was decided on as it was written and is kept masked. Numbers that were masked have stand-ins of the same
  kind (:mod:`hub.replay.standins`), so ``pesel``, ``phone``, ``account`` and ``email`` say today what they said then;
  an expression that asks for the digits themselves cannot;
- a comment that its author changed since: the text that an earlier decision saw is not kept;
- a comment that was taken away: nothing is left of it.

A decision that was about no message (its row names none) saw no text. One about an edit keeps the text itself: several
edits may have come at the same moment.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Any, Literal

import msgspec
from sqlalchemy import ColumnElement, Row, Select, and_, case, func, literal, or_, select, tuple_

from hub.intake.facts import with_texts
from hub.intake.load import Load
from hub.replay.standins import unmask
from hub.store import schema
from hub.store.reading import Ask
from hub.store.tx import Reader
from rules import Facts

trace, message, snapshot = schema.trace, schema.message, schema.load_snapshot

BATCH = 200
"""Decisions in one statement: few enough that even the longest mails fit into memory."""

SNAPSHOTS = 2_000
"""Snapshots kept while reading on; a busy day makes a few thousand."""

TextState = Literal["whole", "masked", "changed", "gone", "none"]
"""How the text is that a decision saw: as it was; a comment with stand-ins for masked numbers; a comment that was
changed since; a comment that was taken away; a decision that was about no message."""

Place = tuple[int, int]
"""Where a decision stands among all others: its time (µs UTC) and its id."""

_facts = msgspec.json.Decoder(Facts).decode
_load = msgspec.json.Decoder(Load).decode


class Before(msgspec.Struct):
    """A text that a message had before it was changed or deleted at ``at``."""

    at: int
    text: str


class _Data(msgspec.Struct):
    before: list[Before] = []


_data = msgspec.json.Decoder(_Data).decode


class Stored(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One decision. ``facts`` are whole; ``trace`` is as stored (:func:`rules.decode_trace`); ``version`` that of the
    rules then; ``load`` the id of the snapshot; ``opened``: a conversation was opened with it and thus routed, while a
    reopened one (``on`` is ``new`` too) stays in its queue."""

    id: int
    at: int
    conversation: int
    message: int | None
    version: int
    load: int | None
    facts: Facts
    trace: bytes
    text: TextState
    opened: bool

    @property
    def place(self) -> Place:
        """Where it stands; see :func:`batch`."""
        return self.at, self.id

    @property
    def readable(self) -> bool:
        """Whether the text is there that the decision saw, so that deciding again means something."""
        return self.text not in ("changed", "gone")


class Span(msgspec.Struct, frozen=True, kw_only=True):
    """Decisions from ``first`` to ``last``, both included; ``total`` of them when it was counted."""

    first: Place
    last: Place
    total: int


class Snapshots:
    """Load and duty by the snapshot's id, read once each; the oldest are let go."""

    def __init__(self) -> None:
        self._known: dict[int, Load] = {}
        self._none = Load()

    def learn(self, tx: Reader, wanted: Collection[int]) -> None:
        """Read those that are not known yet, in one statement."""
        missing = [(number,) for number in set(wanted) - self._known.keys()]
        if not missing:
            return
        if len(self._known) > SNAPSHOTS:
            self._known.clear()
        for number, data in tx.lookup(snapshot, ("id",), ("id", "data"), missing):
            self._known[number] = msgspec.structs.replace(_load(data), id=number)

    def get(self, number: int | None) -> Load:
        """The snapshot; an empty one for decisions before the first."""
        return self._known.get(number or 0, self._none)


# --- which -------------------------------------------------------------------------------------------------------


def newest(tx: Reader, count: int) -> Span | None:
    """The last ``count`` decisions (fewer where there are not so many); None where there is none."""
    order = trace.c.at.desc(), trace.c.id.desc()
    kept = select(trace.c.at, trace.c.id).order_by(*order).limit(count).subquery()
    return _span(tx, select(kept.c.at, kept.c.id), kept)


def since(tx: Reader, at: int, until: int | None = None) -> Span | None:
    """The decisions from ``at`` on (µs UTC), up to ``until`` inclusive; None where there is none."""
    kept = select(trace.c.at, trace.c.id).where(trace.c.at >= at)
    if until is not None:
        kept = kept.where(trace.c.at <= until)
    found = kept.subquery()
    return _span(tx, select(found.c.at, found.c.id), found)


def _span(tx: Reader, kept: Select[Any], source: Any) -> Span | None:
    total = tx.scalar(select(func.count()).select_from(source))
    if not total:
        return None
    first = tx.row(kept.order_by(source.c.at, source.c.id).limit(1))
    last = tx.row(kept.order_by(source.c.at.desc(), source.c.id.desc()).limit(1))
    if first is None or last is None:
        return None
    return Span(first=(first.at, first.id), last=(last.at, last.id), total=int(total))


def split(tx: Reader, span: Span, parts: int) -> list[Span]:
    """The span in ``parts`` of about the same size, oldest first, none of them empty."""
    size = -(-span.total // parts)
    order = trace.c.at, trace.c.id
    firsts = [span.first]
    for number in range(1, parts):
        behind = select(*order).where(_between(firsts[-1], span.last)).order_by(*order)
        row = tx.row(behind.offset(size).limit(1)) if number * size < span.total else None
        if row is None:
            break
        firsts.append((row.at, row.id))
    out: list[Span] = []
    for number, first in enumerate(firsts):
        is_last = number + 1 == len(firsts)
        last = span.last if is_last else _before(tx, firsts[number + 1])
        total = span.total - number * size if is_last else size
        out.append(Span(first=first, last=last, total=total))
    return out


def _before(tx: Reader, place: Place) -> Place:
    order = trace.c.at.desc(), trace.c.id.desc()
    behind = tuple_(trace.c.at, trace.c.id) < tuple_(literal(place[0]), literal(place[1]))
    row = tx.row(select(trace.c.at, trace.c.id).where(behind).order_by(*order).limit(1))
    return place if row is None else (row.at, row.id)


def _between(first: Place, last: Place) -> ColumnElement[bool]:
    """Both included. ``at`` alone bounds the search in the index; the ids settle equal times."""
    at, number = trace.c.at, trace.c.id
    return and_(
        at >= first[0],
        at <= last[0],
        or_(at > first[0], number >= first[1]),
        or_(at < last[0], number <= last[1]),
    )


# --- reading -----------------------------------------------------------------------------------------------------

_changed = or_(message.c.edited_at.is_not(None), message.c.deleted_at.is_not(None))
_COLUMNS = (
    trace,
    message.c.subject,
    message.c.text,
    message.c.channel,
    message.c.number,
    message.c.edited_at,
    message.c.deleted_at,
    case((_changed, message.c.data)).label("earlier"),
)


def _statement() -> Select[Any]:
    return select(*_COLUMNS).join(message, message.c.id == trace.c.message, isouter=True)


def batch(tx: Reader, snapshots: Snapshots, first: Place, last: Place, limit: int = BATCH) -> list[Stored]:
    """Up to ``limit`` decisions from ``first`` to ``last``, both included, oldest first.

    Read on from ``(at, id + 1)`` of the last one (:func:`following`) until a batch comes back empty; each batch is a
    view of its own, so that a long replay keeps no old pages alive. Decisions never change, texts may meanwhile.
    """
    order = trace.c.at, trace.c.id
    return _read(tx, snapshots, _statement().where(_between(first, last)).order_by(*order).limit(limit))


def following(stored: Stored) -> Place:
    """The place right behind a decision."""
    return stored.at, stored.id + 1


def batches(ask: Ask, first: Place, last: Place) -> Iterator[list[Stored]]:
    """All decisions of a span, for a process that reads from outside: a view of the store for each batch."""
    snapshots = Snapshots()
    while some := _next(ask, snapshots, first, last):
        yield some
        first = following(some[-1])


def _next(ask: Ask, snapshots: Snapshots, first: Place, last: Place) -> list[Stored]:
    return ask(lambda tx: batch(tx, snapshots, first, last))


def by_ids(tx: Reader, snapshots: Snapshots, ids: Sequence[int]) -> list[Stored]:
    """These decisions, oldest first; those that are gone are missing."""
    if not ids:
        return []
    return _read(tx, snapshots, _statement().where(trace.c.id.in_(ids)).order_by(trace.c.at, trace.c.id))


def of_times(tx: Reader, snapshots: Snapshots, times: Collection[int]) -> list[Stored]:
    """Decisions made at these times (µs UTC), oldest first: what a follower of the stream looks for, because a decision
    and its events have one transaction's time."""
    if not times:
        return []
    return _read(tx, snapshots, _statement().where(trace.c.at.in_(times)).order_by(trace.c.at, trace.c.id))


def of_conversation(tx: Reader, conversation: int, limit: int = 20) -> list[Stored]:
    """The decisions about a conversation, the newest first. Whether somebody may see it is the caller's care."""
    order = trace.c.at.desc(), trace.c.id.desc()
    found = _statement().where(trace.c.conversation == conversation).order_by(*order).limit(limit)
    return _read(tx, Snapshots(), found)


def one(tx: Reader, number: int) -> Stored | None:
    """The decision with this id, or None. Whether somebody may see its conversation is the caller's care."""
    found = by_ids(tx, Snapshots(), [number])
    return found[0] if found else None


def _read(tx: Reader, snapshots: Snapshots, statement: Select[Any]) -> list[Stored]:
    rows = tx.rows(statement)
    snapshots.learn(tx, [row.load for row in rows if row.load is not None])
    return [_stored(row, snapshots) for row in rows]


def _stored(row: Row[Any], snapshots: Snapshots) -> Stored:
    facts = _facts(row.facts)
    text, state = _text(row, facts)
    return Stored(
        id=row.id,
        at=row.at,
        conversation=row.conversation,
        message=row.message,
        version=row.version,
        load=row.load,
        facts=_whole(row, facts, text, snapshots.get(row.load)),
        trace=row.data,
        text=state,
        opened=facts.on == "new" and (row.number in (1, None) or not facts.previous_queue),
    )


def _whole(row: Row[Any], facts: Facts, text: str, load: Load) -> Facts:
    subject: str = row.subject or ""
    return with_texts(facts, unmask(subject) if row.channel == "comments" else subject, text, load)


def _text(row: Row[Any], facts: Facts) -> tuple[str, TextState]:
    """The text that a decision saw."""
    if facts.text:
        return facts.text, "whole"
    if row.text is None:
        return "", "none" if row.message is None else "gone"
    if row.channel == "comments":
        if row.deleted_at is not None and not row.text:
            return "", "gone"
        if row.edited_at is not None and row.edited_at > row.at:
            return unmask(row.text), "changed"
        return unmask(row.text), "masked" if "•" in row.text else "whole"
    return (row.text if row.earlier is None else _as_it_was(row, facts.on)), "whole"


def _as_it_was(row: Row[Any], on: str) -> str:
    """The text before the first change that came after the decision. An edit is decided on once it is carried out, in
    the same transaction; a message before what had waited for it is carried out, in the same transaction too."""
    for before in _data(row.earlier).before:
        if before.at > row.at or (before.at == row.at and on != "edit"):
            return before.text
    text: str = row.text
    return text
