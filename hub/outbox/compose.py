"""Building what a connector sends: a delivery with its message, its files and its place in the thread."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import msgspec
from sqlalchemy import Row, bindparam, func, select

from connectors.contract import (
    BlobId,
    Capabilities,
    Choice,
    Micros,
    OutAttachment,
    Outbound,
    Party,
    Recipient,
)
from hub.house import House
from hub.store import schema
from hub.store.tx import Reader
from hub.surveys.record import spelled_out

from .queue import parts_of

REFERENCES = 20
"""Ids of earlier messages that a reply names at most, the latest ones."""

message, delivery, attachment, identity = (
    schema.message,
    schema.delivery,
    schema.attachment,
    schema.identity,
)

_recipients = msgspec.json.Decoder(tuple[Recipient, ...]).decode

_FILES = (
    select(attachment.c.filename, attachment.c.content_type, attachment.c.blob)
    .where(attachment.c.message == bindparam("message"), attachment.c.blob.is_not(None))
    .order_by(attachment.c.position)
)
_WROTE = (
    select(func.max(message.c.at))
    .join(identity, identity.c.id == message.c.identity)
    .where(
        message.c.conversation == bindparam("conversation"),
        message.c.kind == "inbound",
        message.c.inbox == bindparam("inbox"),
        identity.c.address == bindparam("address"),
    )
)
_ANSWERED = (
    select(message, identity.c.name.label("sender_name"), identity.c.address)
    .outerjoin(identity, identity.c.id == message.c.identity)
    .where(message.c.id == bindparam("message"))
)
_REMOTE_ID = select(delivery.c.remote_id).where(
    delivery.c.message == bindparam("message"), delivery.c.remote_id.is_not(None)
)
_EARLIER = (
    select(message)
    .where(
        message.c.conversation == bindparam("conversation"),
        message.c.number < bindparam("number"),
        message.c.channel == bindparam("channel"),
        message.c.kind.in_(("inbound", "outbound")),
    )
    .order_by(message.c.number.desc())
    .limit(REFERENCES)
)


class Extra(msgspec.Struct, frozen=True, kw_only=True):
    """What the ``data`` of an outbound message says besides its text; see :class:`connectors.contract.Outbound`."""

    target: str | None = None
    template: str = ""
    parameters: tuple[str, ...] = ()
    choices: tuple[Choice, ...] = ()
    public: bool = False
    survey: int = 0
    """Whose page is named in the text, where its address is kept hidden."""


_extra = msgspec.json.Decoder(Extra).decode


class Draft(msgspec.Struct, frozen=True, kw_only=True):
    """An outbound value whose files are still blobs. ``silent``: a recipient asked not to be written to."""

    outbound: Outbound
    files: tuple[tuple[str, str, int], ...]
    send_by: int
    silent: bool = False


def read_outbound(tx: Reader, house: House, delivery_id: int, attempt_id: int) -> Draft | None:
    """Read what a claimed delivery sends; None when it is not this attempt's any more."""
    row = tx.get(delivery, delivery_id)
    attempt = tx.get(schema.attempt, attempt_id)
    if row is None or row.state != "sending" or attempt is None:
        return None
    sent = tx.get(message, row.message)
    conversation = tx.get(schema.conversation, row.conversation)
    if sent is None or conversation is None:
        return None
    files = tx.rows(_FILES, {"message": sent.id})
    outbound = _outbound(tx, house, row, sent, conversation)
    parts = parts_of(house.capabilities.get(row.inbox, Capabilities()), outbound.text)
    if len(parts) > 1:
        outbound = msgspec.structs.replace(outbound, text=parts[min(row.part, len(parts) - 1)])
    return Draft(
        outbound=outbound,
        # Files go with the last part: the text tells what they are.
        files=tuple((f.filename, f.content_type, f.blob) for f in files if row.part == len(parts) - 1),
        send_by=attempt.send_by,
        silent=_silent(tx, outbound.to),
    )


def _silent(tx: Reader, parties: Sequence[Party]) -> bool:
    keys = [(party.kind, party.address) for party in parties]
    found = tx.lookup(identity, ("kind", "address"), ("silent_since",), keys)
    return any(since is not None for (since,) in found)


def _outbound(tx: Reader, house: House, row: Row[Any], sent: Row[Any], conversation: Row[Any]) -> Outbound:
    recipients = _recipients(row.recipients)
    reaches = house.capabilities.get(row.inbox, Capabilities()).reaches
    by_role = {
        role: tuple(_party(tx, reaches, r) for r in recipients if r.role == role)
        for role in ("to", "cc", "bcc")
    }
    answered = _answered(tx, sent)
    extra = _extra(sent.data) if sent.data != "{}" else Extra()
    # Besides what is sent there are orders about what is there already: our own answer, or somebody's comment.
    target = extra.target if row.operation in ("send", "edit") else wire_id(tx, sent) or extra.target
    # An automatic answer quotes nothing: a forged sender must not make us mail somebody else's text (RFC 3834, 3.1.6).
    quoted = answered if sent.automatic == "no" else None
    inbox = house.directory.inboxes.get(row.inbox)
    return Outbound(
        delivery=row.id,
        inbox=row.inbox,
        operation=row.operation,
        message=sent.id,
        to=by_role["to"],
        cc=by_role["cc"],
        bcc=by_role["bcc"],
        subject=sent.subject,
        text=spelled_out(house, sent.text, extra.survey) if sent.kind == "outbound" else "",
        token=house.tokens.sign("conversation", conversation.id),
        reference=conversation.reference,
        reply_to=answered.external if answered else None,
        references=_references(tx, sent),
        quoted=quoted.text if quoted else "",
        quoted_from=quoted.name if quoted else "",
        quoted_at=Micros(quoted.at) if quoted else None,
        from_name=inbox.name if inbox else "",
        language=conversation.language or "pl",
        target=target,
        part=row.part,
        automatic=sent.automatic != "no",
        created_at=sent.at,
        inbound_at=_wrote(tx, conversation.id, row.inbox, by_role["to"]),
        template=extra.template,
        parameters=extra.parameters,
        choices=extra.choices,
        public=extra.public,
        taken_as=row.remote_id if row.operation == "send" else None,
    )


def _party(tx: Reader, reaches: Sequence[str], recipient: Recipient) -> Party:
    """A recipient with its kind: the one that this inbox reaches, for one address may be of several (a number)."""
    kind = reaches[0] if reaches else "email" if "@" in recipient.address else "phone"
    if len(reaches) > 1:
        known = tx.lookup(identity, ("kind", "address"), ("kind",), [(k, recipient.address) for k in reaches])
        kind = next((row[-1] for row in known), kind)
    return Party(kind=kind, address=recipient.address, name=recipient.name)


def _wrote(tx: Reader, conversation_id: int, inbox: str, to: Sequence[Party]) -> Micros | None:
    """When the recipient wrote last through this inbox: what the window of a channel is counted from."""
    if len(to) != 1:
        return None
    asked = {"conversation": conversation_id, "inbox": inbox, "address": to[0].address}
    at: int | None = tx.scalar(_WROTE, asked)
    return Micros(at) if at is not None else None


class _Answered(msgspec.Struct, frozen=True):
    external: str | None
    text: str
    name: str
    at: int


def _answered(tx: Reader, sent: Row[Any]) -> _Answered | None:
    """The message that this one answers; forwards and new conversations answer none."""
    if sent.reply_to is None:
        return None
    row = tx.row(_ANSWERED, {"message": sent.reply_to})
    if row is None:
        return None
    known = wire_id(tx, row)
    return _Answered(known, row.text, row.sender_name or row.address or "", row.sent_at or row.at)


def wire_id(tx: Reader, row: Row[Any]) -> str | None:
    """What the channel calls a message: its remote id if we sent it, else the id that the wire gave it.

    For mail the external id is a hash; its Message-ID stands among the thread keys.
    """
    if row.kind == "outbound":
        remote: str | None = tx.scalar(_REMOTE_ID, {"message": row.id})
        return remote
    data = msgspec.json.decode(row.data, type=dict[str, Any])
    known: str | None = data.get("wire_id") or row.external_id
    return known


def _references(tx: Reader, sent: Row[Any]) -> tuple[str, ...]:
    """Wire ids of the conversation's earlier messages on the same channel, the oldest first."""
    asked = {"conversation": sent.conversation, "number": sent.number, "channel": sent.channel}
    rows = tx.rows(_EARLIER, asked)
    known = (wire_id(tx, row) for row in reversed(rows))
    return tuple(found for found in known if found is not None)


async def with_files(draft: Draft, get: Callable[[BlobId], Awaitable[bytes]]) -> Outbound:
    """Load the files of a draft. Raises KeyError when a blob is gone."""
    files = [
        OutAttachment(filename=name, content_type=kind, content=await get(BlobId(blob)))
        for name, kind, blob in draft.files
    ]
    return msgspec.structs.replace(draft.outbound, attachments=tuple(files))
