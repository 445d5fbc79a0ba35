"""The lists that agents work from, page by page.

A list is a union of *branches*: each is one walk along one index from a given place and stops after a page, so a
page costs the same with a thousand conversations and with a million. A branch stands for one reason why the actor
may see a row (their office's, asked about, their own) or for one queue. A page begins behind the last row's key,
never at an offset.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Literal

import msgspec
from sqlalchemy import (
    ColumnElement,
    Select,
    and_,
    false,
    func,
    literal_column,
    or_,
    select,
    tuple_,
    union,
)

from hub.calendar import at_wall_clock, wall_moment
from hub.house import House
from hub.i18n import mark as N_
from hub.people.addresses import telling_address
from hub.scope import NotFound, Scope, allows, comments_of, own_office, require, visible
from hub.store import schema
from hub.store.kept import Engine, Inquiry, Kept, Question, engine_of, keep, learn, value
from hub.store.schema import access_grant, conversation, conversation_office
from hub.store.tx import Reader

View = Literal[
    "mine",
    "unassigned",
    "queue",
    "overdue",
    "failed",
    "woke",
    "waiting-citizen",
    "waiting-office",
    "snoozed",
    "resolved",
    "spam",
    "all",
]

NAMES: dict[View, str] = {
    "mine": N_("Mine"),
    "unassigned": N_("Unassigned"),
    "queue": N_("Queue"),
    "overdue": N_("Waiting too long"),
    "failed": N_("Failed sends"),
    "woke": N_("Woke today"),
    "waiting-citizen": N_("Waiting for the citizen"),
    "waiting-office": N_("Waiting for an office"),
    "snoozed": N_("Snoozed"),
    "resolved": N_("Resolved"),
    "spam": N_("Spam"),
    "all": N_("All"),
}

STATUSES = ("open", "waiting-citizen", "waiting-office", "snoozed", "resolved", "spam")

_RANK: ColumnElement[Any] = literal_column("(-priority)")
_WAIT: ColumnElement[Any] = literal_column("(coalesce(waiting_since, 9007199254740991))")
_LISTED: ColumnElement[bool] = literal_column(f"({schema.LISTED})")
_MINE: ColumnElement[bool] = literal_column(f"({schema.MINE})")
_FREE: ColumnElement[bool] = literal_column(f"({schema.FREE})")


class Order(msgspec.Struct, frozen=True):
    """The key by which a list is sorted; newest first when ``down``."""

    keys: tuple[ColumnElement[Any], ...]
    down: bool = False

    def columns(self) -> list[ColumnElement[Any]]:
        """What to order by."""
        return [key.desc() if self.down else key.asc() for key in self.keys]

    def behind(self) -> ColumnElement[bool]:
        """Rows after the place whose key the values ``place0``, ``place1`` … are."""
        there = tuple_(*(value(f"place{n}") for n in range(len(self.keys))))
        mine = tuple_(*self.keys)
        return mine < there if self.down else mine > there


_id = conversation.c.id
LINE = Order((_RANK, _WAIT, _id))
RECENT = Order((conversation.c.activity_at, _id), down=True)
DUE = Order((conversation.c.due_at, _id))
WAKING = Order((conversation.c.snoozed_until, _id))

_ORDERS: dict[View, Order] = {
    "mine": LINE,
    "unassigned": LINE,
    "queue": LINE,
    "overdue": DUE,
    "snoozed": WAKING,
}


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """Which list: ``queue`` narrows any view; ``after`` is the ``next`` of the page before."""

    view: View = "mine"
    queue: str | None = None
    after: str = ""
    size: int = 50


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """Rows of ``conversation`` with ``person`` and ``address`` of the citizen, ``agent`` (the assignee) and ``read``
    (the number of the message that the actor read last)."""

    rows: Sequence[Any]
    next: str | None


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """What of a queue decides what its lists hold."""

    queue: str
    office: str
    statuses: tuple[str, ...]
    """Those that the queue works on; in a county office's own also what the front office waits for."""


class Shape(msgspec.Struct, frozen=True, kw_only=True):
    """All that the statement of a list is made of; what differs from one question to the next are values.

    ``queue`` narrows the list; ``lines`` are the queues of those views that are made of queues.
    """

    scope: Scope
    view: View
    queue: str | None
    lines: tuple[Line, ...]


NOW, TODAY = value("now"), value("today")


def page(tx: Reader, house: House, scope: Scope, asked: Asked) -> Page:
    """One page of a list. Raises Denied, NotFound for a queue that there is not, ValueError for a bad place."""
    return learn(tx, about_page(tx, house, scope, asked))


def about_page(tx: Reader, house: House, scope: Scope, asked: Asked) -> Inquiry[Page]:
    """What :func:`page` tells. Raises as it does."""
    require(scope, "answer")
    place = decode_place(asked.after, len(_order(asked.view).keys)) if asked.after else ()
    shape = shape_of(house, scope, asked.view, asked.queue)
    values = {f"place{n}": key for n, key in enumerate(place)}
    kept = _kept(engine_of(tx), shape, asked.size, bool(place))
    question = Question(kept, {**values_at(tx, house, scope), **values})
    return Inquiry([question], lambda told: _page(told[0], asked))


def _page(rows: Sequence[Any], asked: Asked) -> Page:
    """From the rows of the statement, which asks for one more than a page shows."""
    more = len(rows) > asked.size
    shown = rows[: asked.size]
    return Page(rows=shown, next=_place_of(shown[-1], _order(asked.view)) if more else None)


def shape_of(house: House, scope: Scope, view: View, queue: str | None = None) -> Shape:
    """Raises NotFound for a queue that there is not."""
    if queue is not None and queue not in house.directory.queues:
        raise NotFound("queue")
    queues = [queue] if queue else offered_queues(house, scope)
    made_of_queues = view in ("queue", "unassigned")
    lines = tuple(line_of(house, found) for found in queues) if made_of_queues else ()
    return Shape(scope=scope, view=view, queue=queue, lines=lines)


def values_at(tx: Reader, house: House, scope: Scope) -> dict[str, int]:
    """The values of every list: now, and when the actor's day began."""
    zone = house.directory.zone(scope.office)
    today = wall_moment(zone, at_wall_clock(zone, tx.now).date(), 0)
    return {"now": tx.now, "today": today}


@lru_cache(maxsize=1024)
def _kept(engine: Engine, shape: Shape, size: int, turned: bool) -> Kept:
    order = _order(shape.view)
    return keep(engine, _with_people(_merged(_branches(shape), order, size + 1, turned), shape.scope, order))


def _order(view: View) -> Order:
    return _ORDERS.get(view, RECENT)


def ids(shape: Shape, size: int) -> Select[Any]:
    """Ids of at most ``size`` rows of a list, in no order."""
    return _merged(_branches(shape), None, size, False)


def sees_all(scope: Scope, office: str) -> bool:
    """Whether a queue of this office is the actor's own business, every row of it."""
    return own_office(scope, office) and scope.role != "moderator"


def line_of(house: House, queue: str) -> Line:
    """A queue that there is, as its lists see it."""
    found = house.directory.queues[queue]
    statuses = ("open", "waiting-office") if found.tier == 3 else ("open",)
    return Line(queue=queue, office=found.office, statuses=statuses)


def offered_queues(house: House, scope: Scope) -> list[str]:
    """Queues in the left pane: those the person works; for a supervisor all of their office's."""
    queues = house.directory.queues
    own = [queue for queue in scope.queues if queue in queues]
    if allows(scope, "supervise") or not own:
        near = [queue.id for queue in queues.values() if queue.office == scope.office]
        own += [queue for queue in near if queue not in own]
    return [queue for queue in own if not queues[queue].moderation]


def _with_people(ids: Select[Any], scope: Scope, order: Order) -> Select[Any]:
    read = schema.conversation_read
    mine = and_(read.c.conversation == _id, read.c.user == (scope.user or 0))
    return (
        select(
            conversation,
            schema.contact.c.name.label("person"),
            telling_address(),
            func.coalesce(read.c.number, 0).label("read"),
            schema.user.c.name.label("agent"),
            *(key.label(f"key{n}") for n, key in enumerate(order.keys)),
        )
        .join(schema.contact, schema.contact.c.id == conversation.c.contact, isouter=True)
        .join(schema.identity, schema.identity.c.id == conversation.c.identity, isouter=True)
        .join(read, mine, isouter=True)
        .join(schema.user, schema.user.c.id == conversation.c.assignee, isouter=True)
        .where(_id.in_(select(ids.subquery().c.id)))
        .order_by(*order.columns())
    )


def _merged(branches: list[ColumnElement[bool]], order: Order | None, size: int, turned: bool) -> Select[Any]:
    """Ids of the first ``size`` rows of all branches together, behind a place when ``turned``."""
    parts = []
    for condition in branches or [false()]:
        statement = select(_id, *(key.label(f"key{n}") for n, key in enumerate(order.keys if order else ())))
        statement = statement.where(condition)
        if order is not None:
            statement = statement.order_by(*order.columns())
        if order is not None and turned:
            statement = statement.where(order.behind())
        parts.append(statement.limit(size))
    if len(parts) < 2:
        return parts[0].with_only_columns(_id)
    # Columns by their names alone: deriving them through every level costs more than running the statement.
    names = ["id", *(f"key{n}" for n in range(len(order.keys) if order else 0))]
    columns: list[ColumnElement[Any]] = [literal_column(name) for name in names]
    together = union(*(select(*columns).select_from(part.subquery()) for part in parts)).subquery()
    sorting = [key.desc() if order and order.down else key.asc() for key in columns[1:]]
    return select(columns[0].label("id")).select_from(together).order_by(*sorting).limit(size)


def _branches(shape: Shape) -> list[ColumnElement[bool]]:
    """The conditions that together make the list; each one runs on one index."""
    view, scope, queue = shape.view, shape.scope, shape.queue
    if view == "mine":
        own = [and_(conversation.c.assignee == scope.user, _status(status)) for status in MINE]
        return _narrowed([and_(_LISTED, _MINE, branch) for branch in own], queue)
    if view in ("queue", "unassigned"):
        return _lines(shape)
    if view == "overdue" and not (scope.front or scope.role == "system"):
        # Along the office's own open ones: fewer than what is late in the whole country.
        late = conversation.c.due_at <= NOW
        own = [and_(reach, _status(status)) for reach in _reaches(scope) for status in MINE]
        asked_late = [and_(reach, _has_status(*MINE)) for reach in _asked_reach(scope)]
        return _narrowed([and_(branch, late) for branch in (*own, *asked_late)], queue)
    special = _special(view)
    if special is not None:
        return _narrowed([and_(_LISTED, special, visible(scope))], queue)
    statuses = STATUSES if view == "all" else (view,)
    found = [and_(reach, _status(status)) for reach in _reaches(scope) for status in statuses]
    found += [and_(reach, _has_status(*statuses)) for reach in _asked_reach(scope)]
    return _narrowed(found, queue)


MINE = ("open", "waiting-office")
"""What the assignee must do something about; the rest waits in views of its own."""


def free(queue: str | None = None) -> ColumnElement[bool]:
    """Open conversations that nobody works on yet, of a queue or of all."""
    everywhere = and_(_LISTED, _FREE)
    return everywhere if queue is None else and_(everywhere, conversation.c.queue == queue)


def _status(status: str) -> ColumnElement[bool]:
    return conversation.c.status == status


def _has_status(*statuses: str) -> ColumnElement[bool]:
    """The same as a mere filter: SQLite would rather use the long index by status than the short one that is meant."""
    return func.coalesce(conversation.c.status, "").in_(statuses)


def _lines(shape: Shape) -> list[ColumnElement[bool]]:
    found, scope = [], shape.scope
    for line in shape.lines:
        lines = [free(line.queue)] if shape.view == "unassigned" else _waiting(line)
        if scope.role == "moderator":
            lines = [and_(one, _editors_own(scope)) for one in lines]
        elif not sees_all(scope, line.office):
            lines = [and_(one, reach) for one in lines for reach in _all_reaches(scope)]
        found += lines
    return found


def _editors_own(scope: Scope) -> ColumnElement[bool]:
    """What :func:`visible` says for a moderator, as a mere filter of a queue that is walked along its own index."""
    columns = conversation.c
    comments = func.coalesce(columns.channel, "") == "comments"
    return or_(
        comments_of(scope, comments, func.coalesce(columns.office, "")),
        func.coalesce(columns.assignee, 0) == scope.user,
        func.coalesce(columns.owner, 0) == scope.user,
    )


def _waiting(line: Line) -> list[ColumnElement[bool]]:
    """What waits in a queue."""
    here = and_(_LISTED, conversation.c.office == line.office, conversation.c.queue == line.queue)
    return [and_(here, _status(status)) for status in line.statuses]


def _special(view: View) -> ColumnElement[bool] | None:
    """Views that have a small index of their own."""
    if view == "overdue":
        return and_(conversation.c.due_at.is_not(None), conversation.c.due_at <= NOW, _has_status(*MINE))
    if view == "failed":
        return literal_column("failed")
    if view == "snoozed":
        return and_(conversation.c.snoozed_until.is_not(None), _has_status("snoozed"))
    if view == "woke":
        active = _has_status("open", "waiting-office")
        return and_(conversation.c.woken.is_not(None), conversation.c.activity_at >= TODAY, active)
    return None


def _reaches(scope: Scope) -> list[ColumnElement[bool]]:
    """One condition for each reason why the actor may see a conversation; each has an index."""
    if scope.role == "system" or (scope.front and scope.role != "moderator"):
        return [_LISTED]
    own = [
        and_(_LISTED, conversation.c.assignee == scope.user),
        and_(_LISTED, conversation.c.owner == scope.user),
    ]
    if scope.role == "moderator":
        comments: ColumnElement[bool] = literal_column("(channel = 'comments')")
        return [and_(_LISTED, comments_of(scope, comments)), *own]
    return [and_(_LISTED, conversation.c.office == scope.office), *own]


def _asked_reach(scope: Scope) -> list[ColumnElement[bool]]:
    """The reach of a county office beyond its own: walked by id, not along an index of statuses."""
    if scope.front or scope.role in ("system", "moderator"):
        return []
    return [and_(_LISTED, _id.in_(_asked_about(scope)))]


def _all_reaches(scope: Scope) -> list[ColumnElement[bool]]:
    return [*_reaches(scope), *_asked_reach(scope)]


def _asked_about(scope: Scope) -> Select[Any]:
    """Ids of what the actor's office was asked about, and of what the actor opened with a reason."""
    asked = select(conversation_office.c.conversation).where(conversation_office.c.office == scope.office)
    opened = select(access_grant.c.conversation).where(access_grant.c.user == scope.user)
    return select(asked.union(opened).subquery().c.conversation)


def _narrowed(branches: list[ColumnElement[bool]], queue: str | None) -> list[ColumnElement[bool]]:
    if queue is None:
        return branches
    return [and_(branch, conversation.c.queue == queue) for branch in branches]


def _place_of(row: Any, order: Order) -> str:
    return ".".join(str(getattr(row, f"key{n}")) for n in range(len(order.keys)))


def decode_place(text: str, length: int) -> tuple[int, ...]:
    """The key that ``next`` of a page carries. Raises ValueError for anything else."""
    values = tuple(int(part) for part in text.split("."))
    if len(values) != length or not all(-(1 << 62) < value < 1 << 62 for value in values):
        raise ValueError(f"no place in a list: {text[:60]!r}")
    return values
