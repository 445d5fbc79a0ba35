"""Who may hear of an event: the same answer as :func:`hub.scope.visible`, for many people at once.

A live page of every person must be told of a change within a second. Asking the database once for each of them would
cost as many queries as there are people; here the facts are read once for a batch, and each scope is checked in memory.
A test holds the two answers against each other.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict, defaultdict
from collections.abc import Mapping, Sequence
from functools import cache

import msgspec
from sqlalchemy import select

from hub.scope import Scope, allows, own_office
from hub.store.kept import Engine, Kept, Question, among, ask, engine_of, keep, many
from hub.store.schema import access_grant, conversation, conversation_office
from hub.store.store import Store
from hub.store.tx import Event, Reader

KEPT = 32
"""Batches whose facts are remembered: followers come within a moment of each other."""


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """What of a conversation decides who sees it."""

    office: str
    channel: str
    owner: int | None
    assignee: int | None
    asked: frozenset[str] = frozenset()
    granted: frozenset[int] = frozenset()
    """Users who opened it with a reason."""


Standings = Mapping[int, Standing]


def sees(scope: Scope, standing: Standing) -> bool:
    """Whether this actor may read the conversation; the twin of :func:`hub.scope.visible`."""
    if scope.role == "system":
        return True
    mine = (standing.assignee, standing.owner, *standing.granted)
    own = scope.user is not None and scope.user in mine
    if scope.role == "moderator":
        return own or (standing.channel == "comments" and own_office(scope, standing.office))
    if scope.front:
        return True
    return bool(scope.office) and (own or scope.office == standing.office or scope.office in standing.asked)


def hears(scope: Scope, event: Event, standings: Standings) -> bool:
    """Whether an event is this actor's business."""
    if event.kind in ("notification", "draft", "ring"):
        return event.actor == scope.user
    if event.kind == "presence":
        return True
    if event.kind == "user":
        return event.actor == scope.user or allows(scope, "supervise")
    if event.kind == "post" and allows(scope, "moderate"):
        return own_office(scope, event.office or "")
    if event.conversation is not None:
        standing = standings.get(event.conversation)
        return standing is not None and sees(scope, standing)
    return event.office is not None and own_office(scope, event.office)


def read_standings(tx: Reader, conversations: Sequence[int]) -> Standings:
    """The facts about some conversations; those that do not exist are left out."""
    values = {"ids": many(tx, conversations)}
    rows, asked, opened = ask(tx, [Question(kept, values) for kept in _kept(engine_of(tx))])
    offices: defaultdict[int, set[str]] = defaultdict(set)
    for row in asked:
        offices[row.conversation].add(row.office)
    granted: defaultdict[int, set[int]] = defaultdict(set)
    for row in opened:
        granted[row.conversation].add(row.user)
    return {
        row.id: Standing(
            office=row.office,
            channel=row.channel,
            owner=row.owner,
            assignee=row.assignee,
            asked=frozenset(offices[row.id]),
            granted=frozenset(granted[row.id]),
        )
        for row in rows
    }


@cache
def _kept(engine: Engine) -> tuple[Kept, Kept, Kept]:
    """Of some conversations: what they are, the offices that were asked, who opened them with a reason."""
    c, asked, grant = conversation.c, conversation_office.c, access_grant.c
    facts = select(c.id, c.office, c.channel, c.owner, c.assignee)
    offices = select(asked.conversation, asked.office)
    users = select(grant.conversation, grant.user)
    return (
        keep(engine, facts.where(among(engine, c.id, "ids"))),
        keep(engine, offices.where(among(engine, asked.conversation, "ids"))),
        keep(engine, users.where(among(engine, grant.conversation, "ids"))),
    )


class Audience:
    """Reads the facts of a batch once, however many followers ask for it."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._reads: OrderedDict[tuple[int, int], asyncio.Task[Standings]] = OrderedDict()

    async def of(self, batch: Sequence[Event]) -> Standings:
        """The facts of all conversations in a batch, as of now or a moment ago."""
        key = (batch[0].place, batch[-1].place)
        task = self._reads.get(key)
        if task is None or (task.done() and (task.cancelled() or task.exception() is not None)):
            wanted = sorted({event.conversation for event in batch if event.conversation is not None})
            task = asyncio.ensure_future(self._store.read(lambda tx: read_standings(tx, wanted)))
            self._reads[key] = task
            while len(self._reads) > KEPT:
                self._reads.popitem(last=False)
        return await asyncio.shield(task)
