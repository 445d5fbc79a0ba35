"""Reading quarantined bytes again, after the parser or the data that broke it was mended."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import Row, select

from connectors.contract import BlobId, Blobs, Channel, InboxId, Micros, ParseContext, Raw
from hub.house import House
from hub.i18n import mark as N_
from hub.scope import Conflict, NotFound
from hub.store import schema
from hub.store.store import Store
from hub.store.tx import Reader

from .quarantine import release
from .sink import Intake

STILL = N_("It still cannot be read: {error}")
NOTHING = N_("It holds nothing that could be taken in.")
AGAIN = N_("It was quarantined again.")
DONE = N_("It was read and taken in.")

raw_table, seen = schema.raw, schema.seen


async def reparse(
    store: Store, blobs: Blobs, intake: Intake, house: House, channel: Callable[[str], Channel], raw_id: int
) -> str:
    """Parse and take in what a quarantined row holds; returns a msgid that says what became of it.

    Raises NotFound for an unknown row and Conflict for one that is not in quarantine.
    """
    row = await store.read(lambda tx: tx.get(raw_table, raw_id))
    if row is None:
        raise NotFound("raw")
    if row.state != "quarantined":
        raise Conflict(N_("It is not in quarantine any more."))
    inbox = house.directory.inboxes[row.inbox]
    content = row.content if row.content is not None else await blobs.get(BlobId(row.blob))
    context = ParseContext(
        inbox=InboxId(row.inbox),
        now=Micros(row.received_at),
        tokens=house.tokens,
        zone=house.directory.zone(inbox.office),
        receiver=inbox.settings.get("authserv_id", ""),
    )
    try:
        items = channel(inbox.kind).parse(content, context)
    except ValueError as error:
        raise Conflict(STILL.replace("{error}", str(error)[:200])) from error
    if not items:
        return NOTHING
    conversation = await store.write(lambda tx: _forget_seen(tx, row))
    receipts = await intake.accept(row.inbox, _raw(row), items, None)
    if any(receipt.quarantined for receipt in receipts):
        return AGAIN
    if conversation is not None:
        await store.write(lambda tx: release(tx, raw_id, conversation))
    return DONE


def _raw(row: Row[Any]) -> Raw:
    return Raw(content=row.content, blob=row.blob, content_type=row.content_type)


def _forget_seen(tx: Any, row: Row[Any]) -> int | None:
    """The quarantine noted the wire's identities so that they are not told for ever; now they are to be taken."""
    conversation = _quarantine_of(tx, row.id)
    if conversation is not None:
        tx.execute(seen.delete().where(seen.c.conversation == conversation, seen.c.message.is_(None)))
    return conversation


def _quarantine_of(tx: Reader, raw_id: int) -> int | None:
    message = schema.message
    found: int | None = tx.scalar(
        select(message.c.conversation).where(message.c.raw == raw_id, message.c.kind == "system")
    )
    return found
