"""The person behind a conversation: linking two contacts that are one person, and taking them apart again.

Blocking an address is here too: always with a reason and an end, and a public office says who did it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Row, Select, and_, literal, select, update

from connectors.contract import Micros
from hub.desk.row import change, opened
from hub.desk.undoing import CHANGED, remember
from hub.house import House
from hub.i18n import mark as N_
from hub.messages import system_line
from hub.scope import Conflict, NotFound, Scope, require, visible
from hub.store import schema
from hub.store.tx import Reader, Tx

contact, identity, conversation = schema.contact, schema.identity, schema.conversation

DAY = 86_400_000_000
BLOCK_DAYS = 366
"""Longest block; a public office shuts nobody out for ever."""

THEIRS = {
    "identities": identity,
    "conversations": conversation,
    "callbacks": schema.callback,
    "surveys": schema.survey,
}
"""Rows that are a person's, under the names by which a link keeps what it moved."""

NO_REASON = N_("Say why: the reason is kept and shown.")
BAD_END = N_("Choose an end of the block: later than now, at most a year ahead.")
SAME = N_("They are the same person already.")
UNDONE = N_("That link was undone already.")


def known_contact(tx: Reader, scope: Scope, contact_id: int) -> Row[Any]:
    """The contact, if the actor may see a conversation with them. Raises Denied, NotFound."""
    require(scope, "answer")
    theirs = (
        select(conversation.c.id).where(and_(conversation.c.contact == contact_id, visible(scope))).limit(1)
    )
    found = tx.get(contact, contact_id)
    if found is None or tx.row(theirs) is None:
        raise NotFound("contact")
    return found


def latest_conversation(tx: Reader, scope: Scope, contact_id: int) -> int:
    """The latest conversation with a person that the actor may see. Raises Denied, NotFound."""
    require(scope, "answer")
    theirs = and_(conversation.c.contact == contact_id, conversation.c.merged_into.is_(None), visible(scope))
    latest = select(conversation.c.id).where(theirs).order_by(conversation.c.activity_at.desc()).limit(1)
    found = tx.scalar(latest)
    if found is None:
        raise NotFound("contact")
    return int(found)


def identities(tx: Reader, contact_id: int) -> Sequence[Row[Any]]:
    """The addresses of a person, verified first."""
    return tx.rows(of_contact(literal(contact_id)))


def of_contact(contact: ColumnElement[int]) -> Select[Any]:
    """The statement of :func:`identities`."""
    theirs = select(identity).where(identity.c.contact == contact)
    return theirs.order_by(identity.c.verified.desc(), identity.c.kind, identity.c.address)


def link_contacts(tx: Tx, scope: Scope, one: int, other: int) -> int:
    """Say that two contacts are one person: the older one stays, with all addresses and conversations.

    Returns the id of the link, for :func:`unlink`. Raises Denied, Conflict, NotFound unless the actor knows both.
    """
    if one == other:
        raise Conflict(SAME)
    rows = sorted(
        (known_contact(tx, scope, found) for found in (one, other)), key=lambda r: (r.created_at, r.id)
    )
    survivor, absorbed = rows
    if survivor.merged_into is not None or absorbed.merged_into is not None:
        raise Conflict(CHANGED)
    moved = {name: _ids(tx, table, absorbed.id) for name, table in THEIRS.items()}
    for table in THEIRS.values():
        tx.execute(update(table).where(table.c.contact == absorbed.id).values(contact=survivor.id))
    tx.change(contact, absorbed.id, merged_into=survivor.id, version=absorbed.version + 1)
    link = {"survivor": survivor.id, "absorbed": absorbed.id, "actor": scope.user, "at": tx.now}
    link_id = tx.add(schema.contact_merge, {**link, "moved": msgspec.json.encode(moved).decode()})
    remember(tx, scope, "link", {"link": link_id})
    return link_id


def _ids(tx: Reader, table: Any, contact_id: int) -> list[int]:
    return [row.id for row in tx.rows(select(table.c.id).where(table.c.contact == contact_id))]


def unlink(tx: Tx, scope: Scope, link_id: int) -> None:
    """Take two linked contacts apart. What came after the link stays with the survivor.

    Raises NotFound unless the survivor is known to the actor, Conflict when it was undone already.
    """
    row = tx.locked(schema.contact_merge, link_id)
    if row is None:
        raise NotFound("link")
    known_contact(tx, scope, row.survivor)
    if row.undone_at is not None:
        raise Conflict(UNDONE)
    moved = msgspec.json.decode(row.moved)
    for name, table in THEIRS.items():
        for row_id in moved.get(name, ()):
            here = and_(table.c.id == row_id, table.c.contact == row.survivor)
            tx.execute(update(table).where(here).values(contact=row.absorbed))
    tx.change(contact, row.absorbed, merged_into=None)
    tx.change(schema.contact_merge, link_id, undone_at=tx.now)


def undo_link(tx: Tx, house: House, scope: Scope, data: Any) -> None:
    """Undo of kind ``link``."""
    unlink(tx, scope, data["link"])


def block(tx: Tx, scope: Scope, conversation_id: int, *, reason: str, until: Micros) -> None:
    """Block the address that a conversation came from until a time.

    Raises Denied, NotFound, Conflict without a reason or with an end that is past or over a year ahead.
    """
    row = opened(tx, scope, conversation_id)
    if not reason.strip():
        raise Conflict(NO_REASON)
    if not tx.now < until <= tx.now + BLOCK_DAYS * DAY:
        raise Conflict(BAD_END)
    _set_block(tx, scope, row, " ".join(reason.split())[:500], until)
    system_line(tx, row.id, "blocked", scope.user, reason=" ".join(reason.split())[:500], until=until)


def unblock(tx: Tx, scope: Scope, conversation_id: int) -> None:
    """Let the address write again at once."""
    row = opened(tx, scope, conversation_id)
    _set_block(tx, scope, row, None, None)
    system_line(tx, row.id, "unblocked", scope.user)


def _set_block(tx: Tx, scope: Scope, row: Row[Any], reason: str | None, until: Micros | None) -> None:
    before = tx.locked(identity, row.identity)
    if before is None:
        raise NotFound("identity")
    kept = {"identity": row.identity, "reason": before.blocked_reason, "until": before.blocked_until}
    tx.change(identity, row.identity, blocked_reason=reason, blocked_until=until)
    change(tx, scope, row.id)
    remember(tx, scope, "block", {"conversation": row.id, **kept})


def undo_block(tx: Tx, house: House, scope: Scope, data: Any) -> None:
    """Undo of kind ``block``: the address is as it was before."""
    row = opened(tx, scope, data["conversation"])
    tx.change(identity, data["identity"], blocked_reason=data["reason"], blocked_until=data["until"])
    change(tx, scope, row.id)
    system_line(tx, row.id, "undone", scope.user)
