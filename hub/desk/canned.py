"""Canned responses: texts that agents insert by ``/`` and a shortcut. Placeholders are substituted, never evaluated."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import Row, and_, select

from hub.audit import record
from hub.i18n import fill
from hub.i18n import mark as N_
from hub.scope import Conflict, NotFound, Scope, own_office, require
from hub.store import schema
from hub.store.tx import Reader, Tx

canned = schema.canned

PLACEHOLDERS = ("name", "number", "agent", "office")
"""What a text may name: the person, the reference number, the agent, the office."""

SHORTCUT = re.compile(r"[a-z0-9ąćęłńóśźż][a-z0-9ąćęłńóśźż-]{0,39}")

BAD_SHORTCUT = N_("A shortcut is one word of letters, digits and hyphens.")
TAKEN = N_("There is a text with this shortcut already.")
EMPTY = N_("Give it a title and a text.")


class Text(msgspec.Struct, frozen=True, kw_only=True):
    """What a supervisor types. ``office`` empty: the supervisor's own."""

    shortcut: str
    title: str
    text: str
    language: str = "pl"
    office: str = ""


def texts(tx: Reader, scope: Scope, offices: Sequence[str] = ()) -> Sequence[Row[Any]]:
    """The texts that the actor may use: of their own office and of ``offices`` (that of the conversation)."""
    require(scope, "answer")
    own = canned.c.office.in_(sorted({scope.office, *offices}))
    statement = select(canned) if scope.role == "system" else select(canned).where(own)
    return tx.rows(statement.order_by(canned.c.shortcut, canned.c.language))


def find(tx: Reader, scope: Scope, words: str, office: str, language: str) -> Sequence[Row[Any]]:
    """Texts whose shortcut begins with, or whose title contains, what was typed; the conversation's language first."""
    typed = words.strip().lower()
    found = [
        row
        for row in texts(tx, scope, (office,))
        if row.shortcut.startswith(typed) or typed in row.title.lower()
    ]
    order = (language, scope.language)
    rank = {code: position for position, code in reversed(list(enumerate(order)))}
    found.sort(key=lambda row: (not row.shortcut.startswith(typed), rank.get(row.language, 9), row.shortcut))
    return found[:20]


def filled(text: str, *, name: str, number: str, agent: str, office: str) -> str:
    """A text with its placeholders filled. What a citizen calls themselves is data: it is never filled again."""
    return fill(text, {"name": name, "number": number, "agent": agent, "office": office})


def save_text(tx: Tx, scope: Scope, text: Text, text_id: int | None = None) -> int:
    """Add or change a text. Raises Denied, NotFound, Conflict for what cannot be."""
    office = _may_write(scope, text.office)
    shortcut = text.shortcut.strip().lower().lstrip("/")
    if SHORTCUT.fullmatch(shortcut) is None:
        raise Conflict(BAD_SHORTCUT)
    if not text.title.strip() or not text.text.strip():
        raise Conflict(EMPTY)
    same = and_(canned.c.office == office, canned.c.shortcut == shortcut, canned.c.language == text.language)
    other = tx.row(select(canned.c.id).where(same, canned.c.id != (text_id or 0)))
    if other is not None:
        raise Conflict(TAKEN)
    values = {
        "office": office,
        "shortcut": shortcut,
        "title": " ".join(text.title.split())[:120],
        "text": text.text.strip(),
        "language": text.language,
        "updated_at": tx.now,
    }
    told = {"shortcut": shortcut, "office": office}
    if text_id is None:
        added = tx.add(canned, values)
        record(tx, scope.user, "text-added", f"text:{added}", told)
        return added
    _own(tx, scope, text_id)
    tx.change(canned, text_id, **values)
    record(tx, scope.user, "text-changed", f"text:{text_id}", told)
    return text_id


def delete_text(tx: Tx, scope: Scope, text_id: int) -> None:
    """Take a text away. Raises Denied, NotFound."""
    row = _own(tx, scope, text_id)
    tx.execute(canned.delete().where(canned.c.id == text_id))
    told = {"shortcut": row.shortcut, "office": row.office}
    record(tx, scope.user, "text-deleted", f"text:{text_id}", told)


def _own(tx: Tx, scope: Scope, text_id: int) -> Row[Any]:
    row = tx.locked(canned, text_id)
    if row is None or not own_office(scope, row.office):
        raise NotFound("text")
    _may_write(scope, row.office)
    return row


def _may_write(scope: Scope, office: str) -> str:
    require(scope, "supervise")
    if office and not own_office(scope, office):
        raise NotFound("office")
    return office or scope.office
