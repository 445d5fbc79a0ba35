"""What a conversation's screen shows beside the messages: the person, their history, what else belongs to it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache, lru_cache
from typing import Any, TypeVar

import msgspec
from sqlalchemy import ColumnElement, Row, Select, and_, case, false, select, true, union_all

from hub.desk.contacts import of_contact
from hub.desk.row import about_row
from hub.scope import Scope, visible
from hub.store import schema
from hub.store.kept import Answers, Engine, Inquiry, Kept, Question, engine_of, inquire, keep, value
from hub.store.tx import Reader

T = TypeVar("T")

conversation = schema.conversation

HISTORY = 30
"""Other conversations of the same person shown beside it."""

RELATED = 20


class Person(msgspec.Struct, frozen=True, kw_only=True):
    """The context pane. ``history`` rows have ``may_open``; where that is false no text may be shown."""

    contact: Row[Any] | None
    identities: Sequence[Row[Any]]
    links: Sequence[Row[Any]]
    history: Sequence[Row[Any]]


class Around(msgspec.Struct, frozen=True, kw_only=True):
    """What else belongs to it: who is named by id, standing merges, related conversations, offices that were asked."""

    owner: str
    assignee: str
    merges: Sequence[Row[Any]]
    related: Sequence[Row[Any]]
    asked: Sequence[Row[Any]]
    moved_from: int | None


def _seen(tx: Reader, scope: Scope, conversation_id: int, asked: Inquiry[T]) -> T:
    """What is asked, for whoever may see the conversation. Raises Denied, NotFound."""
    _, found = inquire(tx, about_row(tx, scope, conversation_id), asked)
    told: T = found
    return told


def person(tx: Reader, scope: Scope, conversation_id: int) -> Person:
    """Who wrote, and their history over all channels. Raises Denied, NotFound.

    Of matters that the actor may not open, a history row says when, on which channel, at which office and about which
    topic, nothing else.
    """
    return _seen(tx, scope, conversation_id, about_person(tx, scope, conversation_id))


def about_person(tx: Reader, scope: Scope, conversation_id: int) -> Inquiry[Person]:
    """What :func:`person` tells whoever may see the conversation."""
    engine = engine_of(tx)
    kept = (*_of_contact(engine), _history(engine, scope))
    return Inquiry([Question(one, {"id": conversation_id}) for one in kept], _person)


def _person(told: Answers) -> Person:
    contact, identities, links, history = told
    return Person(contact=next(iter(contact), None), identities=identities, links=links, history=history)


def around(tx: Reader, scope: Scope, conversation_id: int) -> Around:
    """What stands in the context pane besides the person. Raises Denied, NotFound."""
    return _seen(tx, scope, conversation_id, about_around(tx, scope, conversation_id))


def about_around(tx: Reader, scope: Scope, conversation_id: int) -> Inquiry[Around]:
    """What :func:`around` tells whoever may see the conversation."""
    engine = engine_of(tx)
    kept = (*_belonging(engine), _related(engine, scope))
    return Inquiry([Question(one, {"id": conversation_id}) for one in kept], _around)


def _around(told: Answers) -> Around:
    owner, assignee, merges, asked, moved, related = told
    return Around(
        owner=next((user.name for user in owner), ""),
        assignee=next((user.name for user in assignee), ""),
        merges=merges,
        related=related,
        asked=asked,
        moved_from=next((link.conversation for link in moved), None),
    )


_this = conversation.alias("this")


def _of_this(column: ColumnElement[Any]) -> Select[Any]:
    """A column of the conversation itself."""
    return select(column).where(_this.c.id == value("id"))


@cache
def _of_contact(engine: Engine) -> tuple[Kept, ...]:
    """The contact, its identities, verified first, and its links that stand, the newest first."""
    contact, link = schema.contact, schema.contact_merge
    mine = _of_this(_this.c.contact).scalar_subquery()
    links = select(link, contact.c.name).join(contact, contact.c.id == link.c.absorbed)
    return (
        keep(engine, select(contact).where(contact.c.id == mine)),
        keep(engine, of_contact(mine)),
        keep(
            engine,
            links.where(link.c.survivor == mine, link.c.undone_at.is_(None)).order_by(link.c.at.desc()),
        ),
    )


@lru_cache(maxsize=1024)
def _history(engine: Engine, scope: Scope) -> Kept:
    open_to, c = visible(scope), conversation.c
    shown = (c.id, c.channel, c.office, c.topic, c.activity_at, c.created_at)
    hidden = (c.reference, c.subject, c.preview, c.status)
    found = select(
        *shown,
        case((open_to, true()), else_=false()).label("may_open"),
        *(case((open_to, column), else_="").label(column.name) for column in hidden),
    )
    theirs = and_(c.contact == _of_this(_this.c.contact).scalar_subquery(), c.id != value("id"))
    return keep(
        engine, found.where(theirs, c.merged_into.is_(None)).order_by(c.activity_at.desc()).limit(HISTORY)
    )


@cache
def _belonging(engine: Engine) -> tuple[Kept, ...]:
    """Owner, assignee, standing merges, offices that were asked, where it was moved from."""
    user, merge, asked = schema.user, schema.conversation_merge, schema.conversation_office
    link = schema.conversation_link
    owner = select(user.c.name).join(_this, _this.c.owner == user.c.id).where(_this.c.id == value("id"))
    assignee = select(user.c.name).join(_this, _this.c.assignee == user.c.id).where(_this.c.id == value("id"))
    absorbed = (
        select(merge.c.id, merge.c.absorbed, merge.c.at, conversation.c.reference)
        .join(conversation, conversation.c.id == merge.c.absorbed)
        .where(merge.c.survivor == value("id"), merge.c.undone_at.is_(None))
    )
    moved = select(link.c.conversation).where(link.c.other == value("id"), link.c.kind == "moved")
    return (
        keep(engine, owner),
        keep(engine, assignee),
        keep(engine, absorbed.order_by(merge.c.at.desc())),
        keep(engine, select(asked).where(asked.c.conversation == value("id")).order_by(asked.c.at)),
        keep(engine, moved),
    )


@lru_cache(maxsize=1024)
def _related(engine: Engine, scope: Scope) -> Kept:
    link, c = schema.conversation_link, conversation.c
    near = union_all(
        select(link.c.other).where(link.c.conversation == value("id")),
        select(link.c.conversation).where(link.c.other == value("id")),
        _of_this(_this.c.previous),
        _of_this(_this.c.possible_duplicate),
    )
    related = select(conversation).where(c.id.in_(near), visible(scope), c.id != value("id"))
    return keep(engine, related.order_by(c.activity_at.desc()).limit(RELATED))
