"""A name or a language that a channel tells later about somebody who wrote: it fills what is missing, never more."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row, select

from connectors.contract import Party, Profile, Receipt
from hub.messages import announce
from hub.store import schema
from hub.store.tx import Tx

contact, conversation, identity = schema.contact, schema.conversation, schema.identity

SHOWN = 20
"""Latest conversations of the person whose lists hear of the name."""


def name_known(tx: Tx, event: Profile) -> Receipt:
    """Fill the person's identity and contact; an agent's or the person's own words stay."""
    sender = event.sender
    mine = (identity.c.kind == sender.kind, identity.c.address == sender.address)
    row = tx.row(select(identity.c.id, identity.c.contact, identity.c.name).where(*mine))
    if row is None:
        return Receipt()
    if sender.name and not row.name:
        tx.change(identity, row.id, name=sender.name)
    if _fill(tx, row, sender):
        _tell(tx, row.contact)
    return Receipt()


def _fill(tx: Tx, row: Row[Any], sender: Party) -> bool:
    person = tx.locked(contact, row.contact)
    if person is None:
        return False
    known = {"name": sender.name, "language": sender.language}
    missing = {field: value for field, value in known.items() if value and not getattr(person, field)}
    if missing:
        tx.change(contact, person.id, version=person.version + 1, **missing)
    return bool(missing)


def _tell(tx: Tx, person: int) -> None:
    theirs = select(conversation.c.id).where(
        conversation.c.contact == person, conversation.c.merged_into.is_(None)
    )
    for row in tx.rows(theirs.order_by(conversation.c.activity_at.desc()).limit(SHOWN)):
        announce(tx, row.id, actor=None)
