"""Reading quarantined bytes again, after the parser or the data that broke it was mended."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import Row, and_, or_, select

from connectors.contract import BlobId, Blobs, Channel, Inbound, InboxId, Micros, ParseContext, Raw, fault
from hub.house import House
from hub.i18n import mark as N_
from hub.quarantine import OVER
from hub.scope import Conflict, NotFound
from hub.store import schema
from hub.store.store import StorageFault, Store, StoreFull
from hub.store.tx import Reader, Tx

from .handle import handle
from .quarantine import release
from .sink import Intake
from .state import Call

STILL = N_("It still cannot be read: {error}")
NOTHING = N_("It holds nothing that could be taken in.")
LOST = N_("Its bytes are not there any more.")
NO_INBOX = N_("Its inbox is not configured any more.")
DONE = N_("It was read and taken in.")

raw_table, seen = schema.raw, schema.seen


async def reparse(
    store: Store, blobs: Blobs, intake: Intake, house: House, channel: Callable[[str], Channel], raw_id: int
) -> str:
    """Parse and take in what a quarantined row holds; returns a msgid that says what became of it.

    It is taken in and out of quarantine in one transaction, so that nothing is lost or doubled by a crash or by two who
    press at once. Raises NotFound for an unknown row and Conflict where it stays in quarantine, or was not there.
    """
    row = await store.read(lambda tx: tx.get(raw_table, raw_id))
    if row is None:
        raise NotFound("raw")
    _check_waits(row)
    items = _parse(house, channel, row, await _bytes(blobs, row))
    if not items:
        return NOTHING
    call = await intake.prepare(row.inbox, _raw(row), items, None)
    shown_by = await store.read(lambda tx: _quarantine_of(tx, raw_id))  # a long look: not for the one writer
    try:
        await store.write(lambda tx: _take(tx, call, raw_id, shown_by))
    except (StorageFault, StoreFull, Conflict):
        raise
    except Exception as error:
        intake.log.error("quarantined message fails again", raw=raw_id, **fault(error))
        raise Conflict(STILL, error=type(error).__name__) from error
    return DONE


def _check_waits(row: Row[Any] | None) -> None:
    if row is None or row.state != "quarantined":
        raise Conflict(OVER)


async def _bytes(blobs: Blobs, row: Row[Any]) -> bytes:
    if row.content is not None:
        return bytes(row.content)
    try:
        return await blobs.get(BlobId(row.blob))
    except KeyError:
        raise Conflict(LOST) from None


def _parse(
    house: House, channel: Callable[[str], Channel], row: Row[Any], content: bytes
) -> Sequence[Inbound]:
    inbox = house.directory.inboxes.get(row.inbox)
    if inbox is None:
        raise Conflict(NO_INBOX)
    context = ParseContext(
        inbox=InboxId(row.inbox),
        now=Micros(row.received_at),
        tokens=house.tokens,
        zone=house.directory.zone(inbox.office),
        receiver=inbox.settings.get("authserv_id", ""),
    )
    try:
        return channel(inbox.kind).parse(content, context)
    except ValueError as error:
        raise Conflict(STILL, error=str(error)[:200]) from error


def _raw(row: Row[Any]) -> Raw:
    return Raw(content=row.content, blob=row.blob, content_type=row.content_type)


def _take(tx: Tx, call: Call, raw_id: int, conversation: int | None) -> None:
    _check_waits(tx.locked(raw_table, raw_id))
    _forget_seen(tx, call, conversation)
    handle(tx, [call])
    release(tx, raw_id, conversation)


def _forget_seen(tx: Tx, call: Call, conversation: int | None) -> None:
    """The quarantine noted the wire's identities so that they are not told for ever, as did a report whose message
    never came; now they are to be taken."""
    ids = [item.external_id for item in call.items if item.external_id is not None]
    mine = and_(seen.c.inbox == call.inbox, seen.c.external_id.in_(ids), seen.c.conversation.is_(None))
    noted = mine if conversation is None else or_(mine, seen.c.conversation == conversation)
    tx.execute(seen.delete().where(seen.c.message.is_(None), noted))


def _quarantine_of(tx: Reader, raw_id: int) -> int | None:
    """The conversation that shows it; none for a report whose message never came."""
    message = schema.message
    found: int | None = tx.scalar(
        select(message.c.conversation).where(message.c.raw == raw_id, message.c.kind == "system")
    )
    return found
