"""What an agent sees of calls: the one at their telephone now, those that they still have to note, who has a number."""

from __future__ import annotations

from typing import Any

import msgspec
from sqlalchemy import Row, and_, or_, select

from hub.desk.row import ACTIVE
from hub.house import House
from hub.phone.record import CHANNEL, facts_of
from hub.phone.states import LIVE, SECOND, Facts
from hub.scope import NotFound, Scope, require, visible
from hub.store import schema
from hub.store.tx import Reader

message, identity, conversation = schema.message, schema.identity, schema.conversation
contact = schema.contact

RINGS = 180 * SECOND
"""A telephone that has rung for longer was answered or hung up, and the exchange did not say so."""

TALKS = 4 * 3600 * SECOND
"""A longer talk is not shown any more: its end was lost."""

JUST = 1200 * SECOND
"""How long a call that began is offered to be noted without being looked for."""

RECENT = 30
"""Calls to be noted that are shown."""

MATTERS = 6
"""Conversations of a person that are offered for a call."""


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """A call as a pop-up or a list shows it. ``number`` is empty where it is hidden."""

    id: int
    conversation: int
    reference: str
    subject: str
    person: str
    number: str
    state: str
    facts: Facts
    at: int
    note: str


class Matter(msgspec.Struct, frozen=True, kw_only=True):
    """A conversation that a call may belong to."""

    id: int
    reference: str
    subject: str
    channel: str
    status: str
    activity_at: int


class Who(msgspec.Struct, frozen=True, kw_only=True):
    """Whose number it is: ``name`` is empty for somebody unknown."""

    name: str = ""
    matters: tuple[Matter, ...] = ()


_COLUMNS = (
    message.c.id,
    message.c.conversation,
    message.c.state,
    message.c.at,
    message.c.author,
    message.c.text,
    message.c.data,
    conversation.c.reference,
    conversation.c.subject,
    conversation.c.office,
    identity.c.kind,
    identity.c.address,
    identity.c.name,
    contact.c.name.label("person"),
)


def _select() -> Any:
    return (
        select(*_COLUMNS)
        .join(conversation, conversation.c.id == message.c.conversation)
        .join(contact, contact.c.id == conversation.c.contact)
        .join(identity, identity.c.id == message.c.identity, isouter=True)
        .where(message.c.kind == "call")
    )


def _line(row: Row[Any]) -> Line:
    return Line(
        id=row.id,
        conversation=row.conversation,
        reference=row.reference,
        subject=row.subject,
        person=row.person or row.name or "",
        number=row.address if row.kind == CHANNEL else "",
        state=row.state,
        facts=facts_of(row),
        at=row.at,
        note=row.text,
    )


def at_my_telephone(tx: Reader, scope: Scope) -> tuple[Line, ...]:
    """Calls that ring at the actor's telephone or that they talk in, the newest first; else the one that they just had.
    Raises Denied."""
    require(scope, "answer")
    mine = message.c.author == (scope.user or 0)
    ringing = and_(message.c.state == "ringing", message.c.at > tx.now - RINGS)
    talking = and_(message.c.state == "answered", mine, message.c.at > tx.now - TALKS)
    just_had = and_(message.c.state == "ended", mine, message.c.at > tx.now - JUST)
    wanted = or_(ringing, talking, just_had)
    rows = tx.rows(_select().where(wanted, visible(scope)).order_by(message.c.at.desc(), message.c.id.desc()))
    lines = [_line(row) for row in rows if row.state != "ringing" or scope.user in facts_of(row).rang]
    live = [line for line in lines if line.state in LIVE]
    return tuple(live[:2] or lines[:1])


def to_note(tx: Reader, scope: Scope) -> tuple[Line, ...]:
    """Calls that the actor had and has not noted yet, the newest first. Raises Denied."""
    require(scope, "answer")
    mine = and_(message.c.author == (scope.user or 0), message.c.state.in_(("answered", "ended")))
    rows = tx.rows(_select().where(mine, visible(scope)).order_by(message.c.at.desc()).limit(RECENT))
    return tuple(_line(row) for row in rows)


def one(tx: Reader, scope: Scope, message_id: int) -> Line:
    """A call that the actor may see. Raises Denied, NotFound."""
    require(scope, "answer")
    row = tx.row(_select().where(message.c.id == message_id, visible(scope)))
    if row is None:
        raise NotFound("call")
    return _line(row)


def who(tx: Reader, scope: Scope, number: str) -> Who:
    """The person behind a number in E.164 and what they wrote to us about that the actor may see. Raises Denied."""
    require(scope, "answer")
    known = select(identity.c.contact, identity.c.name).where(
        identity.c.kind == CHANNEL, identity.c.address == number
    )
    row = tx.row(known)
    return Who() if row is None else _who(tx, scope, row.contact, row.name)


def of_contact(tx: Reader, scope: Scope, contact_id: int) -> Who:
    """The same of a person who is known already."""
    require(scope, "answer")
    return _who(tx, scope, contact_id, "")


def _who(tx: Reader, scope: Scope, contact_id: int, name: str) -> Who:
    theirs = and_(
        conversation.c.contact == contact_id,
        conversation.c.status.in_(ACTIVE),
        conversation.c.merged_into.is_(None),
        conversation.c.channel != "comments",
        visible(scope),
    )
    rows = tx.rows(
        select(conversation).where(theirs).order_by(conversation.c.activity_at.desc()).limit(MATTERS)
    )
    found = tx.scalar(select(contact.c.name).where(contact.c.id == contact_id))
    anything = and_(conversation.c.contact == contact_id, visible(scope))
    may_know = tx.row(select(conversation.c.id).where(anything).limit(1)) is not None
    return Who(
        name=(found or name or "") if may_know else "",
        matters=tuple(
            Matter(
                id=row.id,
                reference=row.reference,
                subject=row.subject or row.preview,
                channel=row.channel,
                status=row.status,
                activity_at=row.activity_at,
            )
            for row in rows
        ),
    )


def phone_inbox(house: House, office: str) -> str | None:
    """The inbox in which calls of an office are kept: its own, else the first one; None where there is none."""
    lines = [i for i in house.directory.inboxes.values() if i.kind == CHANNEL and i.enabled]
    near = [inbox for inbox in lines if inbox.office == office]
    return next((inbox.id for inbox in (*near, *lines)), None)
