"""Who is meant by an address, a telephone number or a reference number, and what belongs to that person."""

from __future__ import annotations

import re
from collections.abc import Sequence

import msgspec
from sqlalchemy import ColumnElement, and_, or_, select

from hub.intake.references import read_reference
from hub.scope import Conflict, NotFound
from hub.search.question import read_phone
from hub.store.schema import contact, conversation, draft, identity, message
from hub.store.tx import Reader

SHORTEST = 6
"""Characters of an address from which on its occurrence somewhere means the person."""

SEVERAL = "That is written by several people: name one of their addresses as KIND:ADDRESS"


class Person(msgspec.Struct, frozen=True, kw_only=True):
    """Ids of all that is one person's. ``contacts``: the one that stands for them first, then those linked to it; none
    of somebody to whom letters were begun and nothing else.

    ``addresses`` as channels write them. ``elsewhere``: messages that they wrote into conversations of others.
    """

    contacts: tuple[int, ...]
    identities: tuple[int, ...]
    addresses: tuple[str, ...]
    conversations: tuple[int, ...]
    elsewhere: tuple[int, ...]


def subject(person: Person) -> str:
    """What the audit log calls the person: without any address."""
    return f"contact:{person.contacts[0]}" if person.contacts else "draft:"


def find(tx: Reader, words: str) -> Person:
    """The person whom ``words`` names: an e-mail address, a telephone number, ``KIND:ADDRESS``, or the reference number
    of a conversation.

    Raises NotFound, and Conflict where several people have that address on different channels.
    """
    found = {_survivor(tx, row.contact) for row in tx.rows(select(identity.c.contact).where(_meant(words)))}
    reference = read_reference(words)
    if not found and reference is not None:
        rows = tx.rows(select(conversation.c.contact).where(conversation.c.reference == reference))
        found = {_survivor(tx, row.contact) for row in rows}
    if len(found) > 1:
        raise Conflict(SEVERAL)
    return _whole(tx, found.pop()) if found else _only_begun(tx, words)


def also_named(tx: Reader, person: Person) -> list[str]:
    """Whom else to ask about: senders (``KIND:ADDRESS``) of others who gave an address of this person as theirs, in a
    comment or a form. Nobody proved that they are the same, so a person decides."""
    wanted = [address for address in person.addresses if len(address) >= SHORTEST]
    if not wanted:
        return []
    given = or_(*(message.c.data.contains(address, autoescape=True) for address in wanted))
    statement = (
        select(identity.c.kind, identity.c.address)
        .join(message, message.c.identity == identity.c.id)
        .where(given, identity.c.id.not_in(person.identities), message.c.kind == "inbound")
        .distinct()
    )
    return sorted(f"{row.kind}:{row.address}" for row in tx.rows(statement))


def occurs(addresses: Sequence[str]) -> re.Pattern[bytes] | None:
    """Any of the addresses, whole: ``jan@example.pl`` is not in ``aljan@example.pl``, nor 600700800 in 1600700800."""
    known = [re.escape(one.removeprefix("+").encode()) for one in addresses if len(one) >= SHORTEST]
    joined = b"|".join(known)
    return re.compile(rb"(?<![\w.-])(?:%s)(?![\w-]|\.\w)" % joined, re.IGNORECASE) if known else None


def _only_begun(tx: Reader, words: str) -> Person:
    """Somebody who never wrote and was never written to: agents began letters to them. Raises NotFound."""
    address = words.strip().removeprefix("email:").lower()
    named = occurs([address]) if "@" in address else None
    begun = select(draft.c.recipients, draft.c.half_typed).where(draft.c.conversation.is_(None))
    lines = [f"{row.recipients} {row.half_typed or ''}".encode() for row in tx.rows(begun)]
    if named is None or not any(named.search(line) for line in lines):
        raise NotFound("contact")
    return Person(contacts=(), identities=(), addresses=(address,), conversations=(), elsewhere=())


def _meant(words: str) -> ColumnElement[bool]:
    """The condition on identities."""
    words = words.strip()
    kind, _, rest = words.partition(":")
    columns = identity.c
    literal = or_(columns.address == words, and_(columns.kind == kind, columns.address == rest))
    phone = read_phone(words)
    if phone is not None:
        return or_(literal, columns.address == phone)
    return or_(literal, columns.address == words.lower()) if "@" in words else literal


def _survivor(tx: Reader, found: int) -> int:
    """The contact that stands for a linked one."""
    onward = tx.scalar(select(contact.c.merged_into).where(contact.c.id == found))
    return found if onward is None else _survivor(tx, onward)


def _whole(tx: Reader, first: int) -> Person:
    contacts = [first]
    for one in contacts:  # grows meanwhile
        contacts += _ids(tx, contact.c.id, contact.c.merged_into == one)
    theirs = select(identity.c.id, identity.c.address).where(identity.c.contact.in_(contacts))
    rows = tx.rows(theirs.order_by(identity.c.id))
    identities = [row.id for row in rows]
    conversations = _ids(tx, conversation.c.id, conversation.c.contact.in_(contacts))
    outside = and_(message.c.identity.in_(identities), message.c.conversation.not_in(conversations))
    return Person(
        contacts=tuple(contacts),
        identities=tuple(identities),
        addresses=tuple(row.address for row in rows),
        conversations=tuple(conversations),
        elsewhere=tuple(_ids(tx, message.c.id, outside)),
    )


def _ids(tx: Reader, column: ColumnElement[int], condition: ColumnElement[bool]) -> Sequence[int]:
    return [row[0] for row in tx.rows(select(column).where(condition).order_by(column))]
