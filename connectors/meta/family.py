"""Whose an event of a call is: which kind of inbox reads it, and which of our inboxes it goes to.

A new kind of this family is a reader in :data:`READERS`. A reader takes one :class:`Part` and gives what intake sees;
what it cannot read it gives as ``Unknown``, so that one strange event never fails its neighbours.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import msgspec

from connectors.contract import Inbound, Micros, ParseContext
from connectors.meta import direct, media_comments, page_comments, whatsapp_reading
from connectors.meta.parts import Part, Place, account_of, kind_of, parts, unknown
from connectors.meta.webhook import Book

Reader = Callable[[Part, Place], list[Inbound]]

READERS: Mapping[str, Reader] = {
    "messenger": direct.read,
    "instagram": direct.read,
    "whatsapp": whatsapp_reading.read,
    "facebook_comments": page_comments.read,
    "instagram_comments": media_comments.read,
}
"""Kind of inbox to what reads its events."""


SAMPLE = "0"
"""The account of the samples that Meta's pages send at the press of a button."""


def read(body: bytes, book: Book, now: Micros, app_id: str) -> tuple[list[Inbound], list[str]]:
    """What a call means for our inboxes, in order, and the accounts in it that none of them has.

    Raises :class:`~connectors.meta.webhook.NotACall`.
    """
    items: list[Inbound] = []
    strangers: list[str] = []
    for part in parts(body):
        kind, account = kind_of(part), account_of(part)
        inbox = book.get((kind, account))
        if inbox is None:
            strangers += [account] if part.account != SAMPLE else []
        else:
            items += read_part(kind, part, Place(inbox=inbox, account=account, now=now, app_id=app_id))
    return items, strangers


def parse(body: bytes, context: ParseContext) -> list[Inbound]:
    """What a call means, whatever accounts it is for: all of it as if for one inbox. A verification means nothing."""
    if body.startswith(b"hub."):
        return []
    items: list[Inbound] = []
    for part in parts(body):
        place = Place(inbox=context.inbox, account=account_of(part), now=context.now)
        items += read_part(kind_of(part), part, place)
    return items


def read_part(kind: str, part: Part, place: Place) -> list[Inbound]:
    """One event, by its kind's reader; what nobody can read is kept as unknown."""
    reader = READERS.get(kind)
    if reader is None:
        return [unknown(part, place)]
    try:
        return reader(part, place)
    except (msgspec.DecodeError, ValueError):
        return [unknown(part, place)]
