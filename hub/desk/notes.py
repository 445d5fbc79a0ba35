"""Private notes: seen by colleagues, never by the citizen. ``@login`` in a note tells that colleague."""

from __future__ import annotations

import re

import msgspec
from sqlalchemy import select

from hub.desk.actions import scope_of
from hub.desk.notify import tell
from hub.desk.repeats import written_before
from hub.desk.row import opened
from hub.house import House
from hub.i18n import mark as N_
from hub.messages import append
from hub.scope import Conflict, Scope, may_see
from hub.store import schema
from hub.store.tx import Tx

MENTION = re.compile(r"(?<![\w@.])@([A-Za-z0-9][A-Za-z0-9._-]{0,62}[A-Za-z0-9]|[A-Za-z0-9])")
"""A login after an at sign that is not inside a mail address."""

EMPTY = N_("The note is empty.")


class Noted(msgspec.Struct, frozen=True, kw_only=True):
    """``blind``: names of people who were mentioned but may not see the conversation, so they were not told."""

    id: int
    number: int
    told: tuple[str, ...] = ()
    blind: tuple[str, ...] = ()


def add_note(
    tx: Tx, house: House, scope: Scope, conversation: int, text: str, *, client_id: str | None = None
) -> Noted:
    """Add a note and tell whom it mentions. The same ``client_id`` again is the same note.

    Raises Denied, NotFound, Conflict for an empty text, TakenBefore for other words under that id.
    """
    opened(tx, scope, conversation)
    if client_id is not None and (before := written_before(tx, scope, client_id, text)) is not None:
        return Noted(id=before.id, number=before.number)
    if not text.strip():
        raise Conflict(EMPTY)
    appended = append(
        tx,
        conversation,
        kind="note",
        text=text.strip(),
        author=scope.user,
        client_id=client_id,
    )
    told, blind = _tell_mentioned(tx, house, scope, conversation, appended.id, text)
    return Noted(id=appended.id, number=appended.number, told=told, blind=blind)


def mentioned(text: str) -> set[str]:
    """Logins that a note mentions, in lower case."""
    return {found.lower() for found in MENTION.findall(text)}


def _tell_mentioned(
    tx: Tx, house: House, scope: Scope, conversation: int, message: int, text: str
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    logins = mentioned(text)
    if not logins:
        return (), ()
    user = schema.user
    people = tx.rows(select(user).where(user.c.login.in_(sorted(logins)), user.c.active.is_(True)))
    told, blind = [], []
    for person in people:
        if may_see(tx, scope_of(house.directory, person), conversation):
            told.append(person.name)
            if person.id != scope.user:
                tell(tx, person.id, "mention", conversation, message)
        else:
            blind.append(person.name)
    return tuple(told), tuple(blind)
