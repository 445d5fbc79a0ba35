"""The lists that agents work from, page by page.

A list is a union of *branches*: each is one walk along one index from a given place and stops after a page, so a
page costs the same with a thousand conversations and with a million. A branch stands for one reason why the actor
may see a row (their office's, asked about, their own) or for one queue. A page begins behind the last row's key,
never at an offset.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, get_args

import msgspec
from sqlalchemy import (
    ColumnElement,
    Select,
    and_,
    func,
    literal,
    literal_column,
    or_,
    select,
    tuple_,
    union,
)

from connectors.contract import Micros
from hub.calendar import at_wall_clock, wall_moment
from hub.config import Queue
from hub.house import House
from hub.i18n import mark as N_
from hub.people.addresses import telling_address
from hub.scope import NotFound, Scope, allows, comments_of, own_office, require, visible
from hub.store import schema
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

VIEWS: tuple[View, ...] = get_args(View)

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

    def behind(self, place: Sequence[int]) -> ColumnElement[bool]:
        """Rows after ``place``, a key of the same length."""
        there = tuple_(*(literal(value) for value in place))
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


def page(tx: Reader, house: House, scope: Scope, asked: Asked) -> Page:
    """One page of a list. Raises Denied, NotFound for a queue that there is not, ValueError for a bad place."""
    found = statement(tx, house, scope, asked)
    rows = tx.rows(found) if found is not None else ()
    more = len(rows) > asked.size
    rows = rows[: asked.size]
    return Page(rows=rows, next=_place_of(rows[-1], _order(asked.view)) if more else None)


def statement(tx: Reader, house: House, scope: Scope, asked: Asked) -> Select[Any] | None:
    """The one statement of a page, which asks for a row more than it shows; None for a list that is always empty."""
    require(scope, "answer")
    order = _order(asked.view)
    place = decode_place(asked.after, len(order.keys)) if asked.after else None
    ids = _merged(_branches(tx, house, scope, asked), order, asked.size + 1, place)
    return None if ids is None else _with_people(ids, scope, order)


def _order(view: View) -> Order:
    return _ORDERS.get(view, RECENT)


def ids(tx: Reader, house: House, scope: Scope, asked: Asked, size: int) -> Select[Any] | None:
    """Ids of at most ``size`` rows of a list, in no order; None for a list that is always empty. Raises Denied."""
    require(scope, "answer")
    return _merged(_branches(tx, house, scope, asked), None, size, None)


def sees_all(scope: Scope, office: str) -> bool:
    """Whether a queue of this office is the actor's own business, every row of it."""
    return own_office(scope, office) and scope.role != "moderator"


def waiting_in(line: Queue) -> Sequence[str]:
    """Statuses that a queue works on; in a county office's own also what the front office waits for."""
    return ("open", "waiting-office") if line.tier == 3 else ("open",)


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


def _merged(
    branches: list[ColumnElement[bool]], order: Order | None, size: int, place: Sequence[int] | None
) -> Select[Any] | None:
    """Ids of the first ``size`` rows of all branches together; None when there is no branch."""
    parts = []
    for condition in branches:
        statement = select(_id, *(key.label(f"key{n}") for n, key in enumerate(order.keys if order else ())))
        statement = statement.where(condition)
        if order is not None:
            statement = statement.order_by(*order.columns())
        if order is not None and place is not None:
            statement = statement.where(order.behind(place))
        parts.append(statement.limit(size))
    if len(parts) < 2:
        return parts[0].with_only_columns(_id) if parts else None
    # Columns by their names alone: deriving them through every level costs more than running the statement.
    names = ["id", *(f"key{n}" for n in range(len(order.keys) if order else 0))]
    columns: list[ColumnElement[Any]] = [literal_column(name) for name in names]
    together = union(*(select(*columns).select_from(part.subquery()) for part in parts)).subquery()
    sorting = [key.desc() if order and order.down else key.asc() for key in columns[1:]]
    return select(columns[0].label("id")).select_from(together).order_by(*sorting).limit(size)


def _branches(tx: Reader, house: House, scope: Scope, asked: Asked) -> list[ColumnElement[bool]]:
    """The conditions that together make the list; each one runs on one index."""
    if asked.queue is not None and asked.queue not in house.directory.queues:
        raise NotFound("queue")
    view = asked.view
    if view == "mine":
        own = [and_(conversation.c.assignee == scope.user, _status(status)) for status in MINE]
        return _narrowed([and_(_LISTED, _MINE, branch) for branch in own], asked.queue)
    if view in ("queue", "unassigned"):
        return _lines(house, scope, asked)
    if view == "overdue" and not (scope.front or scope.role == "system"):
        # Along the office's own open ones: fewer than what is late in the whole country.
        late = conversation.c.due_at <= tx.now
        own = [and_(reach, _status(status)) for reach in _reaches(scope) for status in MINE]
        asked_late = [and_(reach, _has_status(*MINE)) for reach in _asked_reach(scope)]
        return _narrowed([and_(branch, late) for branch in (*own, *asked_late)], asked.queue)
    special = _special(house, scope, view, tx.now)
    if special is not None:
        return _narrowed([and_(_LISTED, special, visible(scope))], asked.queue)
    statuses = STATUSES if view == "all" else (view,)
    found = [and_(reach, _status(status)) for reach in _reaches(scope) for status in statuses]
    found += [and_(reach, _has_status(*statuses)) for reach in _asked_reach(scope)]
    return _narrowed(found, asked.queue)


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


def _lines(house: House, scope: Scope, asked: Asked) -> list[ColumnElement[bool]]:
    found = []
    for queue in [asked.queue] if asked.queue else offered_queues(house, scope):
        office = house.directory.queues[queue].office
        lines = [free(queue)] if asked.view == "unassigned" else _line(house, queue)
        if scope.role == "moderator":
            lines = [and_(line, _editors_own(scope)) for line in lines]
        elif not sees_all(scope, office):
            lines = [and_(line, reach) for line in lines for reach in _all_reaches(scope)]
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


def _line(house: House, queue: str) -> list[ColumnElement[bool]]:
    """What waits in a queue."""
    line = house.directory.queues[queue]
    here = and_(_LISTED, conversation.c.office == line.office, conversation.c.queue == queue)
    return [and_(here, _status(status)) for status in waiting_in(line)]


def _special(house: House, scope: Scope, view: View, now: Micros) -> ColumnElement[bool] | None:
    """Views that have a small index of their own."""
    if view == "overdue":
        return and_(conversation.c.due_at.is_not(None), conversation.c.due_at <= now, _has_status(*MINE))
    if view == "failed":
        return literal_column("failed")
    if view == "snoozed":
        return and_(conversation.c.snoozed_until.is_not(None), _has_status("snoozed"))
    if view == "woke":
        zone = house.directory.zone(scope.office)
        today = wall_moment(zone, at_wall_clock(zone, now).date(), 0)
        active = _has_status("open", "waiting-office")
        return and_(conversation.c.woken.is_not(None), conversation.c.activity_at >= today, active)
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
