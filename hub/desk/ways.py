"""How a conversation can be answered: through which inbox, to which addresses, within which limits.

The default is the sender of the last inbound message and nobody else. Whom that message went to besides is offered,
never added. A channel can be switched to any address of the same person that a running inbox reaches.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Row, Select, and_, func, literal, or_, select

from connectors._split import AnyCounts
from connectors.contract import Capabilities, Micros, Recipient
from hub.desk.private import opening
from hub.house import House
from hub.i18n import fill
from hub.outbox.queue import outlets
from hub.scope import Scope
from hub.store import schema
from hub.store.kept import Answers, Engine, Inquiry, Kept, Question, engine_of, keep, learn, value
from hub.store.tx import Reader

SECOND = 1_000_000

NOTHING = Capabilities()


class Way(msgspec.Struct, frozen=True, kw_only=True):
    """One way to reach the person: an address of theirs and the inbox that reaches it.

    ``closes_at``: until when the channel lets us answer (None: no limit); ``closed`` when that has passed, or when the
    person asked not to be written to there (``silent``). ``target``: the public comment that it answers in private.
    ``public``: the answer appears where everybody can read it.
    """

    identity: int
    kind: str
    address: str
    name: str
    inbox: str
    channel: str
    can: Capabilities
    closes_at: Micros | None = None
    closed: bool = False
    silent: bool = False
    target: str = ""
    public: bool = False

    @property
    def longest(self) -> int | None:
        """The longest text, None for no limit."""
        if self.target:
            return self.can.private_length or self.can.max_length
        return self.can.public_length if self.public else self.can.max_length

    @property
    def counts(self) -> AnyCounts:
        """How its length is counted."""
        if self.target and self.can.private_length:
            return self.can.private_counts
        return self.can.public_counts if self.public else self.can.counts

    @property
    def splits(self) -> bool:
        """Whether a longer text leaves in parts."""
        return self.can.splits and not self.public

    @property
    def key(self) -> str:
        """What a form calls it: ``IDENTITY/INBOX``."""
        return f"{self.identity}/{self.inbox}"

    @property
    def usable(self) -> bool:
        """Whether anything at all may be sent: outside its window a channel may still take approved texts."""
        return not self.silent and (not self.closed or bool(self.can.templates))


class Reach(msgspec.Struct, frozen=True, kw_only=True):
    """All ways, the first is the default; empty when nothing reaches the person.

    ``others``: further people of the last inbound message, to be added by hand. ``subject`` for the reply.
    """

    ways: tuple[Way, ...]
    to: tuple[Recipient, ...] = ()
    others: tuple[Recipient, ...] = ()
    subject: str = ""
    signature: str = ""


def reach(tx: Reader, house: House, scope: Scope, conversation: Row[Any]) -> Reach:
    """What the composer of this conversation has to know before anything is typed."""
    return learn(tx, about_reach(tx, house, scope, conversation))


def about_reach(tx: Reader, house: House, scope: Scope, conversation: Row[Any]) -> Inquiry[Reach]:
    """What :func:`reach` tells."""
    values = {"conversation": conversation.id, "contact": conversation.contact}
    questions = [Question(kept, values) for kept in _kept(engine_of(tx))]
    return Inquiry(questions, lambda told: _reach(tx, house, scope, conversation, told))


def _reach(tx: Reader, house: House, scope: Scope, conversation: Row[Any], told: Answers) -> Reach:
    people, inbound, lately = told
    wrote = {(row.identity, row.inbox): row.at for row in lately}
    ways = [
        _way(house, row, inbox, wrote.get((row.id, inbox)), tx.now)
        for row in people
        for inbox in outlets(house, conversation.office, row.kind, conversation.inbox)
    ]
    used = (conversation.identity, conversation.inbox)
    ways.sort(
        key=lambda way: (
            way.identity != used[0],
            way.inbox != used[1],
            way.closed,
            way.kind,
            way.identity,
            way.inbox,
        )
    )
    last = next(iter(inbound), None)
    ways = [*_private(tx, house, people, last), *(_in_public(way, last) for way in ways)]
    if not ways:
        return Reach(ways=())
    default = ways[0]
    return Reach(
        ways=tuple(ways),
        to=(Recipient(address=default.address, name=default.name),),
        others=_others(house, default, last),
        subject=reply_subject((last and last.subject) or conversation.subject),
        signature=signature(house, scope, conversation.queue, conversation.office),
    )


def _in_public(way: Way, last: Row[Any] | None) -> Way:
    """The same way, known to lead into public where the person wrote their last message there."""
    if last is None or (last.identity, last.inbox) != (way.identity, way.inbox) or not way.can.public_length:
        return way
    return msgspec.structs.replace(way, public=is_public(last))


def is_public(last: Row[Any] | None) -> bool:
    """Whether the person wrote their last message where everybody can read it."""
    return last is not None and _where(last.data).public


class _Where(msgspec.Struct, frozen=True):
    public: bool = False


_where = msgspec.json.Decoder(_Where).decode


def _private(tx: Reader, house: House, people: Sequence[Row[Any]], last: Row[Any] | None) -> list[Way]:
    """The private answer to the comment that the person wrote last; it comes before all other ways."""
    found = opening(tx, house, last)
    if found is None:
        return []
    row = next((row for row in people if row.id == found.identity), None)
    if row is None:
        return []
    plain = _way(house, row, found.inbox, None, tx.now)
    closed = plain.silent or (found.closes_at is not None and found.closes_at < tx.now)
    return [msgspec.structs.replace(plain, target=found.target, closes_at=found.closes_at, closed=closed)]


def _way(house: House, row: Row[Any], inbox: str, wrote: int | None, now: Micros) -> Way:
    can = house.capabilities.get(inbox, NOTHING)
    closes = None
    if can.reply_window is not None:
        closes = Micros((wrote or 0) + can.reply_window * SECOND)
    silent = row.silent_since is not None
    return Way(
        identity=row.id,
        kind=row.kind,
        address=row.address,
        name=row.name,
        inbox=inbox,
        channel=house.channels.get(inbox, ""),
        can=can,
        closes_at=closes,
        closed=silent or (closes is not None and closes < now),
        silent=silent,
    )


def last_inbound(tx: Reader, conversation: int, channel: str | None = None) -> Row[Any] | None:
    """The last message that the citizen wrote, on this channel where one is given."""
    theirs = _inbound(literal(conversation))
    return tx.row(theirs if channel is None else theirs.where(schema.message.c.channel == channel))


def _inbound(conversation: ColumnElement[int]) -> Select[Any]:
    c = schema.message.c
    theirs = and_(c.conversation == conversation, c.kind == "inbound")
    return select(schema.message).where(theirs).order_by(c.number.desc()).limit(1)


def _people(contact: ColumnElement[int], conversation: ColumnElement[int]) -> Select[Any]:
    """The addresses through which a conversation's person can be reached, verified first.

    Besides those of the contact these are the verified ones that wrote in it under another contact: whoever came by a
    link of ours is answered where they are.
    """
    identity, c = schema.identity, schema.message.c
    own = select(identity.c.id).where(identity.c.contact == contact)
    wrote = select(c.identity).where(c.conversation == conversation, c.kind == "inbound")
    theirs = or_(identity.c.contact == contact, identity.c.verified.is_(True))
    found = select(identity).where(identity.c.id.in_(own.union(wrote)), theirs)
    return found.order_by(identity.c.verified.desc(), identity.c.kind, identity.c.address)


@cache
def _kept(engine: Engine) -> tuple[Kept, Kept, Kept]:
    """The person's addresses; their last message; when each address wrote last in this conversation, by inbox, which
    is what a channel's window is counted from."""
    c = schema.message.c
    theirs = and_(c.conversation == value("conversation"), c.kind == "inbound")
    lately = select(c.identity, c.inbox, func.max(c.at).label("at")).where(theirs)
    return (
        keep(engine, _people(value("contact"), value("conversation"))),
        keep(engine, _inbound(value("conversation"))),
        keep(engine, lately.group_by(c.identity, c.inbox)),
    )


def _others(house: House, default: Way, last: Row[Any] | None) -> tuple[Recipient, ...]:
    """Recipients of the last inbound message besides our own addresses and its sender."""
    if last is None or not default.can.copies:
        return ()
    ours = own_addresses(house)
    found = msgspec.json.decode(last.recipients, type=list[Recipient])
    return tuple(
        msgspec.structs.replace(recipient, role="cc")
        for recipient in found
        if recipient.role != "bcc" and not _is_ours(recipient.address, {*ours, default.address.lower()})
    )


def own_addresses(house: House) -> set[str]:
    """Mail addresses of the house's inboxes, as far as their settings name one."""
    settings = (inbox.settings for inbox in house.directory.inboxes.values())
    return {str(found["address"]).lower() for found in settings if found.get("address")}


def _is_ours(address: str, ours: set[str]) -> bool:
    """Also the address that carries a conversation's token: ``kontakt+c….@example.pl``."""
    local, _, domain = address.lower().partition("@")
    return f"{local.partition('+')[0]}@{domain}" in ours or address.lower() in ours


def reply_subject(subject: str) -> str:
    """``Re:`` before it, once. Other prefixes are left, so that the citizen's own thread keeps its name."""
    clean = " ".join(subject.split())
    return clean if clean.lower().startswith(("re:", "odp:")) or not clean else f"Re: {clean}"


def signature(house: House, scope: Scope, queue: str | None, office: str) -> str:
    """The text under a reply: the queue's, else the office's, with ``{agent}`` and ``{office}`` filled."""
    line = house.directory.queues.get(queue or "")
    place = house.directory.offices.get(office)
    text = (line.signature if line else "") or (place.signature if place else "")
    return fill(text, {"agent": scope.name, "office": place.name if place else ""}).strip()


def chosen(ways: Sequence[Way], identity: int | None, inbox: str | None = None) -> Way | None:
    """The way to an identity (through ``inbox``), the default one for None; None when there is no such way."""
    if identity is None:
        return next(iter(ways), None)
    return next((way for way in ways if way.identity == identity and inbox in (None, way.inbox)), None)
