"""The API of replays: have a draft replayed over messages that really came, and read what came of it."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from hub.house import House
from hub.replay import report, runs
from hub.replay.runs import Run, Wanted
from hub.scope import Scope
from hub.store.tx import Reader, Tx
from hub.web.api.endpoint import Call, Endpoint, Later, routes
from hub.web.api.rules_types import Empty
from hub.web.api.types import Answer, Id, Request, Time
from hub.web.words import machine


class ReplayBody(Request, frozen=True, kw_only=True):
    """Over the last days, or over the newest messages: say one of the two."""

    days: Annotated[int, Meta(ge=1, le=runs.MOST_DAYS)] | None = None
    messages: Annotated[int, Meta(ge=1, le=runs.MOST_MESSAGES)] | None = None


class ReplayFlow(Answer, frozen=True, kw_only=True):
    """So many messages go from one queue to another; `""` is no queue."""

    before: str
    after: str
    messages: int


class ReplayLoad(Answer, frozen=True, kw_only=True):
    """What a queue gets with the published rules and with the draft."""

    queue: str
    before: int
    after: int


class ReplayRun(Answer, frozen=True, kw_only=True):
    """A replay or a shadow. The tables fill when a replay is done, of a shadow as it goes on.

    `differing` come out otherwise in anything, `moved` go to another queue. `silent` rules matched nothing.
    """

    id: Id
    kind: Literal["replay", "shadow"]
    state: Literal["waiting", "running", "done", "failed", "stopped"]
    draft: Id | None
    revision: int | None
    version: int
    done: int
    total: int
    moved: int
    differing: int
    flows: list[ReplayFlow]
    queues: list[ReplayLoad]
    actions: dict[str, int]
    silent: list[str]
    faults: dict[str, int]
    failure: str
    created_at: Time
    finished_at: Time | None


def _acting(scope: Scope) -> Scope:
    """The token's account as an administrator: its grant was asked for already."""
    return msgspec.structs.replace(scope, role="administrator")


def _start(tx: Tx, house: House, scope: Scope, number: int, body: ReplayBody, call: Call) -> ReplayRun:
    acting = _acting(scope)
    wanted = Wanted(days=body.days, messages=body.messages if body.days is None else None)
    started = runs.start(tx, acting, wanted, draft=number)
    return _run(runs.run(tx, acting, started))


def _stop(tx: Tx, house: House, scope: Scope, number: int, body: Empty, call: Call) -> ReplayRun:
    runs.stop(tx, _acting(scope), number)
    return _run(runs.run(tx, _acting(scope), number))


def _read(tx: Reader, house: House, scope: Scope, number: int, _: None) -> Later:
    found = runs.run(tx, _acting(scope), number)
    return lambda: _run(found)


def _run(found: Run) -> ReplayRun:
    result = found.result
    return ReplayRun(
        id=str(found.id),
        kind=found.kind,
        state=found.state,
        draft=str(found.draft) if found.draft is not None else None,
        revision=found.revision,
        version=found.version,
        done=found.done,
        total=found.total,
        moved=found.moved,
        differing=result.differing,
        flows=[ReplayFlow(before=f.before, after=f.after, messages=f.count) for f in report.flows(result)],
        queues=[
            ReplayLoad(queue=line.queue, before=line.before, after=line.after)
            for line in report.queue_lines(result)
        ],
        actions={action: sum(counts.values()) for action, counts in result.changes.items()},
        silent=list(result.silent),
        faults=result.faults,
        failure=str(found.failure) if found.failure is not None else "",
        created_at=machine(found.created_at),
        finished_at=machine(found.finished_at) if found.finished_at is not None else None,
    )


ENDPOINTS = (
    Endpoint(
        method="POST",
        path="/api/v1/rules/drafts/{id}/replays",
        summary="Replay a draft over messages that really came; read the run until it is done",
        grant="rules",
        body=ReplayBody,
        answer=ReplayRun,
        change=_start,
    ),
    Endpoint(
        method="GET",
        path="/api/v1/rules/runs/{id}",
        summary="A replay or a shadow with its tables",
        grant="rules",
        answer=ReplayRun,
        read=_read,
    ),
    Endpoint(
        method="POST",
        path="/api/v1/rules/runs/{id}/stop",
        summary="End a replay or a shadow before its time",
        grant="rules",
        body=Empty,
        answer=ReplayRun,
        change=_stop,
    ),
)

ROUTES = routes(ENDPOINTS)
