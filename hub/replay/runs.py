"""Replays and shadows as rows: started, watched, stopped, looked at; and what the loops that carry them out note down.

A replay waits in its row until the process that took the request carries it out, one at a time. A shadow runs beside
the published rules until its time is over. Both compare the text that a draft had when they were started.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, Literal

import msgspec
from sqlalchemy import ColumnElement, Row, and_, delete, func, literal, select, update

from hub.audit import record
from hub.i18n import mark as N_
from hub.replay.compare import Difference, Move, Tally
from hub.ruleset.drafts import draft as read_draft
from hub.ruleset.drafts import require_rules
from hub.ruleset.versions import published
from hub.scope import Conflict, NotFound, Scope, require, visible
from hub.store import schema
from hub.store.tx import Reader, Tx
from rules.text import Text, mark

rule_run, rule_run_move = schema.rule_run, schema.rule_run_move

Kind = Literal["replay", "shadow"]
State = Literal["waiting", "running", "done", "failed", "stopped"]
OPEN: tuple[State, ...] = ("waiting", "running")

DAY = 86_400_000_000
MOST_DAYS = 366
MOST_MESSAGES = 1_000_000
LONGEST_SHADOW = 30
"""Days."""

MOVES = 10_000
"""Messages kept of a run that would go to another queue."""

OTHERS = 2_000
"""Messages kept of a run in which only other actions differ."""

WITH_MESSAGES = 20
"""Runs of which messages are kept; of older ones the tables stay."""

NOTHING = N_("Say how many days or how many messages to replay.")
TOO_MUCH = N_("A replay goes over at most 366 days or a million messages.")
NO_RULES = N_("No rules are published yet, so there is nothing to compare with.")
BUSY = N_("This draft is being replayed already. Wait for it, or stop it first.")
ONE_SHADOW = N_("A draft runs in the shadow already. Stop it first.")
OVER = N_("The end of a shadow lies between now and 30 days from now.")
ENDED = N_("It has ended already.")
INTERRUPTED = mark("The hub was restarted while this ran. Start it again.")


class Wanted(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a run goes over: the last ``days``, or the newest ``messages``; a shadow until a time (µs UTC; None: until
    somebody stops it)."""

    days: int | None = None
    messages: int | None = None
    until: int | None = None


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """One run. ``version`` is the published one that it is compared with (of a shadow: when it began). ``position`` is
    a shadow's place in the stream. ``result`` is empty until there is one; ``failure`` says why it failed."""

    id: int
    kind: Kind
    state: State
    draft: int | None
    revision: int | None
    version: int
    wanted: Wanted
    position: int
    done: int
    total: int
    moved: int
    result: Tally
    failure: Text | None
    author: int | None
    created_at: int
    finished_at: int | None

    @property
    def open(self) -> bool:
        """Whether it still goes on."""
        return self.state in OPEN


class Moved(msgspec.Struct, frozen=True, kw_only=True):
    """A message of a run that comes out otherwise. ``reference``, ``subject`` and ``preview`` are None for who may not
    see the conversation: then only its number and the queues are told."""

    trace: int
    conversation: int
    message: int | None
    at: int
    event: str
    before: str
    after: str
    rule_before: str
    rule_after: str
    differences: tuple[Difference, ...]
    reference: str | None
    subject: str | None
    preview: str | None


class _Data(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a row of ``rule_run_move`` holds besides its columns."""

    at: int
    event: str
    rule_before: str = ""
    rule_after: str = ""
    differences: tuple[Difference, ...] = ()


_encode = msgspec.json.Encoder().encode
_data = msgspec.json.Decoder(_Data).decode


# --- what people do ----------------------------------------------------------------------------------------------


def start(
    tx: Tx,
    scope: Scope,
    wanted: Wanted,
    *,
    draft: int | None = None,
    source: str | None = None,
    kind: Kind = "replay",
) -> int:
    """Have a draft, or a text of rules, compared with the published version; returns the run's id. Raises Denied,
    NotFound (the draft), Conflict with a sentence."""
    require_rules(scope)
    _check(tx, kind, wanted, draft)
    current = published(tx)
    if current is None:
        raise Conflict(NO_RULES)
    revision = None
    if draft is not None:
        found = read_draft(tx, scope, draft)
        source, revision = found.source, found.revision
    _forget_messages(tx)
    place = tx.scalar(select(schema.stream_head.c.place)) if kind == "shadow" else 0
    row = {
        "kind": kind,
        "state": "running" if kind == "shadow" else "waiting",
        "draft": draft,
        "revision": revision,
        "version": current.version,
        "source": source or "",
        "wanted": _encode(wanted).decode(),
        "position": int(place or 0),
        "author": scope.user,
        "node": "",
        "created_at": tx.now,
    }
    number = tx.add(rule_run, row)
    record(tx, scope.user, f"rules-{kind}-started", f"rule-run:{number}", {"draft": draft})
    tx.ring(kind)
    return number


def _check(tx: Reader, kind: Kind, wanted: Wanted, draft: int | None) -> None:
    going = and_(rule_run.c.kind == kind, rule_run.c.state.in_(OPEN))
    if kind == "shadow":
        if tx.scalar(select(func.count()).where(going)):
            raise Conflict(ONE_SHADOW)
        if wanted.until is not None and not tx.now < wanted.until <= tx.now + LONGEST_SHADOW * DAY:
            raise Conflict(OVER)
        return
    asked = wanted.days if wanted.days is not None else wanted.messages
    if asked is None:
        raise Conflict(NOTHING)
    if not 1 <= asked <= (MOST_DAYS if wanted.days is not None else MOST_MESSAGES):
        raise Conflict(TOO_MUCH)
    if draft is not None and tx.scalar(select(func.count()).where(going, rule_run.c.draft == draft)):
        raise Conflict(BUSY)


def stop(tx: Tx, scope: Scope, number: int) -> None:
    """End a run before its time; what it found so far stays. Raises Denied, NotFound, Conflict (ended already)."""
    require_rules(scope)
    row = tx.locked(rule_run, number)
    if row is None:
        raise NotFound("run")
    if row.state not in OPEN:
        raise Conflict(ENDED)
    tx.change(rule_run, number, state="stopped" if row.kind == "replay" else "done", finished_at=tx.now)
    record(tx, scope.user, f"rules-{row.kind}-stopped", f"rule-run:{number}")
    tx.ring(row.kind)


# --- what people see ---------------------------------------------------------------------------------------------


def run(tx: Reader, scope: Scope, number: int) -> Run:
    """One run with its tables. Raises Denied, NotFound."""
    require(scope, "administer")
    row = tx.get(rule_run, number)
    if row is None:
        raise NotFound("run")
    return _run(row)


def runs(tx: Reader, scope: Scope, draft: int | None = None, limit: int = 20) -> list[Run]:
    """The newest runs, of all drafts or of one, without their texts and tables. Raises Denied."""
    require(scope, "administer")
    columns = [column for column in rule_run.c if column.name not in ("source", "result")]
    statement = (
        select(*columns, literal("{}").label("result"))
        .order_by(rule_run.c.created_at.desc(), rule_run.c.id.desc())
        .limit(limit)
    )
    if draft is not None:
        statement = statement.where(rule_run.c.draft == draft)
    return [_run(row) for row in tx.rows(statement)]


def last_replay(tx: Reader, draft: int, revision: int) -> Run | None:
    """The newest replay of this text of a draft that came to its end, for whoever is about to publish it."""
    c = rule_run.c
    same = and_(c.draft == draft, c.revision == revision, c.kind == "replay", c.state == "done")
    row = tx.row(select(rule_run).where(same).order_by(c.created_at.desc()).limit(1))
    return None if row is None else _run(row)


def moved_messages(
    tx: Reader,
    scope: Scope,
    number: int,
    *,
    before: str | None = None,
    after: str | None = None,
    same: bool = False,
    behind: int | None = None,
    limit: int = 50,
) -> list[Moved]:
    """Messages of a run that come out otherwise, the newest first: those that go from one queue to another, or with
    ``same`` those in which only other actions differ. Read on with ``behind``, the last one's trace. Raises Denied."""
    require(scope, "administer")
    c, v = rule_run_move.c, schema.conversation.c
    statement = (
        select(rule_run_move, v.reference, v.subject, v.preview, visible(scope).label("seen"))
        .join(schema.conversation, v.id == c.conversation, isouter=True)
        .where(
            c.run == number, (c.queue_before == c.queue_after) if same else (c.queue_before != c.queue_after)
        )
    )
    for column, wanted in ((c.queue_before, before), (c.queue_after, after)):
        if wanted is not None:
            statement = statement.where(column == wanted)
    if behind is not None:
        statement = statement.where(c.trace < behind)
    return [_moved(row) for row in tx.rows(statement.order_by(c.trace.desc()).limit(limit))]


def visible_rows(tx: Reader, scope: Scope, conversations: Collection[int]) -> Sequence[Row[Any]]:
    """``id``, ``reference``, ``subject`` and ``preview`` of those conversations that the actor may see."""
    v = schema.conversation.c
    mine = and_(v.id.in_(conversations), visible(scope))
    return tx.rows(select(v.id, v.reference, v.subject, v.preview).where(mine)) if conversations else ()


def _moved(row: Row[Any]) -> Moved:
    data, seen = _data(row.data), bool(row.seen)
    return Moved(
        trace=row.trace,
        conversation=row.conversation,
        message=row.message,
        at=data.at,
        event=data.event,
        before=row.queue_before,
        after=row.queue_after,
        rule_before=data.rule_before,
        rule_after=data.rule_after,
        differences=data.differences,
        reference=row.reference if seen else None,
        subject=row.subject if seen else None,
        preview=row.preview if seen else None,
    )


def _run(row: Row[Any]) -> Run:
    values = {name: row._mapping[name] for name in Run.__struct_fields__}
    return Run(
        **values
        | {
            "wanted": msgspec.json.decode(row.wanted, type=Wanted),
            "result": msgspec.json.decode(row.result, type=Tally),
            "failure": msgspec.json.decode(row.failure, type=Text) if row.failure else None,
        }
    )


# --- what the loops note down ------------------------------------------------------------------------------------


def fail_interrupted(tx: Tx) -> None:
    """At the start: replays that another run of the loop left unfinished will not go on by themselves. Shadows do."""
    c = rule_run.c
    left = and_(c.kind == "replay", c.state == "running")
    values = {"state": "failed", "failure": _encode(Text(INTERRUPTED)).decode(), "finished_at": tx.now}
    tx.execute(update(rule_run).where(left).values(values))


def next_replay(tx: Tx, node: str) -> Row[Any] | None:
    """The replay that waits longest, now running on this ``node``; None for none."""
    c = rule_run.c
    waiting = and_(c.kind == "replay", c.state == "waiting")
    row = tx.row(select(rule_run).where(waiting).order_by(c.created_at, c.id).limit(1))
    if row is not None:
        tx.change(rule_run, row.id, state="running", node=node)
    return row


def running_shadow(tx: Reader) -> Row[Any] | None:
    """The shadow that follows the stream; None for none."""
    c = rule_run.c
    return tx.row(select(rule_run).where(c.kind == "shadow", c.state == "running"))


def note(tx: Tx, number: int, moves: Sequence[Move] = (), **values: Any) -> bool:
    """Keep what was found so far and change the row; False, and nothing kept, where somebody stopped the run."""
    going: ColumnElement[bool] = and_(rule_run.c.id == number, rule_run.c.state == "running")
    if not tx.execute(update(rule_run).where(going).values(values)).rowcount:
        return False
    columns = ("run", "trace", "conversation", "message", "queue_before", "queue_after", "data")
    tx.insert(rule_run_move, columns, [_move_row(number, move) for move in moves])
    return True


def _move_row(number: int, move: Move) -> tuple[Any, ...]:
    data = _Data(
        at=move.at,
        event=move.event,
        rule_before=move.rule_before,
        rule_after=move.rule_after,
        differences=move.differences,
    )
    place = (number, move.trace, move.conversation, move.message)
    return (*place, move.before, move.after, _encode(data).decode())


def result_values(tally: Tally) -> dict[str, Any]:
    """The columns that follow from a tally."""
    return {"result": _encode(tally).decode(), "moved": tally.moved}


def fail(tx: Tx, number: int, why: Text) -> None:
    """A run that came to no end, with the reason for people."""
    note(tx, number, state="failed", failure=_encode(why).decode(), finished_at=tx.now)


def _forget_messages(tx: Tx) -> None:
    """Old runs keep their tables; single messages are kept of the newest only."""
    c = rule_run.c
    kept = select(c.id).order_by(c.created_at.desc(), c.id.desc()).limit(WITH_MESSAGES)
    newest = [row.id for row in tx.rows(kept)]
    if len(newest) == WITH_MESSAGES:
        tx.execute(delete(rule_run_move).where(rule_run_move.c.run.not_in(newest)))
